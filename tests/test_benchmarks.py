"""Benchmarks take too long to run here, but they start, and the page that lists them is true."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py") if "def main(" in file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_each_tells_its_options(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "peers":
        pytest.importorskip("clustpy")
    module = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr("sys.argv", [f"benchmarks/{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    assert f"python -m benchmarks.{name}" in capsys.readouterr().out


def test_all_are_listed_with_what_they_measure() -> None:
    page = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    table = "\n".join(line for line in page.splitlines() if line.startswith("| `benchmarks."))
    assert sorted(re.findall(r"`benchmarks\.(\w+)`", table)) == NAMES


def test_what_they_change_in_configurations_can_be_configured() -> None:
    from benchmarks import ablation, accuracy, pots
    from rcmvae.config import load_config

    for case in pots.CASES.values():
        if isinstance(case, pots.Case):
            case.asked(0)
    for case in accuracy.CASES.values():
        if Path(case.word).suffix:
            load_config(case.word, [*case.overrides])
    assert len(ablation.CASES) > 40
    for overrides in ablation.CASES.values():
        load_config(ablation.RECIPE, [*ablation.SHORT, *overrides])

"""What the README shows, works."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("sketched")
ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_quick_start_in_python_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    told = capsys.readouterr().out
    assert "runs/mixture__k8" in told
    assert " 4 groups [" in told


@pytest.mark.parametrize("page", ["estimator.md", "growing.md", "labels.md"])
def test_the_code_of_the_guide_runs(page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    assert code
    for block in code:
        exec(compile(block, page, "exec"), names)


def test_the_examples_of_data_can_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rcmvae.config.load import from_mapping
    from rcmvae.config.preflight import preflight
    from rcmvae.config.text import parse

    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    examples = re.findall(r"```(python|yaml)\n(.*?)```", page, re.DOTALL)
    assert {language for language, _ in examples} == {"python", "yaml"}
    for language, text in examples:
        if language == "python":  # makes the files that the next configurations read
            exec(compile(text, "data.md", "exec"), {})
        else:
            assert preflight(from_mapping(parse(text, "data.md"))) == ((), ()), text


def test_the_recipe_for_vectors_can_run_on_the_table_that_it_exports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from rcmvae.config import load_config
    from rcmvae.config.preflight import preflight

    monkeypatch.chdir(tmp_path)
    recipe = ROOT / "configs" / "tabular.yaml"
    (export,) = re.findall(r'^#   python -c "(.*)"$', recipe.read_text(encoding="utf-8"), re.MULTILINE)
    exec(compile(export, recipe.name, "exec"), {})
    assert preflight(load_config(recipe)) == ((), ())


def test_files_that_are_named_exist() -> None:
    named = {*re.findall(r"\]\(([\w/.]+)\)", README), *re.findall(r"\bconfigs/[\w-]+\.yaml", README)}
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_table_of_choices_is_complete() -> None:
    from rcmvae.curriculum import POLICIES
    from rcmvae.data import SOURCES
    from rcmvae.nn import BACKBONES, CONDITIONERS, OUTPUTS, TRUNKS
    from rcmvae.objective import TERMS
    from rcmvae.priors import PRIORS
    from rcmvae.routing import ROUTINGS
    from rcmvae.schedules import SCHEDULES

    table = README.partition("| part | choices |")[2].partition("\n## ")[0]
    registries = (
        SOURCES,
        TRUNKS,
        BACKBONES,
        CONDITIONERS,
        OUTPUTS,
        PRIORS,
        ROUTINGS,
        TERMS,
        SCHEDULES,
        POLICIES,
    )
    missing = [name for registry in registries for name in registry if not re.search(rf"\b{name}\b", table)]
    assert missing == []

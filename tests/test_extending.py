"""The snippets of docs/extending.md, applied to a copy of the package, train."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (A .+?)\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE))
FROM_THE_START = [f"objective.{name}.weight=1" for name in ("reconstruction", "kl_z", "kl_c")]
SHORT = [
    "training.epochs=1",
    "data.num_samples=300",
    "training.batch_size=64",
    "run.report=false",
    *FROM_THE_START,
]


def blocks(section: str, language: str) -> Iterator[tuple[Path, str]]:
    """Fenced blocks, each with the source file that the text last named."""
    named: str | None = None
    for part in re.split(r"(```\w*\n.*?```)", section, flags=re.DOTALL):
        fence = re.fullmatch(r"```(\w*)\n(.*?)```", part, re.DOTALL)
        if fence is None:
            named = next(iter(reversed(re.findall(r"`(src/[\w/]+\.py)`", part))), named)
        elif fence[1] == language:
            assert named is not None
            yield Path(named), fence[2]


def apply(section: str, package: Path) -> int:
    """Write the section's code into a copy of the package; the number of lines that its diffs add."""
    added = 0
    for name, diff in blocks(section, "diff"):
        path = package / name.relative_to("src/rcmvae")
        text = path.read_text(encoding="utf-8")
        lines = diff.splitlines()
        before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        assert text.count(before) == 1, f"{name} no longer has: {before}"
        after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
        path.write_text(text.replace(before, after), encoding="utf-8")
        added += sum(line.startswith("+") for line in lines)
    for name, code in blocks(section, "python"):
        path = package / name.relative_to("src/rcmvae")
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        head, registry, tail = text.partition("CONDITIONERS = ")
        path.write_text(f"{head}\n\n{code}\n\n{registry}{tail}", encoding="utf-8")
    return added


def copied(into: Path) -> Path:
    """A copy of the package, with what Python has compiled of it, all but what it is writing now."""
    return shutil.copytree(ROOT / "src" / "rcmvae", into / "rcmvae", ignore=shutil.ignore_patterns("*.pyc.*"))


def arguments(section: str) -> list[str]:
    """What follows `rcmvae train`."""
    (command,) = re.findall(r"^rcmvae train (.*)$", section, re.MULTILINE)
    return command.split()


def rcmvae(*words: str, package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rcmvae", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("title", SECTIONS)
def test_an_addition_is_one_class_and_one_line_and_can_be_configured(title: str, tmp_path: Path) -> None:
    section, package = SECTIONS[title], copied(tmp_path)
    assert apply(section, package) <= 1
    touched = {name for language in ("python", "diff") for name, _ in blocks(section, language)}
    assert len({name for name in touched if (ROOT / name).exists()}) <= 1
    rcmvae("train", *arguments(section), *SHORT, "--validate-only", package=package)


def test_all_of_them_train(tmp_path: Path) -> None:
    package = copied(tmp_path)
    for section in SECTIONS.values():
        apply(section, package)
    # Data that are made up need no file; what else is configured goes with them.
    words = [word for section in SECTIONS.values() for word in arguments(section) if "=" in word]
    rcmvae("train", *words, *SHORT, f"run.directory={tmp_path}", "run.name=run", package=package)
    header = (tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()[0]
    promised = re.findall(r"`((?:train|validation)/\w+)`", GUIDE)
    assert promised
    assert [name for name in promised if name not in header] == []

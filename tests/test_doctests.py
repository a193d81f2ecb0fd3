"""The examples in the docstrings of the package are true."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import rcmvae

ROOT = Path(next(iter(rcmvae.__path__)))
WITH_EXAMPLES = [path for path in sorted(ROOT.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples(path: Path):
    # Read from the source: doctest's own finder passes over functions that a decorator has wrapped.
    relative = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    module = importlib.import_module(f"rcmvae.{relative}".removesuffix(".__init__"))
    source = path.read_text(encoding="utf-8")
    examples = 0
    for node in ast.walk(ast.parse(source)):
        text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        if text and ">>> " in text:
            name = getattr(node, "name", "module")
            test = doctest.DocTestParser().get_doctest(text, vars(module).copy(), name, str(path), 0)
            examples += len(test.examples)
            result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
            assert result.failed == 0, name
    assert examples == source.count(">>> ")

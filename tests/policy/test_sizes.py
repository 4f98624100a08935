"""Small things, tests included: what a reader can hold at once (``test_house.py`` has the medians)."""

import ast
from pathlib import Path

from parsed import nodes, tree

import nfloat

ROOT = Path(nfloat.__file__).parent
REPOSITORY = ROOT.parent
FILES = sorted(ROOT.rglob("*.py"))


def bodies():
    """(lines of the body without its docstring, file, function) of every function."""
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                yield lines, path.relative_to(ROOT).as_posix(), node.name


def test_no_file_over_400_lines():
    tests = sorted((REPOSITORY / "tests").rglob("*.py"))
    assert [(p.name, n) for p in (*FILES, *tests) if (n := len(p.read_text().splitlines())) > 400] == []


def test_no_function_over_40_lines_and_most_within_20():
    found = list(bodies())
    lengths = [entry[0] for entry in found]
    assert [entry for entry in found if entry[0] > 40] == []
    assert sum(n <= 20 for n in lengths) >= 0.9 * len(lengths)


def test_every_public_function_has_a_docstring():
    missing = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in FILES
        for node in tree(path).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert missing == []

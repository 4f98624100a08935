"""The rules of the house, checked by machine.

Who may import whom, how long things may be, what may be compiled where.
"""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest
from parsed import nodes, tree

import nfloat

PACKAGE = Path(nfloat.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

#: who loads modules by a name computed at run time: the root, which may see every room, and rooms that list themselves
BY_NAME = {"__init__.py", "linalg/__init__.py", "testing/__init__.py", "cli/main.py", "cli/warmup.py", "drift/build.py"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_no_import_hides_in_a_string():
    """import-linter (pyproject.toml) holds the rooms in order, but does not see what `import_module` loads."""
    found = {path.relative_to(PACKAGE).as_posix() for path in FILES if "import_module(" in path.read_text()}
    assert found == BY_NAME
    assert not [path for path in FILES if "__import__" in path.read_text()]


def test_files_and_functions_are_short():
    lengths = [len(path.read_text().splitlines()) for path in FILES]
    assert max(lengths) <= 400, FILES[lengths.index(max(lengths))]
    assert statistics.median(lengths) <= 150
    bodies = sorted(
        node.end_lineno - node.body[0].lineno + 1
        for path in FILES
        for node in nodes(path)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    assert bodies[int(0.9 * len(bodies))] <= 25


def test_only_jit_calls_the_compiler():
    for path in FILES:
        for node in nodes(path):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name in ("njit", "vectorize", "guvectorize", "cfunc", "stencil") and path.name != "jit.py":
                pytest.fail(f"{path.relative_to(PACKAGE)} uses {name}: only kernels/jit.py compiles")
            if name == "intrinsic":
                assert room(path) == "kernels", f"{path.relative_to(PACKAGE)}: intrinsics stand in kernels/"


def test_no_option_that_changes_results():
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.keyword):
                assert node.arg not in ("fastmath", "parallel"), f"{path.relative_to(PACKAGE)}: {node.arg}="


def test_every_module_has_a_map():
    """A module docstring says what is here."""
    assert [str(path.relative_to(PACKAGE)) for path in FILES if not ast.get_docstring(tree(path))] == []

"""The rules of the house, checked by machine.

Who may import whom, how long things may be, what may be compiled where.
"""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

import nfloat

PACKAGE = Path(nfloat.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

#: each room may import only what stands before it
ORDER = (
    "errors",
    "streams",
    "formats",
    "kernels",
    "ops",
    "linalg",
    "floatarray",
    "interop",
    "display",
    "nn",
    "report",
    "runs",
    "drift",
    "studies",
    "cli",
)
#: testing stands beside the others: it may use these, and nothing uses it
TESTING_SEES = {
    "errors",
    "streams",
    "formats",
    "kernels",
    "ops",
    "linalg",
    "floatarray",
    "interop",
    "display",
    "testing",
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """The room of every import of the package inside a file: in functions, for types alone, by `import_module` too."""
    package = ["nfloat", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [module] if module.count(".") else [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            names = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        found |= {name.split(".")[1] for name in names if name.startswith("nfloat.")}
    return found


@pytest.mark.parametrize(
    "path",
    [f for f in FILES if f.parent != PACKAGE or f.name != "__init__.py"],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_imports_go_one_way(path):
    here = room(path)
    for other in imported_rooms(path):
        if other == here or other not in (*ORDER, "testing"):
            continue
        if here == "testing":
            assert other in TESTING_SEES, f"testing must not use {other}"
        elif other == "testing":
            assert here == "cli", f"{here} must not use testing"
        else:
            assert ORDER.index(other) < ORDER.index(here), f"{here} must not use {other}, which stands after it"


def test_the_oracle_sees_formats_alone():
    assert imported_rooms(PACKAGE / "testing" / "oracle.py") <= {"formats", "errors"}


def test_files_and_functions_are_short():
    lengths = [len(path.read_text().splitlines()) for path in FILES]
    assert max(lengths) <= 400, FILES[lengths.index(max(lengths))]
    assert statistics.median(lengths) <= 150
    bodies = sorted(
        node.end_lineno - node.body[0].lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    assert bodies[int(0.9 * len(bodies))] <= 25


def test_only_jit_calls_the_compiler():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name in ("njit", "vectorize", "guvectorize", "cfunc", "stencil") and path.name != "jit.py":
                pytest.fail(f"{path.relative_to(PACKAGE)} uses {name}: only kernels/jit.py compiles")
            if name == "intrinsic":
                assert room(path) == "kernels", f"{path.relative_to(PACKAGE)}: intrinsics stand in kernels/"


def test_no_option_that_changes_results():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword):
                assert node.arg not in ("fastmath", "parallel"), f"{path.relative_to(PACKAGE)}: {node.arg}="


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_has_a_map(path):
    assert ast.get_docstring(ast.parse(path.read_text())), "a module docstring says what is here"

"""Third-party packages are declared, the light rooms need few, and a file's name says what is in it."""

import ast
import sys
from pathlib import Path

import pytest
from parsed import nodes

import nfloat

ROOT = Path(nfloat.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

#: packages that stay in one room (import-linter's contracts in pyproject.toml say in which)
IN_ONE_ROOM = {
    "numba",
    "llvmlite",
    "click",
    "pytest",
    "hypothesis",
    "matplotlib",
    "jinja2",
    "sklearn",
    "mlxtend",
    "torch",
}
ANYWHERE = {
    "numpy",
    "scipy",
    "ml_dtypes",
    "msgspec",
    "tomli_w",
    "rich",
    "pyarrow",
    "safetensors",
    "dask",
    "distributed",
}
#: rooms that load with `import nfloat`
LIGHT = {"formats", "errors", "streams", "__init__"}


def imported():
    """(file, room, line, package) of every absolute import, inside functions too."""
    for path in FILES:
        room = path.relative_to(ROOT).with_suffix("").parts[0]
        for node in nodes(path):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            yield from ((path.relative_to(ROOT).as_posix(), room, node.lineno, name.split(".")[0]) for name in names)


def test_no_package_that_is_not_declared():
    known = {"nfloat", *ANYWHERE, *IN_ONE_ROOM, *sys.stdlib_module_names}
    assert [entry for entry in imported() if entry[3] not in known] == []


def test_what_loads_at_once_needs_numpy_alone():
    heavy = {*IN_ONE_ROOM, *ANYWHERE} - {"numpy"}
    assert [entry for entry in imported() if entry[1] in LIGHT and entry[3] in heavy] == []


@pytest.mark.parametrize("name", ["utils", "util", "common", "helpers", "helper", "core", "misc", "base"])
def test_the_file_name_is_the_index(name):
    assert not list(ROOT.rglob(f"{name}.py")) and not list(ROOT.rglob(f"_{name}.py"))

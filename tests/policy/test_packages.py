"""Third-party packages stay in the rooms they belong to, and a file's name says what is in it."""

import ast
import sys
from pathlib import Path

import pytest

import nfloat

ROOT = Path(nfloat.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

#: package -> the rooms that may import it
ROOMS = {
    "numba": {"kernels"},
    "llvmlite": {"kernels"},
    "click": {"cli"},
    "pytest": {"testing"},
    "hypothesis": {"testing"},
    "matplotlib": {"report", "studies"},
    "jinja2": {"report"},
    "sklearn": {"nn"},
    "mlxtend": {"nn"},
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
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            yield from ((path.relative_to(ROOT).as_posix(), room, node.lineno, name.split(".")[0]) for name in names)


def test_packages_stay_in_their_rooms():
    assert [entry for entry in imported() if entry[3] in ROOMS and entry[1] not in ROOMS[entry[3]]] == []


def test_no_package_that_is_not_declared():
    known = {"nfloat", *ANYWHERE, *ROOMS, *sys.stdlib_module_names}
    assert [entry for entry in imported() if entry[3] not in known] == []


def test_what_loads_at_once_needs_numpy_alone():
    heavy = {*ROOMS, *ANYWHERE} - {"numpy"}
    assert [entry for entry in imported() if entry[1] in LIGHT and entry[3] in heavy] == []


@pytest.mark.parametrize("module", ["grid", "probes", "families"])
def test_the_oracles_other_files_see_formats_alone(module):
    """As ``oracle.py`` itself: what shares code with what it judges proves nothing."""
    tree = ast.parse((ROOT / "testing" / f"{module}.py").read_text())
    used = {
        node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 2
    }
    assert used <= {"formats", "errors"}


def test_one_command_alone_uses_testing():
    users = {
        p.relative_to(ROOT).as_posix()
        for p in FILES
        if p.parent.name != "testing"
        and "testing." in p.read_text()
        and "import" in p.read_text()
        and any(
            isinstance(n, ast.ImportFrom) and "testing" in (n.module or "").split(".")
            for n in ast.walk(ast.parse(p.read_text()))
        )
    }
    assert users <= {"cli/check.py"}


@pytest.mark.parametrize("name", ["utils", "util", "common", "helpers", "helper", "core", "misc", "base"])
def test_the_file_name_is_the_index(name):
    assert not list(ROOT.rglob(f"{name}.py")) and not list(ROOT.rglob(f"_{name}.py"))

"""The maps: a folder's names every file in it, and no text names a file that is not there."""

import ast
import re
from pathlib import Path

from in_one_test import in_one_test

import nfloat

PACKAGE = Path(nfloat.__file__).parent
REPOSITORY = PACKAGE.parent
FOLDERS = sorted({p.parent for p in PACKAGE.rglob("*.py")})
#: commands are found by their file names; the package's own map is the README's
WITHOUT_A_MAP = {"cli", "nfloat"}
FILES = {
    p.relative_to(REPOSITORY).as_posix()
    for room in ("nfloat", "tests", "bench", "examples")
    for p in (REPOSITORY / room).rglob("*.py")
}
#: files of other projects
OTHERS = {"numpy/_core/tests/test_umath_accuracy.py"}
#: a file's name in backquotes, with its folders or without
NAMED = re.compile(r"`([\w./-]+\.py)`")


@in_one_test("folder", FOLDERS)
def test_a_folder_names_what_is_in_it(folder):
    if folder.name in WITHOUT_A_MAP:
        return
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    words = set(re.findall(r"\w+", text))
    modules = {p.stem for p in folder.glob("*.py")} - {"__init__"}
    rooms = {p.name for p in folder.iterdir() if (p / "__init__.py").exists()}
    assert (modules | rooms) - words == set()


TEXTS = [*sorted(f for f in FILES if f.startswith("nfloat/")), "README.md", "nfloat/kernels/README.md"]


def test_files_that_are_named_are_there():
    endings = {file[i:] for file in FILES for i in (0, *(m.end() for m in re.finditer("/", file)))}
    named = {(path, name) for path in TEXTS for name in NAMED.findall((REPOSITORY / path).read_text())}
    assert {(path, name) for path, name in named if name not in OTHERS and name.lstrip("./") not in endings} == set()

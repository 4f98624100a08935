"""The documentation: every public name in the reference, with an example that runs; every link leads somewhere."""

import importlib
import re
from pathlib import Path

import pytest
from in_one_test import in_one_test

import nfloat as nf

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
REFERENCE = {path: path.read_text(encoding="utf-8") for path in sorted((DOCS / "reference").glob("*.md"))}
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "coming_from.md"]
TEXTS += sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
ROOMS = ("display", "drift", "linalg", "nn", "report", "sweep", "testing")
SINGLE = sorted({*nf.__all__} - {*nf.FORMATS, *nf.BLOCK_FORMATS})
#: a link or picture of Markdown, and an entry of a table of contents
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def is_error(x):
    """Whether it is an exception, which no example raises for its own sake."""
    return isinstance(x, type) and issubclass(x, Exception)


def listed():
    """module -> names that the reference lists of it."""
    found = {}
    for text in REFERENCE.values():
        for module, names in re.findall(r"currentmodule:: (\S+)\n(.*?)```", text, flags=re.DOTALL):
            found.setdefault(module, set()).update(re.findall(r"^   (\w+)$", names, flags=re.MULTILINE))
    return found


def test_the_reference_lists_every_public_name():
    there = listed()["nfloat"] | {name for text in REFERENCE.values() for name in re.findall(r"nfloat\.(\w+)\b", text)}
    assert set(SINGLE) - there - {"units"} == set() and "nf.units" in "".join(REFERENCE.values())


@pytest.mark.parametrize("room", ROOMS)
def test_and_every_public_callable_of_a_room(room):
    module = importlib.import_module(f"nfloat.{room}")
    public = {name for name in module.__all__ if callable(getattr(module, name)) and getattr(module, name).__doc__}
    public = {name for name in public if not hasattr(getattr(module, name), "__args__")}
    assert listed()[f"nfloat.{room}"] == public


def test_what_it_lists_exists():
    for module, names in listed().items():
        for name in names:
            assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


@in_one_test("name", SINGLE)
def test_a_public_name_has_an_example(name):
    """test_surface.py runs them."""
    target = getattr(nf, name)
    if callable(target) and not is_error(target):
        assert ">>>" in target.__doc__


@pytest.mark.parametrize("name", listed())
def test_and_so_has_every_name_of_a_room_that_the_reference_lists(name):
    module = importlib.import_module(name)
    shown = {key: getattr(module, key) for key in listed()[name]}
    assert [key for key, x in shown.items() if callable(x) and not is_error(x) and ">>>" not in (x.__doc__ or "")] == []


@in_one_test("path", TEXTS)
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    #: build.sh puts notebooks beside the tutorials, and the two texts of the root beside the index
    folders = {"tutorials": ROOT / "examples", "docs": ROOT}
    places = [path.parent, folders.get(path.parent.name, path.parent)]
    links = [link for link in LINK.findall(text) if "://" not in link]
    toctree = "".join(re.findall(r"```{toctree}\n(.*?)```", text, flags=re.DOTALL))
    pages = re.findall(r"^([\w/]+)$", toctree, flags=re.MULTILINE)
    for link in links:
        away = ROOT / "examples" / Path(link).name if "tutorials/" in link else None
        assert (path.parent / link).exists() or (away and away.exists()), link
    for page in pages:
        assert any((place / page).with_suffix(end).exists() for place in places for end in (".md", ".ipynb")), page


def test_files_that_the_walks_name_exist():
    named = set(re.findall(r"`((?:nfloat|tests|bench|examples)/[\w/.-]+)`", (ROOT / "CONTRIBUTING.md").read_text()))
    assert len(named) > 30 and [name for name in named if not (ROOT / name).exists()] == []


def test_there_is_a_walk_for_every_kind():
    walks = (ROOT / "CONTRIBUTING.md").read_text()
    kinds = ("format", "rounding mode", "accumulator order", "matrix unit", "operation", "layer", "optimiser", "study")
    assert all(re.search(rf"^## To add an? {kind}$", walks, flags=re.MULTILINE) for kind in (*kinds, "command"))

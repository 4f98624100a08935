"""The words of ``nfloat/kernels/README.md``: each is used, and what they replaced is not."""

import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "nfloat"
ROOMS = [p for room in ("kernels", "linalg", "ops", "formats") for p in sorted((PACKAGE / room).rglob("*.py"))]
#: names that said less than the field's term or the table's word does
REPLACED = {"easy", "careful", "fine", "sure", "moderate", "settle", "certain", "asks_nothing"}
#: a word that is two classes in these rooms is a word with two meanings
ONE_CLASS = re.compile(r"^class ([A-Z]\w*)", re.MULTILINE)


def words() -> list[str]:
    table = (PACKAGE / "kernels/README.md").read_text().split("## Words")[1]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][1:]
    return [word for row in rows for word in row.split(", ")]


@cache
def names() -> set[str]:
    found: set[str] = set()
    for path in ROOMS:
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        found |= {t.string for t in tokens if t.type == tokenize.NAME}
    return found


@pytest.mark.parametrize("word", words())
def test_a_word_of_the_table_is_used(word):
    last = word.split()[0].lower()
    assert any(last in name.lower() for name in names()), f"{word!r} stands in the table alone: take it out"


def test_replaced_words_do_not_come_back():
    assert names() & REPLACED == set()


def test_a_class_has_a_name_of_its_own():
    seen: dict[str, list[str]] = {}
    for path in ROOMS:
        for name in ONE_CLASS.findall(path.read_text()):
            seen.setdefault(name, []).append(path.relative_to(PACKAGE).as_posix())
    assert {name: files for name, files in seen.items() if len(files) > 1} == {}

"""One colour and one dash for a name, on every chart of every page.

A format or a recipe that nfloat knows has its place in one list, and so the same style wherever it is drawn; other
names take a place from their spelling, the next free one on a page. No two of `STYLES` names on a page share both, and
neighbours in the list differ in dash too, so that they can be told apart in grey.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import Any
from zlib import crc32

from ..formats.catalog import FORMATS

#: Okabe and Ito's palette without black and yellow, plus a grey and a brown: readable on white and on black
PALETTE = ("#3b83c7", "#d55e00", "#009e73", "#e69f00", "#c46aa0", "#56b4e9", "#8a8a8a", "#a6761d")
DASHES = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
#: pairs of the two
STYLES = len(PALETTE) * len(DASHES)


def styled(names: Sequence[str]) -> dict[str, tuple[str, Any]]:
    """A colour and a dash per name.

    Examples
    --------
    >>> styled(["bfloat16", "mine"])["bfloat16"] == styled(["other", "bfloat16"])["bfloat16"]
    True
    """
    known, taken = _known(), set()
    places: dict[str, int] = {}
    for name in (*(n for n in names if n in known), *(n for n in names if n not in known)):
        first = known.get(name, crc32(name.encode()))
        free = (p % STYLES for p in range(first, first + STYLES) if p % STYLES not in taken)
        places[name] = next(free, first % STYLES)
        taken.add(places[name])
    turns = len(PALETTE)
    return {n: (PALETTE[places[n] % turns], DASHES[(places[n] + places[n] // turns) % len(DASHES)]) for n in names}


def colours(names: Sequence[str]) -> dict[str, str]:
    """The colour of each name's style."""
    return {name: colour for name, (colour, _) in styled(names).items()}


def dashes(names: Sequence[str]) -> dict[str, Any]:
    """The dash of each name's style."""
    return {name: dash for name, (_, dash) in styled(names).items()}


def by_place(names: Sequence[str]) -> dict[str, str]:
    """A colour per name by its place: for the parts of one bar, which have no dashes."""
    return dict(zip(names, itertools.cycle(PALETTE), strict=False))


@cache
def _known() -> dict[str, int]:
    """Recipes, then formats, in their tables' order."""
    from ..nn import recipes

    return {name: i for i, name in enumerate(dict.fromkeys((*recipes, *FORMATS)))}

"""One colour, dash and mark for a format or a recipe, the same on every page; this is the only place that decides them.

A name that stands in `FIXED` looks the same wherever it is drawn. A name that is one of those and more
(``bf16-mixed+weights=float8_e4m3fn``, ``bfloat16, stochastic``) has the colour of that one, and a dash and mark of its
own. All other names take what is left, by place. No two of the first 32 names share colour and dash.

The colours are Okabe and Ito's without black and yellow, plus a grey and a brown: readable on white and on black, and
told apart by readers who see no red or no green. Where there is no colour at all (print in grey), dash and mark differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

PALETTE = ("#3b83c7", "#d55e00", "#009e73", "#e69f00", "#c46aa0", "#56b4e9", "#8a8a8a", "#a6761d")
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
#: matplotlib's marks
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")

_BLUE, _RED, _GREEN, _ORANGE, _PINK, _SKY, _GREY, _BROWN = PALETTE


class Style(NamedTuple):
    """How a name is drawn."""

    colour: str
    dash: Any
    mark: str


#: name -> (colour, number of its dash and mark): a family of formats and its recipes share a colour
FIXED: dict[str, tuple[str, int]] = {
    "float64": (_GREY, 0), "float32": (_GREY, 1), "tfloat32": (_BROWN, 0), "tf32": (_BROWN, 1),
    "bfloat16": (_BLUE, 0), "bf16-mixed": (_BLUE, 1), "bf16-weights": (_BLUE, 2), "bf16-pure": (_BLUE, 3),
    "bf16-pure-sr": (_SKY, 0), "bf16-pure-kahan": (_SKY, 1),
    "float16": (_RED, 0), "fp16-mixed": (_RED, 1), "fp16-pure": (_RED, 2), "fp16-mixed-unscaled": (_RED, 3),
    "float8_e4m3fn": (_GREEN, 0), "float8_e5m2": (_GREEN, 1), "fp8-hybrid": (_GREEN, 2), "fp8-current": (_GREEN, 3),
    "mxfp8_e4m3": (_ORANGE, 0), "mxfp8_e5m2": (_ORANGE, 1), "mxfp8": (_ORANGE, 2), "mxint8": (_ORANGE, 3),
    "float6_e2m3fn": (_SKY, 2), "float6_e3m2fn": (_SKY, 3),
    "mxfp6_e2m3": (_BROWN, 2), "mxfp6_e3m2": (_BROWN, 3),
    "float4_e2m1fn": (_PINK, 0), "mxfp4": (_PINK, 1), "nvfp4": (_PINK, 2), "e6m9": (_PINK, 3),
}  # fmt: skip

#: what is left for other names, in the order in which they take it: each row goes through all colours
_SLOTS = [(colour, (row + place) % len(DASHES)) for row in range(len(DASHES)) for place, colour in enumerate(PALETTE)]


def styles(names: Iterable[str]) -> dict[str, Style]:
    """Colour, dash and mark per name.

    Examples
    --------
    >>> found = styles(["mine", "bfloat16", "bf16-pure+weights=float16"])
    >>> found["bfloat16"] == styles(["bfloat16"])["bfloat16"]
    True
    >>> found["bf16-pure+weights=float16"].colour == found["bfloat16"].colour
    True
    """
    names = list(dict.fromkeys(names))
    taken = {name: FIXED[name] for name in names if name in FIXED}
    for name in names:
        if name not in taken:
            taken[name] = _free(_family(name), list(taken.values()))
    return {name: Style(taken[name][0], DASHES[taken[name][1]], MARKS[_mark(taken[name])]) for name in names}


def colours(names: Iterable[str]) -> dict[str, str]:
    """The colour alone, for what is filled."""
    return {name: style.colour for name, style in styles(names).items()}


def _family(name: str) -> str | None:
    """The colour of the fixed name with which a name begins."""
    begins = [known for known in FIXED if name.startswith(known) and not name[len(known) :][:1].isalnum()]
    return FIXED[max(begins, key=len)][0] if begins else None


def _free(colour: str | None, taken: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The first slot of that colour (of any) that nobody has; beyond 32 names they are used again."""
    slots = [slot for slot in _SLOTS if colour is None or slot[0] == colour]
    fresh = [slot for slot in slots if slot not in taken] or [slot for slot in _SLOTS if slot not in taken]
    return fresh[0] if fresh else _SLOTS[len(taken) % len(_SLOTS)]


def _mark(slot: tuple[str, int]) -> int:
    """A mark by colour and dash, so that neighbours differ in print too."""
    return (PALETTE.index(slot[0]) + 3 * slot[1]) % len(MARKS)

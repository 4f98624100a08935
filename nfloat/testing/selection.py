"""What ``@pytest.mark.nfloat(formats=..., roundings=...)`` may say, and the formats and modes that it means."""

from __future__ import annotations

from collections.abc import Iterable

from ..formats.catalog import FORMATS
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..formats.rounding import Family, Rounding, RoundingLike, as_rounding

#: word -> names of formats; any other word is a format's name
FORMAT_GROUPS = {
    "all": tuple(FORMATS),
    "fp8": tuple(name for name in FORMATS if name.startswith("float8_") and FORMATS[name].signed),
    "small": tuple(name for name, fmt in FORMATS.items() if fmt.bits <= 8),
    "training": ("float16", "bfloat16", "tfloat32", "float8_e4m3fn", "float8_e5m2"),
    "ieee": ("float16", "float32", "float64"),
}

#: word -> rounding modes; any other word is a mode's name
ROUNDING_GROUPS = {
    "all": tuple(mode for mode in Rounding if not mode.needs_random_bits),
    "deterministic": tuple(mode for mode in Rounding if not mode.is_stochastic),
    "nearest": tuple(mode for mode in Rounding if mode.is_nearest),
    "directed": tuple(mode for mode in Rounding if mode.facts.family is Family.DIRECTED),
}


def select_formats(choice: FormatLike | Iterable[FormatLike]) -> list[Format]:
    """The formats of a group, a name, a Format, or several of them, each once.

    Raises
    ------
    FormatError
        If a word is neither a group nor a format.

    Examples
    --------
    >>> [f.name for f in select_formats(("ieee", "bf16"))]
    ['float16', 'float32', 'float64', 'bfloat16']
    """
    words = [choice] if isinstance(choice, (str, Format)) else list(choice)
    names = [
        name for word in words for name in (FORMAT_GROUPS.get(word, (word,)) if isinstance(word, str) else (word,))
    ]
    return list(dict.fromkeys(get_format(name) for name in names))


def select_roundings(choice: RoundingLike | Iterable[RoundingLike]) -> list[Rounding]:
    """The modes of a group, a name, or several of them, each once.

    Raises
    ------
    RoundingError
        If a word is neither a group nor a mode.
    """
    words = [choice] if isinstance(choice, str) else list(choice)
    return list(dict.fromkeys(as_rounding(mode) for word in words for mode in ROUNDING_GROUPS.get(str(word), (word,))))

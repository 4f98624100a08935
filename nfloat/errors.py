"""The exceptions of nfloat: one root, leaves that say which argument is wrong.

Every message names the argument, the value it had, what is allowed and what to do. All are ``ValueError`` too, so
that code which expects NumPy's manners keeps working.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Real
from operator import index
from typing import Any


class NFloatError(ValueError):
    """Root of every error raised by nfloat."""


class FormatError(NFloatError):
    """An unknown, impossible or unsuitable number format."""


class RoundingError(NFloatError):
    """An unknown rounding mode or overflow policy, or one that does not fit the format."""


class SeedError(NFloatError):
    """A stochastic operation without a seed, or a seed that is not one."""


class ArgumentError(NFloatError):
    """An array or number that an operation cannot take."""


class ShapeError(ArgumentError):
    """Arrays whose shapes do not fit together."""


class RepresentationError(ArgumentError):
    """A value that the format which must hold it cannot hold."""


class AccumulatorError(NFloatError):
    """An accumulator description that contradicts itself."""


class MissingExtraError(NFloatError, ImportError):
    """A package of an optional dependency group is not installed."""


def as_integer(value: Any) -> int | None:
    """An argument as an integer, or None if it is none: a truth value, a float, an array of more than one element."""
    try:
        return None if isinstance(value, bool) else index(value)
    except Exception:  # what an object's own methods raise
        return None


def as_number(value: Any) -> float | None:
    """A real number as a float, or None if it is none: a truth value, a text, an integer beyond float64."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def check_kind(argument: str, value: object, kind: Any, wanted: str) -> None:
    """Refuse an argument that is not of its kind.

    Raises
    ------
    ArgumentError
        Saying what `argument` is, and what is `wanted`.
    """
    if not isinstance(value, kind):
        raise ArgumentError(f"{argument}: {type(value).__name__} is not {wanted}")


def check_callable(argument: str, value: object) -> None:
    """Refuse what cannot be called; None is nothing to be called.

    Raises
    ------
    ArgumentError
        Saying what `argument` is.
    """
    if value is not None and not callable(value):
        raise ArgumentError(f"{argument}: {type(value).__name__} cannot be called; give a function")


def as_truth(value: Any, argument: str) -> bool:
    """An argument as a truth value.

    Raises
    ------
    ArgumentError
        If it has none, as an array of several elements.
    """
    try:
        return bool(value)
    except Exception as error:  # what an object's own methods raise
        raise ArgumentError(f"{argument}=<{type(value).__name__}> must be True or False ({error})") from None


def nearest_names(name: str, known: Iterable[str], count: int = 5) -> str:
    """A phrase such as ``did you mean 'a', 'b'?``: the known names in which `name` is, then those nearest to it."""
    known, asked = list(known), str(name).lower()
    inside = [one for one in known if len(asked) > 2 and asked in one.lower()]
    near = [
        *difflib.get_close_matches(asked, inside, n=count, cutoff=0.0),
        *difflib.get_close_matches(asked, [one for one in known if one not in inside], n=count, cutoff=0.5),
    ]
    close = near[:count]
    return "did you mean " + ", ".join(map(repr, close)) + "?" if close else "known: " + ", ".join(known[:40])

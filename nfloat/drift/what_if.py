"""What other formats would have done to the tensors of a run, without training again.

A run keeps, at a few steps, the share of every tensor's elements in each binade (``tensors.py``). Which of them another
format turns into zero or cannot hold follows from that, exactly but for the binade in which its largest number lies.
The size of the error follows if numbers lie evenly between neighbours of the format: each one rounded to nearest across
a gap u then has a mean square error of u² / 12. That fails for tensors that are numbers of such a format already
(pixels, a narrower run's tensors: their error is smaller) and for few or equal elements.

What is left out: other tensors change too once one is rounded (train again to see that), and block formats, whose
errors depend on which elements stand together (``nf.blocks`` measures those of an array).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..errors import ArgumentError
from ..formats.format import Format
from ..formats.names import get_format
from .rows import Row
from .tensors import EXPONENT, RMS, shares_of

#: E(x²) for x spread evenly over [1, 2)
_SQUARE = 7.0 / 3.0

Shares = Mapping[int | None, float]


class _Seen(NamedTuple):
    """A tensor at one step: exponent -> share of its elements (None: zeros), and their root mean square."""

    shares: Shares
    rms: float


class WhatIf(NamedTuple):
    """One tensor in one format: means over the steps that were looked at."""

    recipe: str
    layer: str
    tensor: str
    format: str
    #: ||x - Q(x)|| / ||x|| over the elements that it can hold
    error: float
    #: share of the non-zero elements that become zero, and of all that are beyond its largest number
    underflow: float
    overflow: float


def what_if(rows: Iterable[Row], formats: Sequence[Format | str], recipe: str, seed: int) -> list[WhatIf]:
    """The tensors of one recipe's run, each in each of the formats.

    Raises
    ------
    FormatError
        If there is no such format.
    ArgumentError
        If `formats` is no sequence, a format has no zero or no sign, or the rows have no exponents.
    """
    known = [_checked(fmt) for fmt in _several(formats)]
    tensors = _tensors(rows, recipe, seed)
    if not tensors:
        raise ArgumentError(
            f"recipe={recipe!r} has no exponents among its rows at seed {seed}: a version of nfloat without them wrote "
            "these, or its run has not begun; run it again"
        )
    return [
        WhatIf(recipe, layer, tensor, fmt.name, *_mean([_one(*seen, fmt) for seen in steps]))
        for (layer, tensor), steps in tensors.items()
        for fmt in known
    ]


def _several(formats: Sequence[Format | str]) -> list[Format | str]:
    try:
        if not isinstance(formats, str):
            return list(formats)
    except Exception:  # what is no sequence, or what an object's own methods raise
        pass
    raise ArgumentError(f"formats={formats!r} must be several formats, as in ['float8_e4m3fn', 'bfloat16']")


def range_of(fmt: Format) -> tuple[int, int, int]:
    """Exponents of the least and the least normal positive number, and of the largest.

    Examples
    --------
    >>> range_of(get_format("float16"))
    (-24, -14, 15)
    """
    least = fmt.smallest_subnormal if fmt.has_subnormals else fmt.smallest_normal
    return math.frexp(least)[1] - 1, fmt.emin, math.frexp(fmt.max)[1] - 1


def _checked(fmt: Format | str) -> Format:
    found = get_format(fmt)
    if not found.signed or not found.has_zero:
        raise ArgumentError(f"formats: {found.name} has no {'zero' if found.signed else 'sign'}; tensors need both")
    return found


def _tensors(rows: Iterable[Row], recipe: str, seed: int) -> dict[tuple[str, str], list[_Seen]]:
    """(layer, tensor) -> what was seen of it at each step looked at."""
    found: dict[tuple[str, str], dict[int, dict[str, float]]] = {}
    for row in rows:
        if row["recipe"] == recipe and row["seed"] == seed and row["metric"].startswith((EXPONENT, RMS)):
            steps = found.setdefault((row["layer"], row["tensor"]), {})
            steps.setdefault(row["step"], {})[row["metric"]] = row["value"]
    seen = {key: [_Seen(shares_of(of), of.get(RMS, 0.0)) for of in steps.values()] for key, steps in found.items()}
    return {key: steps for key, steps in seen.items() if any(step.shares for step in steps)}


def _one(shares: Shares, rms: float, fmt: Format) -> tuple[float, float, float]:
    """(error, underflow, overflow) of one tensor at one step."""
    noise = lost = beyond = outside = 0.0
    known = {exponent: share for exponent, share in shares.items() if exponent is not None}
    for exponent, share in known.items():
        part, square = _beyond(exponent, fmt)
        out = share * part
        beyond += out
        outside += out * _scaled(square, 2 * exponent) if out else 0.0
        if exponent < _least(fmt):
            lost += share
            noise += share * math.ldexp(_SQUARE, 2 * exponent)
        else:
            gap = _gap(exponent, fmt)
            noise += (share - out) * gap * gap / 12.0
    signal, nonzero = rms * rms - outside, math.fsum(known.values())
    # where nothing is left but what becomes zero, all of it is lost
    error = min(math.sqrt(noise / signal), 1.0) if signal > 0.0 else 0.0
    return error, lost / nonzero if nonzero else 0.0, beyond


def _least(fmt: Format) -> int:
    """The least binade of which nothing becomes zero.

    It begins at half of the smallest number; where small ones are flushed, at the least normal number.
    """
    return fmt.emin if fmt.flushes_input or fmt.flushes_output else range_of(fmt)[0] - 1


def _gap(exponent: int, fmt: Format) -> float:
    """The distance of the format's numbers around those of a binade."""
    if exponent < fmt.emin and not fmt.has_subnormals:
        return fmt.smallest_normal
    return math.ldexp(1.0, max(exponent, fmt.emin) - fmt.precision + 1)


def _scaled(value: float, exponent: int) -> float:
    """value 2^exponent, infinity beyond float64."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.inf


def _beyond(exponent: int, fmt: Format) -> tuple[float, float]:
    """The share of a binade's numbers that are rounded beyond the format's largest, and their mean square over 4^k."""
    if exponent < fmt.emax:
        return 0.0, 4.0  # as below, where the power of two might not be a float64
    edge = math.ldexp(fmt.max + _gap(range_of(fmt)[2], fmt) / 2.0, -exponent)
    start = min(2.0, max(1.0, edge))
    return 2.0 - start, (4.0 + 2.0 * start + start * start) / 3.0


def _mean(steps: Sequence[tuple[float, float, float]]) -> tuple[float, ...]:
    return tuple(math.fsum(values) / len(steps) for values in zip(*steps, strict=True))

"""What the sweep of formats at random calls, and on what.

Ways of rounding, inputs, arrays of them, and failures as lines of Python.

The sweeps themselves are in ``sweep_random.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format
from ..formats.rounding import Overflow, Rounding
from ..ops import arithmetic, codes, functions
from ..ops.approximations import APPROXIMATIONS
from ..ops.rounding import round as round_public
from .exact_results import EXACT
from .grid import Floats
from .probes import SPECIAL, random_inputs
from .sweep import KEPT, Report, differs, policies

#: lengths of arrays, about each threshold of ops and kernels: none, blocks and what they leave, the streams' and the
#: pieces' lengths
_LENGTHS = (1, 3, 8, 17, 31, 32, 33, 64, 65, 100, 257, 700, 2100)
_LONG = (16_385, 33_000)


@dataclass(frozen=True)
class Way:
    """One call: a function on operands in a format, and how it rounds."""

    name: str
    format: Format
    mode: Rounding
    overflow: Overflow | None = None
    random_bits: int | None = None
    seed: int = 0
    #: what is called, of the same name in nfloat where it is not given
    function: Callable[..., Any] | None = None

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments of the call."""
        given = {
            "overflow": self.overflow,
            "random_bits": self.random_bits,
            "seed": self.seed if self.mode.is_stochastic else None,
        }
        return {key: value for key, value in given.items() if value is not None}

    def call(self, operands: tuple[NDArray[Any], ...]) -> NDArray[Any]:
        """The result."""
        function = self.function or _FUNCTIONS[self.name]
        return np.asarray(function(*operands, self.format, self.mode, **self.keywords))

    def source(self, operands: tuple[NDArray[Any], ...], i: int) -> str:
        """The call as Python source, every element as element i."""
        texts = [_array_source(a, i) for a in operands]
        keywords = "".join(
            f", {key}={str(value) if isinstance(value, Overflow) else value!r}" for key, value in self.keywords.items()
        )
        keywords = keywords.replace(f"overflow={self.overflow}", f"overflow='{self.overflow}'")
        return f"{self.name}({', '.join(texts)}, nf.{self.format!r}, '{self.mode}'{keywords})" + (
            f"[{i}]" if operands[0].ndim else ""
        )


def number_source(value: float) -> str:
    """A number as Python source that has every bit of it."""
    return f"float.fromhex('{value.hex()}')" if math.isfinite(value) else f"float('{value}')"


def _array_source(a: NDArray[Any], i: int) -> str:
    value = a.reshape(-1)[i]
    text = hex(value) if a.dtype.kind == "u" else number_source(float(value))
    return f"np.full({a.size}, {text}, np.{a.dtype})" if a.ndim else f"np.{a.dtype}({text})"


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "nf.round": round_public,
    "nf.encode": codes.encode,
    **{f"nf.{name}": getattr(arithmetic, name) for name in EXACT},
    **{f"nf.{name}": getattr(functions, name) for name in APPROXIMATIONS},
}


class Found(Report):
    """A report whose mismatches are lines of Python."""

    number: str = ""

    def check(self, way: Way, operands: tuple[NDArray[Any], ...], actual: NDArray[Any], desired: NDArray[Any]) -> None:
        """Compare the results of one call."""
        self.seen.add(f"{way.name} {operands[0].dtype} {way.mode} {way.overflow}")
        self.compared += desired.size
        bad = np.flatnonzero(differs(np.atleast_1d(actual), np.atleast_1d(desired)))
        self.wrong += bad.size
        for i in bad[: KEPT - len(self.mismatches)]:
            got, wanted = np.atleast_1d(actual)[i], np.atleast_1d(desired)[i]
            self.mismatches.append(f"{way.source(operands, i)}  # gives {got!r}, exact is {wanted!r} ({self.number})")


# ------------------------------------------------------------------ what is drawn
def ways_of(
    name: str, fmt: Format, rng: np.random.Generator, function: Callable[..., Any] | None = None
) -> Iterator[Way]:
    """Every mode under the format's own policy and another one."""
    allowed = policies(fmt)
    for mode in Rounding:
        for policy in {None, allowed[rng.integers(len(allowed))]}:
            bits = int(rng.integers(1, 61)) if mode.needs_random_bits else None
            yield Way(name, fmt, mode, policy, bits, int(rng.integers(2**32)), function)


def places_of(rng: np.random.Generator, kinds: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Which elements of a pool an array is made of, and in what order: of one kind or of several, short or long."""
    chosen = kinds[rng.integers(len(kinds))]
    length = _LONG[rng.integers(len(_LONG))] if rng.random() < 0.02 else _LENGTHS[rng.integers(len(_LENGTHS))]
    places = chosen[rng.integers(0, chosen.size, length)]
    if rng.random() < 0.2:  # an odd one among common ones
        places[rng.integers(length)] = rng.integers(max(k.max() for k in kinds) + 1)
    return places


def kinds_of(size: Floats, fmt: Format) -> list[NDArray[np.int64]]:
    """Places of all magnitudes, of ordinary ones, normal numbers, tiny ones, those about the top, large ones."""
    finite = np.isfinite(size)
    least = fmt.smallest_normal
    top = fmt.max
    masks = (
        np.ones(size.shape, bool),
        finite & (size <= top),
        (size >= least) & (size <= top),
        size < 2 * least,
        finite & (size >= top / 4) & (size / 4 <= top),
        finite & (size > top),
    )
    return [np.flatnonzero(mask) for mask in masks if mask.any()]


def inputs(fmt: Format, rng: np.random.Generator, count: int) -> Floats:
    """Numbers of all sizes, many of them ties or beside ties, and special ones."""
    x = random_inputs(fmt, count, int(rng.integers(2**31)))
    with np.errstate(all="ignore"):
        on_grid = np.array(round_public(x[::2], fmt, "toward_zero", overflow="saturate_finite"), np.float64)
        exponent = np.frexp(on_grid)[1] - 1
        unit = np.ldexp(
            1.0,
            np.maximum(np.full_like(exponent, fmt.emin) if fmt.twos_complement else exponent, fmt.emin)
            - fmt.precision
            + 1,
        )
        steps = rng.choice([0.0, 0.5, 0.5, 0.25, 0.75, 1.0, 1.5, 2.0], on_grid.size) * rng.choice(
            [-1.0, 1.0], on_grid.size
        )
        near = on_grid + unit * steps
        near[::3] = np.nextafter(near[::3], rng.choice([-np.inf, np.inf], near[::3].size))
        ends = np.array([fmt.max, fmt.smallest_normal, fmt.smallest_subnormal, 2.0**fmt.emin])
        ends = np.concatenate([ends * k for k in (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)])
        ends = np.concatenate([ends, np.nextafter(ends, np.inf), np.nextafter(ends, 0.0)])
    return np.concatenate([x, near, ends, -ends, SPECIAL])


def carriers(x: Floats) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Numbers in float64 and, rounded by the hardware, in float32."""
    with np.errstate(all="ignore"):
        return x, x.astype(np.float32)


def with_dimensions(rng: np.random.Generator, operands: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    """Arrays of one element without dimensions, half the time."""
    return tuple(a.reshape(()) for a in operands) if operands[0].size == 1 and rng.random() < 0.5 else operands

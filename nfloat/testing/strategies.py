"""Hypothesis strategies.

Formats, rounding modes, numbers of a format, arrays of them, and the inputs where rounding goes wrong.

Uniform floats never land on a tie, on the subnormal edge or just past the largest number; `near_ties` does. Everything
shrinks toward small codes, that is toward zero and the simplest format. Needs hypothesis
(``pip install nfloat[testing]``).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, MissingExtraError
from ..formats.blocks import BLOCK_FORMATS, BlockFormat, ScaleRule
from ..formats.catalog import FORMATS
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..formats.rounding import Rounding
from ..ops.rounding import round as round_values
from .oracle import decode_exact

try:
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp
except ImportError:
    raise MissingExtraError("nfloat.testing.strategies needs hypothesis: pip install 'nfloat[testing]'") from None

_SIMPLE = ("float4_e2m1fn", "float8_e4m3fn", "float8_e5m2", "float16", "bfloat16")


def formats(*, max_bits: int = 64, named: bool = False) -> st.SearchStrategy[Format]:
    """Formats up to a width.

    Named ones, and unless `named`, IEEE-like, P3109 and fixed-point ones spelled on the fly.
    """
    known = [f for f in (*map(get_format, _SIMPLE), *FORMATS.values()) if f.bits <= max_bits]
    strategies = [st.sampled_from(known)]
    if not named and max_bits >= 5:
        strategies += [_ieee_like(max_bits), _p3109(min(max_bits, 10)), _fixed(min(max_bits, 54))]
    return st.one_of(strategies)


def _ieee_like(max_bits: int) -> st.SearchStrategy[Format]:
    widths = st.integers(2, min(11, max_bits - 2)).flatmap(
        lambda e: st.integers(1, min(52, max_bits - 1 - e)).map(lambda m: f"e{e}m{m}")
    )
    return widths.map(get_format)


def _p3109(max_bits: int) -> st.SearchStrategy[Format]:
    return st.tuples(
        st.integers(3, max_bits), st.integers(1, max_bits), st.sampled_from("su"), st.sampled_from("ef")
    ).map(lambda t: get_format(f"binary{t[0]}p{min(t[1], t[0] - (t[2] == 's'))}{t[2]}{t[3]}"))


def _fixed(max_bits: int) -> st.SearchStrategy[Format]:
    return st.integers(2, max_bits).flatmap(
        lambda b: st.integers(0, b).map(lambda frac: get_format(f"fixed{b}.{frac}"))
    )


def roundings(*, stochastic: bool = False) -> st.SearchStrategy[Rounding]:
    """Rounding modes, those that need random bits only if asked for."""
    return st.sampled_from([mode for mode in Rounding if stochastic or not mode.is_stochastic])


def codes(fmt: FormatLike) -> st.SearchStrategy[int]:
    """Every code of a format."""
    return st.integers(0, 2 ** get_format(fmt).bits - 1)


def values(fmt: FormatLike, *, allow_nan: bool = True, allow_infinity: bool = True) -> st.SearchStrategy[float]:
    """Numbers of a format, every code equally likely."""
    f = get_format(fmt)
    numbers = codes(f).map(lambda code: decode_exact(code, f))
    return numbers.filter(lambda v: (allow_nan or not math.isnan(v)) and (allow_infinity or not math.isinf(v)))


def arrays(
    fmt: FormatLike,
    shape: int | tuple[int, ...] | st.SearchStrategy[tuple[int, ...]],
    *,
    allow_nan: bool = True,
    allow_infinity: bool = True,
) -> st.SearchStrategy[NDArray[np.floating]]:
    """Arrays of numbers of a format: float32 if it carries the format, else float64."""
    f = get_format(fmt)
    dtype = np.float32 if f.fits_float32 else np.float64
    return hnp.arrays(dtype, shape, elements=values(f, allow_nan=allow_nan, allow_infinity=allow_infinity))


def matrices(
    fmt: FormatLike, shape: tuple[int, int], *, condition: float = 1.0
) -> st.SearchStrategy[NDArray[np.floating]]:
    """Matrices of a format whose singular values fall from 1 to 1 / condition, but for their last rounding.

    Parameters
    ----------
    fmt : Format or str
        The format that the elements are rounded to; a condition beyond about 2^p is lost in that.
    shape : (int, int)
        Rows and columns.
    condition : float
        Ratio of the greatest singular value to the least, >= 1: 1 is an orthogonal matrix.

    Raises
    ------
    ArgumentError
        If the condition is less than 1 or not finite, or a dimension is not positive.
    """
    f = get_format(fmt)
    if not 1 <= condition < math.inf:
        raise ArgumentError(f"condition={condition!r} must be a finite number >= 1")
    if min(shape) < 1:
        raise ArgumentError(f"shape={shape!r} must have positive dimensions")

    def made(seed: int) -> NDArray[np.floating]:
        rng = np.random.default_rng(seed)
        count = min(shape)
        left, right = (np.linalg.qr(rng.standard_normal((n, count)))[0] for n in shape)
        values = np.geomspace(1.0, 1.0 / condition, count)
        rounded = np.asarray(round_values((left * values) @ right.T, f))
        return rounded.astype(np.float32) if f.fits_float32 else rounded

    return st.integers(0, 2**32 - 1).map(made)


def near_ties(fmt: FormatLike) -> st.SearchStrategy[float]:
    """Float64 numbers on and beside the numbers and midpoints of a format, and one step past its largest number."""
    f = get_format(fmt)
    unit = 2.0 ** (f.emax - f.precision + 1)

    def place(code: int, quarters: int, steps: int, negative: bool) -> float:
        low = abs(decode_exact(code, f))
        low = low if math.isfinite(low) else f.max
        high = abs(decode_exact(min(code + 1, f.max_code), f))
        gap = high - low if high > low else unit
        x = low + gap * (quarters / 4)
        for _ in range(abs(steps)):
            x = math.nextafter(x, math.copysign(math.inf, steps))
        return -x if negative else x

    return st.builds(
        place, st.integers(0, f.max_code), st.sampled_from((2, 0, 1, 3, 4, 6)), st.integers(-2, 2), st.booleans()
    )


def reals(fmt: FormatLike) -> st.SearchStrategy[float]:
    """What to round to a format: near ties, its own numbers, and any float64, NaN and infinities among them."""
    return st.one_of(near_ties(fmt), values(fmt), st.floats())


def block_formats(*, named: bool = False) -> st.SearchStrategy[BlockFormat]:
    """Block formats: named ones, and unless `named`, with other block sizes and scale rules."""
    known = st.sampled_from(tuple(BLOCK_FORMATS.values()))
    if named:
        return known
    sizes = st.one_of(st.integers(1, 64), st.none())
    drawn = st.tuples(known, sizes, st.sampled_from(tuple(ScaleRule)))
    return st.one_of(known, drawn.map(lambda t: t[0].replace(block=t[1], scale_rule=t[2])))

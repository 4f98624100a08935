"""`add` ... `hypot`: the exact real result on the given values, rounded once, in any format of p <= 53 and any mode.

All share one contract, which `add` spells out; the others state what is their own. How a result is computed stands in
``compute.py``, the exact rule in ``kernels/arithmetic/results.py``. Elementary functions are in
``arithmetic/functions.py``.
"""

from __future__ import annotations

from functools import partial

from numpy.typing import ArrayLike

from ..formats.names import FormatLike
from ..formats.rounding import OverflowLike, RoundingLike
from ..kernels.arithmetic.operations import Operation
from ..streams import SeedLike
from .compute import compute
from .direct_results import direct_result
from .operands import Result, rounded_once

_apply = partial(rounded_once, compute)
#: looked up here once: an enum's members are slow to come by
_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE = Operation.ADD, Operation.SUBTRACT, Operation.MULTIPLY, Operation.DIVIDE


def _of_two(
    op: Operation,
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None,
    rounding: RoundingLike,
    overflow: OverflowLike | None,
    random_bits: int | None,
    seed: SeedLike | None,
) -> Result:
    if fmt is not None and random_bits is None:
        out = direct_result(op, x, y, fmt, rounding, overflow)
        if out is not None:
            return out
    return _apply(op, (("x", x), ("y", y)), fmt, rounding, overflow, random_bits, seed)


def add(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x + y, rounded once to a format.

    Parameters
    ----------
    x, y : array_like
        Real numbers; they broadcast as in NumPy. They are taken as they are: nothing rounds them to the format first.
    fmt, rounding, overflow, random_bits, seed
        As in `round`. Element i (in C order of the result) uses the random bits of counter i. Where an operand is a
        FloatArray they may all be left out: then the result is a FloatArray too, of its format and way of rounding.

    Returns
    -------
    ndarray or scalar
        float32 if the format fits it and no operand is wider than float32 (Python numbers do not count), else float64.

    Raises
    ------
    FormatError, RoundingError, SeedError, ArgumentError, ShapeError
        Each names the argument, its value and what is allowed.

    Notes
    -----
    The result is the exact real one rounded once, subnormal results and overflow included (IEEE 754-2019, 5.1). NaN
    gives NaN; inf - inf is NaN; an exact zero from operands of opposite signs is +0, or -0 under toward_negative
    (6.3). In formats that flush inputs (DAZ), operands below the smallest normal number count as zeros.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.add(1.0, 2.0**-11 + 2.0**-30, "float16")
    np.float64(1.0009765625)
    >>> nf.add([256.0, 1.0], 1.0, "bfloat16")
    array([256.,   2.])
    """
    return _of_two(_ADD, x, y, fmt, rounding, overflow, random_bits, seed)


def subtract(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x - y, rounded once to a format: `add` of x and -y.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.subtract(1.0, 2.0**-20, "float16", "toward_zero")
    np.float64(0.99951171875)
    """
    return _of_two(_SUBTRACT, x, y, fmt, rounding, overflow, random_bits, seed)


def multiply(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x y, rounded once to a format.

    The contract is that of `add`; 0 inf is NaN, the sign of zeros is the rule of signs.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.multiply(2.0**-8, 1.5 * 2.0**-8, "float8_e5m2")  # between two subnormal numbers: a tie
    np.float64(3.0517578125e-05)
    """
    return _of_two(_MULTIPLY, x, y, fmt, rounding, overflow, random_bits, seed)


def divide(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x / y, rounded once to a format. The contract is that of `add`.

    Notes
    -----
    0/0 and inf/inf are NaN; x/0 is an infinity of the quotient's sign (what the overflow policy makes of an infinite
    value), but NaN in formats that have a NaN and whose zero has no sign (P3109 v4.0, FNUZ).

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.divide(1.0, [3.0, 0.0], "float16")
    array([0.33325195,        inf])
    >>> nf.divide(1.0, 0.0, "binary8p4se")
    np.float64(nan)
    """
    return _of_two(_DIVIDE, x, y, fmt, rounding, overflow, random_bits, seed)


def fma(
    x: ArrayLike,
    y: ArrayLike,
    z: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x y + z, rounded once to a format: the product is exact. The contract is that of `add`.

    Notes
    -----
    0 inf + z is NaN, NaN included (IEEE 754-2019, 7.2). An exact zero is signed as in `add`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.fma(2.0**-11, 1 - 2.0**-20, 1 + 2.0**-10, "float16")
    np.float64(1.0009765625)
    """
    return _apply(Operation.FMA, (("x", x), ("y", y), ("z", z)), fmt, rounding, overflow, random_bits, seed)


def sqrt(
    x: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """The square root of x, rounded once to a format. The contract is that of `add`; negative x gives NaN, -0 gives -0.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.sqrt([2.0, -1.0], "float8_e4m3fn")
    array([1.375,   nan])
    """
    return _apply(Operation.SQRT, (("x", x),), fmt, rounding, overflow, random_bits, seed)


def reciprocal(
    x: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """1 / x, rounded once to a format: `divide` of 1 and x.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.reciprocal(3.0, "bfloat16", "toward_positive")
    np.float64(0.333984375)
    """
    return _apply(Operation.RECIPROCAL, (("x", x),), fmt, rounding, overflow, random_bits, seed)


def rsqrt(
    x: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """1 / sqrt(x), rounded once to a format. The contract is that of `add`.

    Notes
    -----
    Negative x gives NaN, an infinity 0, a zero an infinity of its sign (IEEE 754-2019, 9.2.1); NaN in formats that
    have a NaN and whose zero has no sign (P3109 v4.0, FNUZ).

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.rsqrt([4.0, 3.0], "float16")
    array([0.5       , 0.57714844])
    """
    return _apply(Operation.RSQRT, (("x", x),), fmt, rounding, overflow, random_bits, seed)


def hypot(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """sqrt(x^2 + y^2), rounded once to a format. The contract is that of `add`.

    Notes
    -----
    Nothing overflows on the way. hypot(inf, NaN) is inf (IEEE 754-2019, 9.2.1), NaN in formats that have a NaN and
    whose zero has no sign (P3109 v4.0).

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.hypot(30000.0, 40000.0, "float16")
    np.float64(49984.0)
    """
    return _apply(Operation.HYPOT, (("x", x), ("y", y)), fmt, rounding, overflow, random_bits, seed)


def remainder(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x - floor(x / y) y, rounded once to a format: NumPy's and Python's remainder, of the sign of y.

    The contract is that of `add`; `fmod` truncates the quotient instead, `ieee_remainder` rounds it to nearest.

    Notes
    -----
    Infinite x or zero y gives NaN. Infinite y gives x if the signs agree, else y. A zero has the sign of y.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.remainder([5.0, -5.0], 3.0, "float16"), nf.remainder(-(2.0**-60), 1.0, "float16")
    (array([2., 1.]), np.float64(1.0))
    """
    return _apply(Operation.REMAINDER, (("x", x), ("y", y)), fmt, rounding, overflow, random_bits, seed)


def fmod(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x - trunc(x / y) y, rounded once to a format: C's remainder, of the sign of x. Otherwise as `remainder`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.fmod([5.0, -5.0], 3.0, "float16")
    array([ 2., -2.])
    """
    return _apply(Operation.FMOD, (("x", x), ("y", y)), fmt, rounding, overflow, random_bits, seed)


def ieee_remainder(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x - n y with n the integer nearest to x / y (ties to even), rounded once: IEEE 754-2019, 5.3.1.

    Otherwise as `remainder`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.ieee_remainder([5.0, 4.5], 3.0, "float16")
    array([-1. , -1.5])
    """
    return _apply(Operation.IEEE_REMAINDER, (("x", x), ("y", y)), fmt, rounding, overflow, random_bits, seed)

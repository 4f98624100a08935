"""`finfo`: np.finfo's attributes for any format."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp

from .format import Format
from .names import FormatLike, get_format


@dataclass(frozen=True)
class FormatInfo:
    """Machine limits of a format, under np.finfo's attribute names. Values are Python floats."""

    format: Format
    bits: int
    nmant: int
    nexp: int
    eps: float
    epsneg: float
    max: float
    min: float
    tiny: float
    smallest_normal: float
    smallest_subnormal: float
    resolution: float
    precision: int
    maxexp: int
    minexp: int
    machep: int
    negep: int
    iexp: int


def finfo(fmt: FormatLike) -> FormatInfo:
    """np.finfo for any format.

    As there, `precision` counts decimal digits (`Format.precision` counts significand bits), ``maxexp`` is the least
    exponent that overflows and ``minexp`` the exponent of the smallest normal number.

    Raises
    ------
    FormatError
        If `fmt` names no format.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.finfo("float16").max, nf.finfo("bfloat16").eps
    (65504.0, 0.0078125)
    """
    f = get_format(fmt)
    digits = int((f.precision - 1) * 0.30102999566398120)
    # below 1 numbers lie half as far apart, unless 1 is where the subnormal numbers (or all of fixed point) end
    epsneg = f.eps if f.twos_complement or f.emin >= 0 else f.eps / 2
    return FormatInfo(
        format=f, bits=f.bits, nmant=f.precision - 1, nexp=f.exponent_bits, eps=f.eps, epsneg=epsneg, max=f.max,
        min=f.min,
        tiny=f.smallest_normal, smallest_normal=f.smallest_normal, smallest_subnormal=f.smallest_subnormal,
        resolution=10.0**-digits, precision=digits, maxexp=f.emax + 1, minexp=f.emin, machep=frexp(f.eps)[1] - 1,
        negep=frexp(epsneg)[1] - 1, iexp=f.exponent_bits,
    )  # fmt: skip

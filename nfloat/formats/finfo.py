"""`finfo`: np.finfo's attributes for any format."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import frexp

from .format import Format
from .names import FormatLike, described_only, get_format
from .wide import WideFormat, decimal_text


@dataclass(frozen=True)
class FormatInfo:
    """Machine limits of a format, under np.finfo's attribute names.

    Values are Python floats; of formats whose limits float64 does not hold exact integers (`max`, `min`) and fractions.
    `decimal` gives any of them as text.
    """

    format: Format | WideFormat
    bits: int
    nmant: int
    nexp: int
    eps: float | Fraction
    epsneg: float | Fraction
    max: float | Fraction
    min: float | Fraction
    tiny: float | Fraction
    smallest_normal: float | Fraction
    smallest_subnormal: float | Fraction
    resolution: float
    precision: int
    maxexp: int
    minexp: int
    machep: int
    negep: int
    iexp: int

    def __repr__(self) -> str:
        known = ("max", "smallest_normal", "smallest_subnormal", "eps")
        limits = ", ".join(f"{name}={self.decimal(name, 9)}" for name in known)
        return f"<limits of {self.format.name}: {self.bits} bits, {limits}>"

    def decimal(self, name: str, digits: int = 36) -> str:
        """One of the limits as decimal text of at most so many digits.

        Examples
        --------
        >>> finfo("binary256").decimal("smallest_subnormal", 9)
        '2.24800709E-78984'
        """
        return decimal_text(getattr(self, name), digits)


def finfo(fmt: FormatLike) -> FormatInfo:
    """np.finfo for any format.

    Formats that are described and not computed in (binary128, binary256, x87, P3109's beyond float64) have one too.

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
    >>> nf.finfo("binary128").max == 2**16384 - 2**16271, nf.finfo("binary128").eps
    (True, Fraction(1, 5192296858534827628530496329220096))
    """
    wide = described_only(fmt)
    if wide is not None:
        return _wide_info(wide)
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


def _wide_info(f: WideFormat) -> FormatInfo:
    digits, whole = int((f.precision - 1) * 0.30102999566398120), f.max.denominator == 1
    return FormatInfo(
        format=f, bits=f.bits, nmant=f.precision - 1, nexp=f.exponent_bits, eps=f.eps, epsneg=f.eps / 2,
        max=int(f.max) if whole else f.max, min=int(f.min) if whole else f.min, tiny=f.smallest_normal,
        smallest_normal=f.smallest_normal, smallest_subnormal=f.smallest_subnormal, resolution=10.0**-digits,
        precision=digits, maxexp=f.emax + 1, minexp=f.emin, machep=1 - f.precision, negep=-f.precision,
        iexp=f.exponent_bits,
    )  # fmt: skip

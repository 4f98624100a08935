"""Formats that are described exactly and not computed in: binary128, binary256, x87's, and P3109's beyond float64.

A value of nfloat is a float64 number, so a format with more digits or exponents has no carrier. What can be said about
it without one stands here, in integers and fractions: limits, the neighbours of a number, their codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction

from ..errors import FormatError

_IEEE = "IEEE 754-2019, table 3.5"


@dataclass(frozen=True, kw_only=True)
class WideFormat:
    """A binary floating-point format of any width, by the fields of `Format`; its numbers are fractions.

    `explicit_bit`: the first bit of the significand is written out (x87). `unsigned_zero`: NaN stands where -0 would.
    """

    name: str
    bits: int
    precision: int
    emin: int
    emax: int
    max_significand: int = 0
    signed: bool = True
    has_inf: bool = True
    explicit_bit: bool = False
    unsigned_zero: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        if not self.max_significand:
            object.__setattr__(self, "max_significand", 2**self.precision - 1)

    @property
    def has_nan(self) -> bool:
        """All of them have one."""
        return True

    @property
    def has_negative_zero(self) -> bool:
        """Whether -0 has a code of its own."""
        return self.signed and not self.unsigned_zero

    @property
    def exponent_bits(self) -> int:
        """Width of the exponent field."""
        return self.bits - self.signed - (self.precision - 1) - self.explicit_bit

    @property
    def bias(self) -> int:
        """Exponent field minus exponent of a normal number."""
        return 1 - self.emin

    @property
    def max(self) -> Fraction:
        """The largest finite number."""
        return self.max_significand * _power(self.emax - self.precision + 1)

    @property
    def min(self) -> Fraction:
        """The least finite number."""
        return -self.max if self.signed else Fraction(0)

    @property
    def smallest_normal(self) -> Fraction:
        """The smallest positive normal number."""
        return _power(self.emin)

    @property
    def smallest_subnormal(self) -> Fraction:
        """The smallest positive number."""
        return _power(self.emin - self.precision + 1)

    @property
    def eps(self) -> Fraction:
        """The gap between 1 and the next larger number."""
        return _power(1 - self.precision)

    def neighbours(self, x: Fraction) -> tuple[Fraction | None, Fraction | None]:
        """The greatest number <= x and the least one >= x; None where x is beyond the finite numbers."""
        size = abs(x)
        unit = _power(max(_exponent(size), self.emin) - self.precision + 1) if size else Fraction(1)
        low, rest = divmod(size, unit)
        ends = low * unit, (low + (rest > 0)) * unit
        if x < 0:
            ends = -ends[1], -ends[0]
        lower, upper = (end if self.min <= end <= self.max else None for end in ends)
        return lower, upper

    def code(self, x: Fraction) -> int:
        """The bit pattern of a number of the format."""
        size = abs(x)
        exponent = max(_exponent(size), self.emin) if size else self.emin
        significand = int(size / _power(exponent - self.precision + 1))
        normal = significand >> (self.precision - 1)
        field = exponent + self.bias if normal else 0
        kept = significand if self.explicit_bit else significand - (normal << (self.precision - 1))
        width = self.precision - 1 + self.explicit_bit
        return (field << width) + kept + ((1 << (self.bits - 1)) if x < 0 else 0)

    def bit_text(self, code: int) -> str:
        """The bits of a code with a space between sign, exponent and significand."""
        text = f"{code:0{self.bits}b}"
        first = int(self.signed)
        parts = text[:first], text[first : first + self.exponent_bits], text[first + self.exponent_bits :]
        return " ".join(part for part in parts if part)


WIDE = {
    f.name: f
    for f in (
        WideFormat(name="binary128", bits=128, precision=113, emin=-16382, emax=16383, source=_IEEE),
        WideFormat(name="binary256", bits=256, precision=237, emin=-262142, emax=262143,
                   source="IEEE 754-2019, 3.6: k = 256"),
        WideFormat(name="x87", bits=80, precision=64, emin=-16382, emax=16383, explicit_bit=True,
                   source="Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 1, 4.2.2"),
    )
}  # fmt: skip
#: other spellings -> name
WIDE_ALIASES = {"float128": "binary128", "fp128": "binary128", "quad": "binary128", "fp256": "binary256",
                "octuple": "binary256", "float80": "x87", "fp80": "x87", "x87_80": "x87",
                "extended": "x87", "longdouble": "x87"}  # fmt: skip


def wide_format(name: object) -> WideFormat | None:
    """The format of a name that stands here; None for every other name (P3109's are found by ``names.py``)."""
    key = name.strip().lower() if isinstance(name, str) else ""
    return WIDE.get(WIDE_ALIASES.get(key, key))


def refusal(argument: str, name: str) -> FormatError:
    """What computing in one of them gets."""
    return FormatError(
        f"{argument}={name!r} has numbers that float64 does not hold, and float64 carries all values; nf.finfo and "
        "nfloat explain describe it, nothing computes in it"
    )


def decimal_text(x: Fraction | float, digits: int = 36) -> str:
    """A number as decimal text of at most so many digits.

    Examples
    --------
    >>> decimal_text(WIDE["binary128"].max, 12), decimal_text(0.5)
    ('1.18973149536E+4932', '0.5')
    """
    exact = Fraction(x)
    context = Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN)
    return str(context.divide(Decimal(exact.numerator), Decimal(exact.denominator)))


def _power(e: int) -> Fraction:
    return Fraction(2**e) if e >= 0 else Fraction(1, 2**-e)


def _exponent(x: Fraction) -> int:
    """floor(log2 x), x > 0; anything below all formats for 0."""
    if not x:
        return -(1 << 40)
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if x >= _power(e) else e - 1

"""`Format`: what a number format is, as a frozen value, and the constants that follow from it.

A format is a set of numbers (precision, exponent range, which top codes are special) plus a code for each of them. All
named formats stand in ``catalog.py``; the constants in the form that kernels read stand in ``spec.py``.

Codes are sign-magnitude (or two's complement for fixed point): with m the magnitude code, f = m mod 2^(p-1) and
E = m div 2^(p-1), the value is (2^(p-1) + f) 2^(E - bias - p + 1), or f 2^(emin - p + 1) where E = 0. Codes above the
largest finite one are special: first infinity (if the format has it), then NaNs. So a top binade cut short (OCP E4M3),
a missing infinity (FNUZ) or the P3109 layout need no case of their own.

Sources: IEEE 754-2019; OCP OFP8 1.0; OCP MX 1.0; IEEE P3109 Interim Report v4.0 (unapproved draft).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from functools import cached_property

from ..errors import FormatError, as_integer
from .rounding import Overflow


class NaNCodes(str, Enum):
    """Where a format keeps its NaNs."""

    #: every magnitude code above the largest finite number (and infinity, if there is one)
    TOP = "top"
    #: one NaN, at the code that would be negative zero (FNUZ, signed P3109)
    NEGATIVE_ZERO = "negative_zero"
    #: none
    NONE = "none"


class LowestBinade(str, Enum):
    """What the codes with exponent field 0 mean."""

    #: zero and the subnormal numbers
    SUBNORMAL = "subnormal"
    #: ordinary normal numbers: the format has no zero (E8M0)
    NORMAL = "normal"
    #: zero, then ordinary normal numbers: the least power of two is missing (DLFloat)
    ZERO_FIRST = "zero_first"


class Subnormals(str, Enum):
    """What becomes of numbers below the smallest normal one."""

    #: kept (gradual underflow)
    KEPT = "kept"
    #: a *rounded* value below the smallest normal becomes a zero of its sign (FTZ, tininess after rounding)
    FLUSH_OUTPUT = "flush_output"
    #: an input below the smallest normal counts as a zero of its sign (DAZ)
    FLUSH_INPUT = "flush_input"
    #: both
    FLUSH = "flush"


@dataclass(frozen=True, kw_only=True, repr=False)
class Format:
    """A number format: which numbers exist, and which code each of them has.

    Parameters
    ----------
    name : str
        Any label; the catalogue's names are canonical.
    precision : int
        p, the significand bits *including* the implicit one, 1 to 53.
    emin, emax : int
        Exponents of the least normal and the greatest finite number: 2^emin <= |x| < 2^(emax + 1).
    bits : int, optional
        Width of a code, at most 64 (unsigned 63); by default the least that holds all of them. In a wider one the codes
        between the last number and the sign bit are NaNs.
    signed : bool
        Whether negative numbers exist.
    has_inf : bool
        Whether infinities exist.
    nan : NaNCodes or str
        Where NaNs are: "top", "negative_zero", "none".
    max_significand : int, optional
        Significand of the largest finite number as an integer of p bits; default 2^p - 1 (a full top binade).
    lowest_binade : LowestBinade or str
        Meaning of the lowest exponent field: "subnormal", "normal" (no zero: E8M0), "zero_first" (DLFloat).
    subnormals : Subnormals or str
        "kept", "flush_output", "flush_input", "flush".
    twos_complement : bool
        Fixed point: codes are integers, values multiples of 2^(emin - p + 1), one more negative than positive.
    overflow : Overflow or str, optional
        The format's own policy. Default: infinity if there is one, else NaN if there is one, else saturate.
    source : str
        Where the definition stands.

    Raises
    ------
    FormatError
        If the fields contradict each other; the message names the field.

    Examples
    --------
    >>> from nfloat import Format
    >>> f = Format(name="tiny", precision=3, emin=-2, emax=3)
    >>> f.bits, f.max, f.smallest_subnormal
    (6, 14.0, 0.0625)
    >>> eval(repr(f)) == f
    True
    """

    name: str
    precision: int
    emin: int
    emax: int
    bits: int = 0
    signed: bool = True
    has_inf: bool = True
    nan: NaNCodes = NaNCodes.TOP
    max_significand: int = 0
    lowest_binade: LowestBinade = LowestBinade.SUBNORMAL
    subnormals: Subnormals = Subnormals.KEPT
    twos_complement: bool = False
    overflow: Overflow | None = None
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for key, kind in (("nan", NaNCodes), ("lowest_binade", LowestBinade), ("subnormals", Subnormals)):
            self._set(key, _member(self.name, key, kind, getattr(self, key)))
        self._check_integers()
        if self.overflow is not None:
            self._set("overflow", _member(self.name, "overflow", Overflow, self.overflow))
        for key in ("max_significand", "overflow", "bits"):
            if not getattr(self, key):
                self._set(key, self._derived(key))
        self._check_consistency()

    def _derived(self, key: str) -> object:
        """The value of a field that may be left out."""
        if key == "max_significand":
            return 2**self.precision - 1
        if key == "overflow":
            return Overflow.INFINITY if self.has_inf else Overflow.NAN if self.has_nan else Overflow.SATURATE
        return self._top_magnitude.bit_length() + self.signed

    def _set(self, key: str, value: object) -> None:
        object.__setattr__(self, key, value)

    def _check_integers(self) -> None:
        for key, kind in (
            ("name", str),
            ("signed", bool),
            ("has_inf", bool),
            ("twos_complement", bool),
            ("source", str),
        ):
            if not isinstance(getattr(self, key), kind):
                raise FormatError(f"{key}={getattr(self, key)!r} of format {self.name!r} must be a {kind.__name__}")
        for key in ("precision", "emin", "emax", "bits", "max_significand"):
            value = as_integer(getattr(self, key))
            if value is None:
                raise FormatError(f"{key}={getattr(self, key)!r} of format {self.name!r} must be an integer")
            self._set(key, value)
        self._check_sizes()

    def _check_sizes(self) -> None:
        """Before anything is computed from the integers: with huge ones 2^bits alone would take all memory."""
        if not 1 <= self.precision <= 53:
            raise FormatError(
                f"precision={_shown(self.precision)} of format {self.name!r} must be in 1..53 (implicit bit included)"
            )
        if self.emin > self.emax:
            raise FormatError(
                f"emin={_shown(self.emin)} of format {self.name!r} must not exceed emax={_shown(self.emax)}"
            )
        if self.emax > 1023 or self.emin - self.precision + 1 < -1074:
            raise FormatError(
                f"emin={_shown(self.emin)}, emax={_shown(self.emax)}, precision={self.precision} of format "
                f"{self.name!r}: every value must "
                "be a float64 value, so emax <= 1023 and emin - precision + 1 >= -1074"
            )
        if not 0 <= self.bits <= 63 + self.signed:
            raise FormatError(
                f"bits={_shown(self.bits)} of format {self.name!r} must be at most {63 + self.signed}: a magnitude "
                "code is an int64; "
                "0 stands for the least that holds all codes"
            )

    def _check_consistency(self) -> None:
        if self.twos_complement:
            self._check_fixed_point()
        low, high = 2 ** (self.precision - 1), 2**self.precision - 1
        if not low <= self.max_significand <= high:
            raise FormatError(
                f"max_significand={_shown(self.max_significand)} of format {self.name!r} must be in {low}..{high}"
            )
        if self.max_code >= 2 ** (self.bits - self.signed) or self._top_magnitude >= 2 ** (self.bits - self.signed):
            raise FormatError(f"bits={self.bits} of format {self.name!r} is too narrow for its largest codes")
        if self.nan is NaNCodes.NEGATIVE_ZERO and not self.signed:
            raise FormatError(f"nan='negative_zero' of format {self.name!r} needs signed=True")
        if self.lowest_binade is LowestBinade.NORMAL and self.signed:
            raise FormatError(
                f"lowest_binade='normal' of format {self.name!r} needs signed=False: a format without zero is a scale"
            )
        if self.lowest_binade is LowestBinade.ZERO_FIRST and self.max < self.smallest_normal:
            raise FormatError(
                f"lowest_binade='zero_first' of format {self.name!r} takes the only number away (emin == emax, a top "
                "cut to a power of two); "
                "use a larger emax or max_significand"
            )
        if self.overflow is Overflow.INFINITY and not self.has_inf:
            raise FormatError(f"overflow='infinity' of format {self.name!r} needs has_inf=True")
        if self.overflow is Overflow.NAN and not self.has_nan:
            raise FormatError(f"overflow='nan' of format {self.name!r} needs a NaN (nan='top' or 'negative_zero')")

    def _check_fixed_point(self) -> None:
        name = f"twos_complement=True of format {self.name!r}"
        if self.emin != self.emax or not self.signed or self.has_inf or self.has_nan:
            raise FormatError(f"{name} needs signed=True, emin == emax, no infinity and no NaN")
        if self.subnormals is not Subnormals.KEPT or self.lowest_binade is not LowestBinade.SUBNORMAL:
            raise FormatError(
                f"{name} needs subnormals='kept' and lowest_binade='subnormal': it has one unit for all numbers"
            )
        if self.bits != self.precision + 1 or self.max_significand != 2**self.precision - 1:
            raise FormatError(f"{name} needs bits == precision + 1 and every significand: each code is a number")
        if self.emax > 1022:
            raise FormatError(
                f"emax={self.emax} of format {self.name!r} must be at most 1022: the least number, -2^(emax + 1), is "
                "a float64 value"
            )

    # ---------------------------------------------------------------- what exists
    @property
    def has_nan(self) -> bool:
        """Whether some code is a NaN."""
        return self.nan is not NaNCodes.NONE

    @property
    def has_zero(self) -> bool:
        """Whether zero is a number of the format (E8M0 has none)."""
        return self.lowest_binade is not LowestBinade.NORMAL

    @property
    def has_negative_zero(self) -> bool:
        """Whether -0 has a code of its own."""
        return self.signed and self.has_zero and self.nan is not NaNCodes.NEGATIVE_ZERO and not self.twos_complement

    @property
    def has_subnormals(self) -> bool:
        """Whether results below the smallest normal number are kept."""
        return self.lowest_binade is LowestBinade.SUBNORMAL and not self.flushes_output

    @property
    def flushes_output(self) -> bool:
        """Whether a rounded value below the smallest normal number becomes zero."""
        return self.lowest_binade is LowestBinade.ZERO_FIRST or self.subnormals in (
            Subnormals.FLUSH_OUTPUT,
            Subnormals.FLUSH,
        )

    @property
    def flushes_input(self) -> bool:
        """Whether an input below the smallest normal number counts as zero."""
        return self.subnormals in (Subnormals.FLUSH_INPUT, Subnormals.FLUSH)

    # ---------------------------------------------------------------- constants
    @property
    def bias(self) -> int:
        """Exponent field minus exponent of a normal number; for fixed point the number of fraction bits."""
        if self.twos_complement:
            return self.precision - 1 - self.emin
        return 1 - self.emin if self.lowest_binade is LowestBinade.SUBNORMAL else -self.emin

    @property
    def exponent_bits(self) -> int:
        """Width of the exponent field (0 for fixed point, and where one binade is all there is)."""
        return 0 if self.twos_complement else max(0, self.bits - self.signed - (self.precision - 1))

    @cached_property
    def max(self) -> float:
        """The largest finite number."""
        return float(self.max_significand) * 2.0 ** (self.emax - self.precision + 1)

    @cached_property
    def min(self) -> float:
        """The least finite number: -max if signed, else zero or the smallest positive number."""
        if not self.signed:
            return 0.0 if self.has_zero else self.smallest_normal
        return -(self.max + self.smallest_subnormal) if self.twos_complement else -self.max

    @cached_property
    def smallest_normal(self) -> float:
        """The smallest positive normal number (fixed point: one unit)."""
        if self.twos_complement:
            return self.smallest_subnormal
        extra = 2.0 ** (1 - self.precision) if self.lowest_binade is LowestBinade.ZERO_FIRST else 0.0
        return 2.0**self.emin * (1.0 + extra)

    @cached_property
    def smallest_subnormal(self) -> float:
        """The smallest positive number with subnormals; the smallest normal one where there are none."""
        if self.has_subnormals:
            return 2.0 ** (self.emin - self.precision + 1)
        return self.smallest_normal

    @cached_property
    def eps(self) -> float:
        """The gap between 1 and the next larger number (below 2^emin that of the smallest normal number)."""
        return self.smallest_subnormal if self.twos_complement else 2.0 ** (max(self.emin, 0) - self.precision + 1)

    @cached_property
    def max_code(self) -> int:
        """Magnitude code of the largest finite number."""
        if self.twos_complement:
            return self.max_significand
        field_ = self.emax + self.bias
        return (field_ << (self.precision - 1)) + self.max_significand - (1 << (self.precision - 1))

    @property
    def inf_code(self) -> int | None:
        """Magnitude code of infinity, or None."""
        return self.max_code + 1 if self.has_inf else None

    @cached_property
    def nan_code(self) -> int | None:
        """The code that a NaN is encoded as (the quiet, positive one), or None."""
        if self.nan is NaNCodes.NONE:
            return None
        if self.nan is NaNCodes.NEGATIVE_ZERO:
            return 1 << (self.bits - 1)
        fraction = (self.max_code + 1) & ((1 << (self.precision - 1)) - 1)
        if self.has_inf and fraction == 0 and self.precision >= 2:
            return self.max_code + 1 + (1 << (self.precision - 2))
        return (1 << (self.bits - self.signed)) - 1

    @property
    def _top_magnitude(self) -> int:
        """The largest magnitude code that must exist: max, then infinity, then at least one NaN."""
        return self.max_code + self.has_inf + (self.nan is NaNCodes.TOP)

    @cached_property
    def fits_float32(self) -> bool:
        """Whether every number of the format is a float32 number, so that float32 can carry it."""
        greatest = self.emax + self.twos_complement  # the least number of fixed point is -2^(emax + 1)
        return self.precision <= 24 and greatest <= 127 and self.emin - self.precision + 1 >= -149

    def replace(self, **changes: object) -> Format:
        """A copy with other fields; `bits` and `overflow` are kept unless changed."""
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        return Format(**{**kept, **changes})

    def __hash__(self) -> int:
        # kept, since formats are the keys of every cache of derived constants
        if "_hash" not in self.__dict__:
            self._set("_hash", hash((self.name, self.precision, self.emin, self.emax, self.bits, self.max_significand)))
        return self.__dict__["_hash"]

    def __getstate__(self) -> dict[str, object]:
        # fields alone: a hash of strings holds in one process only, and the derived constants are made again
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        parts = []
        for f in fields(self):
            value = getattr(self, f.name)
            default = self._derived(f.name) if f.name in ("max_significand", "overflow", "bits") else f.default
            if f.compare and value != default:
                plain = value.value if isinstance(value, Enum) else value
                parts.append(f"{f.name}={plain!r}")
        return f"Format({', '.join(parts)})"

    def _repr_html_(self) -> str:
        from ..pictures.format_cards import format_html  # loaded for notebooks alone

        return format_html(self)

    def __str__(self) -> str:
        return self.name


def _shown(number: int) -> str:
    """A number for a message; one too long to read (or for Python to write out) by its length."""
    return str(number) if number.bit_length() <= 128 else f"<an integer of {number.bit_length()} bits>"


def _member(name: str, key: str, kind: type[Enum], value: object) -> Enum:
    try:
        return kind(value if isinstance(value, str) else "")  # arrays of odd dtypes cannot even be compared
    except ValueError:
        allowed = ", ".join(repr(m.value) for m in kind)
        raise FormatError(f"{key}={value!r} of format {name!r} must be one of {allowed}") from None

"""Which formats the lanes of float16, float32 and float64 can round, as inequalities.

What every fast path is chosen by.

A condition is computed from a format's own fields and the lane's digits and exponents, and its reason stands beside it.
The loops themselves are in ``kernels/rounding/vector.py`` (the narrow family and the one with the lane's exponents) and
``kernels/rounding/codes_vector.py``. What none of these functions names is left to the plain rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from .format import Format
from .rounding import Overflow, Rounding


@dataclass(frozen=True)
class Lane:
    """A hardware format by its precision and the exponent of its least normal number."""

    digits: int
    emin: int

    @property
    def emax(self) -> int:
        """Exponent of its greatest number."""
        return 1 - self.emin

    @property
    def least(self) -> int:
        """Exponent of its least number."""
        return self.emin - self.digits + 1

    @property
    def most_odd(self) -> int:
        """The most bits p to which a number rounded to odd in the lane rounds as the exact one does.

        Two bits more than the result has are enough in every deterministic mode (Boldo and Melquiond 2008).
        """
        return self.digits - 2

    @property
    def most_narrow(self) -> int:
        """The most bits p for which C = 1.5 2^(e + digits - p) keeps its binade in x + C, |x| < 2^(e + 1).

        2^(e + 1) is then at most a quarter of C's binade.
        """
        return self.digits - 2

    @property
    def most_twice(self) -> int:
        """The most bits p for which an operation on two p-bit numbers may be rounded in the lane and again.

        Figueroa 1995: digits >= 2 p + 2.
        """
        return (self.digits - 2) // 2


HALF = Lane(11, -14)
SINGLE = Lane(24, -126)
DOUBLE = Lane(53, -1022)
#: by the width of a lane
LANES = {16: HALF, 32: SINGLE, 64: DOUBLE}


def is_narrow(f: Format, lane: Lane) -> bool:
    """Whether x + C, C = 1.5 2^(e + digits - p), rounds every |x| < 2^(e + 1) in every binade e of the format's.

    Three things are needed, and for fixed point, unsigned and cut formats no others:

    * C keeps its binade, so that its last bit is the unit 2^(e - p + 1) (`Lane.most_narrow`);
    * the least unit is twice a normal number. It is made in the exponent's field, and what underflows in the lane (a
      product of two numbers of the format) lies below half of it, where a second rounding changes nothing;
    * C is finite up to the format's last binade. Magnitudes beyond that, to the greatest whose C is finite, are the
      kernel's `limit`.
    """
    unit = f.emin - f.precision + 1
    return f.precision <= lane.most_narrow and unit > lane.emin and f.emax + lane.digits - f.precision <= lane.emax


def has_exponents(f: Format, lane: Lane) -> bool:
    """Whether the grid is every 2^(digits - p)-th number of the lane, from its subnormal ones on.

    Bits are cut off, zeros keep signs.

    For a format whose numbers the lane carries. emax may be any: a carry ends in the lane's infinity, which is beyond
    it.
    """
    return f.emin == lane.emin and f.has_negative_zero


def is_whole(f: Format, lane: Lane) -> bool:
    """Whether the numbers are the lane's own, all of them, subnormal ones kept."""
    return is_head(f, lane) and f.precision == lane.digits


def is_head(f: Format, lane: Lane) -> bool:
    """Whether the numbers are the lane's whose last digits - p bits are 0, infinities and both zeros included."""
    kept = f.has_subnormals and not f.flushes_input and f.has_inf and f.has_negative_zero
    whole = f.max_significand == 2**f.precision - 1 and f.precision <= lane.digits
    return kept and whole and (f.emin, f.emax) == (lane.emin, lane.emax)


def has_head_codes(f: Format, lane: Lane, width: int) -> bool:
    """`is_head`, and the codes are the first bits of the lane's own, of `width` bits: none is wider than needed."""
    return is_head(f, lane) and f.bits - f.precision == width - lane.digits


def has_word_codes(f: Format) -> bool:
    """Whether magnitude codes are non-negative 32-bit integers, as lanes compare them.

    A sign bit may lie above 31 others.
    """
    return f.bits - f.signed <= 31


def has_only_normal_numbers(f: Format, lane: Lane) -> bool:
    """Whether codes can be cut out of the lane's bits as they are.

    Every number is normal in both, or subnormal in both.

    The code is then the bits less those of the binade with exponent field 0, without the last digits - p. In formats of
    one bit 2^(lane.emin - 1) is as good (E8M0 has it): a subnormal number of the lane, but its half binade is less than
    what is cut off.
    """
    if f.twos_complement:
        return False
    if f.precision == 1:
        return f.emin >= lane.emin - 1
    return f.emin == lane.emin or (f.emin > lane.emin and not f.has_subnormals)


# ---------------------------------------------------------------- sums and products (``kernels/gemm/roundings.py``)
def is_native(fmt: Format, lane: Lane, mode: Rounding, overflow: Overflow | None) -> bool:
    """Whether the hardware's own arithmetic in a lane rounds to the format in this way."""
    return mode is Rounding.NEAREST_EVEN and is_whole(fmt, lane) and (overflow or fmt.overflow) is Overflow.INFINITY


def reaches(fmt: Format, lane: Lane, exponent: int) -> bool:
    """Whether the magic constant C = 1.5 2^(e + D - p) is finite for e up to `exponent` and for the lowest binade.

    max(exponent, emin) + D - p <= the lane's greatest exponent, 1 - its least. C + x then stays below 2 C / 1.5.
    """
    return max(exponent, fmt.emin) + lane.digits - fmt.precision <= lane.emax


def has_narrow_grid(fmt: Format, lane: Lane) -> bool:
    """Whether the magic constant rounds to the format's grid in these lanes, a sum being one hardware addition.

    With D the lane's precision: 2 p < D, so that a sum rounded to D bits and then to p is one rounding
    (``kernels/gemm/roundings.py``), and D - p >= 2, which rounding to odd needs (p >= 2 and the former give it); 2^emin
    a normal number of the lane, since the binade is read off the exponent's bits: the unit, 2^(emin - p + 1), then is
    at least four times the lane's least number; and C finite from the lowest binade on (`reaches`), where results up to
    `limit` have theirs.
    """
    return (
        fmt.precision >= 2
        and 2 * fmt.precision < lane.digits
        and fmt.has_zero
        and not fmt.flushes_input
        and not fmt.flushes_output
        and fmt.emin >= lane.emin
        and reaches(fmt, lane, fmt.emin)
        and fmt.min < 0
    )


def has_general_grid(fmt: Format, lane: Lane) -> bool:
    """Whether `General` knows the format in these lanes.

    p <= D - 2: rounding to odd needs two bits to spare. emin - p + 1 > the lane's least exponent: half a unit, which
    the rest is compared with, is a normal number. emax + 2 <= log2 `room`: a sum of two numbers of the format is below
    2^(emax + 2), so C is finite for it; 30 more are left, so that lanes with half the format's range are not tried in
    vain.
    """
    return (
        2 <= fmt.precision <= lane.digits - 2
        and fmt.has_zero
        and not fmt.flushes_input
        and fmt.emin - fmt.precision + 1 > lane.emin
        and reaches(fmt, lane, fmt.emax + 31)
    )


def room(fmt: Format, lane: Lane) -> float:
    """2^r such that `General` rounds |s| + |a b| <= 2^(r + 1) as it should.

    A sum with floor(log2 |x|) <= r + 1 has a finite C, so r + 1 + D - p <= 1 - EMIN. (Beyond, the exponent's bits of C
    wrap around: NaN, or no rounding at all.)
    """
    return 2.0 ** (-lane.emin - (lane.digits - fmt.precision))


def has_code_grid(fmt: Format) -> bool:
    """Whether `Stochastic` can cut the format's numbers off float32's codes.

    The grids must be one: emin the lane's own, subnormal numbers, -0. p <= 16: of the 32 random bits 8 + p lie below
    the lane's last bit, and as a float32 number they are exact only up to 24 bits.
    """
    return (
        2 <= fmt.precision <= 16
        and fmt.emin == SINGLE.emin
        and fmt.has_subnormals
        and fmt.has_negative_zero
        and not fmt.flushes_input
    )


def cut_bits(mode: Rounding, random_bits: int) -> int | None:
    """How many bits beyond p the points have at which a mode begins to round up (``kernels/gemm/cut.py``).

    None: not for that.
    """
    known = {
        Rounding.TOWARD_ZERO: 0,
        Rounding.NEAREST_AWAY: 1,
        Rounding.STOCHASTIC: 32,
        Rounding.STOCHASTIC_A: random_bits,
        Rounding.STOCHASTIC_B: random_bits + 1,
    }
    bits = known.get(mode)
    return bits if bits is not None and bits <= 32 else None


def can_cut(fmt: Format, mode: Rounding, random_bits: int) -> bool:
    """Whether a format's sums can be rounded toward zero in float64 and then cut.

    The points at which a mode begins to round up are multiples of 2^-bits units. They must be numbers of the lane: p +
    bits <= 53, and in the lowest binade emin - p + 1 - bits >= -1074 (one more is asked for).
    """
    bits = cut_bits(mode, random_bits)
    return (
        bits is not None
        and fmt.precision + bits <= 53
        and has_narrow_grid(fmt, DOUBLE)
        and fmt.has_negative_zero
        and fmt.emin - fmt.precision - bits > DOUBLE.least
    )


def can_cut_odd(fmt: Format, mode: Rounding) -> bool:
    """Whether a format's sums can be rounded to odd in float64 and then cut (``kernels/gemm/odd.py``).

    In modes that `can_cut` has nothing for. Two bits are to spare, p + 2 <= 53, and 2^emin is a normal number, so that
    they are in the lowest binade too: emin - p + 1 - 2 >= -1074. No format of one bit, whose numbers' last bit is the
    exponent's.
    """
    return (
        not mode.is_stochastic
        and cut_bits(mode, 0) is None
        and 2 <= fmt.precision <= DOUBLE.most_odd
        and fmt.has_zero
        and fmt.has_negative_zero
        and fmt.min < 0
        and not fmt.flushes_input
        and not fmt.flushes_output
        and fmt.emin >= DOUBLE.emin
    )


def limit(fmt: Format, lane: Lane) -> float:
    """The greatest number, or what the magic constant reaches if that is less: sums up to this one need no watching."""
    return min(fmt.max, -fmt.min, 2.0 ** (-lane.emin + 1 - (lane.digits - fmt.precision)))

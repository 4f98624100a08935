"""Which formats the lanes of float32 and float64 can round, as inequalities: what every fast path of ``ops`` is chosen by.

A condition is computed from a format's own fields and the lane's digits and exponents, and its reason stands beside it. The loops
themselves are in ``kernels/rounding/vector.py`` (the narrow family and the one with the lane's exponents) and ``kernels/rounding/codes_vector.py``.
What none of these functions names is left to the plain rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from .format import Format


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
    def most_odd(self) -> int:
        """The most significand bits for which a number rounded to odd in the lane rounds once more as the exact one does.

        Two bits more than the result has are enough in every deterministic mode (Boldo and Melquiond 2008).
        """
        return self.digits - 2

    @property
    def most_twice(self) -> int:
        """The most significand bits p for which an operation on two p-bit numbers may be rounded to nearest in the lane and again.

        Figueroa 1995: digits >= 2 p + 2.
        """
        return (self.digits - 2) // 2


SINGLE, DOUBLE = Lane(24, -126), Lane(53, -1022)


def is_narrow(f: Format, lane: Lane) -> bool:
    """Whether x + C, C = 1.5 2^(e + digits - p), rounds every |x| < 2^(e + 1) in every binade e of the format's.

    Three things are needed, and for fixed point, unsigned and cut formats no others:

    * C keeps its binade, so that its last bit is the unit 2^(e - p + 1): 2^(e + 1) is at most a quarter of 2^(e + digits - p + 1);
    * the least unit is twice a normal number. It is made in the exponent's field, and what underflows in the lane (a product of two
      numbers of the format) lies below half of it, where a second rounding changes nothing;
    * C is finite up to the format's last binade. Magnitudes beyond that, to the greatest whose C is finite, are the kernel's `limit`.
    """
    unit = f.emin - f.precision + 1
    return f.precision <= lane.digits - 2 and unit > lane.emin and f.emax + lane.digits - f.precision <= lane.emax


def has_exponents(f: Format, lane: Lane) -> bool:
    """Whether the grid is every 2^(digits - p)-th number of the lane, from its subnormal ones on: bits are cut off, zeros keep signs.

    For a format whose numbers the lane carries. emax may be any: a carry ends in the lane's infinity, which is beyond it.
    """
    return f.emin == lane.emin and f.has_negative_zero


def is_whole(f: Format, lane: Lane) -> bool:
    """Whether the numbers are the lane's own, all of them, subnormal ones kept."""
    return is_head(f, lane) and f.precision == lane.digits


def is_head(f: Format, lane: Lane) -> bool:
    """Whether the numbers are those of the lane whose last digits - p bits are 0, infinities and zeros of both signs included."""
    kept = f.has_subnormals and not f.flushes_input and f.has_inf and f.has_negative_zero
    whole = f.max_significand == 2**f.precision - 1 and f.precision <= lane.digits
    return kept and whole and (f.emin, f.emax) == (lane.emin, lane.emax)


def has_head_codes(f: Format, lane: Lane, width: int) -> bool:
    """`is_head`, and the codes are the first bits of the lane's own, of `width` bits: none is wider than needed."""
    return is_head(f, lane) and f.bits - f.precision == width - lane.digits


def has_word_codes(f: Format) -> bool:
    """Whether magnitude codes are non-negative 32-bit integers, as lanes compare them: a sign bit may lie above 31 others."""
    return f.bits - f.signed <= 31


def has_only_normal_numbers(f: Format, lane: Lane) -> bool:
    """Whether codes can be cut out of the lane's bits as they are: every number is normal in both, or subnormal in both.

    The code is then the bits less those of the binade with exponent field 0, without the last digits - p. In formats of one bit
    2^(lane.emin - 1) is as good (E8M0 has it): a subnormal number of the lane, but its half binade is less than what is cut off.
    """
    if f.twos_complement:
        return False
    if f.precision == 1:
        return f.emin >= lane.emin - 1
    return f.emin == lane.emin or (f.emin > lane.emin and not f.has_subnormals)

"""Rounding modes, overflow policies and what each one means: three separate things from the format, never one flag.

A mode decides between the two neighbours on the format's grid, a policy decides what becomes of a *rounded* value
beyond the largest finite one. A mode's facts stand beside it, once: fast paths, policies and bounds ask for these, and
leave a mode whose facts they do not know to the plain rule (``kernels/rounding/scalar.py``), which branches on the
integer `tag`.

Sources: IEEE 754-2019 clause 4.3; IEEE P3109 Interim Report v4.0 (unapproved draft) for to_odd and the stochastic
modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ..errors import RoundingError, as_integer, nearest_names


class Family(Enum):
    """What kind of rule chooses between the two neighbours."""

    #: the nearer one; `ModeFacts.tie` says which of two equally near ones
    NEAREST = "nearest"
    #: always the same one; `ModeFacts.away` says which
    DIRECTED = "directed"
    #: the one with an odd significand
    ODD = "odd"
    #: random bits decide; `ModeFacts.draws` says how many
    STOCHASTIC = "stochastic"


class Tie(Enum):
    """Which neighbour a number halfway between two becomes."""

    EVEN = "even"
    AWAY = "away"
    ZERO = "zero"


class Draws(Enum):
    """How much of a random word a stochastic mode takes."""

    #: as many bits as the carrier's word has
    WORD = "word"
    #: the leading N, which the caller states
    STATED = "stated"
    #: the first one
    COIN = "coin"


@dataclass(frozen=True)
class ModeFacts:
    """What fast paths and policies may know of a mode.

    What none of these says, only the rule itself knows (``kernels/rounding/scalar.py``).

    `away`: whether a positive and a negative number go away from zero (DIRECTED). `unbiased`: whether the mean over all
    random words is the number itself, but for the fraction's bits that are not looked at.
    """

    family: Family
    tie: Tie | None = None
    away: tuple[bool, bool] = (False, False)
    draws: Draws | None = None
    unbiased: bool = False

    @property
    def symmetric(self) -> bool:
        """Whether a number's sign has no part in the choice."""
        return self.family is not Family.DIRECTED or self.away[0] == self.away[1]

    def toward_zero(self, *, positive: bool) -> bool:
        """Whether every inexact number of a sign becomes its neighbour nearer to zero."""
        return self.family is Family.DIRECTED and not self.away[0 if positive else 1]


class Rounding(str, Enum):
    """How a real number becomes one of its two neighbours on the grid.

    `tag` is what kernels compare; `facts` is all else.
    """

    def __new__(cls, value: str, facts: ModeFacts | None = None) -> Rounding:
        assert facts is not None, "every mode states its facts; Rounding(name) only looks a mode up"
        member = str.__new__(cls, value)
        member._value_ = value
        member.tag, member.facts = len(cls.__members__), facts
        return member

    tag: int
    facts: ModeFacts

    #: the nearer one; a tie goes to the even significand (for P3109 formats of precision 1: to the even code)
    NEAREST_EVEN = ("nearest_even", ModeFacts(Family.NEAREST, tie=Tie.EVEN))
    #: the nearer one; a tie goes away from zero
    NEAREST_AWAY = ("nearest_away", ModeFacts(Family.NEAREST, tie=Tie.AWAY))
    #: the nearer one; a tie goes toward zero
    NEAREST_ZERO = ("nearest_zero", ModeFacts(Family.NEAREST, tie=Tie.ZERO))
    #: never larger in magnitude (truncation)
    TOWARD_ZERO = ("toward_zero", ModeFacts(Family.DIRECTED))
    #: never smaller
    TOWARD_POSITIVE = ("toward_positive", ModeFacts(Family.DIRECTED, away=(True, False)))
    #: never larger
    TOWARD_NEGATIVE = ("toward_negative", ModeFacts(Family.DIRECTED, away=(False, True)))
    #: exact values stay, all others go to the neighbour with an odd significand
    TO_ODD = ("to_odd", ModeFacts(Family.ODD))
    #: up with probability = the exact fraction of the gap, to 32 bits (float32 carrier) or 64 bits (float64)
    STOCHASTIC = ("stochastic", ModeFacts(Family.STOCHASTIC, draws=Draws.WORD, unbiased=True))
    #: P3109 StochasticA: floor(v 2^N) + R >= 2^N rounds up, R uniform in [0, 2^N), v the fraction
    STOCHASTIC_A = ("stochastic_a", ModeFacts(Family.STOCHASTIC, draws=Draws.STATED, unbiased=True))
    #: P3109 StochasticB: floor(v 2^(N+1)) + (2R + 1) >= 2^(N+1)
    STOCHASTIC_B = ("stochastic_b", ModeFacts(Family.STOCHASTIC, draws=Draws.STATED, unbiased=True))
    #: P3109 StochasticC: v 2^N rounded to nearest-even, + R >= 2^N
    STOCHASTIC_C = ("stochastic_c", ModeFacts(Family.STOCHASTIC, draws=Draws.STATED, unbiased=True))
    #: every inexact number up or down with probability 1/2, wherever it lies in the gap
    STOCHASTIC_EQUAL = ("stochastic_equal", ModeFacts(Family.STOCHASTIC, draws=Draws.COIN))

    @property
    def is_stochastic(self) -> bool:
        """Whether the mode consumes random bits."""
        return self.facts.family is Family.STOCHASTIC

    @property
    def is_nearest(self) -> bool:
        """Whether the result is never farther from the number than any other of the format."""
        return self.facts.family is Family.NEAREST

    @property
    def needs_random_bits(self) -> bool:
        """Whether the mode is defined for a stated number of random bits."""
        return self.facts.draws is Draws.STATED

    def __str__(self) -> str:
        return self.value


def unknown_mode(mode: Rounding, where: str) -> RoundingError:
    """What a switch over modes ends in: it must not compute something else."""
    return RoundingError(
        f"rounding={mode.value!r} has no form in {where}; the plain rule (kernels/rounding/scalar.py) does every mode"
    )


class Overflow(str, Enum):
    """What becomes of a rounded value beyond the largest finite one."""

    #: an infinity, or the largest finite number where the mode rounds toward zero on that side (IEEE 754, 7.4)
    INFINITY = "infinity"
    #: NaN in every mode, infinities included (float8_e4m3fn and its kind)
    NAN = "nan"
    #: the largest finite number, infinities included (P3109 SatFinite, OFP8 SAT)
    SATURATE = "saturate"
    #: the largest finite number, but infinities stay where the format has them (P3109 SatPropagate)
    SATURATE_FINITE = "saturate_finite"

    def __str__(self) -> str:
        return self.value


RoundingLike: TypeAlias = Rounding | str
OverflowLike: TypeAlias = Overflow | str

#: the most random bits that stochastic_a/b/c take: v 2^(N+1) must fit a 64-bit word
MAX_RANDOM_BITS = 60


def as_rounding(mode: RoundingLike) -> Rounding:
    """The `Rounding` that `mode` names.

    Raises
    ------
    RoundingError
        If there is no such mode; the message lists the nearest names.
    """
    try:
        return Rounding(mode if isinstance(mode, str) else "")  # arrays of odd dtypes cannot even be compared
    except ValueError:
        hint = nearest_names(mode if isinstance(mode, str) else repr(mode), [m.value for m in Rounding])
        raise RoundingError(f"rounding={mode!r} is not a rounding mode; {hint}") from None


def as_overflow(policy: OverflowLike | None) -> Overflow | None:
    """The `Overflow` that `policy` names; None (the format's own) stays None.

    Raises
    ------
    RoundingError
        If there is no such policy.
    """
    if policy is None:
        return None
    try:
        return Overflow(policy if isinstance(policy, str) else "")
    except ValueError:
        known = ", ".join(repr(p.value) for p in Overflow)
        raise RoundingError(
            f"overflow={policy!r} is not an overflow policy; use None (the format's own), {known}"
        ) from None


def check_random_bits(mode: Rounding, random_bits: int | None) -> int:
    """The number N of random bits a mode uses: 0 for those that take none or take the carrier's.

    Raises
    ------
    RoundingError
        If the mode needs `random_bits` and has none, has some and needs none, or the number is not in 1..60.
    """
    if not mode.needs_random_bits:
        if random_bits is not None:
            raise RoundingError(
                f"random_bits={random_bits!r} has no meaning for rounding={mode.value!r}; it belongs to stochastic_a, "
                "_b, _c"
            )
        return 0
    number = as_integer(random_bits)
    if number is None or not 1 <= number <= MAX_RANDOM_BITS:
        raise RoundingError(
            f"random_bits={random_bits!r}: rounding={mode.value!r} needs an integer in 1..{MAX_RANDOM_BITS}"
        )
    return number

"""The orders of summation, numbered once: what an accumulator names, what the plain rule and the tiles branch on.

What each means stands in ``linalg/accumulators.py``.
"""

from __future__ import annotations

from enum import Enum

from ...errors import AccumulatorError


class Order(str, Enum):
    """In which order the terms are added. `tag` is what kernels compare."""

    def __new__(cls, value: str) -> Order:
        member = str.__new__(cls, value)
        member._value_ = value
        member.tag = len(cls.__members__)
        return member

    tag: int

    #: one after the other
    SEQUENTIAL = "sequential"
    #: neighbours, then neighbours of those
    PAIRWISE = "pairwise"
    #: blocks of consecutive terms, their sums added in a second format
    BLOCKED = "blocked"
    #: compensated
    KAHAN = "kahan"
    #: one rounding of the exact sum
    EXACT = "exact"
    #: every L-th term, then the L sums pairwise
    INTERLEAVED = "interleaved"

    def __str__(self) -> str:
        return self.value


def unknown_order(order: Order, where: str) -> AccumulatorError:
    """What a switch over orders ends in: it must not compute something else."""
    return AccumulatorError(f"order={order.value!r} has no form in {where}; see 'To add a ...' in the README")

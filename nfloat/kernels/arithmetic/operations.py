"""The names of the operations of arithmetic; kernels branch on their numbers."""

from __future__ import annotations

from enum import IntEnum


class Operation(IntEnum):
    """The operations whose exact result is rational or a square root."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3
    FMA = 4
    SQRT = 5
    RECIPROCAL = 6
    RSQRT = 7
    HYPOT = 8
    #: Python's and NumPy's: x - floor(x / y) y
    REMAINDER = 9
    #: C's: x - trunc(x / y) y
    FMOD = 10
    #: IEEE 754's: x - n y, n the integer nearest to x / y, ties to even
    IEEE_REMAINDER = 11

"""The tiles: how many rows and vectors of sums stay in registers, by what a CPU has and what a step is.

One row a kind of CPU (``kernels/machine.py``); ``bench/shapes.py`` tries others on the machine it runs on and prints
what a new row should say.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..machine import HERE


@dataclass(frozen=True)
class Shape:
    """A tile: rows x (vectors of `lanes`); `width` columns."""

    rows: int
    vectors: int
    lanes: int

    @property
    def width(self) -> int:
        return self.vectors * self.lanes


#: rows x vectors by machine and kind of step. "native": bare multiply-adds, which need a register a sum, one for each
#: vector of b and one for a: 24 sums of 32 registers, 12 of 16. "single", "double": roundings in float32 and float64
#: lanes, a chain of four dependent operations, 14 cycles, that six sums hide and twelve hide well; beside the sums
#: stand b, a, three constants and two temporaries, so that of 16 registers one or two are spilled at 12 sums, which
#: costs less than fewer sums do (Kahan's two states of half the rows, too, are then six chains and not four). "half":
#: float16 in the CPU's own arithmetic. avx512 and avx2 are measured (``bench/shapes.py``), neon and other are counted
#: (``bench/instructions.py``: on neon only the longest bodies spill). "many": bare multiply-adds of stacks and windows
#: (``many.py``), whose rows are mostly 16, 32 or 64: measured on avx512, where a is read from memory by the
#: multiply-add itself.
SHAPES = {
    "avx512": {"native": (12, 2), "single": (6, 2), "double": (6, 2), "half": (12, 2), "many": (16, 1)},
    "neon": {"native": (12, 2), "single": (6, 2), "double": (6, 2), "half": (12, 2), "many": (8, 2)},
    "avx2": {"native": (6, 2), "single": (6, 2), "double": (6, 2), "half": (6, 2), "many": (6, 2)},
    "other": {"native": (6, 2), "single": (4, 2), "double": (4, 2), "half": (6, 2), "many": (6, 2)},
}


def shape(kind: str, bits: int) -> Shape:
    """The tile of a kind of step in lanes of so many bits, on this machine."""
    return Shape(*SHAPES[HERE.name][kind], HERE.lanes(bits))


NATIVE32, TILE32, TILE64, HALF = shape("native", 32), shape("single", 32), shape("double", 64), shape("half", 16)
MANY32, MANY64 = shape("many", 32), shape("many", 64)

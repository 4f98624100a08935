"""What a CPU has that decides how kernels are made for it, read once from its features: `HERE` is this machine.

`describe` reads the features of a CPU (``jit.cpu_features``: LLVM's names); the tiles that follow are in
``gemm/shapes.py``. What is not asked, because one form is best everywhere: the greater of two 64-bit integers, which
AVX2 and NEON lack, is never needed: what kernels compare so are bits of powers of two, or bounds, and halves of 32 bits
do for these (``lanes.py``: `greater_code`).
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from enum import Enum

from .jit import cpu_features


class Directed(str, Enum):
    """How one addition or multiply-add can round toward zero while others round to nearest."""

    #: every instruction says how it rounds (AVX-512)
    INSTRUCTION = "instruction"
    #: MXCSR or FPCR says how all of them do: set for a tile, and put back behind it
    REGISTER = "register"
    #: not at all, or not by an instruction: without FMA a multiply-add is a call
    NONE = "none"


@dataclass(frozen=True)
class Machine:
    """A kind of CPU.

    Attributes
    ----------
    name : str
        Its row in the tables.
    registers, width : int
        Vector registers, and the bits of one.
    directed : Directed
        How it rounds in a direction.
    fma : bool
        Whether a multiply-add is one instruction.
    half : bool
        Whether it computes in half precision, multiply-add included.
    """

    name: str
    registers: int
    width: int
    directed: Directed
    fma: bool
    half: bool

    @property
    def masks(self) -> bool:
        """Whether a comparison gives a bit for each lane in a register of its own kind (AVX-512)."""
        return self.directed is Directed.INSTRUCTION

    def lanes(self, bits: int) -> int:
        """Numbers of so many bits in a register."""
        return self.width // bits


#: 64-bit Arm, which always has NEON and FMA, whatever features are named
_ARM = ("aarch64", "arm64")


def describe(features: str, architecture: str = "x86_64") -> Machine:
    """The machine with these features, as LLVM names them (``+avx2,+fma,...``).

    Examples
    --------
    >>> describe("x86-64 +sse2").name, describe("haswell +sse2,+avx2,+fma").registers
    ('other', 16)
    """
    has = {word[1:] for word in features.replace(" ", ",").split(",") if word.startswith("+")}
    if "avx512f" in has:
        return Machine("avx512", 32, 512, Directed.INSTRUCTION, True, "avx512fp16" in has)
    if "neon" in has or architecture.lower() in _ARM:
        return Machine("neon", 32, 128, Directed.REGISTER, True, "fullfp16" in has)
    if "avx2" in has and "fma" in has:
        return Machine("avx2", 16, 256, Directed.REGISTER, True, False)
    return Machine("other", 16, 128, Directed.NONE, False, False)


def paths(machine: Machine | None = None) -> dict[str, str]:
    """How products are computed on a machine (None: this one), for ``nfloat doctor``."""
    m = HERE if machine is None else machine
    toward = {
        Directed.INSTRUCTION: "toward zero by each instruction, then cut",
        Directed.REGISTER: "toward zero by the CPU's register, then cut",
        Directed.NONE: "with the sum's error, or by the plain rule",
    }
    wide = "float32 lanes, to odd" if m.directed is Directed.INSTRUCTION else "float64 lanes, or float32 lanes, to odd"
    return {
        "lanes": f"{m.lanes(32)} of float32 in {m.registers} registers",
        "float16 sums": f"half arithmetic, {m.lanes(16)} lanes" if m.half else "as other formats",
        "sums to nearest": f"FP8 in float32 lanes; others in {wide}",
        "sums toward zero, stochastic": toward[m.directed],
        "multiply-add": "one instruction"
        if m.fma
        else "multiplication and addition; float32's own sums call a function",
    }


#: the CPU that kernels are compiled for
HERE = describe(cpu_features(), platform.machine())

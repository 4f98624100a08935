"""How a matrix unit adds up: one frozen class per kind of arithmetic; its numbers are fields, checked on creation.

A unit computes every element of D = A B + C on its own. What differs is how many products enter one step, to how many
bits they are aligned, when C joins, and where rounding happens. Which instruction has which numbers stands in
``units/tables/``; the compiled forms stand in ``kernels/units/``; plain Python forms of all of them in
``tests/linalg/unit_oracle.py``.

Words: exp(x) = max(floor(log2 |x|), emin of x's format); a product's exponent is exp(a) + exp(b), *not* normalised
(1.5 x 1.5 has exponent 0). F fraction bits: multiples of 2^(E - F), with E the exponent all terms are aligned to.

Sources: MMA-Sim (arXiv 2511.10909 and its program); Khattak and Mikaitis (arXiv 2512.07004; MATLAB-tensor-core); Fasi,
Higham, Mikaitis, Pranesh 2021; Intel and Arm instruction references. Each row of the tables names its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from ...errors import AccumulatorError


class Output(str, Enum):
    """How the exact sum of a step becomes the result. Values of 2^128 (float16: 65520) and more become infinity."""

    #: toward zero to float32, subnormals kept
    TRUNCATE_24 = "truncate 24"
    #: toward zero to 13 fraction bits in float32's range (the low 10 fraction bits are zero)
    TRUNCATE_14 = "truncate 14"
    #: to nearest, ties to even, to float16, subnormals kept
    NEAREST_16 = "nearest 16"


def require(condition: bool, message: str) -> None:
    """Raise AccumulatorError unless `condition`: how the descriptions state what must hold of them."""
    if not condition:
        raise AccumulatorError(message)


@dataclass(frozen=True, kw_only=True)
class AlignedSum:
    """NVIDIA's fused step: `step` products and C, aligned to the greatest exponent, truncated, summed, converted.

    E = max(exponents of the non-zero products, exp(c) if c != 0, `clamp`); every term is truncated toward zero to
    `fraction` bits below E; the integer sum is exact; one conversion to the `output`. A zero result is +0.

    Attributes
    ----------
    step : int
        Products fused in one step. Longer k is chained: the result of a step is the C of the next.
    fraction : int
        F, the fraction bits kept.
    clamp : int
        The least E.
    output : Output
    pairs_apart : bool
        Every two steps of k are taken as two groups, k mod 4 in {0, 1} first: FP8 lowered to two FP16 instructions.
        Operands are float16 numbers there, so exp(x) goes down to -14 whatever format they came from.
    promote : int
        If not 0: sums of `promote` products start from +0 and are added to C by a separate rounded addition.
    scale_block, scale_format : int, str
        If not 0: the block of k that shares one power-of-two scale on each side, and the format of the scales.
    """

    step: int
    fraction: int
    clamp: int
    output: Output
    pairs_apart: bool = False
    promote: int = 0
    scale_block: int = 0
    scale_format: str = ""

    def __post_init__(self) -> None:
        require(self.step in (4, 8, 16, 32), f"step={self.step} must be 4, 8, 16 or 32 products")
        require(2 <= self.fraction <= 25, f"fraction={self.fraction} must be in 2..25: the sum is kept in 33 bits")
        require(self.promote % self.step == 0, f"promote={self.promote} must be a multiple of step={self.step}")
        require(bool(self.scale_block) == bool(self.scale_format), "scale_block and scale_format belong together")
        require(
            self.scale_block in (0, self.step), f"scale_block={self.scale_block} must be the step, {self.step}, or 0"
        )
        low, high = (-21, -18) if self.output is Output.NEAREST_16 else (-139, -126)
        require(
            low <= self.clamp <= high, f"clamp={self.clamp} must be in {low}..{high} for output {self.output.value!r}"
        )

    @property
    def whole(self) -> int:
        """k that belong together: a step, or the two steps of pairs."""
        return self.step * (2 if self.pairs_apart else 1)

    @property
    def rule(self) -> str:
        """One line for tables."""
        extra = f", +C apart every {self.promote}" if self.promote else ""
        extra += f", scales per {self.scale_block}" if self.scale_block else ""
        return f"{self.step} products + C, F={self.fraction}, E>={self.clamp}, {self.output.value}{extra}"


@dataclass(frozen=True, kw_only=True)
class GroupedSum:
    """FP4 with block scales: exact sums of `group` products, scaled, then aligned with C by the *scales'* exponents.

    A group counts unless all its products are zero or a scale is zero; one whose products cancel still takes part in
    the greatest exponent. Truncation toward zero to `fraction` bits, one truncation to float32.
    """

    step: int = 64
    group: int = 16
    fraction: int = 35
    clamp: int = -139
    scale_block: int = 32
    scale_format: str = "float8_e8m0fnu"

    def __post_init__(self) -> None:
        require(self.step % self.group == 0, f"group={self.group} must divide step={self.step}")
        require(self.scale_block % self.group == 0, f"group={self.group} must divide scale_block={self.scale_block}")
        require(self.step % self.scale_block == 0, f"scale_block={self.scale_block} must divide step={self.step}")
        require(self.fraction <= 36, f"fraction={self.fraction} must be at most 36: the sum is kept in 53 bits")

    @property
    def rule(self) -> str:
        """One line for tables."""
        groups, scales = f"{self.step // self.group} groups of {self.group}", f"scales per {self.scale_block}"
        return f"{groups} + C, F={self.fraction}, E>={self.clamp}, truncate 24, {scales}"


@dataclass(frozen=True, kw_only=True)
class ExactSum:
    """AMD CDNA1: the exact sum of `step` products and C, rounded once to float32, nearest even; subnormals kept."""

    step: int

    def __post_init__(self) -> None:
        require(self.step in (2, 4), f"step={self.step} must be 2 or 4")

    @property
    def rule(self) -> str:
        """One line for tables."""
        return f"{self.step} products + C exact, nearest even"


@dataclass(frozen=True, kw_only=True)
class FlushedTree:
    """AMD CDNA2: `step` products added pairwise, then to C; every product and sum a float32 operation that flushes.

    Operands and C below the smallest normal number of their format become +0; results below 2^-126 become signed zeros.
    """

    step: int

    def __post_init__(self) -> None:
        require(self.step in (2, 4), f"step={self.step} must be 2 or 4")

    @property
    def rule(self) -> str:
        """One line for tables."""
        return f"{self.step} products pairwise, then + C, float32 nearest even, subnormals flushed"


@dataclass(frozen=True, kw_only=True)
class FlooredSum:
    """AMD CDNA3: products truncated below their own greatest exponent and summed; then C joins by floors.

    Products are truncated to `fraction` bits. E = max(their exponent, exp(c)) with exp(0) = -126; the sum is floored to
    `result_fraction` + 1 bits below E, C to `fraction` bits; their sum is floored to `result_fraction` bits of its own
    exponent and rounded to float32, nearest even. A product of 2^128 or more counts as infinity. `halves`: products at
    even and odd k are summed apart first, and a C more than `fraction` + 1 binades below E is dropped (FP8).
    """

    step: int
    fraction: int = 24
    result_fraction: int = 31
    halves: bool = False

    def __post_init__(self) -> None:
        require(self.step in (4, 8, 16), f"step={self.step} must be 4, 8 or 16")
        require(self.fraction <= 24, f"fraction={self.fraction} must be at most 24: the sum is kept in 32 bits")
        require(self.fraction < self.result_fraction <= 31, f"result_fraction={self.result_fraction} must be in 25..31")

    @property
    def rule(self) -> str:
        """One line for tables."""
        halves = " in two halves" if self.halves else ""
        return (
            f"{self.step} products{halves}, F={self.fraction}, floor with C to F={self.result_fraction}, nearest even"
        )


@dataclass(frozen=True, kw_only=True)
class FmaChain:
    """A chain of fused multiply-adds in k order, nearest even, in the output's format (float32 or float64).

    `flush`: subnormal operands count as zeros and results that are tiny after rounding become signed zeros.
    `odd_first`: within each pair of k the odd one is taken first.
    """

    flush: bool = False
    odd_first: bool = False
    step: int = 1

    @property
    def rule(self) -> str:
        """One line for tables."""
        order = "odd k of a pair first" if self.odd_first else "ascending k"
        return f"FMA chain, {order}, nearest even" + (", subnormals flushed" if self.flush else "")


@dataclass(frozen=True, kw_only=True)
class EvenOddChains:
    """Intel AMX: even and odd k in two FMA chains from +0; C + (even + odd) once per `tile` k. Flushes subnormals."""

    tile: int = 32
    step: int = 1

    def __post_init__(self) -> None:
        require(self.tile % 2 == 0, f"tile={self.tile} must be even")

    @property
    def rule(self) -> str:
        """One line for tables."""
        return f"FMA chains of even and of odd k per {self.tile}, + C last, nearest even, subnormals flushed"


@dataclass(frozen=True, kw_only=True)
class PairSum:
    """Arm: c + (a0 b0 + a1 b1), pair after pair.

    `to_odd`: each of the four operations rounds to odd and flushes subnormals; otherwise the pair is fused and rounded
    once, nearest even, then added to c.
    """

    to_odd: bool
    step: int = 2

    @property
    def flush(self) -> bool:
        """Whether subnormal inputs and results become zeros."""
        return self.to_odd

    @property
    def rule(self) -> str:
        """One line for tables."""
        if self.to_odd:
            return "c + (a0 b0 + a1 b1), each operation to odd, subnormals flushed"
        return "c + (a0 b0 + a1 b1), the pair fused, nearest even"


@dataclass(frozen=True, kw_only=True)
class IntegerSum:
    """Integers into int32: exact and modulo 2^32, or, with `saturate`, clamped after every `step` products."""

    saturate: bool = False
    step: int = 4

    @property
    def rule(self) -> str:
        """One line for tables."""
        return f"exact, clamped to int32 every {self.step}" if self.saturate else "exact, modulo 2^32"


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Not a sum: float32 to the output's format, nearest even; subnormal inputs to signed zeros, NaNs quieted."""

    step: int = 1

    @property
    def rule(self) -> str:
        """One line for tables."""
        return "conversion, nearest even, subnormals flushed"


Arithmetic: TypeAlias = (
    AlignedSum
    | GroupedSum
    | ExactSum
    | FlushedTree
    | FlooredSum
    | FmaChain
    | EvenOddChains
    | PairSum
    | IntegerSum
    | Conversion
)

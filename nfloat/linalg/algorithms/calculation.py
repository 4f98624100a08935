"""`Calculation`: the rounded operations that an algorithm is made of, and `begin`, which takes its arguments.

One contract for all of them. The operands are FloatArrays (and what may stand beside them), whose way of rounding is
that of every operation; or arrays with `fmt`, which are rounded to it first, to nearest-even. The result is of the
operands' kind: FloatArrays, or arrays of float32 where the format fits it and no operand is wider, else of float64.

Every operation is rounded once. An inner product is s = R(s + R(a_k b_k)) from s = 0, k ascending, which
`nfloat.linalg.matmul` does. In stochastic modes each operation draws from a stream of its own, numbered in the order
of the algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ArgumentError, FormatError, ShapeError
from ...formats.names import FormatLike
from ...formats.rounding import Overflow, OverflowLike, Rounding, RoundingLike
from ...kernels.arithmetic.operations import Operation
from ...ops.arguments import as_carrier
from ...ops.compute import compute
from ...ops.operands import gather
from ...ops.rounder import Rounder, rounder
from ...streams import SeedLike, Stream, as_stream
from ..accumulators import Accumulator
from ..matmul import matmul

Floats = NDArray[np.floating]
#: the method by which a FloatArray says what a calculation with it is: (name, operands) -> Given
GIVEN = "__nfloat_calculation__"


class Given(NamedTuple):
    """What a calculation starts from: carriers, how results are rounded, what random bits come from, what is returned.

    `wrap` makes the result's kind of a carrier.
    """

    values: list[Floats]
    how: Rounder
    overflow: Overflow | None
    random_bits: int | None
    stream: Stream | None
    wrap: Callable[[Floats], Any]


@dataclass
class Calculation:
    """The rounded operations, on carriers of one dtype; `steps` counts them."""

    given: Given
    steps: int = field(default=0, init=False)

    @property
    def values(self) -> list[Floats]:
        """The operands."""
        return self.given.values

    @property
    def dtype(self) -> np.dtype:
        """Of every carrier."""
        return np.dtype(np.float32 if self.given.how.single else np.float64)

    def _seed(self) -> Stream | None:
        self.steps += 1
        return None if self.given.stream is None else self.given.stream.child(self.steps)

    def _apply(self, op: Operation, *operands: Any) -> Any:
        how = self.given.how
        named = [(f"x{i}", np.asarray(x, self.dtype)) for i, x in enumerate(operands, 1)]
        given = gather(named, single=how.single)
        with np.errstate(invalid="ignore"):  # a signalling NaN would warn
            flat = compute(op, given.arrays, given.size, how, how.key(self._seed()), members=True)
        return flat.reshape(given.shape)

    def add(self, x: Any, y: Any) -> Any:
        """R(x + y)."""
        return self._apply(Operation.ADD, x, y)

    def subtract(self, x: Any, y: Any) -> Any:
        """R(x - y)."""
        return self._apply(Operation.SUBTRACT, x, y)

    def multiply(self, x: Any, y: Any) -> Any:
        """R(x y)."""
        return self._apply(Operation.MULTIPLY, x, y)

    def divide(self, x: Any, y: Any) -> Any:
        """R(x / y)."""
        return self._apply(Operation.DIVIDE, x, y)

    def sqrt(self, x: Any) -> Any:
        """R(sqrt(x))."""
        return self._apply(Operation.SQRT, x)

    def minus_products(self, a: Floats, x: Any, y: Any) -> Any:
        """R(a - R(x_i y_j)): one step of an elimination."""
        return self.subtract(a, self.multiply(np.asarray(x)[:, None], np.asarray(y)[None, :]))

    def product(self, a: Floats, b: Floats) -> Any:
        """a @ b, every product and every sum rounded, k ascending from 0."""
        how, given = self.given.how, self.given
        f = how.format
        if f.flushes_input:  # which a sum in `matmul` does not do: there s is no operand
            return self._product_by_steps(a, b)
        acc = Accumulator(f, f, how.rounding, overflow=given.overflow, random_bits=given.random_bits)
        return np.asarray(matmul(a, b, acc, seed=self._seed()), self.dtype)

    def _product_by_steps(self, a: Floats, b: Floats) -> Any:
        rows, columns = a.reshape(-1, a.shape[-1]), b.reshape(b.shape[0], -1)
        s = np.zeros((rows.shape[0], columns.shape[1]), self.dtype)
        for k in range(columns.shape[0]):
            s = self.add(s, self.multiply(rows[:, k, None], columns[None, k]))
        return np.reshape(s, a.shape[:-1] + b.shape[1:])

    def sum_of_squares(self, x: Floats) -> Any:
        """Of a vector."""
        return self.product(x, x)

    def round(self, x: ArrayLike) -> Any:
        """Numbers from elsewhere in this arithmetic's format, to nearest-even."""
        return _nearest(x, self.given.how, "x")

    def unit_matrix(self, n: int) -> Floats:
        """Of n rows."""
        return np.asarray(np.eye(n, dtype=self.dtype) * self.round(1.0))

    def nearest_sum(self, head: NDArray[np.float64], rest: NDArray[np.float64]) -> Floats:
        """head + rest in the format, to nearest-even: numbers known to twice the digits of float64."""
        how = rounder(self.given.how.format, Rounding.NEAREST_EVEN, None, None)
        return compute(Operation.ADD, (head, rest), head.size, how, 0).astype(self.dtype, copy=False)

    def result(self, x: Any) -> Any:
        """What the user gets of a carrier."""
        return self.given.wrap(np.asarray(x, self.dtype))


def begin(
    name: str,
    operands: Sequence[tuple[str, ArrayLike]],
    fmt: FormatLike | None,
    rounding: RoundingLike,
    overflow: OverflowLike | None,
    random_bits: int | None,
    seed: SeedLike | None,
) -> Calculation:
    """The calculation that a function's arguments ask for.

    Raises
    ------
    FormatError
        If there is neither a FloatArray nor `fmt`.
    ArgumentError
        If there are both, or an operand is not real numbers.
    """
    first = next((x for _, x in operands if hasattr(type(x), GIVEN)), None)
    if first is not None:
        said = {"fmt": fmt, "overflow": overflow, "random_bits": random_bits, "seed": seed}
        said["rounding"] = None if rounding == "nearest_even" else rounding
        for key, value in said.items():
            if value is not None:
                raise ArgumentError(f"{name}: {key}={value!r}: a FloatArray says it already; cast it, a.astype(...)")
        return Calculation(getattr(first, GIVEN)(name, [x for _, x in operands]))
    if fmt is None:
        named = " or ".join(key for key, _ in operands)
        raise FormatError(f"{name}: fmt: there is none; name a format, or pass a FloatArray as {named}")
    how = rounder(fmt, rounding, overflow, random_bits)
    stream = None
    if how.stochastic:
        how.key(seed)  # raises where there is none
        stream = as_stream(seed)
    given = [as_carrier(x, key, single=True) for key, x in operands]
    narrow = how.single and all(x.itemsize == 4 for x in given)
    dtype = np.float32 if narrow else np.float64
    values = [_nearest(x, how, key) for (key, _), x in zip(operands, given, strict=True)]
    policy = None if overflow is None else Overflow(overflow)
    return Calculation(Given(values, how, policy, random_bits, stream, lambda x: x.astype(dtype, copy=False)[()]))


def _nearest(x: ArrayLike, how: Rounder, name: str) -> Floats:
    nearest = rounder(how.format, Rounding.NEAREST_EVEN, None, None)
    c = nearest.apply(as_carrier(x, name, single=nearest.single), 0)
    return c.astype(np.float32 if how.single else np.float64, copy=False)


# ------------------------------------------------------------ shapes
def check_matrix(name: str, argument: str, a: Floats, *, square: bool = False) -> None:
    """Refuse what is no matrix.

    Raises
    ------
    ShapeError
        If `a` has not two dimensions, or they differ where they must not.
    """
    if a.ndim != 2 or (square and a.shape[0] != a.shape[1]):
        kind = "a square matrix" if square else "a matrix"
        raise ShapeError(f"{name}: {argument} {a.shape} must be {kind}; take those of a stack one by one")


def check_right_side(name: str, a: Floats, b: Floats) -> None:
    """Refuse a right side that does not fit a matrix.

    Raises
    ------
    ShapeError
        If b is not (m,) or (m, k), m the rows of a.
    """
    if b.ndim not in (1, 2) or b.shape[0] != a.shape[0]:
        raise ShapeError(f"{name}: b {b.shape} must be ({a.shape[0]},) or ({a.shape[0]}, k): a has {a.shape[0]} rows")

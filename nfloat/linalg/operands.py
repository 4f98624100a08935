"""From the arguments of a product to matrices: shapes as np.matmul takes them, carriers, `inputs`, and c in full.

One way for all accumulators, matrix units among them; what a unit asks of its operands is in ``units/operands.py``.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import FormatError, ShapeError
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..ops.arguments import as_carrier
from ..ops.memory import check_copy, check_memory
from ..ops.rounding import round as round_values


def as_operand(x: ArrayLike, argument: str) -> NDArray[np.floating]:
    """`x` as a float32 or float64 array of any memory layout."""
    if type(x) is np.ndarray and x.dtype.char in "fd" and x.dtype.isnative and x.flags.aligned:
        return x
    return as_carrier(x, argument, single=True)


def input_formats(inputs: FormatLike | tuple[FormatLike, FormatLike]) -> tuple[Format, Format]:
    """The formats that `inputs` rounds a and b to.

    Raises
    ------
    FormatError
        If it names none, or is a tuple of other than two.
    """
    pair = inputs if isinstance(inputs, tuple) else (inputs, inputs)
    if len(pair) != 2:
        raise FormatError(f"inputs={inputs!r} must be a format, or a pair of them for a and b, not {len(pair)}")
    first, second = (get_format(one, "inputs") for one in pair)
    return first, second


def matmul_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """(shape of the result, (m, k, n)), by np.matmul's rules for one-dimensional operands and stacks.

    Raises
    ------
    ShapeError
        If they do not fit.
    """
    if not a or not b:
        raise ShapeError(f"a {a} and b {b}: both need at least one dimension; multiply a scalar with nf.multiply")
    rows, columns = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    if rows[-1] != columns[-2]:
        raise ShapeError(
            f"a {a} and b {b}: the last dimension of a ({rows[-1]}) must equal "
            f"{'the' if len(b) == 1 else 'the last but one'} dimension of b ({columns[-2]})"
        )
    if len(rows) == len(columns) == 2:
        return rows[-2 : -1 if len(a) > 1 else -2] + (columns[-1:] if len(b) > 1 else ()), (
            rows[-2],
            rows[-1],
            columns[-1],
        )
    try:
        stack = np.broadcast_shapes(rows[:-2], columns[:-2])
    except ValueError:
        raise ShapeError(f"a {a} and b {b}: the stacks {rows[:-2]} and {columns[:-2]} do not broadcast") from None
    shape = stack + rows[-2 : -1 if len(a) > 1 else -2] + (columns[-1:] if len(b) > 1 else ())
    return shape, (rows[-2], rows[-1], columns[-1])


Floats = NDArray[np.floating]
Number = TypeVar("Number", bound=np.generic)


class MatmulOperands(NamedTuple):
    """What a product is of: carriers a, b and c (or None) of the shapes given, and the shapes of the result.

    `full` is (..., m, n), `shape` that of the result: without the axes that one-dimensional operands do not have.
    """

    a: Floats
    b: Floats
    c: Floats | None
    full: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def single(self) -> bool:
        """Whether float32 carries all of them."""
        return self.a.itemsize == self.b.itemsize == 4 and (self.c is None or self.c.itemsize == 4)

    def matrices(
        self, a: NDArray[Number], b: NDArray[Number], c: NDArray[Number] | None
    ) -> tuple[NDArray[Number], NDArray[Number], NDArray[Number] | None]:
        """Arrays of the operands' shapes as stacks of matrices (..., m, k) and (..., k, n), and c of shape `full`."""
        start = None if c is None else np.broadcast_to(c, self.shape).reshape(self.full)
        return a.reshape(1, -1) if a.ndim == 1 else a, b.reshape(-1, 1) if b.ndim == 1 else b, start


def matmul_operands(
    a: ArrayLike, b: ArrayLike, c: ArrayLike | None, inputs: tuple[Format, Format] | None
) -> MatmulOperands:
    """The operands of a product, a and b rounded to `inputs` (nearest-even) where that is given.

    Raises
    ------
    ArgumentError
        If an operand is not real numbers.
    ShapeError
        If shapes do not fit, or the result would not fit in memory.
    """
    x, y = as_operand(a, "a"), as_operand(b, "b")
    shape, (m, _, n) = matmul_shapes(x.shape, y.shape)
    start = None if c is None else start_operand(c, shape)
    if m * n > 1 << 20 or len(shape) > 2:
        check_memory("matmul", {"a": x.shape, "b": y.shape}, shape, x.itemsize)
    check_copy("a", x)
    check_copy("b", y)
    if inputs is not None:
        x, y = np.asarray(round_values(x, inputs[0])), np.asarray(round_values(y, inputs[1]))
    stack = shape[: len(shape) - (x.ndim > 1) - (y.ndim > 1)]
    return MatmulOperands(x, y, start, (*stack, m, n), shape)


def start_operand(c: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """What the sums of a product of this shape start with.

    Raises
    ------
    ArgumentError
        If it is not real numbers.
    ShapeError
        If it does not broadcast to the shape.
    """
    start = as_operand(c, "c")
    if not _broadcasts(start.shape, shape):
        raise ShapeError(f"c {start.shape} does not broadcast to the result's shape {shape}")
    return start


def _broadcasts(own: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an array broadcasts to a shape, which it must not widen."""
    return len(own) <= len(shape) and all(n in (1, whole) for n, whole in zip(own[::-1], shape[::-1], strict=False))

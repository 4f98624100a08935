"""np.einsum of FloatArrays: sums as ``a @ b`` forms them, fused and sequential.

Labels that are summed run in the order in which they appear, the last one fastest. An operand alone is summed as
np.sum does. More than two operands are refused: which product is rounded first would be a guess.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .rounded import RoundedValues, common, operand
from .ufuncs import multiply_matrices, write


def einsum(subscripts: Any, *operands: Any, out: Any = None, optimize: Any = False, **more: Any) -> Any:
    """``np.einsum(subscripts, *operands)`` for one or two operands, without an ellipsis.

    Raises
    ------
    ArgumentError
        If the subscripts are none of these, or other arguments are given.
    """
    if more or not isinstance(subscripts, str) or not 1 <= len(operands) <= 2:
        raise ArgumentError("np.einsum of FloatArrays takes a text of subscripts and one or two operands, and out=")
    inputs, output = _labels(subscripts, operands)
    first = common([*operands, *((out,) if isinstance(out, RoundedValues) else ())], "einsum")
    arrays = [np.asarray(operand(x, first, "einsum")) for x in operands]
    singles = [_once(labels, array) for labels, array in zip(inputs, arrays, strict=True)]
    summed = [label for label in dict.fromkeys("".join(inputs)) if label not in output]
    if len(singles) == 1:
        ((labels, array),) = singles
        moved = first.like(array.transpose([labels.index(x) for x in (*output, *summed)]))
        flat = np.reshape(moved, (*moved.shape[: len(output)], -1)) if summed else moved
        result: Any = np.sum(flat, axis=-1) if summed else flat.copy()
    else:
        result = _product(first, singles, output, summed)
    return result if out is None else write("einsum", result, out, True)


def _labels(subscripts: str, operands: tuple[Any, ...]) -> tuple[list[str], str]:
    """(labels of each operand, labels of the result), checked.

    Raises
    ------
    ArgumentError
        If they do not fit the operands.
    """
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    fits = len(inputs) == len(operands) and all(
        labels.isalpha() + (labels == "") and len(labels) == np.ndim(x)
        for labels, x in zip(inputs, operands, strict=False)
    )
    names = "".join(inputs)
    output = right if arrow else "".join(sorted(x for x in set(names) if names.count(x) == 1))
    if not fits or len(set(output)) < len(output) or not set(output) <= set(names):
        shapes = ", ".join(str(np.shape(x)) for x in operands)
        raise ArgumentError(f"np.einsum: subscripts={subscripts!r} do not fit operands of shapes {shapes}")
    return inputs, output


def _once(labels: str, array: Any) -> tuple[str, Any]:
    """The diagonal of what is labelled twice."""
    distinct = "".join(dict.fromkeys(labels))
    return distinct, np.einsum(f"{labels}->{distinct}", array)


def _product(first: RoundedValues, singles: list[tuple[str, Any]], output: str, summed: list[str]) -> Any:
    """As a stack of matrices (stack, rows, summed) @ (stack, summed, columns)."""
    (left, a), (right, b) = singles
    stack = [x for x in output if x in left and x in right]
    rows, columns = ([x for x in output if x in labels and x not in stack] for labels in (left, right))
    sizes = dict(zip(left, a.shape, strict=True)) | dict(zip(right, b.shape, strict=True))
    for labels, array in singles:
        for label, size in zip(labels, array.shape, strict=True):
            if size not in (1, sizes[label]):
                raise ArgumentError(f"np.einsum: label {label!r} has lengths {size} and {sizes[label]}")

    def laid_out(labels: str, array: Any, order: list[str], shape: tuple[int, ...]) -> Any:
        kept = [x for x in order if x in labels]
        whole = array.transpose([labels.index(x) for x in kept])
        whole = whole.reshape([whole.shape[kept.index(x)] if x in kept else 1 for x in order])
        return first.like(np.broadcast_to(whole, [sizes[x] for x in order]).reshape(shape))

    n_stack, n_rows, n_sum, n_columns = (prod(sizes[x] for x in part) for part in (stack, rows, summed, columns))
    x = laid_out(left, a, [*stack, *rows, *summed], (n_stack, n_rows, n_sum))
    y = laid_out(right, b, [*stack, *summed, *columns], (n_stack, n_sum, n_columns))
    product = multiply_matrices([x, y], first)
    order = [*stack, *rows, *columns]
    return np.transpose(product.reshape(tuple(sizes[x] for x in order)), [order.index(x) for x in output])

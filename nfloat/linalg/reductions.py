"""`dot`, `sum` and `cumsum` by an accumulator: products with ones, or of two vectors, in the order it names.

The outputs of a sum are the columns of a product with one row of ones, so its random bits are those of row 0, column =
number of the output in C order, and every fast path of `matmul` serves it.
"""

from __future__ import annotations

from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import AccumulatorError, ArgumentError, ShapeError, as_integer, as_truth
from ..formats.lanes import LANES, is_native
from ..formats.names import FormatLike, get_format
from ..kernels.gemm import columns
from ..kernels.gemm.orders import Order
from ..kernels.gemm.running import CUMULATIVE
from ..kernels.jit import entry_point
from ..ops.memory import check_copy, check_memory
from ..ops.rounding import round as round_values
from ..ops.threads import PLAIN, SLOWEST, check_threads, over_ranges, thread_count
from ..streams import SeedLike, as_key
from .accumulators import Accumulator, AccumulatorLike, as_accumulator
from .gemm.dispatch import multiply, plain_call, read_only, stop_plain
from .matmul import matmul
from .operands import as_operand

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def dot(
    a: ArrayLike,
    b: ArrayLike,
    acc: AccumulatorLike,
    c: ArrayLike | None = None,
    *,
    inputs: FormatLike | tuple[FormatLike, FormatLike] | None = None,
    output: FormatLike | None = None,
    seed: SeedLike | None = None,
    threads: int | None = None,
) -> NDArray[np.floating] | np.floating:
    """The inner product of two vectors, or np.dot's product of arrays of one or two dimensions, summed as `acc` says.

    Parameters are those of `matmul`.

    Raises
    ------
    ShapeError
        If an operand has more than two dimensions (use `matmul`, whose stacks are unambiguous), or shapes do not fit.
    AccumulatorError, FormatError, SeedError, ArgumentError
        As in `matmul`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.dot([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], "float8_e5m2")
    np.float64(32.0)
    """
    x, y = as_operand(a, "a"), as_operand(b, "b")
    for name, z in (("a", x), ("b", y)):
        if z.ndim not in (1, 2):
            raise ShapeError(f"{name} {z.shape}: dot takes vectors and matrices; use nf.matmul for stacks")
    return matmul(x, y, acc, c, inputs=inputs, output=output, seed=seed, threads=threads)


def sum(
    x: ArrayLike,
    acc: AccumulatorLike,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    inputs: FormatLike | None = None,
    output: FormatLike | None = None,
    seed: SeedLike | None = None,
    threads: int | None = None,
) -> NDArray[np.floating] | np.floating:
    """The sum over one axis, several, or all, formed as `acc` says. There are no products: `product` plays no part.

    Parameters
    ----------
    x : array_like
        Real numbers. Over several axes the terms are taken in C order.
    acc : Accumulator or Format or str
        What a sum is; a format alone means sequential, nearest-even. Matrix units are refused.
    axis : int or tuple of int, optional
        None: all axes.
    keepdims : bool
        Keep summed axes with length 1.
    inputs, output, seed, threads
        As in `matmul`.

    Returns
    -------
    ndarray or scalar
        Values of the accumulator's result format; an empty sum is 0.

    Raises
    ------
    AccumulatorError, ShapeError, SeedError, ArgumentError
        Each names the argument.

    Examples
    --------
    >>> import numpy as np
    >>> import nfloat as nf
    >>> nf.sum(np.ones(1000), "bfloat16")
    np.float64(256.0)
    """
    how, threads, keepdims = _plain_accumulator(acc), check_threads(threads), as_truth(keepdims, "keepdims")
    last = None if output is None else get_format(output, "output")
    array = as_operand(x, "x")
    check_copy("x", array)
    if inputs is not None:
        array = np.asarray(round_values(array, get_format(inputs, "inputs")))
    axes = _axes(axis, array.ndim)
    kept = tuple(i for i in range(array.ndim) if i not in axes)
    terms = prod(array.shape[i] for i in axes)
    columns = array.transpose(axes + kept).reshape(terms, prod(array.shape[i] for i in kept))
    out: NDArray[np.floating] = np.empty((1, columns.shape[1]), _dtype(array, how))
    multiply(np.ones((1, terms), array.dtype), columns, None, out, how, as_key(seed) if how.stochastic else 0, threads)
    result = out.reshape(
        [1 if i in axes else array.shape[i] for i in range(array.ndim)] if keepdims else [array.shape[i] for i in kept]
    )
    if last is not None:
        result = np.asarray(round_values(result, last))
    return result[()] if result.ndim == 0 else result


def column_sums(x: NDArray[np.floating], acc: Accumulator, wide: bool = True) -> NDArray[np.floating] | None:
    """`sum` over the first axis of a matrix by the hardware's own additions; None where others are asked for.

    Sums of float64 numbers in float32 come as float64 ones, as those of `matmul` do, if `wide`.

    Examples
    --------
    >>> column_sums(np.ones((3, 2)), Accumulator("float64"))
    array([3., 3.])
    """
    return _native_sums(x, acc, columns.column_sums, columns.column_sums_single, wide)


def middle_sums(x: NDArray[np.floating], acc: Accumulator) -> NDArray[np.floating] | None:
    """`column_sums` of an array (outer, rows, places) for each row, whose terms come in C order.

    Examples
    --------
    >>> middle_sums(np.arange(12.0).reshape(2, 3, 2), Accumulator("float64"))
    array([14., 22., 30.])
    """
    return _native_sums(x, acc, columns.middle_sums, columns.middle_sums_single, True)


def _native_sums(
    x: NDArray[np.floating], acc: Accumulator, sums: Any, single: Any, wide: bool
) -> NDArray[np.floating] | None:
    """Sums by one of two kernels, of x's own type or of float64 numbers in float32."""
    found = _native_kernel(acc, x.dtype, sums, single) if x.flags.c_contiguous else None
    if found is None:
        return None
    compute, dtype = found
    out = np.empty(x.shape[1], dtype)
    compute(x, out)
    return out if out.dtype is x.dtype or not wide else out.astype(x.dtype)


@lru_cache(maxsize=256)
def _native_kernel(acc: Accumulator, dtype: np.dtype[Any], sums: Any, single: Any) -> tuple[Any, np.dtype[Any]] | None:
    """What forms such sums, and their type."""
    if dtype is _DOUBLE and _is_native(acc, _SINGLE):
        return entry_point(single), _SINGLE
    return (entry_point(sums, 0 if dtype.itemsize == 4 else 1), dtype) if _is_native(acc, dtype) else None


def _is_native(acc: Accumulator, dtype: np.dtype[Any]) -> bool:
    """Whether the sums are one after the other, and the hardware's in arrays of that type."""
    bits = {"f": 32, "d": 64}.get(dtype.char)
    plain = acc.order is Order.SEQUENTIAL and acc.product is None and dtype.isnative
    return plain and bits is not None and is_native(acc.format, LANES[bits], acc.rounding, acc.overflow)


def cumsum(
    x: ArrayLike,
    acc: AccumulatorLike,
    axis: int | None = None,
    *,
    inputs: FormatLike | None = None,
    output: FormatLike | None = None,
    seed: SeedLike | None = None,
    threads: int | None = None,
) -> NDArray[np.floating]:
    """The running sums along an axis.

    Element k is `sum` of the elements up to and including k, in the accumulator's order.

    Parameters and exceptions are those of `sum`; with axis=None the array is flattened, as by np.cumsum.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.cumsum([255.0, 1.0, 1.0, 1.0], "bfloat16")
    array([255., 256., 256., 256.])
    """
    how, threads = _plain_accumulator(acc), check_threads(threads)
    last = None if output is None else get_format(output, "output")
    array = as_operand(x, "x")
    check_memory("cumsum", {"x": array.shape}, array.shape, 8, 2)
    if inputs is not None:
        array = np.asarray(round_values(array, get_format(inputs, "inputs")))
    if isinstance(axis, tuple):
        raise ArgumentError(f"axis={axis!r} of cumsum must be an integer or None: running sums go along one axis")
    if axis is None:
        array, axis = array.reshape(-1), 0
    (axis,) = _axes(axis, array.ndim)
    lines = np.moveaxis(array, axis, -1)
    rows = read_only(lines.reshape(prod(lines.shape[:-1]), lines.shape[-1]))
    out = np.empty(rows.shape)
    call, specs = plain_call(how)
    call = call.copy()  # for what stops this call alone
    key = np.uint64(as_key(seed) if how.stochastic else 0)
    count = thread_count(threads, PLAIN * rows.size, rows.shape[0])
    run = CUMULATIVE[how.order.tag]
    over_ranges(
        lambda first, last: run(rows, out, first, last, call, specs, key),
        rows.shape[0],
        count,
        SLOWEST * rows.shape[1],
        partial(stop_plain, call),
    )
    result: NDArray[np.floating] = np.ascontiguousarray(np.moveaxis(out.reshape(lines.shape), -1, axis)).astype(
        _dtype(array, how), copy=False
    )
    return result if last is None else np.asarray(round_values(result, last))


def _plain_accumulator(acc: AccumulatorLike) -> Accumulator:
    """An accumulator of terms that are no products."""
    how = as_accumulator(acc)
    if not isinstance(how, Accumulator):
        raise AccumulatorError(
            f"acc={how.name!r}: a matrix unit multiplies; give nf.sum and nf.cumsum an nf.Accumulator or a format"
        )
    return how if how.product is None else how.replace(product=None)


def _dtype(array: NDArray[Any], how: Accumulator) -> type[np.float32] | type[np.float64]:
    return np.float32 if array.dtype == np.float32 and how.result_format.fits_float32 else np.float64


def _axes(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """The axes as non-negative numbers, ascending."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    for one in axes:
        number = as_integer(one)
        if number is None:
            raise ArgumentError(f"axis={axis!r} must be an integer, a tuple of integers, or None")
        if not -ndim <= number < ndim:
            raise ShapeError(f"axis={axis!r} is not an axis of an array of {ndim} dimensions")
    found = sorted({int(one) % ndim for one in axes})
    if len(found) != len(axes):
        raise ShapeError(f"axis={axis!r} names an axis twice")
    return tuple(found)

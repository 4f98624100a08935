"""`matmul`: the product of two matrices, summed by an accumulator or by a model of a matrix instruction.

Here: what the arguments mean. What a sum is stands in ``accumulators``; which kernel does it in ``dispatch``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..blocks.array import BlockArray
from ..errors import ArgumentError
from ..formats.names import FormatLike, get_format
from ..ops.rounding import round as round_values
from ..ops.threads import check_threads
from ..ops.watching import WATCHER, watched
from ..streams import SeedLike, as_key
from .accumulators import Accumulator, AccumulatorLike, as_accumulator
from .blocks import exact_values, is_block_scaled, scaled_outside, scaled_result, unit_parts
from .gemm.small import small_product
from .gemm.stacks import multiply_stack
from .operands import input_formats, matmul_operands
from .units.unit import Unit

Inputs: TypeAlias = FormatLike | tuple[FormatLike, FormatLike] | None
Scales: TypeAlias = tuple[ArrayLike | None, ArrayLike | None]


def matmul(
    a: ArrayLike | BlockArray,
    b: ArrayLike | BlockArray,
    acc: AccumulatorLike,
    c: ArrayLike | None = None,
    *,
    inputs: Inputs = None,
    output: FormatLike | None = None,
    seed: SeedLike | None = None,
    threads: int | None = None,
    scale_a: ArrayLike | None = None,
    scale_b: ArrayLike | None = None,
) -> NDArray[np.floating] | np.floating:
    """a @ b + c, every sum formed as `acc` says.

    Parameters
    ----------
    a : array_like or BlockArray, shape (..., m, k)
        Real numbers; any float64 values, whatever the accumulator's format (its products are exact or rounded as it
        says).
    b : array_like or BlockArray, shape (..., k, n)
        As `a`. Block arrays give a block-scaled matrix unit their elements and scales, blocks running along k, and its
        result times float32 of the product of their tensor scales, rounded once. Two of them give any other unit their
        elements, block by block of k; each block's sum is scaled outside, in float32, and added. An accumulator gets
        their exact values. One-dimensional operands and stacks as in np.matmul.
    acc : Accumulator or Format or Unit or str
        A format alone means sequential, fused, nearest-even. The name of a matrix unit selects its bit-exact model.
    c : array_like, optional
        What the sums start with; broadcasts to the result's shape. Not rounded first: the first sum is R(c + a b).
    inputs : Format or str, optional
        Round a and b to it first, to nearest-even (a pair: one format each).
    output : Format or str, optional
        Round the result to it once more, to nearest-even.
    seed : int or Stream, optional
        Needed by stochastic accumulators. Every rounding's random bits are a function of the seed, the place in the
        stack, row, column and step: a row i computed with others or with other columns has the same bits.
    threads : int, optional
        At most so many threads over rows; None: all CPUs. No bit depends on it.
    scale_a, scale_b : array_like, optional
        Block scales, shapes (..., m, blocks) and (..., blocks, n), of a matrix unit that takes them; ones by default.

    Returns
    -------
    ndarray or scalar, shape (..., m, n)
        Values of the accumulator's result format (or of `output`): float32 where all operands are float32 or narrower
        and the format fits it, else float64. With k = 0 the result is c, rounded, or 0 (rounded,
        where the format has none).

    Raises
    ------
    AccumulatorError, FormatError
        If `acc`, `inputs` or `output` name nothing.
    ShapeError
        If shapes do not fit, or the result would not fit in memory.
    SeedError
        If the accumulator is stochastic and there is no seed.
    RepresentationError
        If a matrix unit's input format cannot hold an operand and `inputs` is not given.
    ArgumentError
        If an operand is not real numbers.

    Notes
    -----
    NaN and infinities follow IEEE 754 in every sum and then the format's overflow policy; an exact zero sum is +0, or
    -0 in toward_negative (6.3). Bits depend on a row, a column, c, the accumulator and the seed alone.

    Examples
    --------
    >>> import numpy as np
    >>> import nfloat as nf
    >>> nf.matmul(np.ones((1, 4096)), np.ones((4096, 1)), "float16")
    array([[2048.]])
    >>> nf.matmul([1.0, 2.0**-11], [1.0, 1.0], nf.Accumulator("float16", rounding="toward_positive"))
    np.float64(1.0009765625)
    """
    how, threads = as_accumulator(acc), check_threads(threads)
    if WATCHER.get() is not None:
        given: dict[str, Any] = {"inputs": inputs, "output": output, "seed": seed, "threads": threads}
        given |= {"scale_a": scale_a, "scale_b": scale_b}
        fmt = how.name if isinstance(how, Unit) else how.format.name
        compute = partial(matmul, a, b, how, c, **given)
        return watched("matmul", fmt, compute, partial(_in_float64, a, b, c))
    plain = type(a) is type(b) is np.ndarray and (c is None or type(c) is np.ndarray)
    if plain and inputs is output is scale_a is scale_b is None:
        quick = _quick(a, b, c, how, threads)
        if quick is not None:
            return quick
    last = None if output is None else get_format(output, "output")
    if isinstance(a, BlockArray) or isinstance(b, BlockArray):
        result = _of_blocks(a, b, c, how, inputs, (scale_a, scale_b), seed, threads)
    else:
        result = _product(a, b, c, how, inputs, (scale_a, scale_b), seed, threads)
    if last is not None:
        result = np.asarray(round_values(result, last))
    return result[()] if result.ndim == 0 else result


def _quick(a: Any, b: Any, c: Any, how: Accumulator | Unit, threads: int | None) -> NDArray[np.floating] | None:
    """The product of arrays by a way planned once for its shape, or None where there is none."""
    if isinstance(how, Accumulator):
        return small_product(a, b, c, how)
    from .units.quick import quick_product  # units are loaded where they are used

    return quick_product(a, b, c, how, threads)


def _in_float64(a: Any, b: Any, c: Any) -> NDArray[Any]:
    """The product of the same operands in float64, in NumPy's order of summing."""
    x, y = (np.asarray(exact_values(of) if isinstance(of, BlockArray) else of, np.float64) for of in (a, b))
    product = np.matmul(x, y)
    return product if c is None else product + np.asarray(c, np.float64)


def _of_blocks(
    a: ArrayLike | BlockArray,
    b: ArrayLike | BlockArray,
    c: ArrayLike | None,
    how: Accumulator | Unit,
    inputs: Inputs,
    scales: Scales,
    seed: SeedLike | None,
    threads: int | None,
) -> NDArray[Any]:
    """A product in which a block array is: by its values, by scales inside of the unit, or outside of it."""
    if isinstance(how, Accumulator) or not is_block_scaled(how):
        if isinstance(how, Unit) and inputs is None and isinstance(a, BlockArray) and isinstance(b, BlockArray):
            return scaled_outside(a, b, c, how, lambda x, y: matmul(x, y, how, threads=threads), threads)
        return _product(exact_values(a), exact_values(b), c, how, inputs, scales, seed, threads)
    if inputs is not None or any(scale is not None for scale in scales):
        raise ArgumentError("inputs, scale_a and scale_b say what block arrays have already; leave them out")
    (a, scale_a, t_a), (b, scale_b, t_b) = unit_parts(a, how, "a"), unit_parts(b, how, "b")
    alpha = t_a * t_b
    if alpha != 1.0 and c is not None:
        raise ArgumentError(f"c: the tensor scales ({t_a} and {t_b}) apply to what is summed; add c to the result")
    result = _product(a, b, c, how, None, (scale_a, scale_b), seed, threads)
    return result if alpha == 1.0 else scaled_result(result, alpha)


def _product(
    a: ArrayLike,
    b: ArrayLike,
    c: ArrayLike | None,
    how: Accumulator | Unit,
    inputs: Inputs,
    scales: Scales,
    seed: SeedLike | None,
    threads: int | None,
) -> NDArray[Any]:
    """A product of plain arrays, of the shape that its operands give it."""
    given = matmul_operands(a, b, c, None if inputs is None else input_formats(inputs))
    if isinstance(how, Accumulator):
        if any(scale is not None for scale in scales):
            raise ArgumentError(
                f"scale_a and scale_b go with a block-scaled matrix unit, not with acc={how!r}; scale a and b before"
            )
        key = as_key(seed) if how.stochastic else 0
        single = how.result_format.fits_float32 and given.single
        out: NDArray[Any] = np.empty(given.full, np.float32 if single else np.float64)
        multiply_stack(*given.matrices(given.a, given.b, given.c), out, how, key, threads)
    else:
        from .units.matmul import unit_matmul  # units are loaded where they are used

        out = unit_matmul(given, how, scales, threads)
    return out if given.full == given.shape else out.reshape(given.shape)

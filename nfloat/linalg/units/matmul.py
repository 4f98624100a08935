"""GEMM as a matrix instruction computes it: `unit_matmul`. ``matmul.py`` calls it when the accumulator is a unit.

On the way operands are checked (``units/operands.py``), a kernel is chosen (``units/jobs.py``) and run over tiles
(``units/run.py``); integer units stand in ``units/integers.py``. Here: what stands outside the instruction, two-level
promotion and split k.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...formats.names import FormatLike
from ...ops.rounding import round as round_values
from ..operands import input_formats
from .arithmetic import IntegerSum
from .integers import integer_matmul
from .jobs import job_for
from .names import say_if_single_source, units
from .operands import UnitOperands, unit_operands
from .run import run
from .unit import Unit


def unit_matmul(
    a: ArrayLike,
    b: ArrayLike,
    unit: str | Unit,
    c: ArrayLike | None = None,
    *,
    inputs: FormatLike | tuple[FormatLike, FormatLike] | None = None,
    output: FormatLike | None = None,
    scale_a: ArrayLike | None = None,
    scale_b: ArrayLike | None = None,
    threads: int | None = None,
) -> NDArray:
    """a @ b + c, to the last bit as a matrix instruction computes it; k beyond one instruction is chained, ascending.

    Parameters
    ----------
    a, b : array_like, shapes (..., m, k) and (..., k, n)
        Values of the unit's operand formats; one-dimensional operands and stacks as in np.matmul.
    unit : Unit or str
        A matrix unit or its name, with options or without (see `nfloat.units`).
    c : array_like, optional
        Values of the unit's result format; broadcasts to the result's shape. What the accumulators hold at first.
    inputs : Format or str, or a pair, optional
        Round a and b to it first, to nearest-even.
    output : Format or str, optional
        Round the result once more, to nearest-even.
    scale_a, scale_b : array_like, optional
        Block scales of a block-scaled unit, shapes (..., m, blocks) and (..., blocks, n), one per `scale_block` of k;
        ones by default.
    threads : int, optional
        At most so many threads; None: all CPUs. No bit depends on it.

    Returns
    -------
    ndarray or scalar, shape (..., m, n)
        float32 that holds the unit's results (float64 and int32 for units with such results). Subnormals, infinities,
        the signs of zeros and NaNs are the unit's: see ``unit_tables``. NaN results have the unit's NaN bits; where a
        unit has float16 results and these are NaN, the float32 NaN 0x7FFFFFFF stands for 0x7FFF.

    Raises
    ------
    AccumulatorError
        If there is no such unit, or it multiplies nothing.
    RepresentationError
        If a format cannot hold an element; the first one is named.
    ShapeError, FormatError
        If shapes do not fit; if `inputs` or `output` names no format.

    Warns
    -----
    SingleSourceWarning
        Once for each unit whose numbers rest on one source.

    Notes
    -----
    Two-level promotion (`promote`): sums of that many k start from +0 and are added in order to C by float32 additions.
    Split k: each part is summed from +0, the parts are added to C in order by float32 additions.

    Examples
    --------
    >>> import nfloat as nf
    >>> a, b = [-(2.0**13), -0.5, -0.25, -0.125], [2.0**10, 1.0, 1.0, 1.0]
    >>> [float(nf.matmul(a, b, f"nvidia.{arch}.mma.f16.f32", c=2.0**23)) for arch in ("volta", "ampere", "hopper")]
    [0.0, -0.5, -0.75]
    """
    u = units[unit]
    say_if_single_source(u)
    if inputs is not None:
        first, second = input_formats(inputs)
        a, b = round_values(a, first), round_values(b, second)
    if isinstance(u.arithmetic, IntegerSum):
        result: NDArray = integer_matmul(a, b, c, u)
    else:
        x = unit_operands(a, b, c, u, (scale_a, scale_b))
        result = _compute(u, x, threads).reshape(x.shape)
    if output is not None:
        result = np.asarray(round_values(result, output))
    return result[()] if result.ndim == 0 else result


def _compute(unit: Unit, x: UnitOperands, threads: int | None) -> NDArray:
    """The whole of k: in one chain, or in parts that float32 additions join."""
    if unit.split_k == 1:
        return _promoted(unit, x, threads)
    total = x.c
    for k in _parts(unit, x.a.shape[2]):
        total = _sum(unit, total, _promoted(unit, x.part(k, None, _block(unit)), threads))
    return _zeros(x) if total is None else total


def _promoted(unit: Unit, x: UnitOperands, threads: int | None) -> NDArray:
    """One chain; or, with promotion, chains of `promote` k from +0, added in order."""
    if not unit.promote:
        return run(job_for(unit, x), x, threads)
    total = x.c
    for k in range(0, x.a.shape[2], unit.promote):
        part = x.part(slice(k, k + unit.promote), None, _block(unit))
        total = _sum(unit, total, run(job_for(unit, part), part, threads))
    return _zeros(x) if total is None else total


def _block(unit: Unit) -> int:
    return getattr(unit.arithmetic, "scale_block", 0) or 1


def _zeros(x: UnitOperands) -> NDArray:
    return np.zeros((x.item_a.size, x.a.shape[1], x.b.shape[2]), np.float32)


def _parts(unit: Unit, k: int) -> list[NDArray[np.intp]]:
    """The k of each part: whole tiles, in runs as equal as can be, or dealt out in turn. Empty parts are left out."""
    tiles = [np.arange(i, min(i + unit.split_tile, k)) for i in range(0, k, unit.split_tile)]
    if unit.split_interleaved:
        parts = [tiles[s :: unit.split_k] for s in range(unit.split_k)]
    else:
        edges = np.linspace(0, len(tiles), unit.split_k + 1).round().astype(int)
        parts = [tiles[i:j] for i, j in pairwise(edges)]
    return [np.concatenate(part) for part in parts if part]


def _sum(unit: Unit, total: NDArray | None, part: NDArray) -> NDArray:
    """total + part in float32, from +0; a NaN has the unit's bits."""
    with np.errstate(all="ignore"):
        result = (np.float32(0) if total is None else total) + part
    nan = np.isnan(result)
    if nan.any():
        bits = 0x7FFFFFFF if unit.vendor == "nvidia" else 0xFFC00000 if unit.vendor == "intel" else 0x7FC00000
        result[nan] = np.array(bits, np.uint32).view(np.float32)
    return result

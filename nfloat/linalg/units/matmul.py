"""GEMM as a matrix instruction computes it: `unit_matmul`. ``matmul.py`` calls it when the accumulator is a unit.

On the way operands are checked (``units/operands.py``), a kernel is chosen (``units/jobs.py``) and run over tiles
(``units/run.py``); integer units stand in ``units/integers.py``. Here: what stands outside the instruction, two-level
promotion and split k (``units/splits.py``: which part takes which k).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..operands import MatmulOperands
from .integers import integer_matmul
from .jobs import job_for
from .names import say_if_single_source, units
from .operands import UnitOperands, unit_operands
from .run import run
from .splits import runs
from .sums import IntegerSum
from .unit import Unit


def unit_matmul(
    x: MatmulOperands, unit: str | Unit, scales: tuple[ArrayLike | None, ArrayLike | None], threads: int | None
) -> NDArray[Any]:
    """a @ b + c, to the last bit as a matrix instruction computes it; k beyond one instruction is chained, ascending.

    Parameters
    ----------
    x : MatmulOperands
        a and b hold values of the unit's operand formats, c of its result format: what the accumulators hold at first.
    unit : Unit or str
        A matrix unit or its name, with options or without (see `nfloat.units`).
    scales : (array_like or None, array_like or None)
        Block scales of a block-scaled unit, shapes (..., m, blocks) and (..., blocks, n), one per `scale_block` of k;
        ones by default.
    threads : int, optional
        At most so many threads; None: all CPUs. No bit depends on it.

    Returns
    -------
    ndarray, shape x.full
        float32 that holds the unit's results (float64 and int32 for units with such results). Subnormals, infinities,
        the signs of zeros and NaNs are the unit's: see ``tables``. NaN results have the unit's NaN bits; where a unit
        has float16 results and these are NaN, the float32 NaN 0x7FFFFFFF stands for 0x7FFF.

    Raises
    ------
    AccumulatorError
        If there is no such unit, or it multiplies nothing.
    RepresentationError
        If a format cannot hold an element; the first one is named.
    ShapeError
        If scales do not fit.

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
    return unit_product(x, u, scales, threads)


def unit_product(
    x: MatmulOperands, unit: Unit, scales: tuple[ArrayLike | None, ArrayLike | None], threads: int | None
) -> NDArray[Any]:
    """`unit_matmul`, without a word on how sure the unit's numbers are: for who tries all of them."""
    if isinstance(unit.arithmetic, IntegerSum):
        return integer_matmul(x, unit)
    return _compute(unit, unit_operands(x, unit, scales), threads).reshape(x.full)


def _compute(unit: Unit, x: UnitOperands, threads: int | None) -> NDArray[Any]:
    """The whole of k: in one chain, or in parts that float32 additions join."""
    if unit.split_k == 1:
        return _promoted(unit, x, threads)
    total = x.c
    for k in runs(x.a.shape[2], unit.split_k, unit.tile, unit.split_interleaved):
        total = _sum(unit, total, _promoted(unit, x.part(k, None, _block(unit)), threads))
    return _zeros(x) if total is None else np.array(total)


def _promoted(unit: Unit, x: UnitOperands, threads: int | None) -> NDArray[Any]:
    """One chain; or, with promotion, chains of `promote` k from +0, added in order."""
    if not unit.promote:
        return run(job_for(unit, x), x, threads)
    total = x.c
    for k in range(0, x.a.shape[2], unit.promote):
        part = x.part(slice(k, k + unit.promote), None, _block(unit))
        total = _sum(unit, total, run(job_for(unit, part), part, threads))
    return _zeros(x) if total is None else np.array(total)


def _block(unit: Unit) -> int:
    return getattr(unit.arithmetic, "scale_block", 0) or 1


def _zeros(x: UnitOperands) -> NDArray[Any]:
    return np.zeros((x.item_a.size, x.a.shape[1], x.b.shape[2]), np.float32)


def _sum(unit: Unit, total: NDArray[Any] | None, part: NDArray[Any]) -> NDArray[Any]:
    """total + part in float32, from +0; a NaN has the unit's bits."""
    with np.errstate(all="ignore"):
        result = (np.float32(0) if total is None else total) + part
    nan = np.isnan(result)
    if nan.any():
        bits = 0x7FFFFFFF if unit.vendor == "nvidia" else 0xFFC00000 if unit.vendor == "intel" else 0x7FC00000
        result[nan] = np.array(bits, np.uint32).view(np.float32)
    return result

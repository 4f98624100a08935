"""Which kernel computes a unit on given operands, and with which numbers: one function per kind of arithmetic.

Where a kernel is fast because it assumes something of the operands (finite, exponents in the normal range), the choice
is made here from what the check of the operands found; the other kernel takes everything. Both give the same bits.
A job depends on the unit, on k and on that choice, and is made once for these.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import AccumulatorError
from ...kernels.units import aligned, amd, chain, grouped, pair
from ...kernels.units.tile import UnitCall
from .operands import Floats, UnitOperands
from .run import Job, ascending
from .sums import (
    AlignedSum,
    Arithmetic,
    EvenOddChains,
    ExactSum,
    FlooredSum,
    FlushedTree,
    FmaChain,
    GroupedSum,
    Output,
    PairSum,
)
from .unit import Unit

_NVIDIA_NAN = 0x7FFFFFFF
_PLAIN_NAN = 0x7FC00000
_INTEL_NAN = 0xFFC00000
_NAN64 = 0x7FF8 << 48
#: float16's emin
_HALF_EMIN = -14

#: what a zero's exponent code is: the sum of it and any other stays below every clamp
_NONE = -5_000
#: limits of the form in float32 lanes: the least exponent of a product and clamp, the greatest exponent of an operand
_LEAST_CLAMP, _GREATEST = -101, 60


def exact_in_float32(unit: Unit, x: UnitOperands, moved: tuple[int, int] = (0, 0)) -> bool:
    """Whether products and their truncations are exact in float32 lanes: what ``kernels/units/aligned.py`` asks for.

    `moved`: what block scales add to the products' exponents, at least and at most.
    """
    if not (x.reach_a.finite and x.reach_b.finite):
        return False
    sides = tuple(zip((x.reach_a, x.reach_b), unit.formats, strict=True))
    low, high = sum(max(r.least, f.emin) for r, f in sides), sum(max(r.greatest, f.emin) for r, f in sides)
    near = max(r.greatest for r, _ in sides) <= _GREATEST and high + moved[1] <= 2 * _GREATEST
    return low + min(moved[0], 0) >= _LEAST_CLAMP + 1 and near and x.reach_c.least >= -100


def never_tiny(unit: Unit, x: UnitOperands) -> bool:
    """Whether operands, products and sums are zero or at least 2^-126: multiples of the least products' last bits."""
    sides = tuple(zip((x.reach_a, x.reach_b), unit.formats, strict=True))
    last = sum(max(r.least, f.emin) - (f.precision - 1) for r, f in sides)
    return last >= -126 and x.reach_c.least - 23 >= -126 and min(r.least for r, _ in sides) >= -126


def never_large(x: UnitOperands) -> bool:
    """Whether no sum of products and C can reach 2^127."""
    products = x.reach_a.greatest + x.reach_b.greatest + 2 + int(x.a.shape[2]).bit_length()
    return x.reach_a.finite and x.reach_b.finite and x.reach_c.finite and max(products, x.reach_c.greatest + 1) < 126


@lru_cache(maxsize=256)
def pairs_apart(k: int, block: int) -> NDArray[np.int64]:
    """k in blocks, in each first those with k mod 4 in {0, 1}, then the others."""
    order = ascending(k, block).reshape(-1, block // 4, 2, 2)
    return np.ascontiguousarray(order.transpose(0, 2, 1, 3)).reshape(-1)


def odd_first(k: int) -> NDArray[np.int64]:
    """The pairs of k, each from behind."""
    return np.ascontiguousarray(ascending(k, 2).reshape(-1, 2)[:, ::-1]).reshape(-1)


def even_then_odd(k: int, step: int) -> NDArray[np.int64]:
    """In each `step` of k first the even ones, then the odd ones."""
    order = ascending(k, step).reshape(-1, step // 2, 2)
    return np.ascontiguousarray(order.transpose(0, 2, 1)).reshape(-1)


def _flush(x: Floats, least: float, *, sign: bool) -> Floats:
    """x with zeros (of its sign, or +0) where |x| < least."""
    return np.where(np.abs(x) < np.float32(least), np.copysign(np.float32(0), x) if sign else np.float32(0), x)


def aligned_job(unit: Unit, s: AlignedSum, k: int, single: bool) -> Job:
    """NVIDIA's fused step, in float32 lanes if these are exact."""
    emins = [_HALF_EMIN if s.pairs_apart else f.emin for f in unit.formats]
    half = s.output is Output.NEAREST_16
    order = pairs_apart(k, s.whole) if s.pairs_apart else ascending(k, s.step)
    steps = order.size // s.step
    run = s.promote // s.step if s.promote else steps
    call = {
        UnitCall.SEGMENTS: steps // run,
        UnitCall.STEPS: run,
        UnitCall.STEP: s.step,
        UnitCall.FRACTION: s.fraction,
        UnitCall.NAN: _NVIDIA_NAN,
        UnitCall.CLAMP: max(s.clamp, _LEAST_CLAMP) if single else s.clamp,
        UnitCall.EMIN_C: _HALF_EMIN if half else -126,
        UnitCall.KEPT: 13 if s.output is Output.TRUNCATE_14 else 23,
        UnitCall.PROMOTE: int(s.promote > 0),
        UnitCall.EMIN_SCALE: -127,
    }
    if single:
        kernel = aligned.aligned32_half if half else aligned.aligned32_scaled if s.scale_block else aligned.aligned32
    else:
        kernel = aligned.aligned64_half if half else aligned.aligned64_scaled if s.scale_block else aligned.aligned64
    return Job(
        kernel=kernel,
        bits=32 if single else 64,
        rows=aligned.ROWS,
        order=order,
        call=call,
        code_a=(emins[0], 0, _NONE),
        code_b=(emins[1], 127 if single else 0, _NONE),
        scale_step=s.scale_block,
    )


def grouped_job(unit: Unit, s: GroupedSum, k: int, _: bool) -> Job:
    """NVIDIA's FP4 step."""
    order = ascending(k, s.step)
    call = {
        UnitCall.STEPS: order.size // s.step,
        UnitCall.STEP: s.step,
        UnitCall.FRACTION: s.fraction,
        UnitCall.CLAMP: s.clamp,
        UnitCall.EMIN_C: -126,
        UnitCall.KEPT: 23,
        UnitCall.NAN: _NVIDIA_NAN,
        UnitCall.EMIN_SCALE: -6 if s.scale_format == "float8_e4m3fn" else -127,
    }
    return Job(
        kernel=grouped.grouped,
        bits=64,
        data_bits=32,
        rows=grouped.ROWS,
        order=order,
        call=call,
        scale_step=s.group,
        scale_repeat=s.scale_block // s.group,
    )


def exact_job(unit: Unit, s: ExactSum, k: int, _: bool) -> Job:
    """AMD CDNA1."""
    order = ascending(k, s.step)
    call = {UnitCall.STEPS: order.size // s.step, UnitCall.STEP: s.step, UnitCall.NAN: _PLAIN_NAN}
    return Job(kernel=amd.exact4 if s.step == 4 else amd.exact2, bits=64, rows=amd.ROWS, order=order, call=call)


def tree_job(unit: Unit, s: FlushedTree, k: int, _: bool) -> Job:
    """AMD CDNA2: operands and C are flushed here."""
    order = ascending(k, s.step)
    call = {UnitCall.STEPS: order.size // s.step, UnitCall.STEP: s.step, UnitCall.NAN: _PLAIN_NAN}
    least = unit.formats[0].smallest_normal
    return Job(
        kernel=amd.tree4 if s.step == 4 else amd.tree2,
        bits=32,
        rows=amd.ROWS,
        order=order,
        call=call,
        prepare=lambda v: _flush(v, least, sign=False),
        prepare_c=lambda v: _flush(v, 2.0**-126, sign=False),
    )


def floored_job(unit: Unit, s: FlooredSum, k: int, _: bool) -> Job:
    """AMD CDNA3."""
    fa, fb = unit.formats
    order = even_then_odd(k, s.step) if s.halves else ascending(k, s.step)
    call = {
        UnitCall.STEPS: order.size // s.step,
        UnitCall.STEP: s.step,
        UnitCall.FRACTION: s.fraction,
        UnitCall.KEPT: s.result_fraction,
        UnitCall.NAN: _PLAIN_NAN,
    }
    return Job(
        kernel=amd.floored_halves if s.halves else amd.floored,
        bits=64,
        rows=amd.ROWS,
        order=order,
        call=call,
        code_a=(fa.emin, 0, _NONE),
        code_b=(fb.emin, 0, _NONE),
        factor=2.0**amd.LIFT,
    )


def chain_job(unit: Unit, s: FmaChain, k: int, ordinary: bool) -> Job:
    """FMA chains in float32 and float64."""
    order = odd_first(k) if s.odd_first else ascending(k, 1)
    call = {UnitCall.STEPS: order.size, UnitCall.STEP: 1, UnitCall.NAN: _INTEL_NAN if s.flush else _PLAIN_NAN}
    if unit.output == "float64":
        return Job(kernel=chain.chain64, bits=64, rows=chain.ROWS, order=order, call={**call, UnitCall.NAN: _NAN64})
    if not s.flush:
        return Job(kernel=chain.chain32, bits=32, rows=chain.ROWS, order=order, call=call)
    return _flushing(ordinary, order, call, (chain.chain32, chain.chain32_flushed), 0)


def even_odd_job(unit: Unit, s: EvenOddChains, k: int, ordinary: bool) -> Job:
    """Intel AMX. What pads the last tile is -0, which changes no sum; an odd last k has a zero beside it."""
    order = ascending(k, s.tile)
    order[k + k % 2 :] = -2
    call = {UnitCall.STEPS: order.size // s.tile, UnitCall.STEP: s.tile, UnitCall.NAN: _INTEL_NAN}
    return _flushing(ordinary, order, call, (chain.even_odd, chain.even_odd_flushed), s.tile)


def _flushing(
    ordinary: bool,
    order: NDArray[np.int64],
    call: dict[UnitCall, int],
    kernels: tuple[Callable[..., Any], Callable[..., Any]],
    tile: int,
) -> Job:
    if ordinary:
        return Job(kernel=kernels[0], bits=32, rows=chain.ROWS, order=order, call=call)

    def daz(v: Floats) -> Floats:
        return _flush(v, 2.0**-126, sign=True)

    return Job(
        kernel=kernels[1], bits=32, rows=chain.ROWS, order=order, call=call, prepare=daz, prepare_c=daz, nan_tile=tile
    )


def pair_job(unit: Unit, s: PairSum, k: int, normal: bool) -> Job:
    """Arm."""
    order = ascending(k, 2)
    call = {UnitCall.STEPS: order.size // 2, UnitCall.STEP: 2, UnitCall.NAN: _PLAIN_NAN}
    bits = 32 if normal else 64
    if not s.to_odd:
        kernel = pair.pair_nearest if normal else pair.pair_nearest_any
        return Job(kernel=kernel, bits=bits, rows=pair.ROWS, order=order, call=call)

    def flush(v: Floats) -> Floats:
        return v if normal else _flush(v, 2.0**-126, sign=True)

    return Job(
        kernel=pair.pair_odd if normal else pair.pair_odd_any,
        bits=bits,
        rows=pair.ROWS,
        order=order,
        call=call,
        prepare=flush,
        prepare_c=flush,
    )


def _short(unit: Unit, x: UnitOperands) -> bool:
    """For aligned sums: float32 lanes suffice; block scales are powers of two, or there are none."""
    low, high = 0, 0
    for scale in (x.scale_a, x.scale_b):
        if scale is not None and scale.size:
            significand, exponent = np.frexp(scale)
            if not (significand == 0.5).all():  # a NaN's is a NaN
                return False
            low, high = low + int(exponent.min()) - 1, high + int(exponent.max()) - 1
    return exact_in_float32(unit, x, (low, high))


def _ordinary(unit: Unit, x: UnitOperands) -> bool:
    """For sums whose subnormals are flushed: there is nothing to flush, and no NaN, whose bits depend on the order."""
    return never_tiny(unit, x) and not (x.reach_a.nan or x.reach_b.nan or x.reach_c.nan)


def _normal(unit: Unit, x: UnitOperands) -> bool:
    """For pairs: nothing is flushed and nothing overflows."""
    return never_tiny(unit, x) and never_large(x)


def _whatever(unit: Unit, x: UnitOperands) -> bool:
    """For kernels that take everything."""
    return False


#: kind of arithmetic -> what its fast kernel asks of the operands, what makes its job (told whether they are so)
_JOBS: MappingProxyType[type, tuple[Callable[[Unit, UnitOperands], bool], Callable[..., Job]]] = MappingProxyType(
    {
        AlignedSum: (_short, aligned_job),
        GroupedSum: (_whatever, grouped_job),
        ExactSum: (_whatever, exact_job),
        FlushedTree: (_whatever, tree_job),
        FlooredSum: (_whatever, floored_job),
        FmaChain: (_ordinary, chain_job),
        EvenOddChains: (_ordinary, even_odd_job),
        PairSum: (_normal, pair_job),
    }
)


@lru_cache(maxsize=1024)
def job_of(unit: Unit, k: int, fast: bool) -> Job:
    """The job of a unit for so many k, on operands that are or are not as its fast kernel asks."""
    return _JOBS[type(unit.arithmetic)][1](unit, unit.arithmetic, k, fast)


def fast_job(unit: Unit, k: int) -> Job:
    """The job of a unit that multiplies, on operands as its fast kernel asks (`is_fast`)."""
    return job_of(unit, k, True)


def is_fast(unit: Unit, x: UnitOperands) -> bool:
    """Whether operands are as the fast kernel of a unit that multiplies asks."""
    return _JOBS[type(unit.arithmetic)][0](unit, x)


def job_for(unit: Unit, x: UnitOperands) -> Job:
    """The kernel and the numbers for a unit on these operands.

    Raises
    ------
    AccumulatorError
        If the unit is a conversion, which multiplies nothing.
    """
    s: Arithmetic = unit.arithmetic
    if type(s) not in _JOBS:
        raise AccumulatorError(
            f"unit {unit.name!r} is a {s.rule}; it cannot multiply matrices: use nfloat.linalg.units.names.convert"
        )
    return job_of(unit, x.a.shape[2], _JOBS[type(s)][0](unit, x))

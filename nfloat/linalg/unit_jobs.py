"""Which kernel computes a unit on given operands, and with which numbers: one function per kind of arithmetic.

Where a kernel is fast because it assumes something of the operands (finite, moderate exponents), the choice is made here from
what the check of the operands found; the other kernel takes everything. Both give the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels import units_aligned as aligned
from ..kernels.units_tile import Plan
from .unit import Unit
from .unit_arithmetic import AlignedSum, Output
from .unit_operands import Operands
from .unit_run import Code, Job, ascending

_NVIDIA_NAN = 0x7FFFFFFF

#: exponent codes in float32 lanes stand in the exponent field's place; the sum of a zero's and any other stays below every clamp
_ZERO_A, _ZERO_B = -200, -56
_LEAST_CLAMP, _GREATEST = -101, 60

_NONE = -10_000


def _code32(emin: int, side: str) -> Code:
    bias, zero = (0, _ZERO_A) if side == "a" else (127, _ZERO_B)
    return emin, 23, bias, zero << 23


def _code64(emin: int) -> Code:
    return emin, 0, 0, _NONE


def moderate(x: Operands) -> bool:
    """Whether products are exact and far from float32's limits: what ``kernels/units_aligned.py`` needs in float32 lanes."""
    if not (x.reach_a.finite and x.reach_b.finite):
        return False
    low = x.reach_a.least + x.reach_b.least
    return low >= _LEAST_CLAMP + 1 and max(x.reach_a.greatest, x.reach_b.greatest) <= _GREATEST and x.reach_c.least >= -100


def pairs_apart(k: int) -> NDArray[np.int64]:
    """k in blocks of 32, in each first those with k mod 4 in {0, 1}, then the others."""
    order = ascending(k, 32).reshape(-1, 32)
    return np.concatenate([order[:, [i for i in range(32) if i % 4 < 2]], order[:, [i for i in range(32) if i % 4 > 1]]], 1).reshape(-1)


def aligned_job(unit: Unit, x: Operands) -> Job:
    """NVIDIA's fused step."""
    s = unit.arithmetic
    assert isinstance(s, AlignedSum)
    fa, fb = unit.formats
    half = s.output is Output.NEAREST_16
    single = moderate(x) and not s.scale_block
    k = x.a.shape[2]
    order = pairs_apart(k) if s.pairs_apart else ascending(k, s.step)
    steps = order.size // s.step
    run = s.promote // s.step if s.promote else steps
    plan = {
        Plan.SEGMENTS: steps // run, Plan.STEPS: run, Plan.STEP: s.step, Plan.FRACTION: s.fraction, Plan.NAN: _NVIDIA_NAN,
        Plan.CLAMP: max(s.clamp, _LEAST_CLAMP) if single else s.clamp, Plan.EMIN_C: -14 if half else -126,
        Plan.KEPT: 13 if s.output is Output.TRUNCATE_14 else 23, Plan.PROMOTE: int(s.promote > 0), Plan.EMIN_SCALE: -127,
    }  # fmt: skip
    if single:
        kernel = aligned.aligned32_half if half else aligned.aligned32
        codes = _code32(fa.emin, "a"), _code32(fb.emin, "b")
    else:
        kernel = aligned.aligned64_half if half else aligned.aligned64_scaled if s.scale_block else aligned.aligned64
        codes = _code64(fa.emin), _code64(fb.emin)
    return Job(kernel=kernel, bits=32 if single else 64, rows=aligned.ROWS, order=order, plan=plan, code_a=codes[0],
               code_b=codes[1], scale_step=s.scale_block)  # fmt: skip

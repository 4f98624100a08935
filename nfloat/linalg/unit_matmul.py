"""GEMM as a matrix instruction computes it: `unit_matmul`. ``matmul.py`` calls it when the accumulator is a unit.

Rows of k: operands are checked (``unit_operands.py``), a kernel is chosen (``unit_jobs.py``) and run over tiles (``unit_run.py``).
Here: the two options that stand outside the instruction, two-level promotion and split k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import AccumulatorError
from .unit import Unit
from .unit_arithmetic import AlignedSum
from .unit_jobs import aligned_job
from .unit_operands import Floats, Operands, gather
from .unit_run import run, thread_count
from .units import say_if_single_source, units

_JOBS = {AlignedSum: aligned_job}


def unit_matmul(
    a: ArrayLike,
    b: ArrayLike,
    unit: str | Unit,
    c: ArrayLike | None = None,
    *,
    scale_a: ArrayLike | None = None,
    scale_b: ArrayLike | None = None,
    threads: int | None = None,
) -> NDArray:
    u = units[unit]
    say_if_single_source(u)
    x = gather(a, b, c, u, (scale_a, scale_b))
    result = _compute(u, x, thread_count(threads))
    return result.reshape(x.shape)


def _compute(u, x, threads):
    return run(_JOBS[type(u.arithmetic)](u, x), x, threads)

"""Sums and means, in the recipe's accumulator for sums, as `nfloat.nn` forms them: row by row, in C order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from ...nn import elementary
from ...nn.ops.op import size
from ...nn.precision import Floats
from ...nn.recipes.sums import as_sums
from ..known import Kind
from ..machine import Machine, is_float
from .table import row
from .wide import wide


@row("sum", "sum.dim_IntList", "mean", "mean.dim")
def reduce(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The sum along axes, or of all; a mean is divided by their number before it is rounded."""
    t = args[0]
    if not is_float(t):
        return wide(machine, operation, args, kwargs) if kwargs.get("dtype") else operation(*args, **kwargs)
    axes, keepdim = _axes(t, args[1] if len(args) > 1 else None), len(args) > 2 and args[2]
    keepdim = kwargs.get("keepdim", keepdim)
    known = machine.known(t)
    x = known.wide if _is_product(known, t) else machine.read(t, known)
    shape = [1 if i in axes else n for i, n in enumerate(t.shape)]
    count = math.prod(t.shape[i] for i in axes)
    part = machine.part([known], [t.numel()], math.prod(shape))
    if part.kind in (Kind.SCALAR, Kind.LOSS, Kind.CONSTANT):
        values = _wide_sum(x, axes)
    else:
        values = _rows(machine, part.layer or part.name, x, axes)
    if operation.__name__.startswith("mean"):
        values = values.astype(np.float64) / count
    kept = shape if keepdim else [n for i, n in enumerate(t.shape) if i not in axes]
    return machine.result(values.reshape(kept), part, kwargs.get("dtype") or t.dtype)


def _is_product(known: Any, t: torch.Tensor) -> bool:
    return known.wide is not None and getattr(known.wide, "shape", None) == tuple(t.shape)


def _axes(t: torch.Tensor, given: Any) -> set[int]:
    if given is None or (isinstance(given, list | tuple) and not given):
        return set(range(t.dim()))
    return {i % max(t.dim(), 1) for i in (given if isinstance(given, list | tuple) else [given])} if t.dim() else set()


def _moved(x: Floats, axes: set[int]) -> Floats:
    """A matrix whose first axis is all that is summed over."""
    first = len(axes)
    if max(axes, default=-1) < first:  # in their places already
        return x.reshape(math.prod(x.shape[:first]), math.prod(x.shape[first:]))
    others = [i for i in range(x.ndim) if i not in axes]
    return x.transpose(*sorted(axes), *others).reshape(size(x.shape, sorted(axes)), size(x.shape, others))


def _rows(machine: Machine, name: str, x: Floats, axes: set[int]) -> Floats:
    rows = np.ascontiguousarray(_moved(x, axes))
    sums = machine.p.at(name).sums
    if rows.shape[1] > _FEW or not len(rows) or sums != _OWN.get(rows.dtype):
        return machine.p.sum_rows(name, rows)
    found = np.add.accumulate(rows, axis=0)[-1] + 0.0  # the same sums: of one column they are no faster in lanes
    machine.p.report_sums(name, "sum", found, sums)
    return found


#: columns of which the running sums are taken one after the other; the type's own sums, each rounded to it
_FEW = 2
_OWN = {dtype: as_sums(dtype.name) for dtype in (np.dtype(np.float32), np.dtype(np.float64))}


def _wide_sum(x: Floats, axes: set[int]) -> Floats:
    """In float64, one after the other: losses and norms are not rounded on the way."""
    if len(axes) == x.ndim and x.size:
        return np.array([elementary.total(x)])
    moved = _moved(x, axes)
    if not moved.shape[0]:
        return np.zeros(moved.shape[1])
    return np.add.accumulate(moved, axis=0, dtype=np.float64)[-1]

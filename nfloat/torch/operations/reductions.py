"""Sums and means, in the recipe's accumulator for sums, as `nfloat.nn` forms them: row by row, in C order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from ...nn import elementary
from ...nn.ops.op import size
from ...nn.precision import Floats
from ...nn.recipes.sums import as_sums
from ..known import Kind
from ..machine import Machine
from ..parts import Part
from ..plans import Call, Planned, is_alone, planned, sums_of
from ..tensors import is_float
from .table import row
from .wide import wide


def _plan(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a sum or a mean."""
    name = part.layer or part.name
    mean = machine.trace.operation == "mean"
    sums = None if part.kind is Kind.LOSS else sums_of(machine, name)

    def function(x: Floats, *rest: Any) -> Floats:
        reduced = _of(x.shape, rest)
        if sums is None or x.size > _SMALL:
            return _summed(machine, part, x, reduced)
        found = sums.columns(machine, np.ascontiguousarray(_moved(x, reduced.axes)))
        return (found.astype(np.float64) / reduced.terms if mean else found).reshape(reduced.shape)

    return Planned(function, call.tensors[0].dtype)


#: elements of which sums are so quick that what is said of them beforehand matters
_SMALL = 1 << 12


def _size(tensors: Sequence[torch.Tensor], rest: tuple[Any, ...]) -> int:
    return _of(tensors[0].shape, rest).size


def _of(shape: tuple[int, ...], rest: tuple[Any, ...]) -> Reduced:
    given = rest[0] if rest else None
    return _reduced(
        shape, given if given is None or isinstance(given, int) else tuple(given), len(rest) > 1 and bool(rest[1])
    )


@row("sum", "sum.dim_IntList", "mean", "mean.dim")
@planned(_plan, _size, suits=is_alone)
def reduce(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The sum along axes, or of all; a mean is divided by their number before it is rounded."""
    t = args[0]
    if not is_float(t):
        return wide(machine, operation, args, kwargs) if kwargs.get("dtype") else operation(*args, **kwargs)
    rest = args[1:] if len(args) > 2 else (*(args[1:] or (kwargs.get("dim"),)), kwargs.get("keepdim", False))
    reduced = _of(t.shape, rest)
    (known,) = machine.operands([t])
    x = known.wide if _is_product(known, t) else machine.read(t, known)
    part = machine.part([known], [t.numel()], reduced.size)
    return machine.result(_summed(machine, part, x, reduced), part, kwargs.get("dtype") or t.dtype)


def _summed(machine: Machine, part: Part, x: Floats, reduced: Reduced) -> Floats:
    """The sums, or the means, of the operation that is running."""
    if part.kind in (Kind.SCALAR, Kind.LOSS, Kind.CONSTANT):
        values = _wide_sum(x, reduced.axes)
    else:
        values = _rows(machine, part.layer or part.name, x, reduced.axes)
    if machine.trace.operation == "mean":
        values = values.astype(np.float64) / reduced.terms
    return values.reshape(reduced.shape)


class Reduced(NamedTuple):
    """What a sum makes of a shape: the axes that go, the terms of one sum, how many sums, their shape."""

    axes: frozenset[int]
    terms: int
    size: int
    shape: tuple[int, ...]


@lru_cache(maxsize=4096)
def _reduced(shape: tuple[int, ...], given: int | tuple[int, ...] | None, keepdim: bool) -> Reduced:
    axes = _axes(len(shape), given)
    ones = tuple(1 if i in axes else n for i, n in enumerate(shape))
    kept = ones if keepdim else tuple(n for i, n in enumerate(shape) if i not in axes)
    return Reduced(axes, math.prod(shape[i] for i in axes), math.prod(ones), kept)


def _is_product(known: Any, t: torch.Tensor) -> bool:
    return known.wide is not None and getattr(known.wide, "shape", None) == tuple(t.shape)


def _axes(dims: int, given: int | tuple[int, ...] | None) -> frozenset[int]:
    if given is None or given == ():
        return frozenset(range(dims))
    return frozenset(i % dims for i in (given if isinstance(given, tuple) else (given,)) if dims)


def _moved(x: Floats, axes: frozenset[int]) -> Floats:
    """A matrix whose first axis is all that is summed over."""
    first = len(axes)
    if max(axes, default=-1) < first:  # in their places already
        return x if first == 1 and x.ndim == 2 else x.reshape(math.prod(x.shape[:first]), math.prod(x.shape[first:]))
    others = [i for i in range(x.ndim) if i not in axes]
    return x.transpose(*sorted(axes), *others).reshape(size(x.shape, sorted(axes)), size(x.shape, others))


def _rows(machine: Machine, name: str, x: Floats, axes: frozenset[int]) -> Floats:
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


def _wide_sum(x: Floats, axes: frozenset[int]) -> Floats:
    """In float64, one after the other: losses and norms are not rounded on the way."""
    if len(axes) == x.ndim and x.size:
        return np.array([elementary.total(x)])
    moved = _moved(x, axes)
    if not moved.shape[0]:
        return np.zeros(moved.shape[1])
    return np.add.accumulate(moved, axis=0, dtype=np.float64)[-1]

"""Products of matrices: every one goes through `Precision.gemm`, by its part in the step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ...linalg.gemm.small import small_product
from ...nn.precision import Floats, Role
from ..known import WEIGHTS, Kind, Known, learn
from ..machine import Machine
from ..parts import Part
from ..plans import Call, Planned, planned
from .moves import copy_into
from .table import row


def product(machine: Machine, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
    """a @ b (+ c), rounded as a result of its part."""
    known = [machine.known(a), machine.known(b)]
    x, y = machine.read(a, known[0], product=True), machine.read(b, known[1], product=True)
    counts, start = [x.size, y.size], None
    if c is not None:
        known.append(machine.known(c))
        start = machine.read(c, known[2], product=True)
        counts.append(start.size)
    part = machine.part(known, counts, x.shape[0] * y.shape[1] if x.ndim == y.ndim == 2 else _size(x.shape, y.shape))
    if part.kind is Kind.CONSTANT:
        values: Floats = np.matmul(x.astype(np.float64), y.astype(np.float64))
        return machine.result(values if start is None else values + start, part, a.dtype)
    values = multiply(machine, part, known, x, y, start)
    return machine.result(values, part, a.dtype)


@lru_cache(maxsize=4096)
def _size(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Elements of a product."""
    return a[-2] * b[-1] * math.prod(np.broadcast_shapes(a[:-2], b[:-2]))


def multiply(
    machine: Machine, part: Part, known: list[Known], x: Floats, y: Floats, start: Floats | None = None
) -> Floats:
    """x @ y (+ start) in the accumulator of its part in the step."""
    name, which, roles = role_of(part, known, x.ndim > 2)
    return machine.gemm(name, which, x, y, start, roles)


def role_of(part: Part, known: list[Known], stack: bool) -> tuple[str, str, tuple[Role, Role]]:
    """(layer, part in the step, roles of the operands) of a product; stacks of activations are attention's."""
    weight = known[0] if known[0].bit & WEIGHTS else known[1] if known[1].bit & WEIGHTS else None
    name = part.layer if weight is None else weight.name.rpartition(".")[0]
    of_weight = weight is not None or part.kind is Kind.WEIGHT_GRADIENT or not stack
    first, second = (Role.GEMM_X, Role.GEMM_W) if of_weight else (Role.GEMM_A, Role.GEMM_B)
    if not part.backward:
        return name, "forward", (first, second)
    if part.kind is Kind.WEIGHT_GRADIENT:
        name = part.name.rpartition(".")[0]
        second = first  # the other operand of a weight's gradient is what the weight was multiplied with
    if _is_gradient(known[0]) or not _is_gradient(known[1]):
        which = "weight_gradient" if part.kind is Kind.WEIGHT_GRADIENT else "input_gradient"
        return name, which, (Role.GEMM_DY, second)
    if weight is not None:
        return name, "input_gradient", (Role.GEMM_W, Role.GEMM_DY)
    return name, "weight_gradient", (first, Role.GEMM_DY)


def _is_gradient(known: Known) -> bool:
    return known.kind in (Kind.GRADIENT, Kind.LOSS, Kind.WEIGHT_GRADIENT)


def _plan(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a product."""
    name, which, roles = role_of(part, call.known, call.tensors[0].dim() > 2)

    sums, text = machine.ways.product(machine.p, name, which, roles)
    row = machine.trace.row(name, f"{which}.sum", "", text)

    def function(x: Floats, y: Floats, start: Floats | None = None) -> Floats:
        found = None if sums is None else small_product(x, y, start, sums)
        if found is None:
            return machine.p.gemm(name, which, x, y, start, roles)
        row[0] += 1
        row[1] += found.size
        return found

    return Planned(function, call.tensors[0].dtype, product=True)


def _result_size(tensors: Sequence[torch.Tensor], rest: tuple[Any, ...]) -> int:
    return _size(tensors[0].shape, tensors[1].shape)


@row("mm", "bmm")
@planned(_plan, _result_size)
def plain(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """a @ b, or a @ b + c."""
    return product(machine, *args)


@row("addmm", "baddbmm")
def added(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """beta c + alpha a @ b: c is what the sums start with; other factors are products of their own."""
    c, a, b = args
    beta, alpha = kwargs.get("beta", 1), kwargs.get("alpha", 1)
    if beta == 1 and alpha == 1:
        return plain(machine, operation, (a, b, c), {})
    found = product(machine, a, b)
    known = [machine.known(found), machine.known(c)]
    part = machine.part(known, [found.numel(), c.numel()], found.numel())
    carrier = machine.p.carrier.type
    values = np.multiply(machine.read(found, known[0]), carrier(alpha), dtype=np.float64)
    if beta != 0:
        values = values + np.multiply(machine.read(c, known[1]), carrier(beta), dtype=np.float64)
    return machine.result(values, part, a.dtype)


@row("addmm_", "baddbmm_", "addbmm_", "addmv_")
def added_in_place(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The same, into the memory of c."""
    rule = {"addbmm": summed_products, "addmv": added_to_vector}.get(machine.trace.operation, added)
    return copy_into(machine, operation, (args[0], rule(machine, operation, args, kwargs)), {})


@row("_addmm_activation")
def added_and_bent(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """addmm and an activation: two operations here too."""
    gelu = kwargs.pop("use_gelu", False)
    found = added(machine, operation, args, kwargs)
    with machine.mode:
        return torch.nn.functional.gelu(found, approximate="tanh") if gelu else found.relu()


@row("_trilinear")
def of_three(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A sum of products of three numbers (a bilinear map): as two products, the first stored."""
    tensors, missing, summed = args[:3], args[3:6], args[6]
    axes = "abcdefghijklmnopqrstuvwxyz"[: tensors[0].dim() + len(missing[0])]
    names = ["".join(a for i, a in enumerate(axes) if i not in out) for out in (*missing, summed)]
    with machine.mode:
        return torch.einsum(f"{','.join(names[:3])}->{names[3]}", *tensors)


@row("_grouped_mm")
def grouped(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A product for each group of rows, of columns, or of terms (`offs`: where groups end), as experts have them."""
    a, b = args[:2]
    ends = args[2] if len(args) > 2 else kwargs.get("offs")
    bias = args[3] if len(args) > 3 else kwargs.get("bias")
    if ends is None:
        return product(machine, a, b, bias)
    spans = list(itertools.pairwise([0, *ends.tolist()]))
    wide = [slice(i, j) for i, j in spans]
    left = [a[:, s] if b.dim() == 2 else a[s] for s in wide] if a.dim() == 2 else list(a)
    right = [b[s] if a.dim() == 2 else b[:, s] for s in wide] if b.dim() == 2 else list(b)
    found = [product(machine, x, y) for x, y in zip(left, right, strict=True)]
    joined = torch.stack(found) if a.dim() == b.dim() == 2 else torch.cat(found, 0 if a.dim() == 2 else 1)
    learn(joined, machine.known(found[0]))
    return joined


@row("linear")
def linear(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x W^T + b, as it comes under inference mode."""
    x, weight = args[0], args[1]
    bias = args[2] if len(args) > 2 else kwargs.get("bias")
    rows = x.reshape(-1, x.shape[-1])
    return product(machine, rows, weight.t(), bias).reshape(*x.shape[:-1], weight.shape[0])


@row("dot", "vdot")
def dot(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The product of two vectors."""
    return product(machine, args[0].unsqueeze(0), args[1].unsqueeze(1)).reshape(())


@row("mv")
def times_vector(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A matrix times a vector."""
    return product(machine, args[0], args[1].unsqueeze(1)).reshape(-1)


@row("addmv")
def added_to_vector(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """beta c + alpha a @ v."""
    c, a, v = args
    return added(machine, operation, (c.unsqueeze(-1), a, v.unsqueeze(1)), kwargs).reshape(-1)


@row("addbmm")
def summed_products(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """beta c + alpha times the sum of a stack of products: one product along all of k."""
    c, a, b = args
    joined = a.transpose(0, 1).reshape(a.shape[1], -1)
    return added(machine, operation, (c, joined, b.reshape(-1, b.shape[2])), kwargs)


@row("matmul")
def stacked(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """np.matmul's shapes, as they come under inference mode."""
    a, b = args
    left, right = (a.unsqueeze(0) if a.dim() == 1 else a), (b.unsqueeze(1) if b.dim() == 1 else b)
    found = product(machine, left, right)
    if b.dim() == 1:
        found = found.squeeze(-1)
    return found.squeeze(-1 if b.dim() == 1 else -2) if a.dim() == 1 else found

"""The dispatch mode: every aten operation below autograd, to its row.

An operation that no row names is looked at once: refused by name, a view, made of others (then those are computed), or
computed by the rule in ``operations/wide``, which a trace calls "by default".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..errors import ArgumentError
from .machine import Machine
from .operations.collectives import collective
from .operations.lists import each
from .operations.makes import constant, drawn
from .operations.moves import clone, convert, detach, look, members, move, view
from .operations.narrower import as_torch, narrower
from .operations.table import ROWS, Compute, Row, base_name, schema
from .operations.wide import wide
from .refusals import refuse, refused

aten = torch.ops.aten


class Dispatch(TorchDispatchMode):
    """Hands each operation to its row."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here: torch's guard against it would cost as much as the table

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine
        machine.handle = handle

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return handle(self.machine, func, args, kwargs or {})


def handle(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Do one operation as its row says."""
    _, compute, name, how, silent, method = _ENTRIES.get(id(operation)) or _entry(operation)
    trace, reference = machine.trace, machine.reference
    trace.operation, trace.how, machine.books = name, how, False
    if method is not None and not kwargs and type(args[0]) in _PLAIN and not _functions():
        return compute(machine, method, args, kwargs)
    if compute is _as_it_is:
        return operation(*args, **kwargs)
    if reference is not None and (machine.stepping or reference is torch.float64) and compute is not _refuse:
        own = narrower(machine, args, kwargs)
        found = as_torch(machine, operation, args, kwargs, own) if own else NotImplemented
        if found is not NotImplemented:
            return found
    try:
        if silent or machine.hushed:
            return compute(machine, operation, args, kwargs)
        machine.hushed = True
        try:
            return machine.quietly(compute, machine, operation, args, kwargs)
        finally:
            machine.hushed = False
    except ArgumentError:
        if _without_numbers((*args, *kwargs.values())):
            return operation(*args, **kwargs)
        raise


def _without_numbers(values: tuple[Any, ...]) -> bool:
    """Whether all tensors are torch's own shapes without numbers, by which forward derivatives find theirs."""
    tensors = [t for value in values for t in members(value)]
    return bool(tensors) and all([t.is_meta for t in tensors])


class Entry(NamedTuple):
    """A row of the table as it is looked up; it holds the operation, so that no other one can have its id."""

    operation: Any
    compute: Compute
    name: str
    how: str
    #: whether it does no arithmetic of NumPy's, which would warn of infinities
    silent: bool
    #: of a view: the tensor's method, which takes half the time that the operation itself does
    method: Any


#: id of an operation -> its row: torch's own hash of an operation is slow
_ENTRIES: dict[int, Entry] = {}


def _entry(operation: Any) -> Entry:
    row = ROWS.get(operation) or _found(operation)
    name, silent = base_name(operation), row.compute in _SILENT
    made = _ENTRIES[id(operation)] = Entry(operation, row.compute, name, row.how, silent, _METHODS.get(operation))
    return made


_METHODS = {
    aten.t.default: torch.Tensor.t, aten.view.default: torch.Tensor.view, aten.transpose.int: torch.Tensor.transpose,
    aten.permute.default: torch.Tensor.permute, aten.unsqueeze.default: torch.Tensor.unsqueeze,
    aten.select.int: torch.Tensor.select, aten.squeeze.dim: torch.Tensor.squeeze,
    aten.expand.default: torch.Tensor.expand, aten.detach.default: torch.Tensor.detach,
    aten._unsafe_view.default: torch.Tensor.view,
}  # fmt: skip
#: types whose methods nobody else answers for, and how many functions answer for all of them
_PLAIN, _functions = (torch.Tensor, torch.nn.Parameter), torch._C._len_torch_function_stack


#: what moves, makes or only looks
_SILENT = (move, clone, look, view, detach, convert, constant, drawn)


def _found(operation: Any) -> Row:
    """The row of an operation that has none."""
    name = base_name(operation)
    namespace = getattr(operation, "namespace", "aten")
    if refused(name, namespace) is not None:
        return Row(_refuse)
    if namespace in ("profiler", "prim"):
        return Row(_as_it_is)
    if namespace == "c10d":
        return Row(collective)
    if not isinstance(operation, torch._ops.OpOverload):
        return Row(_as_it_is)
    if name.startswith("_foreach_"):
        return Row(each)
    if schema(operation).view:
        return Row(view)
    if torch._C._dispatch_has_kernel_for_dispatch_key(operation.name(), "CompositeImplicitAutograd"):
        return Row(_decompose)
    return Row(wide, "by default")


def _refuse(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = base_name(operation)
    raise refuse(name, refused(name, operation.namespace) or "")


def _as_it_is(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return operation(*args, **kwargs)


def _decompose(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operations that this one is made of."""
    with machine.mode:
        return operation.decompose(*args, **kwargs)

"""What moves or selects numbers: not rounded, done by torch, and known as what its operands are.

Views share their operand's memory and so what is known of it. A tensor from outside that is moved stays one; where
numbers of several kinds meet, the least known decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from ...nn.precision import Role
from ..known import PARAMETER, ROLES, WEIGHTS, Kind, Known, bits, learn
from ..machine import Machine
from ..parts import STEP, Part
from ..plans import Call, Planned, planned
from ..refusals import HELD, check_type, refuse
from ..tensors import array_of, is_float, name_of
from .table import row, rows, schema

_task, _functions = torch._C._current_graph_task_id, torch._C._len_torch_function_stack


def members(value: Any) -> list[torch.Tensor]:
    """The tensors of real numbers in an argument, through lists."""
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() or value.is_complex() else []
    if isinstance(value, (list, tuple)) and value and type(value[0]) is not int:  # not a shape
        return [t for each in value for t in members(each)]
    return []


def view(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Another look at the same memory, or a part of it."""
    t = args[0] if args else None
    if isinstance(t, torch.Tensor) and t.is_meta:
        return operation(*args, **kwargs)
    if isinstance(t, torch.Tensor) and t.requires_grad and (_task() == -1 or not machine.is_backward()):
        places = machine.places
        places.remember(places.layer, (machine.known(t),), (t.numel(),))
    elif type(t) is torch.nn.Parameter:
        machine.known(t)
    return operation(*args, **kwargs)


def look(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Another look at all of the same memory, of which the gradient is one too: nothing is to be known of that."""
    if type(args[0]) is torch.nn.Parameter and not args[0].is_meta:
        machine.known(args[0])
    return operation(*args, **kwargs)


def _size(tensors: Sequence[torch.Tensor], rest: tuple[Any, ...]) -> int:
    """Elements of what a move gives: of the operand's shape, or of the one that the operand was taken from."""
    shape = rest[0] if rest else None  # or indices
    if type(shape) is list and all([type(n) is int for n in shape]):
        return math.prod(shape)
    return tensors[0].numel()


def _plan(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a move of a model's own numbers."""
    name, own = machine.trace.operation, call.known[0]
    if name not in _PLANNED or not own.bit & _MODEL or part is STEP or schema(call.operation).written:
        return None
    if not _is_alone((None, *call.rest), call.named) or len(call.known) > 1:
        return None
    operation, method = call.operation, getattr(torch.Tensor, name, call.operation)

    def moved(*args: Any, **named: Any) -> torch.Tensor:
        found: torch.Tensor = (operation if _functions() else method)(*args, **named)
        return found

    own_part = part._replace(kind=own.kind)
    return Planned(moved, call.tensors[0].dtype, own=(machine.places.layer, "moved", ""), part=own_part)


#: moves of which every call makes one tensor of the operand's numbers: those that take less time than a general way
_PLANNED = frozenset({"clone", "relu", "neg", "abs", "select_backward", "slice_backward"})


@planned(_plan, _size, named=True)
def move(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Numbers of the operands elsewhere, or some of them; zeros are numbers of every format."""
    first: Any = args[0] if args else None
    if type(first) is torch.Tensor and (machine.places.depth or _task() != -1) and first.is_floating_point():
        own = machine.known(first)
        if own.bit & _MODEL and _is_alone(args, kwargs) and not schema(operation).written:
            return _moved(machine, first, own, operation(*args, **kwargs))
    operands = [t for value in args for t in members(value)]
    if kwargs:
        operands += [t for value in kwargs.values() for t in members(value)]
    written = bool(schema(operation).written)
    known = machine.operands(operands, written)
    if any([k.bit & _STORED for k in known]):
        kept = args[0] if written else None  # what is written stays as it is stored
        pairs = [(t, k) for t, k in zip(operands, known, strict=True) if t is not kept]
        arguments = {id(t): _read(machine, t, k) for t, k in pairs}
        args_read = _exchanged([*args], arguments)
        found = operation(*args_read, **{key: _exchanged(value, arguments) for key, value in kwargs.items()})
    else:
        found = operation(*args, **kwargs)
    if not operands:
        return found
    return _learned(machine, written, args, found, known, operands)


#: kinds of a model's own numbers, of which all operations on them make the same
_MODEL = bits(Kind.ACTIVATION, Kind.GRADIENT)
#: types of arguments that say where numbers go, and are none
_PLACES = frozenset({int, bool, type(None), torch.memory_format, torch.dtype, torch.layout, torch.device})


def _is_alone(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether no number but those of the first argument can stand in the result."""
    others = (*args[1:], *kwargs.values()) if kwargs else args[1:]
    return all([type(a) in _PLACES or (type(a) is list and a and type(a[0]) is int) for a in others])


def _moved(machine: Machine, t: torch.Tensor, known: Known, found: Any) -> Any:
    """A model's numbers in another place, by a shorter way."""
    if type(found) is not torch.Tensor or not found.is_floating_point():
        return _learned(machine, False, (t,), found, [known], [t])
    size = found.numel()
    machine.trace.count(machine.places.layer, "moved", "", "", size)
    part = machine.part((known,), (t.numel(),), size)
    if part.kind is not known.kind:
        part = Part(known.kind, part.name, part.layer, part.backward, part.origin)
    return machine.learned(found, part)


#: kinds that are read otherwise than they lie in memory
_STORED = PARAMETER | bits(Kind.STATE)
#: kinds of numbers that are not those of activations
_OWN = bits(Kind.CONSTANT) | WEIGHTS


def _read(machine: Machine, t: torch.Tensor, known: Known) -> torch.Tensor:
    if (
        known.kind is Kind.PARAMETER
        and not machine.updating
        and not machine.books
        and machine.recipe(Role.WEIGHT, known.name).weight_copy is not None
    ):
        values = torch.from_numpy(machine.read(t, known))
        return values if values.dtype is t.dtype else values.to(t.dtype)
    if known.kind is Kind.STATE and known.pending:
        machine.settle(t, known)
    return t


def _exchanged(value: Any, arguments: dict[int, torch.Tensor]) -> Any:
    if isinstance(value, list | tuple):
        return [_exchanged(each, arguments) for each in value]
    return arguments.get(id(value), value) if isinstance(value, torch.Tensor) else value


def _learned(
    machine: Machine,
    writes: bool,
    args: tuple[Any, ...],
    found: Any,
    known: list[Known],
    operands: list[torch.Tensor],
) -> Any:
    made, counts = members(found), [t.numel() for t in operands]
    sizes = [t.numel() for t in made]
    machine.trace.count(machine.places.layer, "moved", "", "", sum(sizes))
    kind = moved_kind(machine, known)
    if kind is Kind.WEIGHT and sum(sizes) < sum(counts):
        kind = Kind.ACTIVATION  # some of a table's rows
    if kind is Kind.OUTSIDE:
        return found
    for t, size in zip(made, sizes, strict=True):
        part = machine.part(known, counts, size)
        if part.backward and part.kind is Kind.WEIGHT_GRADIENT:
            kind = Kind.GRADIENT if kind is not Kind.WEIGHT_GRADIENT else kind
        written = writes and t is args[0]
        if written and known[0].kind in (Kind.PARAMETER, Kind.STATE):
            continue
        if part.kind is not kind:
            name = known[0].name if kind is Kind.WEIGHT else part.name
            part = Part(kind, name, part.layer, part.backward, part.origin)
        if kind in ROLES and _mixed(machine, args, known):
            machine.write(t, machine.round(array_of(t), part))
        machine.learned(t, part)
        if written:
            machine.relearn(t, known[0], machine.known(t))
    return found


def _mixed(machine: Machine, args: tuple[Any, ...], known: list[Known]) -> bool:
    """Whether numbers that are not stored in the result's format may stand in it: weights, the program's own."""
    own = any([k.bit & _OWN for k in known])
    if not own and not any([isinstance(a, float) and a != 0.0 and abs(a) != float("inf") for a in args[1:]]):
        return False
    return not machine.updating


def moved_kind(machine: Machine, known: list[Known]) -> Kind:
    """What numbers of these kinds are together."""
    if machine.books:
        return known[0].kind if known[0].kind is Kind.OUTSIDE else Kind.SCALAR
    if len(known) == 1 and not known[0].bit & PARAMETER:
        return known[0].kind
    kinds = {k.kind for k in known}
    if Kind.OUTSIDE in kinds:
        return Kind.OUTSIDE
    if machine.is_backward():
        for kind in (Kind.WEIGHT_GRADIENT, Kind.GRADIENT, Kind.LOSS):
            if kind in kinds:
                return kind
    if len(kinds) == 1:
        return Kind.WEIGHT if kinds == {Kind.PARAMETER} else kinds.pop()
    if kinds == {Kind.PARAMETER, Kind.WEIGHT}:
        return Kind.WEIGHT
    for kind in (Kind.SCALAR, Kind.WEIGHT_GRADIENT, Kind.STATE, Kind.LOSS):
        if kind in kinds:
            return Kind.SCALAR if kind in (Kind.WEIGHT_GRADIENT, Kind.STATE) else kind
    return Kind.ACTIVATION


@row("detach")
def detach(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A view; where a parameter's gradient arrives, that gradient."""
    if _task() != -1:
        t, node = args[0], torch._C._current_autograd_node()
        if isinstance(node, torch._C._functions.AccumulateGrad) and t.is_floating_point():
            return _landed(machine, operation(t), node.variable)
    return look(machine, operation, args, kwargs)


def _landed(machine: Machine, t: torch.Tensor, variable: torch.Tensor) -> torch.Tensor:
    """A gradient that a backward pass leaves at a leaf; who divides it by the loss's scale is told."""
    if machine.leaves is not None:
        machine.leaves[variable] = None
    return arrived(machine, t, variable)


def arrived(machine: Machine, t: torch.Tensor, variable: torch.Tensor) -> torch.Tensor:
    """A gradient at its leaf: of a parameter it is stored as a weight gradient, if it is not one yet."""
    if machine.known(t).kind is Kind.WEIGHT_GRADIENT:
        return t
    own = machine.known(variable)
    if own.kind is not Kind.PARAMETER:
        return t
    part = Part(Kind.WEIGHT_GRADIENT, own.name, own.name, True)
    return machine.result(machine.read(t, Known(machine, Kind.GRADIENT, "")), part, t.dtype)


rows(look, "t transpose permute unsqueeze squeeze")
rows(view, "_unsafe_view swapaxes_ as_strided_ resize_ set_")


@row("clone")
def clone(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A copy; where a parameter's gradient arrives, that gradient."""
    found = move(machine, operation, args, kwargs)
    if not found.is_floating_point():
        return found
    if machine.stepping and machine.updating and machine.known(args[0]).kind is Kind.WEIGHT_GRADIENT:
        # a momentum's first value
        known = Known(machine, Kind.STATE, machine.known(args[0]).name)
        known.pending = True
        learn(found, known)
        return found
    node = torch._C._current_autograd_node()
    return _landed(machine, found, node.variable) if isinstance(node, torch._C._functions.AccumulateGrad) else found


@row("_to_copy", "_to_copy.out")
def convert(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Another type or layout; numbers that were integers or truth values are the program's own."""
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    kind = "cpu" if device is None else torch.device(device).type
    if kind == "meta":
        return operation(*args, **kwargs)
    if kind not in HELD:
        raise refuse("to", f"device={device} is not emulated; keep model and batches on the CPU")
    if dtype is not None:
        check_type(dtype, f"to({dtype})")
    if not is_float(args[0]):
        found = operation(*args, **kwargs)
        if is_float(found):
            machine.trace.count(machine.places.layer, "constant", name_of(found.dtype), "", found.numel())
            learn(found, Known(machine, Kind.CONSTANT, ""))
        return found
    found = move(machine, operation, args, kwargs)
    if found.itemsize < args[0].itemsize:
        if machine.updating:  # what a step computes with, and no gradient or state
            learn(found, Known(machine, Kind.SCALAR, ""))
        elif machine.reference is args[0].dtype is torch.float64 and machine.known(found).kind is Kind.WEIGHT:
            learn(found, Known(machine, Kind.ACTIVATION, ""))  # narrower by the model's own wish (``narrower.py``)
    return found


@row("copy_")
def copy_into(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Other numbers into a tensor's memory; into a parameter or a state as those are stored."""
    target, source = args[0], args[1]
    if not is_float(target):
        return operation(*args, **kwargs)
    known = machine.known(target)
    machine.trace.count(machine.places.layer, "moved", "", "", target.numel())
    if not is_float(source):
        operation(*args, **kwargs)
        if known.kind not in (Kind.PARAMETER, Kind.STATE):
            machine.relearn(target, known, Known(machine, Kind.CONSTANT, ""))
        return target
    _, own = machine.operands((target, source), in_place=True)
    values = machine.read(source, own)
    if known.kind is Kind.PARAMETER:
        stored = machine.p.round(
            machine.recipe(Role.WEIGHT, known.name).weights.nearest, Role.WEIGHT, known.name, values
        )
        machine.write(target, stored)
        machine.written(known)
    else:
        machine.write(target, values)
        if known.kind is Kind.STATE:
            known.pending = True
        else:
            kind = Kind.WEIGHT if own.kind is Kind.PARAMETER else own.kind
            if machine.books:
                kind = Kind.SCALAR if own.kind is Kind.PARAMETER else own.kind
            name = known.name if kind is known.kind is Kind.WEIGHT_GRADIENT else own.name
            machine.relearn(target, known, Known(machine, kind, name))
    return target


rows(
    move,
    """cat stack gather index index_select take take_along_dim masked_select where tril triu flip roll rot90 repeat
    repeat_interleave constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d
    replication_pad2d replication_pad3d max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool2d
    adaptive_max_pool3d relu relu_ neg neg_ abs abs_ sign sgn floor ceil round trunc clamp clamp_ clamp_min clamp_min_
    clamp_max clamp_max_ maximum minimum fmax fmin max min amax amin aminmax sort topk kthvalue median nanmedian mode
    msort threshold threshold_ hardtanh hardtanh_ hardtanh_backward hardshrink hardshrink_backward softshrink_backward
    masked_fill masked_fill_ scatter scatter_ index_fill index_fill_ index_copy index_copy_ select_scatter
    slice_scatter diagonal_scatter slice_backward select_backward diagonal_backward masked_scatter masked_scatter_
    unfold_copy pixel_shuffle pixel_unshuffle upsample_nearest1d upsample_nearest2d upsample_nearest3d channel_shuffle
    diag_embed nan_to_num nan_to_num_ cummax cummin max_unpool2d isin heaviside copysign ldexp _unsafe_index
    _unsafe_masked_index relu6 lift lift_fresh_copy view_as_real_copy expand_copy view_copy unbind_copy
    split_with_sizes_copy squeeze_copy unsqueeze_copy t_copy transpose_copy permute_copy slice_copy select_copy
    zero_ tril_ triu_ _resize_output_ native_channel_shuffle fractional_max_pool2d unique_consecutive unique_dim
    _unique2 bucketize searchsorted argsort unsafe_split unsafe_split_with_sizes unsafe_chunk narrow_copy _reshape_copy
    block_diag _chunk_cat masked_scatter_backward max_unpool3d _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d nextafter frexp
    _pack_padded_sequence resize resize_as fill zero""",
)

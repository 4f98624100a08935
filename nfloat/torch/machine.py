"""Operands read and results stored, each by what is known of it: how a recipe reaches tensors.

A `Machine` serves one emulation. Operations (``operations/``) ask it for arrays and hand values back; it asks
``places`` where they belong and `nfloat.nn.precision.Precision` how they are rounded.

* A parameter is read as its copy (`weight_copy`), kept until it changes; in an optimiser's step as it is stored.
* What comes from outside is cast as it enters, as an activation; the program's own numbers (masks, positions,
  buffers) and losses stay numbers of the carrier.
* A result of the forward pass is an activation, a loss where an operand is one; of the backward pass the gradient of
  the operand that the node's forward operation had: of a parameter, an activation, a loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import copy_context
from typing import Any

import numpy as np
import torch

from ..formats.format import Format
from ..linalg.gemm.small import small_product
from ..nn.precision import Floats, Precision, Role
from ..nn.recipes import Recipe
from .known import CARRIED, GRADIENTS, ROLE_OF, WEIGHTS, Kind, Known, bits, is_owner, is_whole, learn, lookup, own
from .parts import STEP, Part, forward_part
from .places import Places
from .refusals import check_tensor
from .tensors import SHARED, array_of, number_by_number, strided, tensor_of
from .tracing import Trace
from .ways import Ways

_AccumulateGrad, _new = torch._C._functions.AccumulateGrad, tuple.__new__
_node, _task, _recording = torch._C._current_autograd_node, torch._C._current_graph_task_id, torch.is_grad_enabled
#: kinds whose company makes a number of the carrier; of a program's own numbers and weights; that have no gradient
_APART = bits(Kind.SCALAR, Kind.STATE, Kind.WEIGHT_GRADIENT)
_LOSS, _CONSTANT, _OUTSIDE = bits(Kind.LOSS), bits(Kind.CONSTANT), bits(Kind.OUTSIDE)
_OF_WEIGHTS = bits(Kind.WEIGHT_GRADIENT)
#: kinds that make no number of a model: what keeps books of weights and gradients computes with them alone
_BOOKS = _APART | WEIGHTS | _CONSTANT
#: kinds that are read as they lie in memory, wherever that is done
_PLAIN = bits(Kind.GRADIENT, Kind.LOSS, Kind.WEIGHT)
_ACTIVATION, _ENTERING = bits(Kind.ACTIVATION), bits(Kind.CONSTANT, Kind.SCALAR)


class Machine:
    """Reads operands and stores results under one recipe."""

    def __init__(self, places: Places, trace: Trace) -> None:
        self.places, self.trace = places, trace
        #: stands for this machine in what is known of tensors, which outlive it; parameters as they were met
        self.token = object()
        self._owners: list[torch.Tensor] = []
        self.p: Precision
        #: whether nobody looks and all layers are alike; calls that are alike, and how they are done (``plans.py``)
        self.plain, self.keeps, self._carrier_name = False, False, ""
        self.plans: dict[tuple[Any, ...], Any] = {}
        #: calls a function so that NumPy does not warn: infinities and NaN are results
        self.quietly = copy_context().run
        self.quietly(np.seterr, all="ignore")
        #: the dispatch mode, while one is at work, for operations that are made of others, and what it does with one;
        #: the models' parameters
        self.mode: Any = None
        self.handle: Any = None
        self.parameters: list[torch.Tensor] = []
        #: id of a parameter -> its name in the models
        self.names: dict[int, str] = {}
        #: whether the operation that runs keeps books, outside of the model: it reads weights as they are stored
        self.books = False
        #: whether NumPy has been told that infinities and NaN are results (for all of a backward pass)
        self.hushed = False
        #: the type in which the recipe computes everything, and rounds nothing else
        self.reference: torch.dtype | None = None
        #: what is the same in all steps
        self.ways = Ways()
        #: whether an optimiser's step is running; whether the backward pass makes a graph of its own, and how many
        #: modules were running when it began
        self.stepping, self.differentiable, self.depth = False, False, 0

    def begin(self, p: Precision) -> None:
        """Take a step's precision."""
        self.p, self.plain = p, p.observer is None and not p.recipe.layers
        self.keeps = self.plain and not p.recipe.keeps_operands
        self._carrier_name = p.carrier.name

    @property
    def updating(self) -> bool:
        """Whether an optimiser computes (and not the closure that it was given)."""
        return self.stepping and not _recording() and _task() == -1

    # ---------------------------------------------------------------- what is known
    def known(self, t: torch.Tensor) -> Known:
        """What is known of a tensor's memory; found out where it is new."""
        try:
            known: Known | None = getattr(t.untyped_storage(), "_nfloat", None)
        except RuntimeError:  # no storage
            check_tensor(t, self.trace.operation)
            raise
        if (
            known is not None
            and known.run is self.token
            and known.parts is None
            and (type(t) is torch.Tensor or (known.shape == t.shape and known.offset == t.storage_offset()))
        ):
            return known  # `is_owner`, without the call
        known = lookup(t, self)
        if known is None:
            check_tensor(t, self.trace.operation)
            if not isinstance(t, torch.nn.Parameter):
                return Known(self, Kind.OUTSIDE, "")
            return self.adopt(t)
        if type(t) is not torch.Tensor and isinstance(t, torch.nn.Parameter) and not is_owner(known, t):
            return self.adopt(t)  # made of other numbers, or given other memory (`p.data = ...`)
        return known

    def meet(self, module: torch.nn.Module) -> None:
        """Take the buffers of a module in that no model named: they are the program's own numbers."""
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.is_floating_point() and lookup(buffer, self) is None:
                learn(buffer, Known(self, Kind.CONSTANT, f"{self.places.layer}.{name}"))

    def operands(self, tensors: Sequence[torch.Tensor], in_place: bool = False) -> list[Known]:
        """What is known of an operation's operands; finds out whether it keeps books.

        An average of weights, a snapshot, a step that no optimiser makes: whatever is made of weights, their gradients
        and the program's own numbers outside of all modules, without a gradient of its own. It reads parameters as
        they are stored, and gives numbers of the carrier.
        """
        known = [self.known(t) for t in tensors]
        if self.places.depth or self.stepping or _task() != -1:
            return known
        kinds = 0
        for each in known:
            kinds |= each.bit
        own = kinds & ~(_BOOKS | (_OUTSIDE if in_place else 0)) == 0 and kinds & ~_CONSTANT
        if own and (kinds & _APART or not _recording() or not any([t.requires_grad for t in tensors])):
            self.books = True
        return known

    def adopt(self, parameter: torch.Tensor) -> Known:
        """Take a parameter in: stored, from now on, as the recipe stores parameters."""
        before = lookup(parameter, self)
        if before is not None and is_owner(before, parameter):
            before.version = -1
            self._stored(before)
            return before
        known = Known(self, Kind.PARAMETER, self.names.get(id(parameter), f"parameter{id(parameter) % 100000}"))
        known.version = -1
        self._owners.append(own(parameter, known, self))
        self._stored(known)
        return known

    def _stored(self, known: Known) -> torch.Tensor:
        """A parameter as it is stored; rounded, to nearest, where somebody has written into it."""
        owner = None if known._owner is None else known._owner()
        assert owner is not None, "parameters have an owner"
        if known.version != owner._version:
            values = array_of(owner)
            cast = self.recipe(Role.WEIGHT, known.name).weights
            if values.dtype not in cast.exact_in:
                self.write(owner, self.p.round(cast.nearest, Role.WEIGHT, known.name, values))
            known.version, known.copy, known.seen = owner._version, None, None
        return owner

    def recipe(self, role: Role, name: str) -> Recipe:
        """The recipe as it holds for a tensor of that role and name."""
        recipe = self.p.recipe
        return recipe.at(role.layer(name)) if recipe.layers else recipe

    # ---------------------------------------------------------------- where an operation belongs
    def is_backward(self) -> bool:
        """Whether gradients are being computed (and not a checkpoint's forward again)."""
        if _task() == -1:
            return False
        if not _recording():
            return True
        return self.differentiable and self.places.depth == self.depth

    def part(self, operands: Sequence[Known], counts: Sequence[int], size: int) -> Part:
        """The part of a result of `size` elements, made of `operands`."""
        if _task() == -1:
            if self.stepping and not _recording():
                return STEP
        elif self.is_backward():
            return self.backward_part(operands, size)
        layer = self.places.layer or self.trace.operation
        self.places.remember(layer, operands, counts)
        kinds = 0
        for known in operands:
            kinds |= known.bit
        if kinds & _LOSS:
            return forward_part(Kind.LOSS, layer)
        if self.books or (kinds & _APART and not self.places.depth and not kinds & ~_BOOKS):
            return forward_part(Kind.SCALAR, layer)
        return forward_part(Kind.ACTIVATION if kinds & ~_CONSTANT else Kind.CONSTANT, layer)

    def backward_part(self, operands: Sequence[Known], size: int) -> Part:
        node = _node()
        kinds = 0
        for known in operands:
            kinds |= known.bit
        # autograd adds the gradients of several uses while the node that it has just run still stands
        summed = self.trace.operation == "add" and len(operands) == 2 and not kinds & ~GRADIENTS
        if node is None or summed or isinstance(node, _AccumulateGrad):
            for some in (_OF_WEIGHTS, GRADIENTS):  # a weight's and that of a view of it are together the weight's
                for own in operands:
                    if own.bit & some:
                        return _new(Part, (own.kind, own.name, own.name, True, None))
            return Part(Kind.GRADIENT, "", "", True)
        origin = self.places.origin(node)
        if origin is None:
            return Part(Kind.GRADIENT, "", "", True)
        if not kinds & WEIGHTS:
            for known, count in zip(origin.operands, origin.counts, strict=True):
                if known.bit & WEIGHTS and count == size:
                    return Part(Kind.WEIGHT_GRADIENT, known.name, origin.layer, True, origin)
        name = None
        for known in origin.operands:
            if known.bit & _LOSS:
                return Part(Kind.LOSS, "", origin.layer, True, origin)
            if name is None and not known.bit & (WEIGHTS | _CONSTANT):
                name = known.name
        return _new(Part, (Kind.GRADIENT, name or "", origin.layer, True, origin))

    # ---------------------------------------------------------------- operands
    def read(self, t: torch.Tensor, known: Known | None = None, product: bool = False) -> Floats:
        """An operand's values as the recipe has them; `product` says that the program's own numbers are cast too."""
        known = self.known(t) if known is None else known
        bit = known.bit
        if bit & _PLAIN or (bit & _ACTIVATION and not self.p.recipe.layers):
            return array_of(t)
        if known.kind is Kind.PARAMETER:
            return self.parameter(t, known)
        if known.pending:
            self.settle(t, known)
        if self.books or self.updating:
            return array_of(t)
        if bit & _OUTSIDE or (product and bit & _ENTERING):
            return self.enter(t)
        if bit & _APART and self.places.depth and not self.is_backward():
            return self.enter(t)  # computed outside of the model: from outside, for it
        if bit & _ACTIVATION and known.format is not self._format(self.layer()):
            return self.enter(t)
        return array_of(t)

    def enter(self, t: torch.Tensor) -> Floats:
        """The values of a tensor from outside, as an activation."""
        p, layer = self.p, self.layer()
        cast = p.at(layer).activations.nearest
        if p.observer is not None:
            return p.round(cast, Role.INPUT, layer, array_of(t))
        return number_by_number(lambda x: p.round(cast, Role.INPUT, layer, x), array_of(t))

    def layer(self) -> str:
        """The layer whose operation is running, forward or backward."""
        if self.is_backward():
            node = _node()
            origin = None if node is None else self.places.origin(node)
            if origin is not None:
                return origin.layer
        return self.places.layer or self.trace.operation

    def parameter(self, t: torch.Tensor, known: Known) -> Floats:
        """A parameter's values, or those of a view of it: of its copy, but where it is read as it is stored."""
        owner = self._stored(known)
        if self.books or (self.stepping and self.updating) or self.recipe(Role.WEIGHT, known.name).weight_copy is None:
            return array_of(t)
        if known.copy is None or known.seen is None:
            if not owner.is_contiguous():
                return self.p.cast(Role.WEIGHT_COPY, known.name, array_of(t))
            known.copy = self.cast(Kind.PARAMETER, Role.WEIGHT_COPY, known.name, array_of(owner))
            known.seen = {}
        place = t.shape, t.stride(), t.storage_offset()
        found = known.seen.get(place)
        if found is None:
            found = known.seen[place] = strided(known.copy, t, place[2] - known.offset)
        return found

    # ---------------------------------------------------------------- results
    def round(self, values: Floats, part: Part) -> Floats:
        """Values as the recipe stores results of that part."""
        p, role = self.p, ROLE_OF[part.kind]
        if role is None:
            values = np.asarray(values, p.carrier)
            self.trace.count(part.layer, CARRIED.get(part.kind, "carrier"), self._carrier_name, "", values.size)
            return values
        return self.cast(part.kind, role, part.name, values)

    def cast(self, kind: Kind, role: Role, name: str, values: Floats) -> Floats:
        """`Precision.cast`, by a shorter way where there is one."""
        p = self.p
        if p.observer is None and type(values) is np.ndarray:
            way = self.ways.stored(p, kind, role, name)
            if values.dtype is way.exact:
                self.trace.count(way.layer, way.tensor, way.format, "", values.size)
                return values
            rounded = way.apply(values)
            if rounded is not None:
                self.trace.count(way.layer, way.tensor, way.rounded, "", values.size)
                return rounded
        return p.cast(role, name, values)

    def gemm(self, name: str, which: str, x: Floats, y: Floats, c: Floats | None, roles: tuple[Role, Role]) -> Floats:
        """`Precision.gemm`; small products of operands that are not rounded by a shorter way."""
        sums, text = self.ways.product(self.p, name, which, roles)
        if sums is not None and self.p.observer is None:
            found = small_product(x, y, c, sums)
            if found is not None:
                self.trace.count(name, f"{which}.sum", "", text, found.size)
                return found
        return self.p.gemm(name, which, x, y, c, roles)

    def result(self, values: Floats, part: Part, dtype: torch.dtype, wide: Any = None) -> torch.Tensor:
        """A new tensor of the values, rounded as the recipe stores results of that part; `wide` as `Known` has it."""
        return self.learned(tensor_of(self.round(values, part), dtype, self.keeps), part, wide)

    def _format(self, layer: str) -> Format:
        return self.p.at(layer).activations.format

    def learned(self, t: torch.Tensor, part: Part, wide: Any = None) -> torch.Tensor:
        """A tensor that needs no rounding, as a result of that part."""
        known = self.of(part)
        if wide is not None:
            known.wide = wide
        t.untyped_storage()._nfloat = known  # `learn`, without the call
        return t

    def of(self, part: Part) -> Known:
        """What is known of a result of that part."""
        known = Known(self, part.kind, part.name)
        if self.p.recipe.layers and part.kind is Kind.ACTIVATION:
            known.format = self._format(part.name)
        return known

    def is_single(self, part: Part) -> bool:
        """Whether results of that part may be given as float32 numbers, which is how they are stored."""
        return self.p.observer is None and self.exact_in(torch.float32, part)

    def exact_in(self, dtype: torch.dtype, part: Part) -> bool:
        """Whether results of that part are stored as a type's own arithmetic rounds them."""
        role, own = ROLE_OF[part.kind], SHARED.get(dtype)
        if role is None:
            return own == self.p.carrier
        cast = getattr(self.recipe(role, part.name), role.field)
        return own in cast.native_in

    def write(self, t: torch.Tensor, values: Floats) -> None:
        """Put values into a tensor's own memory."""
        if t.dtype in SHARED:
            array_of(t)[...] = values
        else:
            t.detach().copy_(torch.from_numpy(np.ascontiguousarray(values)))

    # ---------------------------------------------------------------- changed in place
    def change(self, t: torch.Tensor, known: Known, values: Floats, part: Part) -> torch.Tensor:
        """Put a result into the memory of one of its operands, rounded as that is stored."""
        if known.kind is Kind.PARAMETER:
            self.write(t, self.p.cast(Role.WEIGHT, known.name, values))
            self.written(known)
        elif known.kind is Kind.STATE:
            self.trace.count(*Role.ARITHMETIC.label(known.name), self._carrier_name, "", values.size)
            self.write(t, np.asarray(values, self.p.carrier))
            known.pending = True
        else:
            if known.kind is not Kind.WEIGHT_GRADIENT:
                new = Known(self, Kind.OUTSIDE if self.books and known.kind is Kind.OUTSIDE else part.kind, part.name)
            elif part.kind is not known.kind or part.name == known.name:
                new = known
            else:
                new = Known(self, part.kind, "")  # those of several parameters
            self.write(t, self.round(values, part._replace(kind=new.kind, name=new.name or part.name)))
            self.relearn(t, known, new)
        return t

    def relearn(self, t: torch.Tensor, known: Known, new: Known) -> None:
        """Say what was written into a tensor's memory; a mixture is rounded when it is read, as if from outside."""
        if known.kind is not new.kind and _task() == -1 and not self.updating and not is_whole(t):
            new = Known(self, Kind.OUTSIDE, new.name)
        learn(t, new)

    def written(self, known: Known) -> None:
        """Say that a parameter's memory holds what the recipe stores (the operation's own count of it comes later)."""
        owner = known.owner
        assert owner is not None, "parameters have an owner"
        known.version, known.copy, known.seen = owner._version, None, None

    def settle(self, t: torch.Tensor, known: Known) -> None:
        """Round a state that several operations of one formula have made."""
        known.pending = False
        values = array_of(t)
        stored = self.p.cast(Role.STATE, known.name, values)
        if stored is not values:
            self.write(t, stored)


def is_float(value: Any) -> bool:
    """Whether an argument is a tensor of real or complex numbers."""
    return isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())

"""What is known of the tensors that an operation meets, and where in a step the operation belongs.

* A tensor's memory says what it holds (``known``); a parameter that is met for the first time is taken in, stored from
  then on as the recipe stores parameters.
* A result of the forward pass is an activation, a loss where an operand is one; of the backward pass the gradient of
  the operand that the node's forward operation had: of a parameter, an activation, a loss.
* What is made of weights aside of the model keeps books: it reads them as they are stored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.parameter import is_lazy
from torch.utils.weak import WeakTensorKeyDictionary

from ..nn.precision import Floats, Precision, Role
from ..nn.recipes import Recipe
from .known import GRADIENTS, WEIGHTS, Kind, Known, bits, is_owner, learn_buffer, lookup, own
from .parts import STEP, Part, forward_part
from .places import Places
from .refusals import check_scaled, check_tensor
from .tensors import SHARED, array_of
from .tracing import Trace

_AccumulateGrad, _new = torch._C._functions.AccumulateGrad, tuple.__new__
_node, _task, _recording = torch._C._current_autograd_node, torch._C._current_graph_task_id, torch.is_grad_enabled
#: kinds whose company makes a number of the carrier; of a program's own numbers and weights; that have no gradient
APART = bits(Kind.SCALAR, Kind.STATE, Kind.WEIGHT_GRADIENT)
_LOSS, _CONSTANT, _OUTSIDE = bits(Kind.LOSS), bits(Kind.CONSTANT), bits(Kind.OUTSIDE)
_OF_WEIGHTS = bits(Kind.WEIGHT_GRADIENT)
#: kinds that make no number of a model: what keeps books of weights and gradients computes with them alone
_BOOKS = APART | WEIGHTS | _CONSTANT


class Knowledge:
    """Tells what tensors are, and where operations belong, under one recipe."""

    p: Precision

    def __init__(self, places: Places, trace: Trace) -> None:
        self.places, self.trace = places, trace
        #: stands for this machine in what is known of tensors, which outlive it; parameters as they were met
        self.token = object()
        self._owners: list[torch.Tensor] = []
        #: id of a parameter -> its name in the models
        self.names: dict[int, str] = {}
        #: where gradients of scaled losses arrived, parameters or not; None: losses are not scaled
        self.leaves: WeakTensorKeyDictionary | None = None
        #: whether gradients are multiplied by the loss's scale, in a backward pass that runs
        self.scaled = False
        #: the names of parameters that no model names; how many there were
        self._unnamed = WeakTensorKeyDictionary()
        self._met = 0
        #: whether the operation that runs keeps books, outside of the model: it reads weights as they are stored
        self.books = False
        #: whether an optimiser's step is running; whether the backward pass makes a graph of its own, and how many
        #: modules were running when it began
        self.stepping, self.differentiable, self.depth = False, False, 0

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
            if buffer is None or is_lazy(buffer) or not buffer.is_floating_point():
                continue
            if lookup(buffer, self) is None:
                learn_buffer(buffer, self, f"{self.places.layer}.{name}")

    def operands(self, tensors: Sequence[torch.Tensor], in_place: bool = False) -> list[Known]:
        """What is known of an operation's operands; finds out whether it keeps books.

        An average of weights, a snapshot, a step that no optimiser makes: whatever changes a parameter in place; and
        what is made of weights, their gradients and the program's own numbers outside of all modules, or aside of a
        forward pass, without a gradient of its own. It reads parameters as they are stored, and gives numbers of the
        carrier.
        """
        known = [self.known(t) for t in tensors]
        if in_place and known and known[0].kind is Kind.PARAMETER:
            check_scaled(self.scaled and self.is_backward(), self.trace.operation)
            self.books = not self.stepping
        elif not self.stepping and _task() == -1 and (not self.places.depth or self.places.is_aside()):
            kinds = 0
            for each in known:
                kinds |= each.bit
            own = kinds & ~(_BOOKS | (_OUTSIDE if in_place else 0)) == 0 and kinds & ~_CONSTANT
            if own and (kinds & APART or not _recording() or not any([t.requires_grad for t in tensors])):
                self.books = True
        return known

    def adopt(self, parameter: torch.Tensor) -> Known:
        """Take a parameter in: stored, from now on, as the recipe stores parameters."""
        before = lookup(parameter, self)
        if before is not None and is_owner(before, parameter):
            before.version = -1
            self._stored(before)
            return before
        known = Known(self, Kind.PARAMETER, self._name(parameter))
        known.version = -1
        self._owners.append(own(parameter, known, self))
        self._stored(known)
        return known

    def take(self, leaf: torch.Tensor) -> None:
        """Take in what an optimiser changes, if that is a plain tensor."""
        if not isinstance(leaf, torch.nn.Parameter) and self.known(leaf).kind is not Kind.PARAMETER:
            self.adopt(leaf)

    def _name(self, parameter: torch.Tensor) -> str:
        """A parameter's name in the models, or one by the order in which those that have none are met."""
        name: str | None = self.names.get(id(parameter)) or self._unnamed.get(parameter)
        if name is None:
            self._met += 1
            name = self._unnamed[parameter] = f"parameter#{self._met}"
        return name

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
        if self.books or (kinds & APART and not self.places.depth and not kinds & ~_BOOKS):
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

    def layer(self) -> str:
        """The layer whose operation is running, forward or backward."""
        if self.is_backward():
            node = _node()
            origin = None if node is None else self.places.origin(node)
            if origin is not None:
                return origin.layer
        return self.places.layer or self.trace.operation

    def write(self, t: torch.Tensor, values: Floats) -> None:
        """Put values into a tensor's own memory."""
        if t.dtype in SHARED:
            array_of(t)[...] = values
        else:
            t.detach().copy_(torch.from_numpy(np.ascontiguousarray(values)).view(values.shape))  # of no axes, too

"""The recipe's loss scaling, around ``backward()`` and the step; and what a backward pass has to know of itself.

As ``nfloat/nn/train.py`` does it: the gradient with which backpropagation starts is the scale, the parameters'
gradients are divided by it when ``backward()`` is done (multiplied again before the next one adds to them), and a step
with an infinity or NaN is left out. A loop that has a GradScaler of its own keeps it, and the recipe's stays at rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.weak import WeakTensorKeyDictionary

from ..nn.scaling import LossScaler, LossScaling, all_finite
from .known import Kind, Known, bits, learn, lookup
from .machine import Machine
from .operations.moves import arrived
from .parts import Part
from .tensors import array_of

_task = torch._C._current_graph_task_id
#: kinds of a gradient that the program gives
_GIVEN = bits(Kind.OUTSIDE, Kind.CONSTANT)


class Backward:
    """Stands between ``backward()`` and autograd's engine while an emulation runs."""

    def __init__(self, machine: Machine, scaling: LossScaling | None) -> None:
        self.machine = machine
        self.scaler = None
        if scaling is not None:
            self.scaler, machine.leaves = LossScaler(scaling), WeakTensorKeyDictionary()
        #: whether the last step was left out
        self.skipped = False
        self._engine: Any = None
        self._scale: Any = None

    def start(self) -> None:
        """Take the engine's place."""
        self._engine, self._scale = torch.autograd._engine_run_backward, torch.amp.GradScaler.scale
        torch.autograd._engine_run_backward = self._run
        backward = self

        def scale(self: Any, outputs: Any) -> Any:
            if self.is_enabled() and backward.machine.places.is_here():
                backward.scaler = None
            return backward._scale(self, outputs)

        torch.amp.GradScaler.scale = scale

    def stop(self) -> None:
        """Give it back."""
        torch.autograd._engine_run_backward = self._engine
        torch.amp.GradScaler.scale = self._scale

    def _run(
        self, outputs: Any, gradients: Any, retain: Any, create_graph: Any, inputs: Any, *args: Any, **kw: Any
    ) -> Any:
        machine = self.machine
        if not machine.places.is_here():
            return self._engine(outputs, gradients, retain, create_graph, inputs, *args, **kw)
        machine.trace.operation, machine.trace.how = "backward", ""
        before = machine.differentiable, machine.depth, machine.stepping, machine.hushed
        machine.differentiable, machine.depth, machine.hushed = bool(create_graph), machine.places.depth, True
        outermost = _task() == -1  # a checkpoint may run another inside
        scaled = self.scaler is not None and outermost and bool(kw.get("accumulate_grad"))
        try:
            with np.errstate(all="ignore"):
                gradients = tuple([self._entered(*pair) for pair in zip(outputs, gradients, strict=True)])
                if not scaled:
                    found = self._engine(outputs, gradients, retain, create_graph, inputs, *args, **kw)
                    return found if create_graph or not inputs else self._arrived(inputs, found)
                with self._scaled(gradients) as start:
                    return self._engine(outputs, start, retain, create_graph, inputs, *args, **kw)
        finally:
            machine.differentiable, machine.depth, machine.stepping, machine.hushed = before
            if outermost:
                machine.p.forget()

    def _entered(self, output: Any, gradient: Any) -> Any:
        """A gradient that the program gives; of an activation it is rounded, unless it has a gradient of its own."""
        machine = self.machine
        if gradient is None or not _is_plain(gradient):
            return gradient
        known = machine.known(gradient)
        if not known.bit & _GIVEN:
            return gradient
        own = machine.known(output) if _is_plain(output) else None
        if own is None or own.kind is not Kind.ACTIVATION or gradient.requires_grad:
            if known.kind is Kind.OUTSIDE:
                learn(gradient, Known(machine, Kind.GRADIENT, ""))
            return gradient
        with torch._C._DisableTorchDispatch():
            return machine.result(array_of(gradient), Part(Kind.GRADIENT, own.name, own.name, True), gradient.dtype)

    def _arrived(self, inputs: Any, found: Any) -> Any:
        """Gradients that were asked for: of parameters, stored as such."""
        stored = []
        for t, gradient in zip(inputs, found or (), strict=False):
            plain = type(t) is not torch.Tensor and isinstance(t, torch.nn.Parameter)
            stored.append(arrived(self.machine, gradient, t) if plain and _is_plain(gradient) else gradient)
        return tuple(stored) if found else found

    @contextmanager
    def _scaled(self, gradients: Any) -> Iterator[Any]:
        assert self.scaler is not None, "there is a scale"
        factor = self.machine.p.carrier.type(self.scaler.scale)
        self._rescale(np.multiply, factor)
        with torch._C._DisableTorchDispatch():
            start = tuple(g if g is None else g * self.scaler.scale for g in gradients)
        for t in start:
            if t is not None:
                learn(t, Known(self.machine, Kind.LOSS, ""))
        self.machine.scaled = True
        try:
            yield start
        finally:  # of a pass that an error ended, too: what was there before is as it was
            self.machine.scaled = False
            self._rescale(np.divide, factor)

    def _rescale(self, function: Any, factor: Any) -> None:
        with np.errstate(all="ignore"):
            for leaf in [*(self.machine.leaves or ())]:
                gradient = leaf.grad
                if gradient is not None and lookup(gradient, self.machine) is not None:
                    self.machine.write(gradient, function(array_of(gradient), factor))

    def skips(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether a step is left out, since a gradient is not finite; moves the scale."""
        if self.scaler is None:
            return False
        found = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        clean = not self.machine.p.clamped and all_finite([array_of(g) for g in found])
        self.scaler.update(clean)
        self.skipped = not clean
        return not clean


def _is_plain(value: Any) -> bool:
    """Whether this is a tensor of its own memory, and not one of torch.func's."""
    return isinstance(value, torch.Tensor) and not torch._C._functorch.is_functorch_wrapped_tensor(value)

"""An optimiser's step: which of its forms runs, what is rounded when it is done, and that a step has passed.

SGD, Adam and AdamW in any of torch's forms (plain, foreach, fused) are run in the fused one, so that the whole update
arrives as one operation and is computed as `nfloat.nn` does it; other optimisers, and options that nn's have not, run
operation by operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from .known import Kind, Known, learn
from .machine import Machine
from .refusals import check_scaled


def joinable(optimizer: torch.optim.Optimizer, group: dict[str, Any], reference: torch.dtype | None) -> bool:
    """Whether `nfloat.nn` has this optimiser with these options.

    Under float64 what torch makes of a rate that is a float32 tensor, in its plain forms, is torch's own.
    """
    narrower = isinstance(group["lr"], torch.Tensor) and group["lr"].dtype is not reference
    if narrower and reference is torch.float64 and not group["fused"]:
        return False
    if group.get("differentiable") or group.get("capturable") or group.get("amsgrad"):
        return False
    if type(optimizer) is torch.optim.SGD:
        return not group["dampening"]
    return type(optimizer) in (torch.optim.Adam, torch.optim.AdamW)


def _unheard() -> None:
    """Nobody listens."""


class Stepping:
    """Torch's hooks around every optimiser's step."""

    def __init__(self, machine: Machine, skips: Callable[[torch.optim.Optimizer], bool]) -> None:
        self.machine, self._skips = machine, skips
        #: called after every step
        self.done: Callable[[], None] = _unheard
        self._handles: list[Any] = []
        self._forms: list[tuple[dict[str, Any], Any, Any]] = []
        self._held: list[tuple[torch.Tensor, torch.Tensor]] = []

    def start(self) -> None:
        """Follow the steps of optimisers."""
        self._handles = [
            register_optimizer_step_pre_hook(self._before),
            register_optimizer_step_post_hook(self._after),
        ]

    def stop(self) -> None:
        """Follow them no longer."""
        for handle in self._handles:
            handle.remove()
        self.done = _unheard
        self._restore()

    def _before(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> Any:
        if not self.machine.places.is_here():
            return None
        check_scaled(self.machine.scaled, f"{type(optimizer).__name__}.step")
        self._restore()
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        machine, skip = self.machine, closure is None and self._skips(optimizer)
        machine.stepping = True
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                machine.take(parameter)
                if skip and parameter.grad is not None:
                    self._held.append((parameter, parameter.grad))
                    parameter.grad = None
                states = optimizer.state.get(parameter) if optimizer.state else None
                if states:
                    self._adopt(states, parameter)
            if "fused" in group:
                self._forms.append((group, group["fused"], group.get("foreach")))
                group["fused"], group["foreach"] = joinable(optimizer, group, machine.reference), False
        if closure is None:
            return None
        return args[:1], {"closure": self._watched(optimizer, closure)}

    def _watched(self, optimizer: torch.optim.Optimizer, closure: Callable[[], Any]) -> Callable[[], Any]:
        """The closure; where it leaves a gradient that is not finite, under loss scaling, the optimiser sees none."""

        def run() -> Any:
            for parameter, gradient in self._held:
                parameter.grad = gradient
            self._held = []
            loss = closure()
            if self._skips(optimizer):
                for group in optimizer.param_groups:
                    self._held += [(p, p.grad) for p in group["params"] if p.grad is not None]
                for parameter, _ in self._held:
                    parameter.grad = None
            return loss

        return run

    def _adopt(self, states: dict[str, Any], parameter: torch.Tensor) -> None:
        own = self.machine.known(parameter)
        for state in states.values():
            real = isinstance(state, torch.Tensor) and state.is_floating_point() and state.shape == parameter.shape
            if real and state.dim() and self.machine.known(state).kind is not Kind.STATE:
                learn(state, Known(self.machine, Kind.STATE, own.name))

    def _after(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        machine = self.machine
        if not machine.places.is_here():
            return
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                own = machine.known(parameter)
                owner = own.owner
                if owner is not None and not self._held:
                    own.version = owner._version
                states = optimizer.state.get(parameter) if optimizer.state else None
                for state in states.values() if states else ():
                    if isinstance(state, torch.Tensor) and state.is_floating_point():
                        known = machine.known(state)
                        if known.pending:
                            machine.settle(state, known)
        self._restore()
        self.done()

    def _restore(self) -> None:
        self.machine.stepping = False
        for group, fused, foreach in self._forms:
            group["fused"], group["foreach"] = fused, foreach
        for parameter, gradient in self._held:
            parameter.grad = gradient
        self._forms, self._held = [], []

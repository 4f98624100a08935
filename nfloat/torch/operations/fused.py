"""Whole steps of optimisers, as one operation: `nfloat.nn`'s optimisers on torch's states."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ... import nn
from ...nn.precision import Floats
from ...nn.scaling import all_finite
from ..machine import Machine
from ..tensors import array_of
from .table import row
from .updates import descended, stepped


def _unscaled(
    machine: Machine, gradients: list[torch.Tensor], scale: torch.Tensor | None, found: torch.Tensor | None
) -> bool:
    """Divide gradients by a GradScaler's scale; whether the step is to be done."""
    if scale is not None:
        for g in gradients:
            machine.write(g, array_of(g) / array_of(scale))
    return found is None or float(found) == 0.0


def _signed(machine: Machine, gradients: list[torch.Tensor], kwargs: dict[str, Any]) -> list[Floats]:
    found = [np.asarray(array_of(g), machine.p.carrier) for g in gradients]
    return [-g for g in found] if kwargs.get("maximize") else found


@row("_fused_sgd_", "_fused_sgd_.tensor_lr")
def sgd(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """SGD, with or without momentum."""
    parameters, gradients, buffers = args[0], args[1], args[2]
    if not _unscaled(machine, gradients, kwargs.get("grad_scale"), kwargs.get("found_inf")):
        return None
    lr, momentum = float(kwargs["lr"]), kwargs["momentum"]
    first, states = kwargs.get("is_first_step", False), {}
    if momentum:
        if first:
            for buffer in buffers:
                buffer.zero_()
        states = {"v": buffers}
    decay, nesterov = kwargs["weight_decay"], kwargs["nesterov"]
    given = _signed(machine, gradients, kwargs)
    if not (momentum or decay):
        parameters, given = _not_descended(machine, parameters, given, lr)

    def make(own: Any) -> nn.Optimizer:
        return _at(lr, nn.Momentum(own, 1.0, momentum, nesterov, decay) if momentum else nn.SGD(own, 1.0, decay))

    if parameters:
        stepped(machine, make, parameters, given, states, 1)
    machine.p.forget()
    return None


def _not_descended(
    machine: Machine, parameters: list[torch.Tensor], gradients: list[Floats], lr: float
) -> tuple[list[torch.Tensor], list[Floats]]:
    """Do the steps that are plain; what is left."""
    rate = machine.p.carrier.type(-lr)
    left = [(t, g) for t, g in zip(parameters, gradients, strict=True) if not descended(machine, t, g, rate)]
    return [t for t, _ in left], [g for _, g in left]


def _at(lr: float, optimizer: nn.Optimizer, eps: float | None = None) -> nn.Optimizer:
    """The optimiser at torch's rate and `eps`, which may be 0 (a warm-up begins so); `nfloat.nn`'s own may not."""
    optimizer.lr = lr
    if isinstance(optimizer, nn.Adam) and eps is not None:
        optimizer.eps = eps
    return optimizer


@row("_fused_adam_", "_fused_adam_.tensor_lr", "_fused_adamw_", "_fused_adamw_.tensor_lr")
def adam(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Adam and AdamW."""
    parameters, gradients, means, squares, _, counts = args
    if not _unscaled(machine, gradients, kwargs.get("grad_scale"), kwargs.get("found_inf")):
        for count in counts:
            count.sub_(1)
        return None
    betas, eps, decay = (kwargs["beta1"], kwargs["beta2"]), kwargs["eps"], kwargs["weight_decay"]
    lr = float(kwargs["lr"])
    decoupled = "adamw" in operation.__name__

    def make(own: Any) -> nn.Optimizer:
        return _at(lr, (nn.AdamW if decoupled else nn.Adam)(own, 1.0, betas, weight_decay=decay), eps)

    for step in sorted({int(c) for c in counts}):
        chosen = [i for i, c in enumerate(counts) if int(c) == step]
        own = [[ts[i] for i in chosen] for ts in (parameters, gradients, means, squares)]
        stepped(machine, make, own[0], _signed(machine, own[1], kwargs), {"m": own[2], "v": own[3]}, step)
    return None


@row("_amp_foreach_non_finite_check_and_unscale_")
def unscale(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a GradScaler does to gradients: divided by the scale, in the carrier."""
    gradients, found, inverse = args
    if not all_finite([array_of(g) for g in gradients]):
        found.fill_(1.0)
    for g in gradients:
        values: Floats = np.multiply(array_of(g), array_of(inverse))
        machine.write(g, values)
        machine.trace.count(machine.known(g).name, "unscaled", values.dtype.name, "", values.size)
    return None


@row("_amp_update_scale_")
def move_scale(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A GradScaler's own scale, a float32 number."""
    return operation(*args, **kwargs)

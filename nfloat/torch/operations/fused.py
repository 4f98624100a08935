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
from .updates import Rule, descended, stepped


def _unscaled(
    machine: Machine, gradients: list[torch.Tensor], scale: torch.Tensor | None, found: torch.Tensor | None
) -> bool:
    """Divide gradients by a GradScaler's scale; whether the step is to be done."""
    if scale is not None:
        for g in gradients:
            machine.write(g, array_of(g) / array_of(scale))
    return found is None or float(found) == 0.0


def _signed(machine: Machine, gradients: list[torch.Tensor], kwargs: dict[str, Any]) -> list[Floats]:
    carrier = machine.p.carrier
    found = [a if a.dtype is carrier else np.asarray(a, carrier) for a in map(array_of, gradients)]
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

    if parameters:
        kind, options = (nn.Momentum, (momentum, nesterov, decay)) if momentum else (nn.SGD, (decay,))
        stepped(machine, Rule(kind, (1.0, *options), {"lr": lr}), parameters, given, states)
    machine.p.forget()
    return None


def _not_descended(
    machine: Machine, parameters: list[torch.Tensor], gradients: list[Floats], lr: float
) -> tuple[list[torch.Tensor], list[Floats]]:
    """Do the steps that are plain; what is left."""
    rate = machine.p.carrier.type(-lr)
    left = [(t, g) for t, g in zip(parameters, gradients, strict=True) if not descended(machine, t, g, rate)]
    return [t for t, _ in left], [g for _, g in left]


@row("_fused_adam_", "_fused_adam_.tensor_lr", "_fused_adamw_", "_fused_adamw_.tensor_lr")
def adam(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Adam and AdamW."""
    parameters, gradients, means, squares, _, counts = args
    if not _unscaled(machine, gradients, kwargs.get("grad_scale"), kwargs.get("found_inf")):
        for count in counts:
            count.sub_(1)
        return None
    kind = nn.AdamW if "adamw" in operation.__name__ else nn.Adam
    options = 1.0, (kwargs["beta1"], kwargs["beta2"]), 1.0, kwargs["weight_decay"]
    # torch's rate and eps may be 0 (a warm-up begins so), those that `nfloat.nn`'s own are made with may not
    attributes = {"lr": float(kwargs["lr"]), "eps": kwargs["eps"]}
    given, taken = _signed(machine, gradients, kwargs), [int(c) for c in counts]
    for step in sorted(set(taken)):
        rule, chosen = Rule(kind, options, attributes, step), [i for i, c in enumerate(taken) if c == step]
        own = [[ts[i] for i in chosen] for ts in (parameters, given, means, squares)]
        stepped(machine, rule, own[0], own[1], {"m": own[2], "v": own[3]})
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

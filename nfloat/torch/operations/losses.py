"""Losses: what PyTorch splits and `nfloat.nn` does in one operation is joined again, and computed in float64.

A logarithm of softmax keeps its float64 numbers beside the stored ones; the loss that follows reads those, and the
gradients of the two are one formula, rounded once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from ...nn import elementary
from ...nn.ops import OPS
from ...nn.precision import Floats
from ..known import Kind, Known
from ..machine import Machine
from ..parts import Part
from .table import row
from .wide import Call, wide


class Logarithms(NamedTuple):
    """The softmax that a loss may ask for: its operand, its axis, and its logarithm in float64."""

    logits: Floats
    axis: int
    values: Floats


class Entropy(NamedTuple):
    """The gradient of a cross-entropy on its way to the logits: what its backward pass needs, or it in float64."""

    kept: Any
    dy: Floats
    values: Floats | None = None


@row("_log_softmax")
def log_softmax(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """z - max - log(sum(exp(z - max)))."""
    t, axis = args[0], args[1]
    known = machine.known(t)
    z = machine.read(t, known)
    part = machine.part([known], [t.numel()], t.numel())
    wide_z = np.atleast_1d(z.astype(np.float64))  # torch takes one number for a row
    wide_z = wide_z - wide_z.max(axis=axis, keepdims=True, initial=-np.inf)
    sums = elementary.sums(elementary.exp(wide_z), axis=axis)
    wide_z = (wide_z - np.expand_dims(elementary.log(sums), axis)).reshape(z.shape)
    found = machine.result(wide_z, part, t.dtype)
    machine.known(found).wide = Logarithms(z, axis % max(t.dim(), 1), wide_z)
    return found


@row("nll_loss_forward", "nll_loss2d_forward")
def negative_log_likelihood(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The loss that follows a logarithm of softmax; as one cross-entropy where it is the plain one."""
    t, target, weight, reduction, ignore = args
    known = machine.known(t)
    joined = known.wide if isinstance(known.wide, Logarithms) else None
    layer = "loss" if joined is not None else machine.places.layer
    machine.places.remember(layer, (known,), (t.numel(),))
    part = Part(Kind.LOSS, layer, layer, False)
    values = machine.read(t, known) if joined is None else joined.values.reshape(t.shape)
    if joined is not None and _is_plain(t, target, weight, reduction, ignore):
        loss, kept = OPS["cross_entropy"].forward(machine.p, layer, joined.logits, target.numpy())
        known.wide = joined, kept
        count = torch.tensor(float(len(target)), dtype=t.dtype)
        return machine.result(np.asarray(loss), part, t.dtype), machine.learned(count, part)
    wider = None if weight is None else torch.from_numpy(machine.read(weight).astype(np.float64))
    loss, count = operation(torch.from_numpy(values.astype(np.float64)), target, wider, reduction, ignore)
    return machine.result(loss.numpy(), part, t.dtype), machine.result(count.numpy(), part, t.dtype)


def _is_plain(t: torch.Tensor, target: torch.Tensor, weight: Any, reduction: int, ignore: int) -> bool:
    return t.dim() == 2 and weight is None and reduction == 1 and not bool((target == ignore).any()) and len(target) > 0


@row("nll_loss_backward", "nll_loss2d_backward")
def negative_log_likelihood_backward(
    machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """The gradient of the loss, for what follows back."""
    gradient, t = args[0], args[1]
    known = machine.known(t)
    dy = machine.read(gradient, Known(machine, Kind.LOSS, ""))
    if isinstance(known.wide, tuple) and not isinstance(known.wide, Logarithms):
        found = torch.zeros_like(t).scatter_(1, args[2].unsqueeze(1), -float(dy) / t.shape[0])
        return _carry(machine, found, Entropy(known.wide[1], dy))
    arguments = [torch.from_numpy(machine.read(a).astype(np.float64)) if _real(a) else a for a in args[3:]]
    wider = torch.from_numpy(np.zeros(t.shape)), args[2]
    values = operation(torch.from_numpy(dy.astype(np.float64)), *wider, *arguments).numpy()
    if isinstance(known.wide, Logarithms):
        return _carry(machine, torch.from_numpy(values).to(t.dtype), Entropy(None, dy, values))
    part = machine.part([machine.known(gradient), known], [gradient.numel(), t.numel()], t.numel())
    return machine.result(values, part, t.dtype)


def _real(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _carry(machine: Machine, t: torch.Tensor, entropy: Entropy) -> torch.Tensor:
    found = machine.learned(t, Part(Kind.LOSS, "", "", True))
    machine.known(found).wide = entropy
    return found


@row("_log_softmax_backward_data")
def log_softmax_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """dy - softmax(z) sum(dy), joined with the loss's gradient where that came from one."""
    gradient, t, axis = args[0], args[1], args[2]
    own, known = machine.known(gradient), machine.known(t)
    part = machine.part([own, known], [gradient.numel(), t.numel()], t.numel())
    entropy = own.wide if isinstance(own.wide, Entropy) else None
    if entropy is not None and entropy.values is None:
        (values,) = OPS["cross_entropy"].backward(machine.p, "loss", entropy.kept, entropy.dy, (True,))
        return machine.result(np.asarray(values), part, t.dtype)
    carried = None if entropy is None else entropy.values
    dy = (machine.read(gradient, own) if carried is None else carried).astype(np.float64)
    joined = known.wide[0] if isinstance(known.wide, tuple) and not isinstance(known.wide, Logarithms) else known.wide
    logarithms = joined.values if isinstance(joined, Logarithms) else machine.read(t, known).astype(np.float64)
    dy = np.atleast_1d(dy.reshape(logarithms.shape))
    total = np.expand_dims(elementary.sums(dy, axis=axis), axis)
    found = dy - elementary.exp(np.atleast_1d(logarithms)) * total
    return machine.result(found.reshape(logarithms.shape), part, t.dtype)


@row("mse_loss")
def squared_error(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The mean of (prediction - target)^2, or the squares themselves."""
    t, target = args[0], args[1]
    known = [machine.known(t), machine.known(target)]
    reduction = args[2] if len(args) > 2 else kwargs.get("reduction", 1)
    machine.places.remember("loss", known, (t.numel(), target.numel()))
    part = Part(Kind.LOSS, "loss", "loss", False)
    error = machine.read(t, known[0]).astype(np.float64) - _target(machine, target, known[1])
    if reduction == 1:
        return machine.result(np.asarray(elementary.total(error * error) / error.size), part, t.dtype)
    values = error * error
    return machine.result(np.asarray(elementary.total(values)) if reduction == 2 else values, part, t.dtype)


def _target(machine: Machine, target: torch.Tensor, known: Known) -> Floats:
    """What a prediction is compared with: as it is, if it comes from outside."""
    return machine.read(target, Known(machine, Kind.LOSS, "") if known.kind is Kind.OUTSIDE else known)


@row("mse_loss_backward")
def squared_error_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """2 (prediction - target) / elements, times the loss's gradient."""
    gradient, t, target, reduction = args
    known = [machine.known(gradient), machine.known(t), machine.known(target)]
    part = machine.part(known, [x.numel() for x in args[:3]], t.numel())
    dy = machine.read(gradient, Known(machine, Kind.LOSS, ""))
    error = machine.read(t, known[1]).astype(np.float64) - _target(machine, target, known[2])
    if reduction == 1 and dy.size == 1:
        (values,) = OPS["mse"].backward(machine.p, "loss", (error, error.size), dy, (True,))
        return machine.result(np.asarray(values), part, t.dtype)
    scale = 2.0 / error.size if reduction == 1 else 2.0
    return machine.result(error * (scale * dy.astype(np.float64)), part, t.dtype)


@row(
    "binary_cross_entropy_with_logits", "binary_cross_entropy", "smooth_l1_loss", "huber_loss", "soft_margin_loss",
    "multi_margin_loss", "multilabel_margin_loss_forward", "_ctc_loss", "_ctc_loss.Tensor",
)  # fmt: skip
def in_float64(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A loss as torch has it, in float64; targets as they are."""
    call = _LossCall(machine, operation, args, kwargs)
    return call.run()


class _LossCall(Call):
    def part(self, size: int) -> Part:
        """A loss."""
        self.machine.places.remember("loss", self.known, [t.numel() for t in self.tensors])
        return Part(Kind.LOSS, "loss", "loss", False)


@row(
    "binary_cross_entropy_backward", "smooth_l1_loss_backward", "huber_loss_backward", "soft_margin_loss_backward",
    "multi_margin_loss_backward", "multilabel_margin_loss_backward", "_ctc_loss_backward", "_ctc_loss_backward.Tensor",
)  # fmt: skip
def in_float64_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The gradient of such a loss, in float64, rounded once."""
    return wide(machine, operation, args, kwargs)

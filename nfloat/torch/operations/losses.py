"""Losses: what PyTorch splits and `nfloat.nn` does in one operation is joined again, and computed in float64.

A logarithm of softmax keeps its operand beside the stored numbers; the loss that follows begins there again, in
float64, and the gradients of the two are one formula, rounded once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from ...nn import elementary
from ...nn.ops import OPS
from ...nn.precision import Floats
from ..known import Kind, Known, learn
from ..machine import Machine
from ..parts import Part
from ..plans import Call, Planned, Results, planned
from ..tensors import array_of, name_of, tensor_of
from .table import row
from .wide import Widened, wide


class Logarithms(NamedTuple):
    """The softmax that a loss may ask for: its operand and its axis."""

    logits: Floats
    axis: int

    def values(self) -> Floats:
        """Its logarithm in float64: z - max - log(sum(exp(z - max))), summed as `nfloat.nn`'s cross-entropy does."""
        z = np.atleast_1d(self.logits.astype(np.float64))  # torch takes one number for a row
        z = z - z.max(axis=self.axis, keepdims=True, initial=-np.inf)
        sums = elementary.sums(elementary.exp(z), axis=self.axis)
        return (z - np.expand_dims(elementary.log(sums), self.axis)).reshape(self.logits.shape)


class Entropy(NamedTuple):
    """The gradient of a cross-entropy on its way to the logits: what its backward pass needs, or it in float64."""

    kept: Any
    dy: Floats
    values: Floats | None = None


def _log_softmax(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a logarithm of softmax."""

    def values(z: Floats, axis: int, *_: Any) -> tuple[Floats, Logarithms]:
        return _logarithms(machine, part, z, axis), Logarithms(z, axis % max(z.ndim, 1))

    return Planned(values, call.tensors[0].dtype, finish=lambda results, y, more: results.keep(machine, y, more))


def _logarithms(machine: Machine, part: Part, z: Floats, axis: int) -> Floats:
    """As `nfloat.nn` has it, not yet rounded."""
    row = z if z.shape else z.reshape(1)  # torch takes one number for a row
    values: Floats = OPS["log_softmax"].forward(machine.p, part.layer, row, axis=axis)[0] if z.size else z
    return values.reshape(z.shape)


@row("_log_softmax")
@planned(_log_softmax)
def log_softmax(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """z - max - log(sum(exp(z - max)))."""
    t, axis = args[0], args[1]
    known, count = machine.known(t), t.numel()
    z = machine.read(t, known)
    part = machine.part([known], [count], count)
    values = _logarithms(machine, part, z, axis)
    return machine.result(values, part, t.dtype, Logarithms(z, axis % max(t.dim(), 1)))


def _joined(known: list[Known]) -> bool:
    """Whether a loss follows a logarithm of softmax."""
    return isinstance(known[0].wide, Logarithms)


#: losses are not the model's own layers'
_LOSS = Part(Kind.LOSS, "loss", "loss", False)


def _likelihood(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a plain cross-entropy."""

    def values(known: list[Known], args: tuple[Any, ...], *rest: Any) -> tuple[Floats, torch.Tensor] | None:
        return _as_one(machine, known[0], args[0], rest[0]) if _is_plain(args[0], *rest) else None

    def finish(results: Results, loss: Floats, count: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        learn(count, results.known)
        return results.keep(machine, loss), count

    return Planned(values, call.tensors[0].dtype, finish=finish, knows=True, reads=0, part=_LOSS)


def _as_one(machine: Machine, known: Known, t: torch.Tensor, target: torch.Tensor) -> tuple[Floats, torch.Tensor]:
    """A plain cross-entropy and how many it is the mean of; what its gradient needs is kept beside the logarithms."""
    loss, kept = OPS["cross_entropy"].forward(machine.p, "loss", known.wide.logits, target.numpy())
    known.wide = known.wide, kept
    return loss, torch.scalar_tensor(target.shape[0], dtype=t.dtype)


@row("nll_loss_forward", "nll_loss2d_forward")
@planned(_likelihood, suits=_joined, layer="loss")
def negative_log_likelihood(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The loss that follows a logarithm of softmax; as one cross-entropy where it is the plain one."""
    t, target, weight, reduction, ignore = args
    known = machine.known(t)
    joined = known.wide if isinstance(known.wide, Logarithms) else None
    layer = "loss" if joined is not None else machine.places.layer
    machine.places.remember(layer, (known,), (t.numel(),))
    part = Part(Kind.LOSS, layer, layer, False)
    if joined is not None and _is_plain(t, target, weight, reduction, ignore):
        own, count = _as_one(machine, known, t, target)
        return machine.result(own, part, t.dtype), machine.learned(count, part)
    values = machine.read(t, known) if joined is None else joined.values().reshape(t.shape)
    wider = None if weight is None else torch.from_numpy(machine.read(weight).astype(np.float64))
    loss, count = operation(torch.from_numpy(values.astype(np.float64)), target, wider, reduction, ignore)
    return machine.result(loss.numpy(), part, t.dtype), machine.result(count.numpy(), part, t.dtype)


def _is_plain(t: torch.Tensor, target: torch.Tensor, weight: Any, reduction: int, ignore: int) -> bool:
    if t.dim() != 2 or weight is not None or reduction != 1 or not target.shape[0]:
        return False
    return not (target.numpy() == ignore).any()


@row("nll_loss_backward", "nll_loss2d_backward")
def negative_log_likelihood_backward(
    machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """The gradient of the loss, for what follows back."""
    gradient, t = args[0], args[1]
    known = machine.known(t)
    dy = machine.read(gradient, Known(machine, Kind.LOSS, ""))
    if isinstance(known.wide, tuple) and not isinstance(known.wide, Logarithms):
        each = np.zeros(t.shape, machine.p.carrier)
        each[np.arange(len(each)), args[2].numpy()] = -float(dy) / len(each)
        return _carry(machine, tensor_of(each, t.dtype), Entropy(known.wide[1], dy))
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
    machine.trace.count("loss", "loss", name_of(t.dtype), "", t.numel())
    found = machine.learned(t, Part(Kind.LOSS, "", "", True))
    machine.known(found).wide = entropy
    return found


def _log_softmax_backward(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of its gradient."""
    return Planned(
        lambda known, args, *_: _logits(machine, part, known, args), call.tensors[1].dtype, knows=True, reads=0
    )


@row("_log_softmax_backward_data")
@planned(_log_softmax_backward)
def log_softmax_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """dy - softmax(z) sum(dy), joined with the loss's gradient where that came from one."""
    gradient, t = args[0], args[1]
    known = [machine.known(gradient), machine.known(t)]
    part = machine.part(known, [gradient.numel(), t.numel()], t.numel())
    return machine.result(_logits(machine, part, known, args), part, t.dtype)


def _logits(machine: Machine, part: Part, known: list[Known], args: tuple[Any, ...]) -> Floats:
    """The gradient of the logits, not yet rounded."""
    gradient, t, axis = args[:3]
    entropy = known[0].wide
    if isinstance(entropy, Entropy):
        if entropy.values is not None:
            return _through_softmax(machine, entropy, known[1], t, axis)
        return np.asarray(OPS["cross_entropy"].backward(machine.p, "loss", entropy.kept, entropy.dy, (True,))[0])
    y, dy = machine.read(t, known[1]), machine.read(gradient, known[0])
    rows = (y, dy) if y.shape else (y.reshape(1), dy.reshape(1))
    values = OPS["log_softmax"].backward(machine.p, part.layer, (rows[0], axis), rows[1], (True,))[0] if y.size else dy
    return np.asarray(values).reshape(y.shape)


def _through_softmax(machine: Machine, entropy: Entropy, known: Known, t: torch.Tensor, axis: int) -> Floats:
    """The gradient of a loss that is not the plain cross-entropy, in float64, with regard to the logits."""
    logarithms = known.wide.values() if isinstance(known.wide, Logarithms) else machine.read(t, known)
    assert entropy.values is not None, "its gradient is known"
    shape, logarithms = logarithms.shape, np.atleast_1d(logarithms.astype(np.float64))
    dy = entropy.values.reshape(logarithms.shape)
    found: Floats = dy - elementary.exp(logarithms) * np.expand_dims(elementary.sums(dy, axis=axis), axis)
    return found.reshape(shape)


def _squared_error(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a squared error."""
    return Planned(
        lambda known, args, *_: _squares(machine, known, *args),
        call.tensors[0].dtype, knows=True, reads=0, part=_LOSS,
    )  # fmt: skip


@row("mse_loss")
@planned(_squared_error, layer="loss")
def squared_error(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The mean of (prediction - target)^2, or the squares themselves."""
    t, target = args[0], args[1]
    known = [machine.known(t), machine.known(target)]
    machine.places.remember("loss", known, (t.numel(), target.numel()))
    return machine.result(_squares(machine, known, *args, **kwargs), _LOSS, t.dtype)


def _squares(machine: Machine, known: list[Known], t: torch.Tensor, target: torch.Tensor, reduction: int = 1) -> Floats:
    """In float64."""
    error = _error(machine, t, target, known)
    values = error * error
    if reduction == 0:
        return values
    return np.asarray(elementary.total(values) / (error.size if reduction == 1 else 1))


def _error(machine: Machine, t: torch.Tensor, target: torch.Tensor, known: list[Known]) -> Floats:
    """A prediction less what it is compared with: that is read as it is, if it comes from outside."""
    y = array_of(target) if known[1].kind is Kind.OUTSIDE else machine.read(target, known[1])
    return machine.read(t, known[0]).astype(np.float64) - y


def _squared_error_backward(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of its gradient."""
    return Planned(lambda known, args, *_: _slope(machine, known, *args), call.tensors[1].dtype, knows=True, reads=0)


@row("mse_loss_backward")
@planned(_squared_error_backward, lambda tensors, rest: tensors[1].numel())
def squared_error_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """2 (prediction - target) / elements, times the loss's gradient."""
    known = [machine.known(t) for t in args[:3]]
    part = machine.part(known, [x.numel() for x in args[:3]], args[1].numel())
    return machine.result(_slope(machine, known, *args), part, args[1].dtype)


def _slope(
    machine: Machine, known: list[Known], gradient: torch.Tensor, t: torch.Tensor, target: torch.Tensor, reduction: int
) -> Floats:
    """In float64."""
    dy, error = array_of(gradient), _error(machine, t, target, known[1:])
    if reduction == 1 and dy.size == 1:
        return np.asarray(OPS["mse"].backward(machine.p, "loss", (error, error.size), dy, (True,))[0])
    return error * ((2.0 / error.size if reduction == 1 else 2.0) * dy.astype(np.float64))


@row(
    "binary_cross_entropy_with_logits", "binary_cross_entropy", "smooth_l1_loss", "huber_loss", "soft_margin_loss",
    "multi_margin_loss", "multilabel_margin_loss_forward", "_ctc_loss", "_ctc_loss.Tensor",
)  # fmt: skip
def in_float64(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A loss as torch has it, in float64; targets as they are."""
    call = _LossCall(machine, operation, args, kwargs)
    return call.run()


class _LossCall(Widened):
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

"""Rows taken by number: an embedding's, stored as activations; its gradient, sums in the recipe's accumulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...nn.ops import OPS
from ...nn.precision import Floats
from ..known import Kind, Known
from ..machine import Machine
from ..parts import Part, gradient_of
from ..plans import Call, Planned, planned
from ..refusals import refuse
from .table import row


def _embedding(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of rows of a table."""
    forward = OPS["embedding"].forward
    return Planned(lambda w, indices, *_: forward(machine.p, part.layer, w, indices.numpy())[0], call.tensors[0].dtype)


@row("embedding")
@planned(_embedding)
def embedding(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Rows of a table."""
    weight, indices = args[:2]
    known = machine.known(weight)
    part = machine.part([known], [weight.numel()], weight.numel() + 1)
    values, _ = OPS["embedding"].forward(machine.p, part.layer, machine.read(weight, known), indices.numpy())
    return machine.result(values, part, weight.dtype)


def _embedding_backward(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of its gradient."""
    return Planned(lambda *given: _added(machine, part.layer, *given), call.tensors[0].dtype)


def _is_elsewhere(part: Part, known: list[Known], size: int) -> bool:
    """Whether the gradient is of another part than that of the table."""
    return part.origin is None or part[:3] != gradient_of(part.origin.operands[0], part.layer)[:3]


def _added(
    machine: Machine, layer: str, dy: Floats, indices: torch.Tensor, count: int, padding: int, scaled: bool
) -> Floats:
    """The gradients of each row, added."""
    if scaled:
        raise refuse("embedding", "scale_grad_by_freq=True has no counterpart under a recipe; leave it out")
    kept = (count, dy.shape[-1]), indices.numpy(), padding if padding >= 0 else None
    return np.asarray(OPS["embedding"].backward(machine.p, layer, kept, dy, (True,))[0])


@row("embedding_dense_backward")
@planned(_embedding_backward, lambda tensors, rest: rest[1] * tensors[0].shape[-1], unless=_is_elsewhere)
def embedding_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The gradients of a row's copies, added; 0 for the row of padding."""
    gradient = args[0]
    origin = machine.places.origin(torch._C._current_autograd_node())
    layer = machine.layer()
    weight = None if origin is None else origin.operands[0]
    part = Part(Kind.GRADIENT, "", layer, True) if weight is None else gradient_of(weight, layer)
    return machine.result(_added(machine, layer, machine.read(gradient), *args[1:]), part, gradient.dtype)

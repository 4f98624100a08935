"""Rows taken by number: an embedding's, stored as activations; its gradient, sums in the recipe's accumulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...nn.ops import OPS
from ..known import Kind
from ..machine import Machine
from ..parts import Part, gradient_of
from ..refusals import refuse
from .table import row


@row("embedding")
def embedding(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Rows of a table."""
    weight, indices = args[:2]
    known = machine.known(weight)
    part = machine.part([known], [weight.numel()], weight.numel() + 1)
    values, _ = OPS["embedding"].forward(machine.p, part.layer, machine.read(weight, known), indices.numpy())
    return machine.result(values, part, weight.dtype)


@row("embedding_dense_backward")
def embedding_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The gradients of a row's copies, added; 0 for the row of padding."""
    gradient, indices, count, padding = args[:4]
    shape = (count, gradient.shape[-1])
    origin = machine.places.origin(torch._C._current_autograd_node())
    layer = machine.layer()
    weight = None if origin is None else origin.operands[0]
    part = Part(Kind.GRADIENT, "", layer, True) if weight is None else gradient_of(weight, layer)
    kept = shape, indices.numpy(), padding if padding >= 0 else None
    if args[4]:
        raise refuse("embedding", "scale_grad_by_freq=True has no counterpart under a recipe; leave it out")
    (values,) = OPS["embedding"].backward(machine.p, layer, kept, machine.read(gradient), (True,))
    return machine.result(np.asarray(values), part, gradient.dtype)

"""Cells of recurrent networks, as `nfloat.nn` computes them: each result from stored gates, rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...nn.ops import OPS
from .. import recurrent as recurrent  # defines the operations
from ..machine import Machine
from ..parts import gradient_of
from .table import ROWS, Row


def cell(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The next state, or the output."""
    known = [machine.known(t) for t in args]
    part = machine.part(known, [t.numel() for t in args], args[-1].numel())
    arrays = [machine.read(t, k, product=True) for t, k in zip(args, known, strict=True)]
    values, _ = OPS[machine.trace.operation].forward(machine.p, part.layer, *arrays)
    return machine.result(values, part, args[0].dtype)


def cell_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The gradients of its operands."""
    gradient, *operands = args
    known = [machine.known(t) for t in operands]
    layer = machine.layer()
    kept = tuple(machine.read(t, k, product=True) for t, k in zip(operands, known, strict=True))
    op = OPS[machine.trace.operation.removesuffix("_backward")]
    found = op.backward(machine.p, layer, kept, machine.read(gradient), (True,) * len(operands))
    return tuple(
        machine.result(np.asarray(values), gradient_of(k, layer), t.dtype)
        for values, k, t in zip(found, known, operands, strict=True)
    )


for _name in ("lstm_cell", "lstm_output", "gru_cell"):
    ROWS[getattr(torch.ops.nfloat, _name).default] = Row(cell)
    ROWS[getattr(torch.ops.nfloat, f"{_name}_backward").default] = Row(cell_backward)

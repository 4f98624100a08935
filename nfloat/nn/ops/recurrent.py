"""The cells of recurrent networks: what happens to gates once their products are there.

Each result (an LSTM's cell state, its output; a GRU's output) is computed in float64 and rounded once. Gates lie side
by side as in PyTorch: input, forget, cell, output; reset, update, new.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..elementary import sigmoid, tanh
from ..precision import Floats, Precision
from .op import Example, Gradients, Needs, Op, quiet, wide


def _parts(x: Floats, count: int) -> list[Floats]:
    return np.split(wide(x), count, axis=-1)


@quiet
def lstm_cell(p: Precision, name: str, gates: Floats, cell: Floats) -> tuple[Floats, Any]:
    """The next cell state: s(f) c + s(i) tanh(g), s the sigmoid."""
    i, f, g, _ = _parts(gates, 4)
    return sigmoid(f) * cell + sigmoid(i) * tanh(g), (gates, cell)


@quiet
def lstm_cell_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient for three of the gates (0 for the last), and for the cell state before."""
    gates, cell = kept
    i, f, g, _ = _parts(gates, 4)
    i, f, g, dy = sigmoid(i), sigmoid(f), tanh(g), wide(dy)
    d_gates = None
    if needs[0]:
        parts = (dy * g * (i * (1.0 - i)), dy * cell * (f * (1.0 - f)), dy * i * (1.0 - g * g), np.zeros_like(dy))
        d_gates = np.concatenate(parts, axis=-1)
    return d_gates, dy * f if needs[1] else None


@quiet
def lstm_output(p: Precision, name: str, gates: Floats, cell: Floats) -> tuple[Floats, Any]:
    """The output: s(o) tanh(c)."""
    return sigmoid(_parts(gates, 4)[3]) * tanh(wide(cell)), (gates, cell)


@quiet
def lstm_output_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient for the last of the gates (0 for the others), and for the cell state."""
    gates, cell = kept
    o, c, dy = sigmoid(_parts(gates, 4)[3]), tanh(wide(cell)), wide(dy)
    d_gates = None
    if needs[0]:
        d_gates = np.zeros(gates.shape)
        d_gates[..., -dy.shape[-1] :] = dy * c * (o * (1.0 - o))
    return d_gates, dy * o * (1.0 - c * c) if needs[1] else None


@quiet
def gru_cell(p: Precision, name: str, of_x: Floats, of_h: Floats, h: Floats) -> tuple[Floats, Any]:
    """The next output: (1 - z) n + z h, with r, z = s(x_r + h_r), s(x_z + h_z) and n = tanh(x_n + r h_n)."""
    _, z, n, _ = _gates(of_x, of_h)
    return (1.0 - z) * n + z * h, (of_x, of_h, h)


@quiet
def gru_cell_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradients for the gates' parts from x and from h, and for the output before."""
    of_x, of_h, h = kept
    r, z, n, h_n = _gates(of_x, of_h)
    dy = wide(dy)
    d_n = dy * (1.0 - z) * (1.0 - n * n)
    d_z = dy * (h - n) * (z * (1.0 - z))
    d_r = d_n * h_n * (r * (1.0 - r))
    d_x = np.concatenate((d_r, d_z, d_n), axis=-1) if needs[0] else None
    d_h = np.concatenate((d_r, d_z, d_n * r), axis=-1) if needs[1] else None
    return d_x, d_h, dy * z if needs[2] else None


def _gates(of_x: Floats, of_h: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """(r, z, n), and the part of n that comes from h."""
    x_r, x_z, x_n = _parts(of_x, 3)
    h_r, h_z, h_n = _parts(of_h, 3)
    r = sigmoid(x_r + h_r)
    return r, sigmoid(x_z + h_z), tanh(x_n + r * h_n), h_n


OPS = (
    Op("lstm_cell", lstm_cell, lstm_cell_backward, examples=(Example(((3, 8), (3, 2))),)),
    Op("lstm_output", lstm_output, lstm_output_backward, examples=(Example(((3, 8), (3, 2))),)),
    Op("gru_cell", gru_cell, gru_cell_backward, examples=(Example(((3, 6), (3, 6), (3, 2))),)),
)

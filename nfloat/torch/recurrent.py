"""`lstm` and `gru` in the place of torch's: the steps of `nfloat.nn`'s cells, each result stored once.

torch's own take a cell apart into sigmoids, hyperbolic tangents and products, each of which a recipe would round; here
a cell is one operation (``operations/recurrent.py``), as in `nfloat.nn`. Packed sequences stay torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

Tensors = Sequence[torch.Tensor]
Cell = Callable[[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]], tuple[torch.Tensor, ...]]

_LIBRARY = torch.library.Library("nfloat", "DEF")
for _schema in (
    "lstm_cell(Tensor gates, Tensor cell) -> Tensor",
    "lstm_output(Tensor gates, Tensor cell) -> Tensor",
    "gru_cell(Tensor of_x, Tensor of_h, Tensor h) -> Tensor",
    "lstm_cell_backward(Tensor gradient, Tensor gates, Tensor cell) -> (Tensor, Tensor)",
    "lstm_output_backward(Tensor gradient, Tensor gates, Tensor cell) -> (Tensor, Tensor)",
    "gru_cell_backward(Tensor gradient, Tensor of_x, Tensor of_h, Tensor h) -> (Tensor, Tensor, Tensor)",
):
    _LIBRARY.define(_schema)


class _Cell(torch.autograd.Function):
    """An operation of a cell, by its name, and its gradients."""

    @staticmethod
    def forward(ctx: Any, name: str, *operands: torch.Tensor) -> torch.Tensor:
        ctx.name = name
        ctx.save_for_backward(*operands)
        found: torch.Tensor = getattr(torch.ops.nfloat, name)(*operands)
        return found

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        return None, *getattr(torch.ops.nfloat, f"{ctx.name}_backward")(gradient, *ctx.saved_tensors)


def _lstm_cell(of_x: torch.Tensor, of_h: torch.Tensor, state: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    gates = of_x + of_h
    memory = _Cell.apply("lstm_cell", gates, state[1])
    return _Cell.apply("lstm_output", gates, memory), memory


def _gru_cell(of_x: torch.Tensor, of_h: torch.Tensor, state: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (_Cell.apply("gru_cell", of_x, of_h, state[0]),)


def _one_way(
    cell: Cell, x: torch.Tensor, weights: Tensors, first: torch.Tensor, state: tuple[torch.Tensor, ...], reverse: bool
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Outputs (length, batch, hidden) of one layer in one direction, and its last state; `first`: the start's gates."""
    parts = _linear(x, weights, 0).unbind(0)
    outputs: list[torch.Tensor] = []
    for part in reversed(parts) if reverse else parts:
        state = cell(part, _linear(state[0], weights, 1) if outputs else first, state)
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if reverse else outputs), state


def _linear(x: torch.Tensor, weights: Tensors, which: int) -> torch.Tensor:
    """The part of the gates that comes from x (0) or from the last output (1)."""
    return functional.linear(x, weights[which], weights[2 + which] if len(weights) > 2 else None)


def _walk(
    cell: Cell, x: torch.Tensor, start: Tensors, weights: Tensors, has_biases: bool, layers: int, dropout: float,
    train: bool, bidirectional: bool, batch_first: bool,
) -> tuple[torch.Tensor, ...]:  # fmt: skip
    """Outputs of the last layer, and the last states of all layers and ways, stacked."""
    ways, each = 2 if bidirectional else 1, 4 if has_biases else 2
    x = x.transpose(0, 1) if batch_first else x
    own = [weights[i * each : (i + 1) * each] for i in range(layers * ways)]
    states = [tuple(s[i] for s in start) for i in range(layers * ways)]
    # first of all, so that backward comes to them last, as in `nfloat.nn`, which goes back by depth
    first = [_linear(state[0], w, 1) for state, w in zip(states, own, strict=True)]
    last = []
    for layer in range(layers):
        if layer and dropout and train:
            x = functional.dropout(x, dropout, True)
        outputs = []
        for way in range(ways):
            place = layer * ways + way
            found, state = _one_way(cell, x, own[place], first[place], states[place], bool(way))
            outputs.append(found)
            last.append(state)
        x = outputs[0] if ways == 1 else torch.cat(outputs, -1)
    ends = tuple(torch.stack(parts) for parts in zip(*last, strict=True))
    return (x.transpose(0, 1) if batch_first else x), *ends


def _projected(weights: Tensors, has_biases: bool, places: int) -> bool:
    return len(weights) != places * (4 if has_biases else 2)


class Recurrent:
    """Stands in the place of torch's functions while an emulation runs."""

    def __init__(self) -> None:
        self._own: dict[str, Any] = {}

    def start(self) -> None:
        """Take their places."""
        for name, function in (("lstm", self._lstm), ("gru", self._gru)):
            self._own[name] = getattr(torch._VF, name)
            setattr(torch._VF, name, function)

    def stop(self) -> None:
        """Give them back."""
        for name, function in self._own.items():
            setattr(torch._VF, name, function)

    def _lstm(self, x: torch.Tensor, hx: Any, weights: Any, *rest: Any) -> Any:
        plain = isinstance(hx, list | tuple) and isinstance(weights, list | tuple)
        if not plain or x.dim() != 3 or not len(x) or _projected(weights, rest[0], rest[1] * (1 + rest[4])):
            return self._own["lstm"](x, hx, weights, *rest)
        return _walk(_lstm_cell, x, hx, weights, *rest)

    def _gru(self, x: torch.Tensor, hx: Any, weights: Any, *rest: Any) -> Any:
        if not isinstance(weights, list | tuple) or x.dim() != 3 or not len(x):
            return self._own["gru"](x, hx, weights, *rest)
        return _walk(_gru_cell, x, (hx,), weights, *rest)

"""`LSTM` and `GRU`: layers of cells that walk along a sequence, as in PyTorch.

A step is: gates of x (one product for the whole sequence), plus the product of the last output with weight_hh, stored;
the cell's results, each stored (``ops/recurrent.py``).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import numpy as np

from ...errors import ShapeError
from ..tape import Tensor, TensorLike, apply, as_tensor
from .dropout import Dropout, probability
from .initial import uniform
from .layer import Layer, parameter, size

State = tuple[Tensor, ...]
#: more layers than anybody stacks: each takes its parameters' room
_MOST_LAYERS = 4096


class _Recurrent(Layer):
    """Layers of cells; leaves say what a cell does with its gates."""

    #: rows of the weights for one output
    gates: ClassVar[int]
    #: tensors that a cell hands to its next step
    states: ClassVar[int]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        kind = type(self).__name__
        self.input_size, self.hidden_size = size(kind, "input_size", input_size), size(kind, "hidden_size", hidden_size)
        self.num_layers, self.batch_first = size(kind, "num_layers", num_layers, most=_MOST_LAYERS), bool(batch_first)
        self.ways = ("", "_reverse") if bidirectional else ("",)
        self.between = Dropout(probability(kind, "dropout", dropout))
        rows, features = self.gates * hidden_size, input_size
        for layer in range(num_layers):
            for way in self.ways:
                place = f"l{layer}{way}"
                setattr(self, "weight_ih_" + place, parameter(rows, features))
                setattr(self, "weight_hh_" + place, parameter(rows, hidden_size))
                if bias:
                    setattr(self, "bias_ih_" + place, parameter(rows))
                    setattr(self, "bias_hh_" + place, parameter(rows))
            features = hidden_size * len(self.ways)
        self.ready = False

    def _walk(self, x: TensorLike, start: tuple[TensorLike, ...] | None) -> tuple[Tensor, State]:
        """Outputs of the last layer, and the last states of all layers and ways."""
        self.check_ready()
        x = as_tensor(x)
        axes = len(x.shape)
        if axes not in (2, 3) or x.shape[-1] != self.input_size:
            raise ShapeError(f"x of shape {x.shape} must be (length, batch, {self.input_size}), axes as batch_first")
        x = self._sequence_first(x, axes)
        cells = [
            (layer, way, self._start(start, layer * len(self.ways) + i, x.shape[1], axes))
            for layer in range(self.num_layers)
            for i, way in enumerate(self.ways)
        ]
        last: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.training:
                x = self.between(x)
            found = [self._cells(x, f"l{layer}{way}", state) for where, way, state in cells if where == layer]
            last += [state for _, state in found]
            outputs = [output for output, _ in found]
            x = outputs[0] if len(outputs) == 1 else apply("concatenate", *outputs, layer=self.name, axis=-1)
        ends = tuple(apply("stack", *parts, layer=self.name) for parts in zip(*last, strict=True))
        return self._sequence_first(x, axes, back=True), ends if axes == 3 else tuple(
            apply("part", end, layer=self.name, key=(slice(None), 0)) for end in ends
        )

    def _sequence_first(self, x: Tensor, axes: int, back: bool = False) -> Tensor:
        if axes == 2:
            key: tuple[slice | int | None, ...] = (slice(None), 0) if back else (slice(None), None)
            return apply("part", x, layer=self.name, key=key)
        return apply("swapaxes", x, layer=self.name, one=0, other=1) if self.batch_first else x

    def _start(self, start: tuple[TensorLike, ...] | None, place: int, batch: int, axes: int) -> State:
        """The states from which a layer begins in one direction: zeros, or the caller's."""
        if start is None:
            return tuple(as_tensor(np.zeros((batch, self.hidden_size))) for _ in range(self.states))
        wanted = (self.num_layers * len(self.ways), *((batch,) if axes == 3 else ()), self.hidden_size)
        found = []
        for given in map(as_tensor, start):
            if given.shape != wanted:
                raise ShapeError(f"a start of shape {given.shape} must be {wanted}")
            key = place if axes == 3 else (slice(place, place + 1),)
            found.append(apply("part", given, layer=self.name, key=key))
        return tuple(found)

    def _cells(self, x: Tensor, place: str, state: State) -> tuple[Tensor, State]:
        """Outputs (length, batch, hidden) of one layer in one direction, and its last state."""
        of_x, of_h = self._weights("ih", place), self._weights("hh", place)
        whole = apply("linear", x, *of_x, layer=self.name)
        steps = range(x.shape[0])
        outputs: dict[int, Tensor] = {}
        for step in reversed(steps) if place.endswith("_reverse") else steps:
            here = apply("part", whole, layer=self.name, key=step)
            state = self.cell(here, apply("linear", state[0], *of_h, layer=self.name), state)
            outputs[step] = state[0]
        return apply("stack", *(outputs[step] for step in steps), layer=self.name), state

    def _weights(self, kind: str, place: str) -> tuple[Tensor, ...]:
        bias = getattr(self, f"bias_{kind}_{place}", None)
        return (getattr(self, f"weight_{kind}_{place}"),) + (() if bias is None else (bias,))

    @abstractmethod
    def cell(self, of_x: Tensor, of_h: Tensor, state: State) -> State:
        """The next state, output first, from the gates' parts of x and of the last output."""

    def draw(self, generator: np.random.Generator, init: str) -> None:
        for tensor in self.own().values():
            tensor.data = uniform(generator, tensor.shape, 1.0 / math.sqrt(self.hidden_size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size})"


class LSTM(_Recurrent):
    """Long short-term memory: x -> (outputs, (h, c)); Hochreiter and Schmidhuber 1997, with a forget gate.

    x and outputs are (length, batch, features), (batch, length, features) with `batch_first`, or (length, features) for
    one sequence; h and c are (num_layers directions, batch, hidden_size).

    Raises
    ------
    ArgumentError
        If an argument is out of its range; on a call, if the layer has no weights yet.
    ShapeError
        On a call, if the shapes do not fit.

    Examples
    --------
    >>> layer = LSTM(3, 4, batch_first=True)
    >>> layer.init(seed=0)
    >>> outputs, (h, c) = layer(np.ones((2, 5, 3)))
    >>> outputs.shape, h.shape, c.shape
    ((2, 5, 4), (1, 2, 4), (1, 2, 4))
    """

    gates, states = 4, 2

    def __call__(  # type: ignore[override]  # as PyTorch's: the last states too
        self, x: TensorLike, hx: tuple[TensorLike, TensorLike] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        outputs, (h, c) = self._walk(x, hx)
        return outputs, (h, c)

    def cell(self, of_x: Tensor, of_h: Tensor, state: State) -> State:
        gates = apply("add", of_x, of_h, layer=self.name)
        memory = apply("lstm_cell", gates, state[1], layer=self.name)
        return apply("lstm_output", gates, memory, layer=self.name), memory


class GRU(_Recurrent):
    """Gated recurrent units: x -> (outputs, h); Cho et al. 2014, with PyTorch's place of the reset gate.

    Shapes as for `LSTM`.

    Raises
    ------
    ArgumentError
        If an argument is out of its range; on a call, if the layer has no weights yet.
    ShapeError
        On a call, if the shapes do not fit.

    Examples
    --------
    >>> layer = GRU(3, 4)
    >>> layer.init(seed=0)
    >>> layer(np.ones((5, 2, 3)))[0].shape
    (5, 2, 4)
    """

    gates, states = 3, 1

    def __call__(  # type: ignore[override]  # as PyTorch's: the last state too
        self, x: TensorLike, hx: TensorLike | None = None
    ) -> tuple[Tensor, Tensor]:
        outputs, (h,) = self._walk(x, None if hx is None else (hx,))
        return outputs, h

    def cell(self, of_x: Tensor, of_h: Tensor, state: State) -> State:
        return (apply("gru_cell", of_x, of_h, state[0], layer=self.name),)

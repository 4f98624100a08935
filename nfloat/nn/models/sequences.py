"""`transformer` and `lstm`: small networks for sequences."""

from __future__ import annotations

import numpy as np

from ...errors import ArgumentError, ShapeError
from ..layers import LSTM, Dropout, Embedding, Layer, LayerNorm, Linear, TransformerEncoderLayer
from ..tape import Tensor, TensorLike, apply, as_tensor


class Transformer(Layer):
    """Characters that guess the next one: embeddings, encoder layers, a norm, a linear layer."""

    def __init__(
        self, symbols: int, length: int, width: int, depth: int, heads: int, dropout: float, activation: str
    ) -> None:
        self.length = length
        self.token = Embedding(symbols, width)
        self.position = Embedding(length, width)
        self.dropout = Dropout(dropout)
        self.layers = [
            TransformerEncoderLayer(width, heads, 4 * width, dropout, activation, batch_first=True, norm_first=True)
            for _ in range(depth)
        ]
        self.norm = LayerNorm(width)
        self.head = Linear(width, symbols)

    def __call__(self, x: TensorLike) -> Tensor:
        """(n, length) numbers of characters -> (n, length, symbols)."""
        indices = np.asarray(x.data if isinstance(x, Tensor) else x)
        if indices.ndim != 2 or not 1 <= indices.shape[1] <= self.length:
            raise ShapeError(f"x of shape {indices.shape} must be (n, length), the length at most {self.length}")
        places = self.position(np.arange(indices.shape[1]))
        y = self.dropout(apply("add", self.token(indices), places, layer=self.name or "sum"))
        for layer in self.layers:
            y = layer(y, is_causal=True)
        return self.head(self.norm(y))


def transformer(
    symbols: int,
    length: int = 32,
    width: int = 64,
    depth: int = 2,
    heads: int = 4,
    dropout: float = 0.0,
    activation: str = "relu",
) -> Transformer:
    """A transformer that sees what came before: (n, length) numbers of characters -> (n, length, symbols).

    Norms stand before attention and linear layers, which are four times as wide in their middle.

    Parameters
    ----------
    symbols : int
        How many different characters there are.
    length : int
        Characters in a sequence, at most.
    width, depth, heads : int
        Numbers for a character, layers, heads of a layer.
    dropout : float
        Share of numbers that dropout sets to zero in training.
    activation : str
        "relu" or "gelu".

    Raises
    ------
    ArgumentError
        If an argument is out of its range.

    Examples
    --------
    >>> model = transformer(20, length=8, width=8, depth=1, heads=2)
    >>> model.init(seed=0)
    >>> model([[1, 2, 3]]).shape
    (1, 3, 20)
    """
    return Transformer(symbols, length, width, depth, heads, dropout, activation)


class Recurrent(Layer):
    """An LSTM over characters, a guess at each; or over rows of numbers, a result after the last."""

    def __init__(self, lstm: LSTM, head: Linear, embedding: Embedding | None, rows: tuple[int, int] | None) -> None:
        self.embedding, self.lstm, self.head, self.rows = embedding, lstm, head, rows

    def __call__(self, x: TensorLike) -> Tensor:
        if self.embedding is not None:
            return self.head(self.lstm(self.embedding(x))[0])
        x = as_tensor(x)
        if self.rows is not None and x.shape[1:] != self.rows:
            x = apply("reshape", x, layer=self.name or "rows", shape=(x.shape[0], *self.rows))
        outputs = self.lstm(x)[0]
        return self.head(apply("part", outputs, layer=self.lstm.name, key=(slice(None), -1)))


def lstm(
    classes: int, symbols: int | None = None, rows: tuple[int, int] | None = None, width: int = 64, depth: int = 1
) -> Recurrent:
    """An LSTM: (n, length) numbers of characters -> (n, length, classes), or rows of numbers -> (n, classes).

    Parameters
    ----------
    classes : int
        Numbers that come out.
    symbols : int, optional
        How many different characters there are: each is `width` numbers.
    rows : (int, int), optional
        Instead of characters, the steps of a sequence and the numbers in each: an image row by row. x may be flat.
    width, depth : int
        Numbers in a state; layers.

    Raises
    ------
    ArgumentError
        If an argument is out of its range, or not one of `symbols` and `rows` is given.

    Examples
    --------
    >>> model = lstm(10, rows=(8, 8), width=4)
    >>> model.init(seed=0)
    >>> model([[0.0] * 64]).shape
    (1, 10)
    """
    if (symbols is None) == (rows is None):
        raise ArgumentError(f"symbols={symbols!r} and rows={rows!r}: one of them must be given")
    embedding = None if symbols is None else Embedding(symbols, width)
    inputs = width if rows is None else rows[1]
    return Recurrent(LSTM(inputs, width, depth, batch_first=True), Linear(width, classes), embedding, rows)

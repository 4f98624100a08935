"""`Linear`, `Embedding` and `Flatten`."""

from __future__ import annotations

import math

import numpy as np

from ...errors import ArgumentError, ShapeError, as_integer
from ...ops.arguments import as_array
from ...ops.normal import standard_normal
from ..tape import Tensor, TensorLike, apply, as_tensor
from .initial import draw_affine
from .layer import Layer, parameter, size


class Linear(Layer):
    """x W^T + b: (..., in_features) -> (..., out_features); weight (out, in), bias (out,), as in PyTorch.

    Raises
    ------
    ArgumentError
        If a size is not an integer of at least 1; on a call, if the layer has no weights yet.
    ShapeError
        On a call, if x is not (..., in_features).

    Examples
    --------
    >>> layer = Linear(3, 2)
    >>> layer.init(seed=0)
    >>> layer(np.ones((4, 3))).shape
    (4, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        self.in_features = size("a Linear layer", "in_features", in_features)
        self.out_features = size("a Linear layer", "out_features", out_features)
        self.weight = parameter(out_features, in_features)
        self.bias = parameter(out_features) if bias else None
        self.ready = False

    def __call__(self, x: TensorLike) -> Tensor:
        if not self.ready:
            self.check_ready()
        if self.bias is None:
            return apply("linear", as_tensor(x), self.weight, layer=self.name)
        return apply("linear", as_tensor(x), self.weight, self.bias, layer=self.name)

    def draw(self, generator: np.random.Generator, init: str) -> None:
        draw_affine(generator, init, self.weight, self.bias, self.in_features)

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features}{'' if self.bias is not None else ', bias=False'})"


class Embedding(Layer):
    """Rows of a table by number: integers (...) -> (..., embedding_dim); weight (num_embeddings, embedding_dim).

    Weights start standard normal. The row `padding_idx` starts as zeros and is not learned.

    Raises
    ------
    ArgumentError
        If a size is not an integer of at least 1, or `padding_idx` is no row; on a call, if a number is not a row.

    Examples
    --------
    >>> layer = Embedding(10, 3)
    >>> layer.init(seed=0)
    >>> layer([[1, 2], [2, 9]]).shape
    (2, 2, 3)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None:
        self.num_embeddings = size("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = size("Embedding", "embedding_dim", embedding_dim)
        if padding_idx is not None and (
            as_integer(padding_idx) is None or not -num_embeddings <= padding_idx < num_embeddings
        ):
            raise ArgumentError(f"padding_idx={padding_idx!r} must be one of the {num_embeddings} rows")
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = parameter(num_embeddings, embedding_dim)
        self.ready = False

    def __call__(self, x: TensorLike) -> Tensor:
        self.check_ready()
        indices = as_array(x.data if isinstance(x, Tensor) else x, "x")
        return apply("embedding", self.weight, layer=self.name, indices=indices, padding_idx=self.padding_idx)

    def draw(self, generator: np.random.Generator, init: str) -> None:
        values = standard_normal(generator, self.weight.shape)
        if self.padding_idx is not None:
            values[self.padding_idx] = 0.0
        self.weight.data = values

    def __repr__(self) -> str:
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"


class Flatten(Layer):
    """Axes from `start_dim` to `end_dim` as one: (n, c, h, w) -> (n, c h w).

    Raises
    ------
    ArgumentError
        If an argument is not an integer.
    ShapeError
        On a call, if x has no such axes.

    Examples
    --------
    >>> Flatten()(np.zeros((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        for key, axis in (("start_dim", start_dim), ("end_dim", end_dim)):
            if as_integer(axis) is None:
                raise ArgumentError(f"{key}={axis!r} of Flatten must be an integer, the number of an axis")
        self.start_dim, self.end_dim = start_dim, end_dim

    def __call__(self, x: TensorLike) -> Tensor:
        x = as_tensor(x)
        axes = range(len(x.shape))
        try:
            first, last = axes[self.start_dim], axes[self.end_dim]
        except IndexError:
            raise ShapeError(f"x of shape {x.shape} has no axes {self.start_dim} to {self.end_dim}") from None
        if first > last:
            raise ShapeError(f"x of shape {x.shape}: axis {self.start_dim} comes after axis {self.end_dim}")
        shape = (*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])
        return apply("reshape", x, layer=self.name, shape=shape)

    def __repr__(self) -> str:
        return (
            "Flatten()" if (self.start_dim, self.end_dim) == (1, -1) else f"Flatten({self.start_dim}, {self.end_dim})"
        )

"""`MultiheadAttention` and `TransformerEncoderLayer`, as in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArgumentError, ShapeError
from ...ops.arguments import as_array
from ..attention import as_mask, attend
from ..precision import Floats
from ..tape import Tensor, TensorLike, apply, as_tensor
from .dropout import Dropout, probability
from .initial import xavier_uniform
from .layer import Layer, parameter, positive, size
from .linear import Linear
from .norms import LayerNorm


class MultiheadAttention(Layer):
    """Attention of several heads: (query, key, value) -> (output, weights).

    in_proj_weight (3 embed_dim, embed_dim) projects query, key and value; out_proj the heads' results. Sequences lie in
    axis 1 with `batch_first`, else in axis 0; two-dimensional operands are one sequence without a batch.

    Raises
    ------
    ArgumentError
        If an argument is out of its range; on a call, if the layer has no weights yet.
    ShapeError
        On a call, if the shapes do not fit.

    Examples
    --------
    >>> layer = MultiheadAttention(8, 2, batch_first=True)
    >>> layer.init(seed=0)
    >>> x = np.ones((3, 5, 8))
    >>> [y.shape for y in layer(x, x, x)]
    [(3, 5, 8), (3, 5, 5)]
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, batch_first: bool = False
    ) -> None:
        self.embed_dim = size("MultiheadAttention", "embed_dim", embed_dim)
        self.num_heads = size("MultiheadAttention", "num_heads", num_heads)
        if self.embed_dim % self.num_heads:
            raise ArgumentError(f"num_heads={num_heads!r} of MultiheadAttention must divide embed_dim={embed_dim!r}")
        self.dropout, self.batch_first = probability("MultiheadAttention", "dropout", dropout), bool(batch_first)
        self.in_proj_weight = parameter(3 * embed_dim, embed_dim)
        self.in_proj_bias = parameter(3 * embed_dim) if bias else None
        self.out_proj = _Output(embed_dim, embed_dim, bias)
        self.ready = False

    def __call__(  # type: ignore[override]  # as PyTorch's: three operands, two results
        self,
        query: TensorLike,
        key: TensorLike,
        value: TensorLike,
        key_padding_mask: ArrayLike | None = None,
        need_weights: bool = True,
        attn_mask: ArrayLike | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Parameters
        ----------
        query, key, value : Tensor or array_like
            (batch, length, embed_dim) with `batch_first`, else (length, batch, embed_dim), or (length, embed_dim).
        key_padding_mask : array_like, optional
            (batch, keys): True where a key is to be ignored, or numbers to be added to its scores.
        need_weights : bool
            Whether the second result is wanted; None is given otherwise.
        attn_mask : array_like, optional
            (rows, keys) or (batch heads, rows, keys): True where a key is *not* seen, or numbers to be added.
        average_attn_weights : bool
            Whether the weights are the mean over heads, (batch, rows, keys), or of each, (batch, heads, rows, keys).
        is_causal : bool
            Whether row i sees the keys 0..i only.
        """
        self.check_ready()
        same = query is key and key is value
        inputs = [self._batched(as_tensor(x), key) for x, key in ((query, "query"), (key, "key"), (value, "value"))]
        batch, rows, keys = inputs[0].shape[0], inputs[0].shape[1], inputs[1].shape[1]
        heads = [self._heads(x) for x in self._projected(inputs, same)]
        mask = self._mask(attn_mask, key_padding_mask, is_causal, batch, rows, keys)
        rate = self.dropout if self.training else 0.0
        scale = 1.0 / math.sqrt(self.embed_dim // self.num_heads)
        result, weights = attend(heads, mask, rate, scale, self.name)
        joined = self._move("transpose", result, axes=(0, 2, 1, 3))
        joined = self._move("reshape", joined, shape=(batch, rows, self.embed_dim))
        output = self._as_given(self.out_proj(joined), len(as_tensor(query).shape))
        if not need_weights:
            return output, None
        if average_attn_weights:
            weights = apply("mean", weights, layer=self.name, axis=1)
        return output, weights if len(as_tensor(query).shape) == 3 else self._move("part", weights, key=0)

    def _batched(self, x: Tensor, name: str) -> Tensor:
        """(batch, length, embed_dim)."""
        if len(x.shape) not in (2, 3) or x.shape[-1] != self.embed_dim:
            raise ShapeError(
                f"{name} of shape {x.shape} must be (batch, length, {self.embed_dim}), axes as batch_first"
            )
        if len(x.shape) == 2:
            return self._move("reshape", x, shape=(1, *x.shape))
        return x if self.batch_first else self._move("swapaxes", x, one=0, other=1)

    def _as_given(self, x: Tensor, axes: int) -> Tensor:
        if axes == 2:
            return self._move("part", x, key=0)
        return x if self.batch_first else self._move("swapaxes", x, one=0, other=1)

    def _projected(self, inputs: list[Tensor], same: bool) -> list[Tensor]:
        """Query, key and value: parts of one product where all three are projected from the same."""
        weights = (self.in_proj_weight,) + (() if self.in_proj_bias is None else (self.in_proj_bias,))
        if same:
            whole = apply("linear", inputs[0], *weights, layer=self.name)
            e = self.embed_dim
            return [self._move("part", whole, key=(..., slice(i * e, (i + 1) * e))) for i in range(3)]
        return [apply("projection", x, *weights, layer=self.name, which=i) for i, x in enumerate(inputs)]

    def _heads(self, x: Tensor) -> Tensor:
        """(batch, heads, length, features of a head)."""
        split = self._move("reshape", x, shape=(*x.shape[:2], self.num_heads, self.embed_dim // self.num_heads))
        return self._move("transpose", split, axes=(0, 2, 1, 3))

    def _move(self, operation: str, x: Tensor, **how: object) -> Tensor:
        return apply(operation, x, layer=self.name, **how)

    def _mask(
        self, given: ArrayLike | None, padding: ArrayLike | None, causal: bool, batch: int, rows: int, keys: int
    ) -> Floats | None:
        """What is added to scores of shape (batch, heads, rows, keys)."""
        array = None if given is None else _not(as_array(given, "attn_mask"))
        if array is not None and array.ndim == 3:
            array = array.reshape(batch, -1, *array.shape[1:])
        mask = as_mask(array, causal, rows, keys)
        if padding is None:
            return mask
        ignored = _not(as_array(padding, "key_padding_mask"))
        if ignored.shape != (batch, keys) and ignored.shape != (keys,):
            raise ShapeError(f"key_padding_mask of shape {ignored.shape} must be ({batch}, {keys})")
        added = as_mask(ignored.reshape(-1, 1, 1, keys), False, rows, keys)
        return added if mask is None or added is None else mask + added

    def draw(self, generator: np.random.Generator, init: str) -> None:
        self.in_proj_weight.data = xavier_uniform(generator, (3 * self.embed_dim, self.embed_dim))
        if self.in_proj_bias is not None:
            self.in_proj_bias.data = np.zeros(3 * self.embed_dim)

    def __repr__(self) -> str:
        return f"MultiheadAttention({self.embed_dim}, {self.num_heads})"


class _Output(Linear):
    """The layer after the heads: its bias starts as zeros, whatever the others' do, as PyTorch's does."""

    def draw(self, generator: np.random.Generator, init: str) -> None:
        super().draw(generator, init)
        if self.bias is not None:
            self.bias.data = np.zeros(self.bias.shape)


def _not(mask: np.ndarray) -> np.ndarray:
    """True where a key is seen, of True where it is not."""
    return ~mask if mask.dtype == np.bool_ else mask


#: activations by the names that PyTorch's layer takes
_ACTIVATIONS = ("relu", "gelu")


class TransformerEncoderLayer(Layer):
    """Self-attention and two linear layers, each with a way around it and a norm (Vaswani et al. 2017).

    With `norm_first` the norms stand before attention and linear layers instead of after the sums.

    Raises
    ------
    ArgumentError
        If an argument is out of its range; on a call, if the layer has no weights yet.
    ShapeError
        On a call, if src is not (batch, length, d_model), axes as `batch_first` says.

    Examples
    --------
    >>> layer = TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    >>> layer.init(seed=0)
    >>> layer(np.ones((3, 5, 8))).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        if not callable(activation) and (not isinstance(activation, str) or activation not in _ACTIVATIONS):
            raise ArgumentError(f"activation={activation!r} must be 'relu', 'gelu' or a function of a tensor")
        eps = positive("TransformerEncoderLayer", "layer_norm_eps", layer_norm_eps)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first)
        self.linear1, self.dropout = Linear(d_model, dim_feedforward, bias), Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias)
        self.norm_first, self.activation = bool(norm_first), activation
        self.norm1, self.norm2 = LayerNorm(d_model, eps, bias=bias), LayerNorm(d_model, eps, bias=bias)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)

    def __call__(
        self,
        src: TensorLike,
        src_mask: ArrayLike | None = None,
        src_key_padding_mask: ArrayLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """(batch, length, d_model) -> the same shape; masks as `MultiheadAttention` takes them."""
        masks = (src_mask, src_key_padding_mask, is_causal)
        x = as_tensor(src)
        if self.norm_first:
            x = self._add(x, self._attended(self.norm1(x), *masks))
            return self._add(x, self._fed_forward(self.norm2(x)))
        x = self.norm1(self._add(x, self._attended(x, *masks)))
        return self.norm2(self._add(x, self._fed_forward(x)))

    def _add(self, x: Tensor, y: Tensor) -> Tensor:
        return apply("add", x, y, layer=self.name)

    def _attended(self, x: Tensor, mask: ArrayLike | None, padding: ArrayLike | None, causal: bool) -> Tensor:
        y, _ = self.self_attn(x, x, x, padding, need_weights=False, attn_mask=mask, is_causal=causal)
        return self.dropout1(y)

    def _fed_forward(self, x: Tensor) -> Tensor:
        x = self.linear1(x)
        x = self.activation(x) if callable(self.activation) else apply(self.activation, x, layer=self.name)
        return self.dropout2(self.linear2(self.dropout(x)))

"""`scaled_dot_product_attention`, plain and block by block: PyTorch's function of that name.

Plain, every step is a tensor that is stored and rounded: q times the scale, the scores q k^T, softmax(scores + mask),
its dropout, the product with v. Block by block ("flash") none of them is: ``ops/attention.py`` says what is rounded
there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError, ShapeError, as_integer, as_number, as_truth, check_kind
from ..ops.arguments import as_array
from .precision import Floats
from .tape import Tensor, TensorLike, apply, as_tensor


def scaled_dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    attn_mask: ArrayLike | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    block: int | None = None,
    layer: str = "",
) -> Tensor:
    """softmax(scale query key^T + mask) value.

    Parameters
    ----------
    query, key, value : Tensor or array_like
        (..., m, d), (..., n, d), (..., n, e).
    attn_mask : array_like, optional
        Broadcasts to (..., m, n): truth values, True where a key takes part, or numbers to be added to the scores.
    dropout_p : float
        Share of the softmax's elements that are set to zero.
    is_causal : bool
        Whether row i sees the keys 0..i only.
    scale : float, optional
        1 / sqrt(d) by default.
    block : int, optional
        Keys that are taken at a time, in the "flash" form; None: the plain form. What is carried from block to block
        is rounded by the recipe's `running_maximum` and `running_sum`.
    layer : str
        The name in observers and streams.

    Returns
    -------
    Tensor
        (..., m, e).

    Raises
    ------
    ArgumentError
        If an argument is out of its range, or dropout is asked for block by block.
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> x = np.eye(2)
    >>> scaled_dot_product_attention(x, x, x, is_causal=True).data[0].tolist()
    [1.0, 0.0]
    """
    q, k, v = (as_tensor(x) for x in (query, key, value))
    if min(len(x.shape) for x in (q, k, v)) < 2:
        raise ShapeError(
            f"query, key and value of shapes {q.shape}, {k.shape}, {v.shape} must be (..., rows, features)"
        )
    mask = as_mask(attn_mask, is_causal, q.shape[-2], k.shape[-2])
    check_kind("layer", layer, str, "a name")
    if not q.shape[-1]:
        raise ShapeError(f"query of shape {q.shape} has no features")
    factor = 1.0 / math.sqrt(q.shape[-1]) if scale is None else as_number(scale)
    if factor is None:
        raise ArgumentError(f"scale={scale!r} must be a number")
    if block is None:
        return attend((q, k, v), mask, dropout_p, factor, layer)[0]
    if as_integer(block) is None or block < 1:
        raise ArgumentError(f"block={block!r} must be an integer of at least 1")
    if as_number(dropout_p) != 0:
        raise ArgumentError(f"dropout_p={dropout_p!r} goes with the plain form: leave block out")
    return apply("flash_attention", q, k, v, layer=layer, scale=factor, block=block, mask=mask)


def attend(
    heads: Sequence[Tensor], mask: Floats | None, dropout: float, scale: float, layer: str
) -> tuple[Tensor, Tensor]:
    """The plain form: its result, and the softmax (after dropout) by which v was multiplied."""
    q, k, v = heads
    scaled = apply("scale", q, layer=layer, factor=scale)
    scores = apply("attention_product", scaled, apply("swapaxes", k, layer=layer, one=-1, other=-2), layer=layer)
    weights = apply("softmax", scores, layer=layer, mask=mask)
    weights = dropped(weights, dropout, layer)
    return apply("attention_product", weights, v, layer=layer), weights


def dropped(x: Tensor, rate: float, layer: str) -> Tensor:
    """Dropout; `x` itself where the rate is 0."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0.0 <= rate <= 1.0:
        raise ArgumentError(f"the rate of dropout, {rate!r}, must be a number in 0..1")
    return apply("dropout", x, layer=layer, rate=float(rate)) if rate else x


def as_mask(given: ArrayLike | None, causal: bool, rows: int, keys: int) -> Floats | None:
    """What is added to the scores: -inf where a key takes no part."""
    mask: Floats | None = None
    if given is not None:
        array = as_array(given, "attn_mask")
        if array.dtype.kind not in "bf":
            raise ArgumentError(f"attn_mask of type {array.dtype} must be made of truth values or of real numbers")
        try:
            np.broadcast_to(array, (*array.shape[:-2], rows, keys))
        except ValueError:
            raise ShapeError(f"attn_mask of shape {array.shape} must broadcast to (..., {rows}, {keys})") from None
        mask = np.where(array, 0.0, -np.inf) if array.dtype.kind == "b" else array.astype(np.float64)
    if as_truth(causal, "is_causal"):
        seen = np.where(np.arange(keys) <= np.arange(rows)[:, np.newaxis], 0.0, -np.inf)
        mask = seen if mask is None else mask + seen
    return mask

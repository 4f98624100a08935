"""Losses: a model's result and the truth -> one number, averaged.

Computed in float64, kept in the carrier; see ``recipes.py``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError, ShapeError
from .tape import Tensor, TensorLike, apply, as_tensor


def cross_entropy(logits: TensorLike, labels: ArrayLike) -> Tensor:
    """Softmax cross-entropy, averaged over the batch: log(sum(exp(z))) - z[label].

    Parameters
    ----------
    logits : Tensor or array_like
        z, (batch, classes). Infinities and NaN give NaN.
    labels : array_like of int
        (batch,), each in 0..classes - 1.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ArgumentError
        If labels are not integers in range; the message names the first.

    Examples
    --------
    >>> round(cross_entropy([[0.0, 0.0]], [1]).item(), 6)
    0.693147
    """
    logits, labels = as_tensor(logits), np.asarray(labels)
    if len(logits.shape) != 2 or labels.shape != logits.shape[:1] or not labels.size:
        raise ShapeError(
            f"logits of shape {logits.shape} and labels of shape {labels.shape} must be (batch, classes) and (batch,)"
        )
    if labels.dtype.kind not in "iu":
        raise ArgumentError(f"labels of type {labels.dtype} must be integers, the numbers of the classes")
    # as unsigned words, so that one comparison finds negative labels too
    if labels.view(f"u{labels.itemsize}").max() >= logits.shape[1]:
        wrong = int(labels[(labels < 0) | (labels >= logits.shape[1])][0])
        raise ArgumentError(f"labels: {wrong} is not a class; {logits.shape[1]} logits allow 0..{logits.shape[1] - 1}")
    return apply("cross_entropy", logits, layer="loss", labels=labels)


def mse(prediction: TensorLike, target: ArrayLike) -> Tensor:
    """Squared error, averaged over all elements; no gradient reaches `target`.

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> mse([1.0, 2.0], [1.0, 4.0]).item()
    2.0
    """
    prediction = as_tensor(prediction)
    target = np.asarray(target.data if isinstance(target, Tensor) else target, dtype=np.float64)
    if target.shape != prediction.shape or not target.size:
        raise ShapeError(
            f"prediction of shape {prediction.shape} and target of shape {target.shape} must be of one non-empty shape"
        )
    return apply("mse", prediction, layer="loss", target=target)

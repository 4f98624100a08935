"""Losses: computed in float64, averaged or summed, kept in the carrier. Their gradients are rounded by the tape.

`reduction` "sum" leaves out the division by the number of terms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.arithmetic import cross_entropy as kernels
from ...kernels.jit import entry_point
from .. import elementary
from ..precision import Floats, Precision
from .op import Example, Gradients, Needs, Op, quiet, wide

#: what every carrier holds
_SURE = 1e38


def cross_entropy(
    p: Precision, name: str, logits: Floats, labels: Any, label_smoothing: float = 0.0, ignore_index: int | None = None,
    reduction: str = "mean",
) -> tuple[Floats, Any]:  # fmt: skip
    """Mean over the batch of log(sum(exp(z))) - z[label]; z (batch, classes).

    With a smoothing s that is (1 - s) times it, plus s times the mean over all classes. Rows of the label
    `ignore_index` are left out.
    """
    counted = None if ignore_index is None or (labels != ignore_index).all() else labels != ignore_index
    if counted is not None:
        logits, labels = logits[counted], labels[counted]
    z, labels = np.ascontiguousarray(logits, np.float64), np.ascontiguousarray(labels, np.int64)
    powers, sums = np.empty(z.shape), np.empty(len(z))
    terms = _terms(len(labels), reduction)
    loss = entry_point(kernels.cross_entropy)(z, labels, label_smoothing, powers, sums) / terms
    return _in_carrier(p, loss), (powers, sums, labels, label_smoothing, counted, terms)


def cross_entropy_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """(softmax(z) - target) / batch, times the loss's gradient (the loss scale).

    The target is onehot(label), with a smoothing s (1 - s) onehot(label) + s / classes; ignored rows get 0.
    """
    powers, sums, labels, label_smoothing, counted, terms = kept
    gradient = np.empty(powers.shape)
    factor = float(dy) / terms
    entry_point(kernels.cross_entropy_gradient)(powers, sums, labels, label_smoothing, factor, gradient)
    if counted is None:
        return (gradient,)
    dx = np.zeros((len(counted), gradient.shape[1]))
    dx[counted] = gradient
    return (dx,)


def _terms(count: int, reduction: str) -> int:
    """By what a sum of so many terms is divided."""
    return count if reduction == "mean" else 1


def _in_carrier(p: Precision, loss: float) -> Floats:
    """A loss as it is kept; infinity beyond the carrier's range."""
    if -_SURE < loss < _SURE:
        return np.array(loss, p.carrier)
    with np.errstate(over="ignore"):
        return np.array(loss, p.carrier)


@quiet
def squared_error(
    p: Precision, name: str, prediction: Floats, target: Any, reduction: str = "mean"
) -> tuple[Floats, Any]:
    """Mean over all elements of (prediction - target)^2."""
    error = wide(prediction) - target
    terms = _terms(error.size, reduction)
    return _in_carrier(p, elementary.total(error * error) / terms), (error, terms)


def squared_error_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """2 (prediction - target) / elements."""
    error, terms = kept
    return (error * (2.0 * float(dy) / terms),)


@quiet
def absolute_error(
    p: Precision, name: str, prediction: Floats, target: Any, reduction: str = "mean"
) -> tuple[Floats, Any]:
    """Mean over all elements of |prediction - target|."""
    error = wide(prediction) - target
    terms = _terms(error.size, reduction)
    return _in_carrier(p, elementary.total(np.abs(error)) / terms), (error, terms)


def absolute_error_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """sign(prediction - target) / elements; 0 where they are equal."""
    error, terms = kept
    return (np.sign(error) * (float(dy) / terms),)


@quiet
def binary_cross_entropy(
    p: Precision, name: str, logits: Floats, target: Any, reduction: str = "mean"
) -> tuple[Floats, Any]:
    """Mean over all elements of max(z, 0) - z t + log(1 + exp(-|z|)): that of sigmoid(z) against t in [0, 1]."""
    z = wide(logits)
    losses = np.maximum(z, 0.0) - z * target + elementary.log1p(elementary.exp(-np.abs(z)))
    terms = _terms(z.size, reduction)
    return _in_carrier(p, elementary.total(losses) / terms), (z, target, terms)


@quiet
def binary_cross_entropy_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """(sigmoid(z) - t) / elements, as (1 - t) sigmoid(z) - t sigmoid(-z): small ones too."""
    z, target, terms = kept
    off = (1.0 - target) * elementary.sigmoid(z) - target * elementary.sigmoid(-z)
    return (off * (float(dy) / terms),)


_LABELS, _TARGET = np.array([1, 0, 3]), np.array([[0.5, -1.0, 2.0, 0.0]] * 3)
_CHANCES = np.array([[0.0, 1.0, 0.25, 0.5]] * 3)

OPS = (
    Op("cross_entropy", cross_entropy, cross_entropy_backward, loss=True,
       examples=(Example(attributes={"labels": _LABELS}),
                 Example(attributes={"labels": _LABELS, "label_smoothing": 0.1, "ignore_index": 0}),
                 Example(attributes={"labels": _LABELS, "reduction": "sum"}))),
    Op("mse", squared_error, squared_error_backward, loss=True, examples=(Example(attributes={"target": _TARGET}),)),
    Op("l1", absolute_error, absolute_error_backward, loss=True, examples=(Example(attributes={"target": _TARGET}),)),
    Op("bce_with_logits", binary_cross_entropy, binary_cross_entropy_backward, loss=True,
       examples=(Example(attributes={"target": _CHANCES}),)),
)  # fmt: skip

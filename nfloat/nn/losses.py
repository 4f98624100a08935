"""Losses: a model's result and the truth -> one number, averaged, or with ``reduction="sum"`` summed.

Computed in float64, kept in the carrier; see ``recipes.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, ShapeError, as_integer
from ..ops.arguments import as_array
from ..ops.memory import check_copy
from .tape import Tensor, TensorLike, apply, as_tensor
from .unsupported import check_supported

#: bytes of an integer -> unsigned words of that size
_WORDS = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}


def cross_entropy(
    logits: TensorLike, labels: ArrayLike, *, label_smoothing: float = 0.0, ignore_index: int = -100,
    reduction: str = "mean", **others: Any,
) -> Tensor:  # fmt: skip
    """Softmax cross-entropy, averaged over the batch: log(sum(exp(z))) - z[label].

    Parameters
    ----------
    logits : Tensor or array_like
        z, (..., classes). Infinities and NaN give NaN.
    labels : array_like of int
        (...), each in 0..classes - 1.
    label_smoothing : float
        In 0..1: the share s of the target that is spread evenly over all classes.
    ignore_index : int
        Rows of this label are left out.
    reduction : str
        "mean" or "sum": of the rows' losses (of the elements' in the other losses).
    **others
        PyTorch's other arguments are refused, unless they change nothing (as in all losses).

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ArgumentError
        If labels are not integers in range (the message names the first), all of them are ignored, or the smoothing is
        out of its range.

    Examples
    --------
    >>> round(cross_entropy([[0.0, 0.0]], [1]).item(), 6)
    0.693147
    """
    if others:
        check_supported("cross_entropy", others, ("label_smoothing", "ignore_index", "reduction"))
    logits, labels = as_tensor(logits), _read("labels", labels)
    shape = logits.shape
    if len(shape) < 2 or labels.shape != shape[:-1] or not labels.size:
        raise ShapeError(
            f"logits of shape {logits.shape} and labels of shape {labels.shape} must be (batch, classes) and (batch,)"
        )
    if labels.dtype.kind not in "iu":
        raise ArgumentError(f"labels of type {labels.dtype} must be integers, the numbers of the classes")
    if len(shape) > 2:
        logits, labels = logits.reshape(-1, shape[-1]), labels.reshape(-1)
    options: dict[str, Any] = _reduced(reduction)
    if as_integer(ignore_index) is None:
        raise ArgumentError(f"ignore_index={ignore_index!r} must be an integer, the label that is left out")
    # as unsigned words, so that one comparison finds negative labels too
    unusual = ignore_index >= 0 or np.maximum.reduce(labels.view(_WORDS[labels.itemsize]), None) >= shape[-1]
    if unusual and _ignored(labels, shape[-1], ignore_index):
        options["ignore_index"] = ignore_index
    if not isinstance(label_smoothing, int | float) or label_smoothing:
        options["label_smoothing"] = _share("label_smoothing", label_smoothing)
    return apply("cross_entropy", logits, layer="loss", labels=labels, **options)


def _ignored(labels: NDArray[np.integer[Any]], classes: int, ignore_index: int) -> bool:
    """Whether there are labels to be ignored, all others being classes."""
    ignored = labels == ignore_index
    wrong = ((labels < 0) | (labels >= classes)) & ~ignored
    if wrong.any():
        raise ArgumentError(f"labels: {int(labels[wrong][0])} is not a class; {classes} logits allow 0..{classes - 1}")
    if ignored.all():
        raise ArgumentError(f"labels: all of them are ignore_index={ignore_index}, so that there is no loss to average")
    return bool(ignored.any())


def mse(prediction: TensorLike, target: ArrayLike, *, reduction: str = "mean", **others: Any) -> Tensor:
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
    return _against("mse", prediction, target, reduction, others)


def l1(prediction: TensorLike, target: ArrayLike, *, reduction: str = "mean", **others: Any) -> Tensor:
    """Absolute error, averaged over all elements; no gradient reaches `target`.

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> l1([1.0, 2.0], [1.0, 4.0]).item()
    1.0
    """
    return _against("l1", prediction, target, reduction, others)


def bce_with_logits(logits: TensorLike, target: ArrayLike, *, reduction: str = "mean", **others: Any) -> Tensor:
    """Binary cross-entropy of sigmoid(logits), averaged over all elements; no gradient reaches `target`.

    Parameters
    ----------
    logits : Tensor or array_like
        Any shape.
    target : array_like
        Of that shape, each in 0..1: the chance that it is 1.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If a target is not in 0..1; the message names the first.

    Examples
    --------
    >>> round(bce_with_logits([0.0], [1.0]).item(), 6)
    0.693147
    """
    chances = _read("target", target, np.float64)
    wrong = ~((chances >= 0.0) & (chances <= 1.0))
    if wrong.any():
        raise ArgumentError(f"target: {chances[wrong].flat[0]} is not in 0..1, a chance")
    return _against("bce_with_logits", logits, chances, reduction, others)


def _reduced(reduction: str) -> dict[str, Any]:
    """The attribute of an operation that says how its terms become one number; none where they are averaged."""
    if not isinstance(reduction, str) or reduction not in ("mean", "sum"):
        raise ArgumentError(f"reduction={reduction!r} must be 'mean' or 'sum': a loss is one number")
    return {} if reduction == "mean" else {"reduction": reduction}


def _against(loss: str, prediction: TensorLike, target: ArrayLike, reduction: str, others: dict[str, Any]) -> Tensor:
    check_supported(loss, others, ("reduction",))
    options = _reduced(reduction)
    prediction = as_tensor(prediction)
    target = _read("target", target, np.float64)
    if target.shape != prediction.shape or not target.size:
        raise ShapeError(
            f"prediction of shape {prediction.shape} and target of shape {target.shape} must be of one non-empty shape"
        )
    return apply(loss, prediction, layer="loss", target=target, **options)


def _read(argument: str, values: Any, dtype: Any = None) -> NDArray[Any]:
    """The truth as an array: labels as they are, numbers as float64.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    array = as_array(values.data if isinstance(values, Tensor) else values, argument, dtype)
    check_copy(argument, array)
    return array


def _share(key: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ArgumentError(f"{key}={value!r} must be a number in 0..1")
    return float(value)

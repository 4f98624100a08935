"""Norms: `LayerNorm`, `RMSNorm`, `GroupNorm`, `BatchNorm1d`, `BatchNorm2d`. What they compute: ``ops/norms.py``.

Weights start as ones, biases as zeros. The running statistics of batch norms are buffers, kept in the format of
weights: in training, running = (1 - momentum) running + momentum batch's (the variance's with n - 1), computed in
float64 and rounded once, as PyTorch's are in its own format.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...errors import ArgumentError, ShapeError
from ..ops.op import wide
from ..precision import Floats, Role, current
from ..tape import Tensor, TensorLike, apply, as_tensor, stored
from .layer import Layer, buffer, parameter, positive, size


class _Affine(Layer):
    """A norm with a weight and a bias, or without."""

    weight: Tensor | None = None
    bias: Tensor | None = None

    def _make(self, shape: tuple[int, ...], weight: bool, bias: bool) -> None:
        self.weight = _ones(shape) if weight else None
        self.bias = parameter(*shape) if bias else None

    def _affine(self) -> tuple[Tensor, ...]:
        return tuple(t for t in (self.weight, self.bias) if t is not None)

    def draw(self, generator: np.random.Generator, init: str) -> None:
        if self.weight is not None:
            self.weight.data = np.ones(self.weight.shape)
        if self.bias is not None:
            self.bias.data = np.zeros(self.bias.shape)


def _ones(shape: tuple[int, ...]) -> Tensor:
    made = parameter(*shape)
    made.data = np.ones(shape)
    return made


class _OverLastAxes(_Affine):
    """A norm over the last axes; `operation` is its name in ``nn/ops``."""

    operation: ClassVar[str]
    normalized_shape: tuple[int, ...]
    eps: float | None

    def __call__(self, x: TensorLike) -> Tensor:
        x = _ending_in(as_tensor(x), self.normalized_shape)
        axes = len(self.normalized_shape)
        return apply(self.operation, x, *self._affine(), layer=self.name, axes=axes, eps=self.eps)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.normalized_shape})"


class LayerNorm(_OverLastAxes):
    """Over the last axes of x, whose shape is `normalized_shape` (an integer: the last axis).

    Raises
    ------
    ArgumentError
        If an argument is out of its range.
    ShapeError
        On a call, if x does not end in that shape.

    Examples
    --------
    >>> LayerNorm(2)([[1.0, 3.0]]).data.round(3).tolist()
    [[-1.0, 1.0]]
    """

    operation = "layer_norm"

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        self.normalized_shape = _shape("LayerNorm", normalized_shape)
        self.eps = positive("LayerNorm", "eps", eps)
        self._make(self.normalized_shape, elementwise_affine, elementwise_affine and bias)


class RMSNorm(_OverLastAxes):
    """x / sqrt(mean of x^2 + eps) over the last axes, whose shape is `normalized_shape`, times a weight.

    eps=None stands for the eps of the activations' format, as in PyTorch.

    Raises
    ------
    ArgumentError
        If an argument is out of its range.
    ShapeError
        On a call, if x does not end in that shape.

    Examples
    --------
    >>> RMSNorm(2)([[3.0, 3.0]]).data.tolist()
    [[1.0, 1.0]]
    """

    operation = "rms_norm"

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float | None = None, elementwise_affine: bool = True
    ) -> None:
        self.normalized_shape = _shape("RMSNorm", normalized_shape)
        self.eps = None if eps is None else positive("RMSNorm", "eps", eps)
        self._make(self.normalized_shape, elementwise_affine, False)


class GroupNorm(_Affine):
    """Over the channels of a group and all places: x (n, num_channels, ...).

    Raises
    ------
    ArgumentError
        If an argument is out of its range, or the groups do not divide the channels.
    ShapeError
        On a call, if x is not of that shape.

    Examples
    --------
    >>> GroupNorm(1, 2)([[[1.0], [3.0]]]).data.round(3).tolist()
    [[[-1.0], [1.0]]]
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, bias: bool = True
    ) -> None:
        self.num_groups = size("GroupNorm", "num_groups", num_groups)
        self.num_channels = size("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ArgumentError(f"num_groups={num_groups!r} of GroupNorm must divide num_channels={num_channels!r}")
        self.eps = positive("GroupNorm", "eps", eps)
        self._make((num_channels,), affine, affine and bias)

    def __call__(self, x: TensorLike) -> Tensor:
        x = _of_channels(as_tensor(x), self.num_channels, None)
        return apply("group_norm", x, *self._affine(), layer=self.name, groups=self.num_groups, eps=self.eps)

    def __repr__(self) -> str:
        return f"GroupNorm({self.num_groups}, {self.num_channels})"


class _BatchNorm(_Affine):
    """Over all axes but the channels'."""

    buffer_names = ("running_mean", "running_var", "num_batches_tracked")
    axes: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        kind = type(self).__name__
        self.num_features, self.eps = size(kind, "num_features", num_features), positive(kind, "eps", eps)
        if momentum is not None and not (isinstance(momentum, int | float) and 0.0 <= momentum <= 1.0):
            raise ArgumentError(f"momentum={momentum!r} of {kind} must be a number in 0..1, or None for a plain mean")
        self.momentum, self.track_running_stats = momentum, bool(track_running_stats)
        self._make((num_features,), affine, affine and bias)
        if track_running_stats:
            self.running_mean, self.running_var = buffer(np.zeros(num_features)), buffer(np.ones(num_features))
            self.num_batches_tracked = buffer(0.0)

    def __call__(self, x: TensorLike) -> Tensor:
        x = _of_channels(as_tensor(x), self.num_features, self.axes)
        if self.training or not self.track_running_stats:
            if x.data.size == self.num_features:
                raise ShapeError(f"x of shape {x.shape} has one value per channel, of which {self!r} takes no variance")
            seen = self._update if self.training and self.track_running_stats else None
            return apply("batch_norm", x, *self._affine(), layer=self.name, eps=self.eps, seen=seen)
        p = current()
        running = stored(p, self.running_mean), stored(p, self.running_var)
        return apply("batch_norm", x, *self._affine(), layer=self.name, eps=self.eps, running=running)

    def _update(self, mean: Floats, variance: Floats, count: int) -> None:
        """Let the running statistics see a batch's."""
        p = current()
        batches = self.num_batches_tracked.data + 1.0
        self.num_batches_tracked.data = batches
        if not count:
            return
        share = 1.0 / float(batches) if self.momentum is None else self.momentum
        for tensor, value in ((self.running_mean, mean), (self.running_var, variance * (count / (count - 1.0)))):
            moved = (1.0 - share) * wide(stored(p, tensor)) + share * value
            tensor.store(p.cast(Role.WEIGHT, tensor.name, moved), p.at(self.name).weights.format)

    def draw(self, generator: np.random.Generator, init: str) -> None:
        super().draw(generator, init)
        if self.track_running_stats:
            self.running_mean.data, self.running_var.data = np.zeros(self.num_features), np.ones(self.num_features)
            self.num_batches_tracked.data = 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_features})"


class BatchNorm1d(_BatchNorm):
    """Over the batch (and a third axis, if there is one): x (n, num_features) or (n, num_features, length).

    Raises
    ------
    ArgumentError
        If an argument is out of its range.
    ShapeError
        On a call, if x is not of that shape, or in training has one value per channel.

    Examples
    --------
    >>> norm = BatchNorm1d(1)
    >>> norm([[1.0], [3.0]]).data.round(3).tolist(), norm.running_mean.data.round(3).tolist()
    ([[-1.0], [1.0]], [0.2])
    """

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Over the batch and the places of its images: x (n, num_features, height, width).

    Raises
    ------
    ArgumentError
        If an argument is out of its range.
    ShapeError
        On a call, if x is not of that shape, or in training has one value per channel.

    Examples
    --------
    >>> norm = BatchNorm2d(1)
    >>> norm([[[[1.0, 3.0]]]]).data.round(3).tolist()
    [[[[-1.0, 1.0]]]]
    """

    axes = (4,)


def _shape(layer: str, value: int | tuple[int, ...]) -> tuple[int, ...]:
    given = value if isinstance(value, tuple | list) else (value,)
    if not given:
        raise ArgumentError(f"normalized_shape={value!r} of {layer} must name at least one axis")
    return tuple(size(layer, "normalized_shape", n) for n in given)


def _ending_in(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    if x.shape[-len(shape) :] != shape:
        raise ShapeError(f"x of shape {x.shape} must end in {shape}, the shape that is normalized")
    return x


def _of_channels(x: Tensor, channels: int, axes: tuple[int, ...] | None) -> Tensor:
    known = len(x.shape) >= 2 if axes is None else len(x.shape) in axes
    if not known or x.shape[1] != channels:
        wanted = "..." if axes is None or axes[0] == 2 else "height, width"
        raise ShapeError(f"x of shape {x.shape} must be (n, {channels}, {wanted})")
    return x

"""`Conv2d` and the pooling layers `MaxPool2d` and `AvgPool2d`: images (n, channels, height, width)."""

from __future__ import annotations

import math

import numpy as np

from ...errors import ArgumentError, as_integer
from ..ops.convolution import Geometry
from ..ops.pooling import Window
from ..tape import Tensor, TensorLike, apply, as_tensor
from .initial import draw_affine
from .layer import Layer, parameter, size

Pair = tuple[int, int]
Size = int | Pair


def _pair(layer: str, key: str, value: Size, least: int) -> Pair:
    """(height, width) of a number that stands for both, or of a pair."""
    both = value if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2 or any(as_integer(v) is None or v < least for v in both):
        raise ArgumentError(f"{key}={value!r} of {layer} must be an integer of at least {least}, or two of them")
    return int(both[0]), int(both[1])


class Conv2d(Layer):
    """Convolution: (n, in_channels, h, w) -> (n, out_channels, h', w'); weight (out, in / groups, kh, kw), bias (out,).

    As in PyTorch, with zeros around the image. ``padding="same"`` keeps the image's size, ``"valid"`` pads nothing.

    Raises
    ------
    ArgumentError
        If an argument is out of its range; on a call, if the layer has no weights yet.
    ShapeError
        On a call, if x is not (n, in_channels, height, width), or smaller than the kernel.

    Examples
    --------
    >>> layer = Conv2d(1, 4, 3, padding=1)
    >>> layer.init(seed=0)
    >>> layer(np.zeros((2, 1, 8, 8))).shape
    (2, 4, 8, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        self.in_channels, self.out_channels = (
            size("Conv2d", key, value) for key, value in (("in_channels", in_channels), ("out_channels", out_channels))
        )
        self.groups = size("Conv2d", "groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(f"groups={groups!r} of Conv2d must divide {in_channels} and {out_channels} channels")
        self.kernel_size = _pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride, self.dilation = _pair("Conv2d", "stride", stride, 1), _pair("Conv2d", "dilation", dilation, 1)
        self.padding = self._padding(padding)
        self.weight = parameter(out_channels, in_channels // groups, *self.kernel_size)
        self.bias = parameter(out_channels) if bias else None
        self.ready = False

    def _padding(self, padding: Size | str) -> Pair:
        if not isinstance(padding, str):
            return _pair("Conv2d", "padding", padding, 0)
        if padding == "valid":
            return 0, 0
        if padding != "same":
            return _pair("Conv2d", "padding", padding, 0)  # type: ignore[arg-type]
        spans = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        if self.stride != (1, 1) or any(span % 2 for span in spans):
            raise ArgumentError(
                "padding='same' of Conv2d needs stride=1 and a kernel that spans an odd number of places"
            )
        return spans[0] // 2, spans[1] // 2

    def __call__(self, x: TensorLike) -> Tensor:
        self.check_ready()
        operands = (as_tensor(x), self.weight) + (() if self.bias is None else (self.bias,))
        geometry = Geometry(self.stride, self.padding, self.dilation, self.groups)
        return apply("conv2d", *operands, layer=self.name, geometry=geometry)

    def draw(self, generator: np.random.Generator, init: str) -> None:
        draw_affine(generator, init, self.weight, self.bias, math.prod(self.weight.shape[1:]))

    def __repr__(self) -> str:
        return f"Conv2d({self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size})"


class MaxPool2d(Layer):
    """The greatest number of each window; windows begin `stride` apart (by default they touch).

    Raises
    ------
    ArgumentError
        If an argument is out of its range.
    ShapeError
        On a call, if x is not (n, channels, height, width), or smaller than a window.

    Examples
    --------
    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).data[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1) -> None:
        self.window = _window("MaxPool2d", kernel_size, stride, padding, dilation)

    def __call__(self, x: TensorLike) -> Tensor:
        return apply("max_pool2d", as_tensor(x), layer=self.name, window=self.window)

    def __repr__(self) -> str:
        return f"MaxPool2d({self.window.kernel}, {self.window.stride})"


class AvgPool2d(Layer):
    """The mean of each window, zeros around the image counted unless `count_include_pad` is False.

    Raises
    ------
    ArgumentError
        If an argument is out of its range.
    ShapeError
        On a call, if x is not (n, channels, height, width), or smaller than a window.

    Examples
    --------
    >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).data[0, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        *,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.window = _window("AvgPool2d", kernel_size, stride, padding, 1)
        self.count_include_pad = bool(count_include_pad)
        self.divisor = None if divisor_override is None else size("AvgPool2d", "divisor_override", divisor_override)

    def __call__(self, x: TensorLike) -> Tensor:
        options = {"window": self.window, "count_include_pad": self.count_include_pad, "divisor": self.divisor}
        return apply("avg_pool2d", as_tensor(x), layer=self.name, **options)

    def __repr__(self) -> str:
        return f"AvgPool2d({self.window.kernel}, {self.window.stride})"


def _window(layer: str, kernel_size: Size, stride: Size | None, padding: Size, dilation: Size) -> Window:
    kernel = _pair(layer, "kernel_size", kernel_size, 1)
    pad = _pair(layer, "padding", padding, 0)
    if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
        raise ArgumentError(f"padding={padding!r} of {layer} must be at most half of kernel_size={kernel_size!r}")
    step = kernel if stride is None else _pair(layer, "stride", stride, 1)
    return Window(kernel, step, pad, _pair(layer, "dilation", dilation, 1))

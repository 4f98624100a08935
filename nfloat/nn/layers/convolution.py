"""`Conv2d` and the pooling layers `MaxPool2d` and `AvgPool2d`.

Images are (n, channels, height, width), or one image (channels, height, width).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from ...errors import ArgumentError, ShapeError, as_integer
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
    if len(both) != 2 or any(as_integer(v) is None or not least <= v < 1 << 31 for v in both):
        raise ArgumentError(f"{key}={value!r} of {layer} must be an integer of at least {least}, or two of them")
    return int(both[0]), int(both[1])


def _of_images(layer: Layer, x: TensorLike, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """What a layer makes of images, or of one image without the axis of their number."""
    x = as_tensor(x)
    if len(x.shape) != 3:
        return compute(x)
    return apply("part", compute(apply("part", x, layer=layer.name, key=(None,))), layer=layer.name, key=0)


#: how a convolution pads -> NumPy's name for it, and how many places an image must have beyond those added
_MODES: Mapping[str, tuple[str, int | None]] = {
    "zeros": ("constant", None),
    "reflect": ("reflect", 1),
    "replicate": ("edge", None),
    "circular": ("wrap", 0),
}


class Conv2d(Layer):
    """Convolution: (n, in_channels, h, w) -> (n, out_channels, h', w'); weight (out, in / groups, kh, kw), bias (out,).

    As in PyTorch. ``padding="same"`` keeps the image's size, ``"valid"`` pads nothing. Around the image stand zeros, or
    with `padding_mode` "reflect", "replicate" or "circular" its own numbers, whose gradients are added as those of any
    number that is taken several times.

    Raises
    ------
    ArgumentError
        If an argument is out of its range; on a call, if the layer has no weights yet.
    ShapeError
        On a call, if x is not images of that many channels, or too small for the kernel or the padding.

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
        padding_mode: str = "zeros",
    ) -> None:
        if not isinstance(padding_mode, str) or padding_mode not in _MODES:
            raise ArgumentError(
                f"padding_mode={padding_mode!r} of Conv2d must be one of {', '.join(map(repr, _MODES))}"
            )
        self.padding_mode = padding_mode
        self.in_channels, self.out_channels = (
            size("Conv2d", key, value) for key, value in (("in_channels", in_channels), ("out_channels", out_channels))
        )
        self.groups = size("Conv2d", "groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(f"groups={groups!r} of Conv2d must divide {in_channels} and {out_channels} channels")
        self.kernel_size = _pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride, self.dilation = _pair("Conv2d", "stride", stride, 1), _pair("Conv2d", "dilation", dilation, 1)
        self.padding, self.after = self._padding(padding)
        self.weight = parameter(out_channels, in_channels // groups, *self.kernel_size)
        self.bias = parameter(out_channels) if bias else None
        self.ready = False

    def _padding(self, padding: Size | str) -> tuple[Pair, Pair]:
        """Places before and behind the image."""
        if padding == "valid":
            padding = 0
        if not isinstance(padding, str):
            both = _pair("Conv2d", "padding", padding, 0)
            return both, both
        if padding != "same" or self.stride != (1, 1):
            raise ArgumentError(
                f"padding={padding!r} of Conv2d must be an integer of at least 0, two of them, 'valid', or with "
                "stride=1 'same'"
            )
        rows, columns = (d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True))
        return (rows // 2, columns // 2), (rows - rows // 2, columns - columns // 2)

    def __call__(self, x: TensorLike) -> Tensor:
        self.check_ready()
        return _of_images(self, x, self._convolved)

    def _convolved(self, x: Tensor) -> Tensor:
        before, after = self.padding, self.after
        if self.padding_mode != "zeros" and len(x.shape) == 4:
            x, before, after = self._padded(x), (0, 0), (0, 0)
        operands = (x, self.weight) + (() if self.bias is None else (self.bias,))
        geometry = Geometry(self.stride, before, self.dilation, self.groups, None if after == before else after)
        return apply("conv2d", *operands, layer=self.name, geometry=geometry)

    def _padded(self, x: Tensor) -> Tensor:
        """The image with its own numbers around it."""
        mode, spare = _MODES[self.padding_mode]
        places = []
        for size_, before, after in zip(x.shape[2:], self.padding, self.after, strict=True):
            if spare is not None and max(before, after) > size_ - spare:
                raise ShapeError(
                    f"x of shape {x.shape} is too small for padding={self.padding} by {self.padding_mode!r} of {self!r}"
                )
            places.append(np.pad(np.arange(size_), (before, after), mode))  # type: ignore[call-overload]
        key = (slice(None), slice(None), places[0][:, np.newaxis], places[1])
        return apply("index", x, layer=self.name, key=key)

    def draw(self, generator: np.random.Generator, init: str) -> None:
        draw_affine(generator, init, self.weight, self.bias, math.prod(self.weight.shape[1:]))

    def __repr__(self) -> str:
        return f"Conv2d({self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size})"


class MaxPool2d(Layer):
    """The greatest number of each window; windows begin `stride` apart (by default they touch).

    With `ceil_mode` a last window may stand half outside of the image.

    Raises
    ------
    ArgumentError
        If an argument is out of its range.
    ShapeError
        On a call, if x is not images, or smaller than a window.

    Examples
    --------
    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).data[0, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        self.window = _window("MaxPool2d", kernel_size, stride, padding, dilation, ceil_mode)

    def __call__(self, x: TensorLike) -> Tensor:
        return _of_images(self, x, lambda x: apply("max_pool2d", x, layer=self.name, window=self.window))

    def __repr__(self) -> str:
        return f"MaxPool2d({self.window.kernel}, {self.window.stride})"


class AvgPool2d(Layer):
    """The mean of each window, zeros around the image counted unless `count_include_pad` is False.

    With `ceil_mode` a last window may stand half outside; what is outside of the zeros too is not counted.

    Raises
    ------
    ArgumentError
        If an argument is out of its range.
    ShapeError
        On a call, if x is not images, or smaller than a window.

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
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.window = _window("AvgPool2d", kernel_size, stride, padding, 1, ceil_mode)
        self.count_include_pad = bool(count_include_pad)
        self.divisor = None if divisor_override is None else size("AvgPool2d", "divisor_override", divisor_override)

    def __call__(self, x: TensorLike) -> Tensor:
        options = {"window": self.window, "count_include_pad": self.count_include_pad, "divisor": self.divisor}
        return _of_images(self, x, lambda x: apply("avg_pool2d", x, layer=self.name, **options))

    def __repr__(self) -> str:
        return f"AvgPool2d({self.window.kernel}, {self.window.stride})"


def _window(layer: str, kernel_size: Size, stride: Size | None, padding: Size, dilation: Size, ceil: bool) -> Window:
    kernel = _pair(layer, "kernel_size", kernel_size, 1)
    pad = _pair(layer, "padding", padding, 0)
    if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
        raise ArgumentError(f"padding={padding!r} of {layer} must be at most half of kernel_size={kernel_size!r}")
    step = kernel if stride is None else _pair(layer, "stride", stride, 1)
    return Window(kernel, step, pad, _pair(layer, "dilation", dilation, 1), bool(ceil))

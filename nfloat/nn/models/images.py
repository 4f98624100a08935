"""`cnn` and `resnet`: small networks for small images. Images may come as rows of pixels, (n, features)."""

from __future__ import annotations

import math

from ...errors import ArgumentError, ShapeError
from ..layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
)
from ..tape import Tensor, TensorLike, apply, as_tensor
from .mlp import activation_layer

Image = tuple[int, int, int]


class Images(Layer):
    """Rows of pixels (n, features) as images (n, channels, height, width); images stay as they are."""

    def __init__(self, image: Image) -> None:
        self.image = image

    def __call__(self, x: TensorLike) -> Tensor:
        x = as_tensor(x)
        if x.shape[1:] == self.image:
            return x
        if len(x.shape) != 2 or x.shape[1] != math.prod(self.image):
            raise ShapeError(f"x of shape {x.shape} must be (n, {math.prod(self.image)}) or (n, *{self.image})")
        return apply("reshape", x, layer=self.name, shape=(x.shape[0], *self.image))

    def __repr__(self) -> str:
        return f"Images({self.image})"


class GlobalMean(Layer):
    """The mean of each channel's places: (n, channels, h, w) -> (n, channels)."""

    def __call__(self, x: TensorLike) -> Tensor:
        return apply("mean", as_tensor(x), layer=self.name, axis=(2, 3))


def square_image(features: int) -> Image:
    """The shape of a square grey image of so many pixels.

    Raises
    ------
    ArgumentError
        If they make no square.

    Examples
    --------
    >>> square_image(784)
    (1, 28, 28)
    """
    side = math.isqrt(features)
    if side * side != features:
        raise ArgumentError(f"features={features!r} are no square image; give image=(channels, height, width)")
    return 1, side, side


def cnn(image: Image, classes: int, width: int = 16, activation: str = "relu", pooling: str = "max") -> Sequential:
    """Two convolutions, each followed by pooling, and two linear layers: LeNet (LeCun et al. 1998) in small.

    Parameters
    ----------
    image : tuple of int
        (channels, height, width), sides of at least 4.
    classes : int
        Numbers that come out.
    width : int
        Channels of the first convolution; the second has twice as many, the linear layer four times.
    activation : str
        A name in ``nn.layers.ACTIVATIONS``.
    pooling : str
        "max" or "mean".

    Raises
    ------
    ArgumentError
        If an argument is out of its range.

    Examples
    --------
    >>> model = cnn((1, 8, 8), 10, width=4)
    >>> model.init(seed=0)
    >>> model([[0.0] * 64]).shape
    (1, 10)
    """
    channels, height, breadth = _check_image(image)
    if pooling not in ("max", "mean"):
        raise ArgumentError(f"pooling={pooling!r} must be 'max' or 'mean'")
    pool = MaxPool2d if pooling == "max" else AvgPool2d
    left = 2 * width * (height // 4) * (breadth // 4)
    return Sequential(
        Images(image),
        Conv2d(channels, width, 3, padding=1),
        activation_layer(activation),
        pool(2),
        Conv2d(width, 2 * width, 3, padding=1),
        activation_layer(activation),
        pool(2),
        Flatten(),
        Linear(left, 4 * width),
        activation_layer(activation),
        Linear(4 * width, classes),
    )


def resnet(image: Image, classes: int, width: int = 16, blocks: tuple[int, ...] = (1, 1, 1)) -> Sequential:
    """A residual network (He et al. 2016): a convolution, stages of blocks, the mean of what is left, a linear layer.

    A block is two convolutions with batch norms and a way around them. Each stage after the first has half the places
    and twice the channels; where the shape changes, the way around is a 1 x 1 convolution with a batch norm.

    Parameters
    ----------
    image : tuple of int
        (channels, height, width), sides of at least 4.
    classes : int
        Numbers that come out.
    width : int
        Channels of the first stage.
    blocks : tuple of int
        Blocks of each stage.

    Raises
    ------
    ArgumentError
        If an argument is out of its range.

    Examples
    --------
    >>> model = resnet((1, 8, 8), 10, width=4, blocks=(1, 1))
    >>> model.init(seed=0)
    >>> model([[0.0] * 64] * 2).shape
    (2, 10)
    """
    if not blocks or not all(type(count) is int and count >= 1 for count in blocks):
        raise ArgumentError(f"blocks={blocks!r} must be integers of at least 1, one for each stage")
    before = width
    layers: list[Layer] = [
        Images(image), Conv2d(_check_image(image)[0], width, 3, padding=1, bias=False), BatchNorm2d(width), ReLU(),
    ]  # fmt: skip
    for stage, count in enumerate(blocks):
        after = width << stage
        for place in range(count):
            layers += [_block(before, after, 2 if stage and not place else 1), ReLU()]
            before = after
    return Sequential(*layers, GlobalMean(), Linear(before, classes))


def _block(before: int, after: int, stride: int) -> Residual:
    around = None
    if stride != 1 or before != after:
        around = Sequential(Conv2d(before, after, 1, stride, bias=False), BatchNorm2d(after))
    return Residual(
        Conv2d(before, after, 3, stride, 1, bias=False),
        BatchNorm2d(after),
        ReLU(),
        Conv2d(after, after, 3, padding=1, bias=False),
        BatchNorm2d(after),
        shortcut=around,
    )


def _check_image(image: Image) -> Image:
    if not isinstance(image, tuple | list) or len(image) != 3 or not all(type(n) is int for n in image):
        raise ArgumentError(f"image={image!r} must be three integers: (channels, height, width)")
    if image[0] < 1 or min(image[1:]) < 4:
        raise ArgumentError(f"image={image!r} must have a channel, and sides of at least 4")
    return image

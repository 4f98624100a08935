"""Layers made of layers: `Sequential`, one after the other; `Residual`, with a way around them."""

from __future__ import annotations

from ...errors import ArgumentError, check_kind
from ..tape import Tensor, TensorLike, apply, as_tensor
from .layer import Layer


class Sequential(Layer):
    """Layers one after the other, named by their place: "0", "1", ...; nested ones "1.0".

    Raises
    ------
    ArgumentError
        If something is no layer, or stands there twice.

    Examples
    --------
    >>> from nfloat.nn import Linear, ReLU
    >>> model = Sequential(Linear(64, 64), ReLU(), Linear(64, 10))
    >>> model.init(seed=0)
    >>> list(model.parameters())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Layer) -> None:
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ArgumentError(f"layers: {layer!r} must be a layer, such as Linear(64, 10) or ReLU()")
        self.layers = layers

    def __call__(self, x: TensorLike) -> Tensor:
        result = x  # as it is: the numbers of an embedding's rows are no real numbers
        for layer in self.layers:
            result = layer(result)
        return as_tensor(result)

    def inside(self) -> dict[str, Layer]:
        return {str(place): layer for place, layer in enumerate(self.layers)}


class Residual(Sequential):
    """x + layers(x), or shortcut(x) + layers(x): the block of a residual network (He et al. 2016, arXiv:1512.03385).

    Inner layers are named as in `Sequential`, and "shortcut".

    Raises
    ------
    ArgumentError
        As `Sequential`.
    ShapeError
        On a call, if the two ways lead to different shapes.

    Examples
    --------
    >>> from nfloat.nn import ReLU
    >>> Residual(ReLU())([1.0, -2.0]).data
    array([ 2., -2.])
    """

    def __init__(self, *layers: Layer, shortcut: Layer | None = None) -> None:
        super().__init__(*layers)
        if shortcut is not None:
            check_kind("shortcut", shortcut, Layer, "a layer, such as Conv2d(16, 32, 1, stride=2)")
        self.shortcut = shortcut

    def __call__(self, x: TensorLike) -> Tensor:
        x = as_tensor(x)
        around = x if self.shortcut is None else self.shortcut(x)
        return apply("add", around, super().__call__(x), layer=self.name)

    def inside(self) -> dict[str, Layer]:
        return super().inside() | ({} if self.shortcut is None else {"shortcut": self.shortcut})

"""Layers: parameters and the operation they feed.

What a layer computes stands in ``ops.py``, in which format in ``precision.py``.

A layer has a `name` (its place in the model, "0", "2.1", given by `Sequential`), parameters named after it
("0.weight"), and ``layer(x)``. To add one: a class here and a row in `LAYERS` with an example, or in `ACTIVATIONS`
(which is in `LAYERS`); a new primitive is a pair in ``ops.py``.

Initial weights are He-normal (He et al. 2015, arXiv:1502.01852): standard deviation sqrt(2 / fan_in); biases are zero.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError, ShapeError, as_integer
from ..ops.normal import standard_normal
from .precision import Floats, current
from .tape import Tensor, TensorLike, apply, as_tensor, stored


class Layer(ABC):
    """The interface of layers: `parameters`, `init`, and a call."""

    name: str = ""

    @abstractmethod
    def __call__(self, x: TensorLike) -> Tensor:
        """The layer's result."""

    def parameters(self) -> dict[str, Tensor]:
        """Name -> Tensor of every parameter, in the layers' order."""
        return {}

    def rename(self, name: str) -> None:
        """Take a place in a model: parameters are named after it."""
        self.name = name

    def init(self, seed: int | np.random.Generator = 0) -> None:
        """Draw initial weights.

        float64 from NumPy's generator (``ops/normal.py``), then stored as the precision in force says.

        Parameters
        ----------
        seed : int or numpy.random.Generator
            A generator is used and advanced, so that batches can be drawn from it afterwards.
        """
        generator = np.random.default_rng(seed)
        self._draw(generator)
        store(self.parameters())

    # layers without parameters have nothing to draw
    def _draw(self, generator: np.random.Generator) -> None:  # noqa: B027
        """Set the parameters to their initial float64 values."""


class Linear(Layer):
    """x W^T + b: (batch, in_features) -> (batch, out_features); weight (out, in), bias (out,), as in PyTorch.

    Raises
    ------
    ArgumentError
        If a size is not an integer of at least 1; on a call, if the layer has no weights yet.
    ShapeError
        On a call, if x is not (batch, in_features).

    Examples
    --------
    >>> layer = Linear(3, 2)
    >>> layer.init(seed=0)
    >>> layer(np.ones((4, 3))).shape
    (4, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        self.in_features, self.out_features = _size("in_features", in_features), _size("out_features", out_features)
        self.weight = Tensor(np.zeros((out_features, in_features)), True, parameter=True)
        self.bias = Tensor(np.zeros(out_features), True, parameter=True) if bias else None
        self.ready = False
        self.rename("")

    def __call__(self, x: TensorLike) -> Tensor:
        if not self.ready:
            raise ArgumentError(f"{self!r} has no weights yet: call model.init(seed=...) or load(model, values) first")
        operands = (as_tensor(x), self.weight) + (() if self.bias is None else (self.bias,))
        return apply("linear", *operands, layer=self.name)

    def parameters(self) -> dict[str, Tensor]:
        own = [self.weight] if self.bias is None else [self.weight, self.bias]
        return {parameter.name: parameter for parameter in own}

    def rename(self, name: str) -> None:
        self.name = name
        self.weight.name = f"{name}.weight" if name else "weight"
        if self.bias is not None:
            self.bias.name = f"{name}.bias" if name else "bias"

    def _draw(self, generator: np.random.Generator) -> None:
        shape = (self.out_features, self.in_features)
        self.weight.data = standard_normal(generator, shape) * math.sqrt(2.0 / self.in_features)
        if self.bias is not None:
            self.bias.data = np.zeros(self.out_features)
        self.ready = True

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features}{'' if self.bias is not None else ', bias=False'})"


class Activation(Layer):
    """A function of one number, element by element; `operation` is its name in ``ops.py``."""

    operation: ClassVar[str]

    def __call__(self, x: TensorLike) -> Tensor:
        return apply(self.operation, as_tensor(x), layer=self.name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(Activation):
    """max(x, 0), element by element."""

    operation = "relu"


class Tanh(Activation):
    """tanh(x), element by element."""

    operation = "tanh"


class Sigmoid(Activation):
    """1 / (1 + exp(-x)), element by element."""

    operation = "sigmoid"


class SiLU(Activation):
    """x / (1 + exp(-x)), element by element: also called swish."""

    operation = "silu"


class Sequential(Layer):
    """Layers one after the other, named by their place: "0", "1", ...; nested ones "1.0".

    Examples
    --------
    >>> model = Sequential(Linear(64, 64), ReLU(), Linear(64, 10))
    >>> model.init(seed=0)
    >>> list(model.parameters())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Layer) -> None:
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ArgumentError(f"layers: {layer!r} must be a layer, such as Linear(64, 10) or ReLU()")
        if len({id(layer) for layer in layers}) < len(layers):
            raise ArgumentError("layers: the same layer stands there twice; a layer has one place in a model")
        self.layers = layers
        self.rename("")

    def __call__(self, x: TensorLike) -> Tensor:
        result = as_tensor(x)
        for layer in self.layers:
            result = layer(result)
        return result

    def parameters(self) -> dict[str, Tensor]:
        return {name: tensor for layer in self.layers for name, tensor in layer.parameters().items()}

    def rename(self, name: str) -> None:
        self.name = name
        for place, layer in enumerate(self.layers):
            layer.rename(f"{name}.{place}" if name else str(place))

    def _draw(self, generator: np.random.Generator) -> None:
        for layer in self.layers:
            layer._draw(generator)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


#: name of the operation, as configurations have it -> activation layer
ACTIVATIONS: Mapping[str, type[Activation]] = MappingProxyType({c.operation: c for c in (ReLU, Tanh, Sigmoid, SiLU)})

#: every layer that is no container: name -> (how to make a small one, shape of its argument); the gradient check
#: runs over it
LAYERS: Mapping[str, tuple[Callable[[], Layer], tuple[int, ...]]] = {
    "Linear": (lambda: Linear(4, 3), (5, 4)),
    **{layer.__name__: (layer, (5, 4)) for layer in ACTIVATIONS.values()},
}


def store(parameters: Mapping[str, Tensor]) -> None:
    """Round parameters to the format in which the precision in force keeps them between steps (to nearest).

    Examples
    --------
    >>> from nfloat.nn import precision
    >>> w = Tensor([0.1], requires_grad=True, parameter=True)
    >>> with precision("bf16-pure"):
    ...     store({"w": w})
    >>> w.data.item()
    0.10009765625
    """
    p = current()
    for parameter in parameters.values():
        values = stored(p, parameter)
        parameter.store(values, p.at(parameter.name.rpartition(".")[0]).weights.format)


def load(model: Layer, values: Mapping[str, ArrayLike]) -> None:
    """Give a model's parameters the values under their names, stored as the precision in force says.

    Raises
    ------
    ArgumentError
        If names are missing or unknown.
    ShapeError
        If a shape is not the parameter's.
    """
    parameters = model.parameters()
    if set(values) != set(parameters):
        odd = ", ".join(sorted(set(values) ^ set(parameters)))
        raise ArgumentError(
            f"values: the names must be those of model.parameters(); these are missing or unknown: {odd}"
        )
    arrays: dict[str, Floats] = {name: np.array(value) for name, value in values.items()}
    for name, array in arrays.items():
        if array.shape != parameters[name].shape:
            raise ShapeError(
                f"values[{name!r}] of shape {array.shape} must have the parameter's shape {parameters[name].shape}"
            )
    for name, array in arrays.items():
        parameters[name].data = array
    _mark_ready(model)
    store(parameters)


def _mark_ready(layer: Layer) -> None:
    if isinstance(layer, Linear):
        layer.ready = True
    for inner in layer.layers if isinstance(layer, Sequential) else ():
        _mark_ready(inner)


def _size(key: str, value: int) -> int:
    size = as_integer(value)
    if size is None or size < 1:
        raise ArgumentError(f"{key}={value!r} of a Linear layer must be an integer of at least 1")
    return size

"""`Layer`: parameters, buffers, inner layers, their names; `store` and `load`, which give parameters their values.

What a layer is made of is found by looking at its attributes: a `Tensor` made with ``parameter=True`` is a parameter (a
buffer, if `buffer_names` has its name), a `Layer` is an inner one, and so are those of a tuple or list. So a layer of
your own needs no registration:

    class Scaled(nf.nn.Layer):
        def __init__(self, features):
            self.weight = nf.nn.parameter(features)
            self.inside = nf.nn.Linear(features, features)

        def __call__(self, x):
            return self.inside(x) * self.weight

Names are places: "inside.weight", in a `Sequential` "2.inside.weight".
"""

from __future__ import annotations

from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from inspect import Parameter, signature
from sys import float_info
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArgumentError, SeedError, ShapeError, as_integer, check_kind
from ...ops.arguments import as_carrier
from ...ops.memory import check_size
from ..precision import current
from ..tape import Tensor, TensorLike, stored
from ..unsupported import check_supported

#: how initial weights are drawn: see ``initial.py``
INITS = ("he", "torch")


@lru_cache(maxsize=256)
def _parameters(kind: type) -> tuple[Parameter, ...]:
    """What a layer is made with."""
    init: Any = kind.__init__  # type: ignore[misc]
    return () if init is object.__init__ else tuple(signature(init).parameters.values())[1:]


@lru_cache(maxsize=256)
def _arguments(kind: type) -> frozenset[str] | None:
    """The names of what a layer is made with; None if it takes any."""
    known = _parameters(kind)
    return None if any(p.kind is p.VAR_KEYWORD for p in known) else frozenset(p.name for p in known)


@lru_cache(maxsize=256)
def _flags(kind: type) -> tuple[tuple[int, str], ...]:
    """(place, name) of the arguments that are True or False: their defaults are."""
    return tuple((place, p.name) for place, p in enumerate(_parameters(kind)) if isinstance(p.default, bool))


def _given_flags(kind: type, args: Sequence[Any], options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for place, name in _flags(kind):
        if name in options or place < len(args):
            yield name, options[name] if name in options else args[place]


class _Named(ABCMeta):
    """Names what a layer has as soon as it is made; says which arguments of PyTorch's it does not know."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        known = _arguments(cls) if options else None
        if known is not None and not known >= set(options):
            check_supported(cls.__name__, options, sorted(known))
            options = {key: value for key, value in options.items() if key in known}
        for key, given in _given_flags(cls, args, options):
            if not isinstance(given, bool | np.bool_ | int):
                raise ArgumentError(f"{key}: {type(given).__name__} of {cls.__name__} is neither True nor False")
        layer = super().__call__(*args, **options)
        layer.rename("")
        return layer


class Layer(ABC, metaclass=_Named):
    """The interface of layers: a call, and what stands in the module.

    Examples
    --------
    >>> class Scale(Layer):
    ...     def __init__(self, features):
    ...         self.weight = parameter(features)
    ...
    ...     def __call__(self, x):
    ...         return x * self.weight
    >>> model = Scale(2)
    >>> model.weight.data = [1.0, 10.0]
    >>> list(model.parameters()), model(Tensor([3.0, 3.0])).data
    (['weight'], array([ 3., 30.]))
    """

    name: str = ""
    #: whether dropout drops and batch norms take their batch's statistics: `train` and `eval` change it
    training: bool = True
    #: whether the parameters have been given values
    ready: bool = True
    #: attributes whose tensors are no parameters: kept and saved, not learned
    buffer_names: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, x: TensorLike) -> Tensor:
        """The layer's result."""

    # ---------------------------------------------------------------- what it is made of
    def inside(self) -> dict[str, Layer]:
        """Own name -> layer, of the layers inside, in the order in which they were made."""
        found: dict[str, Layer] = {}
        for key, value in vars(self).items():
            if isinstance(value, Layer):
                found[key] = value
            elif type(value) in (tuple, list):
                found |= {f"{key}.{place}": x for place, x in enumerate(value) if isinstance(x, Layer)}
        return found

    def own(self) -> dict[str, Tensor]:
        """Own name -> Tensor, of the parameters and buffers that are not inner layers'."""
        return {key: x for key, x in vars(self).items() if type(x) is Tensor and x.parameter}

    def walk(self) -> Iterator[Layer]:
        """This layer and all inside, each before those inside of it."""
        yield self
        for layer in self.inside().values():
            yield from layer.walk()

    def parameters(self) -> dict[str, Tensor]:
        """Name -> Tensor of every parameter, in the layers' order."""
        return {
            x.name: x
            for layer in self.walk()
            for key, x in vars(layer).items()
            if type(x) is Tensor and x.parameter and key not in layer.buffer_names
        }

    def buffers(self) -> dict[str, Tensor]:
        """Name -> Tensor of what is kept beside parameters and not learned."""
        return {x.name: x for layer in self.walk() for key, x in layer.own().items() if key in layer.buffer_names}

    def rename(self, name: str) -> None:
        """Take a place in a model: parameters and inner layers are named after it.

        Raises
        ------
        ArgumentError
            If a layer or a parameter has two places in the model.
        """
        self.name = name
        before = name + "." if name else ""
        for key, tensor in self.own().items():
            tensor.name = before + key
        for key, layer in self.inside().items():
            layer.rename(before + key)
        whole = [id(x) for layer in self.walk() for x in (layer, *layer.own().values())]
        if len(set(whole)) < len(whole):
            raise ArgumentError(
                f"layers: the same layer or parameter stands twice in {self!r}; a layer has one place in a model"
            )

    # ---------------------------------------------------------------- values
    def init(self, seed: int | np.random.Generator = 0, init: str = "he") -> None:
        """Draw initial weights.

        float64 from NumPy's generator (``ops/normal.py``), then stored as the precision in force says.

        Parameters
        ----------
        seed : int or numpy.random.Generator
            A generator is used and advanced, so that batches can be drawn from it afterwards.
        init : str
            "he" or "torch": which distribution, see ``initial.py``.

        Raises
        ------
        ArgumentError
            If `init` is neither.
        SeedError
            If `seed` is not a seed.
        """
        if not isinstance(init, str) or init not in INITS:
            raise ArgumentError(f"init={init!r} must be one of {', '.join(map(repr, INITS))}")
        try:
            generator = np.random.default_rng(seed)
        except (TypeError, ValueError):
            raise SeedError(f"seed={seed!r} must be an integer of at least 0, or a numpy.random.Generator") from None
        self.rename(self.name)
        for layer in self.walk():
            layer.draw(generator, init)
            layer.ready = True
        store({**self.parameters(), **self.buffers()})

    # layers without parameters have nothing to draw
    def draw(self, generator: np.random.Generator, init: str) -> None:
        """Set the layer's own parameters to their initial float64 values; by default they stay as they were made."""

    def train(self, mode: bool = True) -> Self:
        """Behave as in training: dropout drops, batch norms take the batch's statistics; with False as `eval`."""
        for layer in self.walk():
            layer.training = mode
        return self

    def eval(self) -> Self:
        """Behave as after training: no dropout, batch norms take their running statistics."""
        return self.train(False)

    @contextmanager
    def evaluating(self) -> Iterator[Self]:
        """Behave as after training inside of a ``with``, and as before then."""
        before = [(layer, layer.training) for layer in self.walk()]
        try:
            yield self.eval()
        finally:
            for layer, training in before:
                layer.training = training

    def check_ready(self) -> None:
        """Refuse a call of a layer without values.

        Raises
        ------
        ArgumentError
            If it has none.
        """
        if not self.ready:
            raise ArgumentError(f"{self!r} has no weights yet: call model.init(seed=...) or load(model, values) first")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.inside().values()))})"


def parameter(*shape: int) -> Tensor:
    """A parameter of zeros: an attribute of a layer of your own; `Layer.draw` gives it its initial values.

    Raises
    ------
    ShapeError
        If a size is no integer of at least 0, or no memory holds it.

    Examples
    --------
    >>> parameter(2, 3).shape
    (2, 3)
    """
    sizes = [as_integer(n) for n in shape]
    if any(n is None or n < 0 for n in sizes):
        raise ShapeError(f"shape={shape!r} of a parameter must be integers of at least 0")
    check_size("a parameter", tuple(n for n in sizes if n is not None), 8)
    return Tensor(np.zeros(shape), True, parameter=True)


def buffer(values: ArrayLike) -> Tensor:
    """A tensor that a layer keeps beside its parameters; its attribute's name stands in `buffer_names`.

    Examples
    --------
    >>> buffer([1.0, 2.0]).requires_grad
    False
    """
    return Tensor(values, parameter=True)


def store(parameters: Mapping[str, Tensor]) -> None:
    """Round parameters to the format in which the precision in force keeps them between steps (to nearest).

    Raises
    ------
    ArgumentError
        If `parameters` is no mapping of names to tensors.

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
    check_kind("parameters", parameters, Mapping, "a mapping from names to tensors, as model.parameters() gives")
    for name, tensor in parameters.items():
        check_kind(f"parameters[{name!r}]", tensor, Tensor, "an nf.nn.Tensor")
        if not is_count(name):
            values = stored(p, tensor)
            tensor.store(values, p.at(tensor.name.rpartition(".")[0]).weights.format)


def is_count(name: str) -> bool:
    """Whether a buffer counts batches: a whole number, which no recipe rounds."""
    return name.rpartition(".")[2] == "num_batches_tracked"


def load(model: Layer, values: Mapping[str, ArrayLike]) -> None:
    """Give a model's parameters the values under their names, stored as the precision in force says.

    Names of buffers may be among them; buffers that are not stay as they are.

    Raises
    ------
    ArgumentError
        If names are missing or unknown.
    ShapeError
        If a shape is not the parameter's.

    Examples
    --------
    >>> from nfloat.nn import Linear
    >>> layer = Linear(2, 1)
    >>> load(layer, {"weight": [[1.0, 2.0]], "bias": [0.5]})
    >>> layer([[1.0, 1.0]]).data
    array([[3.5]])
    """
    check_kind("model", model, Layer, "a layer")
    check_kind("values", values, Mapping, "a mapping from names to arrays")
    model.rename(model.name)
    parameters, buffers = model.parameters(), model.buffers()
    odd = (set(values) - set(parameters) - set(buffers)) | (set(parameters) - set(values))
    if odd:
        raise ArgumentError(
            "values: the names must be those of model.parameters() (and buffers()); these are missing or unknown: "
            + ", ".join(sorted(odd))
        )
    known = {**parameters, **buffers}
    arrays = {name: np.array(as_carrier(value, f"values[{name!r}]", single=True)) for name, value in values.items()}
    for name, array in arrays.items():
        if array.shape != known[name].shape:
            raise ShapeError(
                f"values[{name!r}] of shape {array.shape} must have the parameter's shape {known[name].shape}"
            )
    for name, array in arrays.items():
        known[name].data = array
    for layer in model.walk():
        layer.ready = True
    store(known)


def size(layer: str, key: str, value: int, least: int = 1, most: int | None = None) -> int:
    """An integer argument of a layer.

    Raises
    ------
    ArgumentError
        If it is no integer, too small or, where there is a `most`, too large.
    """
    number = as_integer(value)
    if number is None or number < least or (most is not None and number > most):
        end = "" if most is None else f" and at most {most}"
        raise ArgumentError(f"{key}={value!r} of {layer} must be an integer of at least {least}{end}")
    return number


def positive(layer: str, key: str, value: float) -> float:
    """A small positive number that a layer takes, such as eps.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value <= float_info.max:
        raise ArgumentError(f"{key}={value!r} of {layer} must be a positive, finite number")
    return float(value)

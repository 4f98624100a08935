"""`mlp`: linear layers with activations between them."""

from __future__ import annotations

from itertools import pairwise

from ...errors import ArgumentError, nearest_names
from ..layers import ACTIVATIONS, Activation, Layer, Linear, Sequential


def mlp(features: int, classes: int, width: int = 64, depth: int = 1, activation: str = "relu") -> Sequential:
    """Linear layers with activations between them: features -> width (depth times) -> classes.

    Parameters
    ----------
    features, classes : int
        Numbers that go in and come out.
    width, depth : int
        Units of a hidden layer, and number of hidden layers.
    activation : str
        A name in ``nn.layers.ACTIVATIONS``.

    Raises
    ------
    ArgumentError
        If an argument is out of its range.

    Examples
    --------
    >>> mlp(64, 10)
    Sequential(Linear(64, 64), ReLU(), Linear(64, 10))
    """
    sizes = [features, *[width] * depth, classes]
    layers: list[Layer] = []
    for before, after in pairwise(sizes):
        layers += [Linear(before, after), activation_layer(activation)]
    return Sequential(*layers[:-1])


def activation_layer(name: str) -> Activation:
    """The activation of that name.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    if name not in ACTIVATIONS:
        raise ArgumentError(f"activation={name!r} is unknown; {nearest_names(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]()

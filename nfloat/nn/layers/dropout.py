"""`Dropout`: in training, numbers set to zero at random."""

from __future__ import annotations

from ...errors import ArgumentError
from ..attention import dropped
from ..tape import Tensor, TensorLike, as_tensor
from .layer import Layer


class Dropout(Layer):
    """In training, each number becomes 0 with probability `p` and is divided by 1 - p else; nothing after `eval`.

    The masks come from the step's own stream and from the layer's name: they are the same under every recipe.

    Raises
    ------
    ArgumentError
        If `p` is not a number in 0..1; on a call in training, outside of `nf.nn.precision`, which has the seed.

    Examples
    --------
    >>> from nfloat.nn import precision
    >>> with precision("float64", seed=0, step=0):
    ...     sorted(set(Dropout(0.5)([1.0] * 100).data.tolist()))
    [0.0, 2.0]
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("Dropout", "p", p)

    def __call__(self, x: TensorLike) -> Tensor:
        x = as_tensor(x)
        return dropped(x, self.p, self.name) if self.training else x

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


def probability(layer: str, key: str, value: float) -> float:
    """A share that a layer takes.

    Raises
    ------
    ArgumentError
        If it is not a number in 0..1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ArgumentError(f"{key}={value!r} of {layer} must be a number in 0..1")
    return float(value)

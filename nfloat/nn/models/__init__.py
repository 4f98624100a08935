"""Models, small enough for a CPU: `mlp`, `cnn`, `resnet`, `transformer`, `lstm`.

``mlp`` (linear layers), ``images`` (cnn, resnet), ``sequences`` (transformer, lstm). `for_data` chooses sizes by data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...errors import ArgumentError, nearest_names
from ..data import Dataset
from ..layers import Layer
from .images import cnn as cnn
from .images import resnet as resnet
from .images import square_image
from .mlp import mlp as mlp
from .sequences import lstm as lstm
from .sequences import transformer as transformer


def _mlp(data: Dataset, width: int, depth: int, activation: str) -> Layer:
    return mlp(data.features, data.classes, width, depth, activation)


def _cnn(data: Dataset, width: int, depth: int, activation: str) -> Layer:
    return cnn(square_image(data.features), data.classes, max(1, width // 4), activation)


def _resnet(data: Dataset, width: int, depth: int, activation: str) -> Layer:
    return resnet(square_image(data.features), data.classes, max(1, width // 4), (depth,) * 3)


def _transformer(data: Dataset, width: int, depth: int, activation: str) -> Layer:
    heads = 2 if width % 2 == 0 else 1
    return transformer(data.classes, data.features, width, depth, heads, activation=activation)


def _lstm(data: Dataset, width: int, depth: int, activation: str) -> Layer:
    if data.kind == "text":
        return lstm(data.classes, symbols=data.classes, width=width, depth=depth)
    return lstm(data.classes, rows=square_image(data.features)[1:], width=width, depth=depth)


#: name -> (what makes it, the kinds of data it is for)
_BUILDERS: Mapping[str, tuple[Callable[[Dataset, int, int, str], Layer], tuple[str, ...]]] = MappingProxyType(
    {
        "mlp": (_mlp, ("classes", "regression")),
        "cnn": (_cnn, ("classes",)),
        "resnet": (_resnet, ("classes",)),
        "transformer": (_transformer, ("text",)),
        "lstm": (_lstm, ("classes", "text")),
    }
)

#: every model's name
MODELS = tuple(_BUILDERS)


def for_data(model: str, data: Dataset, width: int = 64, depth: int = 1, activation: str = "relu") -> Layer:
    """The model of that name for some data.

    Parameters
    ----------
    model : str
        "mlp"; "cnn" and "resnet" for square images; "transformer" for text; "lstm" for text and for images by rows.
    data : Dataset
        What it is to learn.
    width : int
        Units of a hidden layer, numbers for a character; of cnn and resnet four times the channels of the first layer.
    depth : int
        Hidden layers; blocks of a resnet's stage; layers of a transformer or LSTM. A cnn has its own.
    activation : str
        Of mlp, cnn ("relu", "gelu" of transformer); resnet has "relu", lstm units of its own.

    Raises
    ------
    ArgumentError
        If there is no such model, it is not for such data, or an argument is out of its range, or not this model's to
        choose.

    Examples
    --------
    >>> from nfloat.nn.data import blobs
    >>> for_data("mlp", blobs(), width=8)
    Sequential(Linear(16, 8), ReLU(), Linear(8, 10))
    """
    if model not in _BUILDERS:
        raise ArgumentError(f"model={model!r} is unknown; {nearest_names(str(model), MODELS)}")
    build, kinds = _BUILDERS[model]
    if data.kind not in kinds:
        raise ArgumentError(
            f"model={model!r} is for {' and '.join(kinds)}, and data {data.name!r} are {data.kind}: choose another of "
            f"{', '.join(name for name, (_, known) in _BUILDERS.items() if data.kind in known)}"
        )
    if model != "mlp" and depth < 1:
        raise ArgumentError(f"depth={depth!r} of model={model!r} must be at least 1")
    if model == "cnn" and depth != 1:
        raise ArgumentError(f"depth={depth!r} of model='cnn' must be 1: its layers are always the same; choose width")
    if model in ("resnet", "lstm") and activation != "relu":
        raise ArgumentError(f"activation={activation!r} of model={model!r}: it has units of its own; leave it out")
    return build(data, width, depth, activation)

"""Layers: parameters and the operations they feed.

What a layer computes stands in ``nn/ops``, in which format in ``nn/precision.py``. Names, arguments, parameters and
shapes are PyTorch's.

| file | what is there |
|---|---|
| layer | what a layer is: parameters, buffers, names, `store` and `load` |
| initial | how initial weights are drawn |
| linear | Linear, Embedding, Flatten |
| activations | ReLU, LeakyReLU, GELU, SiLU, Tanh, Sigmoid, Softmax |
| convolution | Conv2d, MaxPool2d, AvgPool2d |
| norms | LayerNorm, RMSNorm, GroupNorm, BatchNorm1d, BatchNorm2d |
| attention | MultiheadAttention, TransformerEncoderLayer |
| recurrent | LSTM, GRU |
| dropout | Dropout |
| containers | Sequential, Residual |

To add one: a class in its family's file and a row in `LAYERS` with an example; an activation joins `LAYERS` by
`ACTIVATIONS`. A new primitive is a pair in ``nn/ops``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .activations import ACTIVATIONS as ACTIVATIONS
from .activations import GELU as GELU
from .activations import Activation as Activation
from .activations import LeakyReLU as LeakyReLU
from .activations import ReLU as ReLU
from .activations import Sigmoid as Sigmoid
from .activations import SiLU as SiLU
from .activations import Softmax as Softmax
from .activations import Tanh as Tanh
from .attention import MultiheadAttention as MultiheadAttention
from .attention import TransformerEncoderLayer as TransformerEncoderLayer
from .containers import Residual as Residual
from .containers import Sequential as Sequential
from .convolution import AvgPool2d as AvgPool2d
from .convolution import Conv2d as Conv2d
from .convolution import MaxPool2d as MaxPool2d
from .dropout import Dropout as Dropout
from .layer import Layer as Layer
from .layer import buffer as buffer
from .layer import load as load
from .layer import parameter as parameter
from .layer import store as store
from .linear import Embedding as Embedding
from .linear import Flatten as Flatten
from .linear import Linear as Linear
from .norms import BatchNorm1d as BatchNorm1d
from .norms import BatchNorm2d as BatchNorm2d
from .norms import GroupNorm as GroupNorm
from .norms import LayerNorm as LayerNorm
from .norms import RMSNorm as RMSNorm
from .recurrent import GRU as GRU
from .recurrent import LSTM as LSTM

_IMAGE, _SEQUENCE = (2, 4, 5, 5), (2, 3, 4)

#: every layer that is no container: name -> (how to make a small one, shape of its argument); the gradient check
#: runs over it
LAYERS: Mapping[str, tuple[Callable[[], Layer], tuple[int, ...]]] = {
    "Linear": (lambda: Linear(4, 3), (5, 4)),
    **{layer.__name__: (layer, (5, 4)) for layer in ACTIVATIONS.values()},
    "Softmax": (lambda: Softmax(-1), (5, 4)),
    "Embedding": (lambda: Embedding(6, 3), (2, 3)),
    "Flatten": (Flatten, (2, 3, 2)),
    "Conv2d": (lambda: Conv2d(4, 6, 3, 2, 1, groups=2), _IMAGE),
    "MaxPool2d": (lambda: MaxPool2d(3, 2, 1), _IMAGE),
    "AvgPool2d": (lambda: AvgPool2d(2), _IMAGE),
    "BatchNorm1d": (lambda: BatchNorm1d(4), (5, 4)),
    "BatchNorm2d": (lambda: BatchNorm2d(4), _IMAGE),
    "LayerNorm": (lambda: LayerNorm(4), _SEQUENCE),
    "RMSNorm": (lambda: RMSNorm(4), _SEQUENCE),
    "GroupNorm": (lambda: GroupNorm(2, 4), _IMAGE),
    "Dropout": (Dropout, (5, 4)),
    "MultiheadAttention": (lambda: MultiheadAttention(4, 2, batch_first=True), _SEQUENCE),
    "TransformerEncoderLayer": (lambda: TransformerEncoderLayer(4, 2, 6, batch_first=True), _SEQUENCE),
    "LSTM": (lambda: LSTM(4, 3, batch_first=True, bidirectional=True), _SEQUENCE),
    "GRU": (lambda: GRU(4, 3), _SEQUENCE),
}

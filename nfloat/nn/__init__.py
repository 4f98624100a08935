"""A small neural-network engine with its own backpropagation, in which every tensor is rounded where a recipe says.

``tape`` (Tensor, the graph), ``backward`` (the walk back), ``expressions`` (``x + y``, ``x.sum()``), ``functional`` and
``attention`` (what is no tensor's method), ``ops`` (forward and backward side by side), ``elementary`` (exp, log, tanh
and sums of losses, the same on every machine), ``layers``, ``losses``, ``optim``; ``recipes`` (what is rounded where)
and ``precision`` (what that means: the only place that rounds, with ``casting``, ``roles``, ``operand_casting``,
``operands`` and ``products``); ``scaling`` (loss scaling; ``clamping``: overflow that no infinity shows), ``data``,
``models``, ``train``; ``spelled`` (optimisers and losses as configurations write them); ``tracing`` (every rounding of
a step), ``checkpoints``; ``unsupported`` (arguments of PyTorch's that are refused).

    with nf.nn.precision("bf16-mixed", seed=0, step=0):
        loss = nf.nn.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
"""

from . import models as models
from .attention import scaled_dot_product_attention as scaled_dot_product_attention
from .checkpoints import Checkpoint as Checkpoint
from .checkpoints import restore as restore
from .checkpoints import save as save
from .data import Dataset as Dataset
from .data import batches as batches
from .data import from_arrays as from_arrays
from .data import load_data as load_data
from .functional import concatenate as concatenate
from .functional import log_softmax as log_softmax
from .functional import softmax as softmax
from .functional import stack as stack
from .functional import where as where
from .layers import GELU as GELU
from .layers import GRU as GRU
from .layers import LSTM as LSTM
from .layers import AvgPool2d as AvgPool2d
from .layers import BatchNorm1d as BatchNorm1d
from .layers import BatchNorm2d as BatchNorm2d
from .layers import Conv2d as Conv2d
from .layers import Dropout as Dropout
from .layers import Embedding as Embedding
from .layers import Flatten as Flatten
from .layers import GroupNorm as GroupNorm
from .layers import Layer as Layer
from .layers import LayerNorm as LayerNorm
from .layers import LeakyReLU as LeakyReLU
from .layers import Linear as Linear
from .layers import MaxPool2d as MaxPool2d
from .layers import MultiheadAttention as MultiheadAttention
from .layers import ReLU as ReLU
from .layers import Residual as Residual
from .layers import RMSNorm as RMSNorm
from .layers import Sequential as Sequential
from .layers import Sigmoid as Sigmoid
from .layers import SiLU as SiLU
from .layers import Softmax as Softmax
from .layers import Tanh as Tanh
from .layers import TransformerEncoderLayer as TransformerEncoderLayer
from .layers import buffer as buffer
from .layers import load as load
from .layers import parameter as parameter
from .layers import store as store
from .losses import bce_with_logits as bce_with_logits
from .losses import cross_entropy as cross_entropy
from .losses import l1 as l1
from .losses import mse as mse
from .operands import AmaxHistory as AmaxHistory
from .ops import RESULT as RESULT
from .ops import Example as Example
from .ops import Op as Op
from .ops import register as register
from .optim import SGD as SGD
from .optim import Adam as Adam
from .optim import AdamW as AdamW
from .optim import Cosine as Cosine
from .optim import Lion as Lion
from .optim import Momentum as Momentum
from .optim import Optimizer as Optimizer
from .optim import RMSprop as RMSprop
from .optim import Schedule as Schedule
from .optim import StepDecay as StepDecay
from .optim import Update as Update
from .optim import WarmUp as WarmUp
from .precision import precision as precision
from .recipes import BlockCast as BlockCast
from .recipes import Cast as Cast
from .recipes import Recipe as Recipe
from .recipes import SplitK as SplitK
from .recipes import recipe as recipe
from .recipes import recipes as recipes
from .scaling import LossScaler as LossScaler
from .scaling import LossScaling as LossScaling
from .tape import Tensor as Tensor
from .tape import apply as apply
from .tracing import Rounding as Rounding
from .tracing import trace as trace
from .train import Trainer as Trainer
from .train import evaluate as evaluate
from .train import gradients as gradients

__all__ = sorted(
    name
    for name, value in globals().items()
    if name == "models" or (not name.startswith("_") and type(value).__name__ != "module")
)

"""`trace`: every rounding of a training step, in the order in which it happens.

A row says in which format something was computed or stored. What is only moved or selected (ReLU, a reshape) has the
mode "exact", and so has a tensor whose format is that of the arithmetic that made it.

| tensor | what is rounded |
|---|---|
| the names of ``precision.py`` | as the recipe says |
| <operation>.forward, <operation>.backward | elementwise arithmetic, before its result is stored: mostly float64 |
| weight.arithmetic, ... | the optimiser's formulas |
| weight.grad.unscaled, ... | gradients divided by the loss scale |
| weight.grad.clipped, ... | gradients that were clipped |
| gemm.x.hadamard, ... | an operand after its Hadamard transform |
| forward.sum.scaled, forward.sum.plus, ... | sums times the scales of whole operands; and then plus the bias |
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from ..errors import check_kind
from ..streams import SeedLike
from .layers import Layer
from .losses import cross_entropy
from .optim import SGD, Optimizer
from .recipes import Recipe, recipe
from .roles import Role
from .train import Loss, Trainer

#: tensor, without the parameter's name -> the recipe's field that rounds it
_FIELDS = {role.tensor: role.field for role in Role}
_SUMS = {"forward.sum": "forward", "input_gradient.sum": "input_gradient_sums", "sum": "sums",
         "weight_gradient.sum": "weight_gradient_sums"}  # fmt: skip


class Rounding(NamedTuple):
    """One row: what was rounded where, how, and how many numbers.

    Examples
    --------
    >>> from nfloat.nn import Linear
    >>> layer = Linear(4, 3)
    >>> layer.init(seed=0)
    >>> trace(layer, [[1.0, 0.0, 0.0, 1.0]], [0], "bf16-pure")[0]
    Rounding(layer='', tensor='weight', role='weights', format='bfloat16', mode='nearest_even', elements=12)
    """

    #: the layer's place, or the operation's name outside of a model
    layer: str
    tensor: str
    #: the recipe's field that says so; "operation": arithmetic of an operation, on the way to its one rounding
    role: str
    format: str
    mode: str
    elements: int


def trace(
    model: Layer | Trainer,
    x: ArrayLike,
    y: ArrayLike,
    recipe_or_name: Recipe | str = "float64",
    *,
    optimizer: Optimizer | None = None,
    loss: Loss = cross_entropy,
    seed: SeedLike = 0,
    micro_batches: int = 1,
) -> list[Rounding]:
    """Every rounding of one training step: forward, backward, update. Nothing changes: the step is done on a copy.

    Parameters
    ----------
    model : Layer or Trainer
        A model with weights; or a training, whose recipe, optimiser, loss and seed are then used.
    x, y : array_like
        The batch.
    recipe_or_name : Recipe or str
        What is rounded where.
    optimizer : Optimizer, optional
        Of the model's parameters; plain SGD by default.
    loss : callable
        ``loss(result, y)``.
    seed : int or Stream
        Where random bits come from.
    micro_batches : int
        As for `Trainer.step`.

    Returns
    -------
    list of Rounding

    Examples
    --------
    >>> import numpy as np
    >>> from nfloat.nn import Linear
    >>> layer = Linear(4, 3)
    >>> layer.init(seed=0)
    >>> for row in trace(layer, np.ones((2, 4)), [0, 1], "bf16-mixed")[:4]:
    ...     print(*row[1:])
    weight weights float32 nearest_even 12
    bias weights float32 nearest_even 3
    input activations bfloat16 nearest_even 8
    weight.copy weight_copy bfloat16 nearest_even 12
    """
    rows: list[Rounding] = []

    def note(layer: str, tensor: str, fmt: str, mode: str, elements: int) -> None:
        rows.append(Rounding(layer, tensor, _role(tensor), fmt, mode, elements))

    training = _copied(model, recipe(recipe_or_name), optimizer, loss, seed, note)
    training.step(x, y, micro_batches=micro_batches, tracer=note)
    return rows


def _copied(
    model: Layer | Trainer, how: Recipe, optimizer: Optimizer | None, loss: Loss, seed: SeedLike, note: Any
) -> Trainer:
    """A training of a copy: memo keys keep parameters of model and optimiser the same tensors."""
    if isinstance(model, Trainer):
        return copy.deepcopy(model)
    check_kind("model", model, Layer, "a layer with weights, or a Trainer")
    if optimizer is not None:
        check_kind("optimizer", optimizer, Optimizer, "an optimiser of the model's parameters")
    known: dict[int, Any] = {}
    own = copy.deepcopy(model, known)
    made = SGD(own.parameters(), lr=0.01) if optimizer is None else copy.deepcopy(optimizer, known)
    return Trainer(own, made, how, seed=seed, loss=loss, tracer=note)


def _role(tensor: str) -> str:
    """The recipe's field that rounds a tensor."""
    sums = tensor.removesuffix(".scaled").removesuffix(".plus")
    if sums in _SUMS:
        return _SUMS[sums]
    if tensor.endswith((".forward", ".backward")):
        return "operation"
    if tensor in _FIELDS:
        return _FIELDS[tensor]
    ending = tensor.partition(".")[2].partition(".")[0]
    if tensor.startswith("gemm."):
        return "hadamard"
    return _FIELDS.get("." + ending if ending else "", "weights")

"""What a recipe costs: the bits that one training step moves, and those that it keeps. A model, stated in full here.

A step has n elements of a tensor; the recipe stores each in b bits. The tensor costs

    n b (moved + kept)

bits, where `moved` counts how often it is written or read, and `kept` is 1 where it has to lie in memory between two
steps, or between forward and backward:

| tensor | moved | kept |
|---|---|---|
| weights | 2: read and written by the update | 1 |
| weight copies, where the recipe has them | 1: written by the update | 1 |
| activations | 1: written by their layer | 0 |
| operands of the products x W^T, dy W, dy^T x | 1: read; and written before, if rounded apart | 0; x of dW: 1 |
| operands of products of two activations | 2 (forward and backward); and written before | 1 |
| activation gradients | 1: written by their layer | 0 |
| weight gradients | 2: written, and read by the update | 1 |
| momenta, compensation | 2 each: read and written by the update | 1 |

An operand that is not rounded apart is read as what it is made of is stored: activations, weight copies (weights, where
there are none), activation gradients. b is the format's number of bits, with a block's share of its scale; of tfloat32
it is 32, since nothing stores 19. What only moves or selects numbers (ReLU), sums and the update's step stay in
registers and cost nothing, and neither does arithmetic: this is a cost of memory, not of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from .. import nn
from ..formats.catalog import FORMATS
from ..nn.precision import Floats
from ..nn.recipes import BlockCast, Cast
from .recorder import field_of
from .trainable import Trainable

#: (layer, field of a recipe; "state.m" of a momentum m) -> elements in a step
Counts = Mapping[tuple[str, str], int]


#: how each of the tensors counted is stored: equal where two recipes do the same
Rounds = tuple[str, ...]


class Use(NamedTuple):
    """How often a tensor is moved, whether it is kept, and what it is made of where the recipe does not round it."""

    moved: int
    kept: int
    sources: tuple[str, ...] = ()


_WEIGHTS = ("weight_copy", "weights")

#: field of a recipe -> what its tensor costs, as the module's table says
USES: Mapping[str, Use] = MappingProxyType(
    {
        "weights": Use(2, 1),
        "weight_copy": Use(1, 1),
        "activations": Use(1, 0),
        "forward_x": Use(1, 0, ("gemm_inputs", "activations")),
        "forward_w": Use(1, 0, ("gemm_inputs", *_WEIGHTS)),
        "attention_inputs": Use(2, 1, ("gemm_inputs", "activations")),
        "activation_gradients": Use(1, 0),
        "input_gradient_dy": Use(1, 0, ("gemm_inputs", "activation_gradients")),
        "input_gradient_w": Use(1, 0, ("gemm_inputs", *_WEIGHTS)),
        "weight_gradient_dy": Use(1, 0, ("gemm_inputs", "activation_gradients")),
        "weight_gradient_x": Use(1, 1, ("gemm_inputs", "activations")),
        "weight_gradients": Use(2, 1),
        "state": Use(2, 1),
        "compensation": Use(2, 1),
    }
)
#: of operands, what is no operand itself
_STORED = ("activations", "weight_copy", "weights", "activation_gradients")


class Cost(NamedTuple):
    """Bits of one step."""

    moved: float
    kept: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.moved + self.kept


def cost_of(recipe: nn.Recipe | str, counts: Counts) -> Cost:
    """What a step under a recipe costs.

    Examples
    --------
    >>> counts = {("0", "weights"): 100, ("0", "weight_copy"): 100, ("0", "forward_w"): 100}
    >>> cost_of("float32", counts), cost_of("bf16-mixed", counts).total
    (Cost(moved=9600.0, kept=3200.0), 14400.0)
    """
    made, moved, kept = nn.recipe(recipe), 0.0, 0.0
    for (layer, field), count in counts.items():
        own, use = made.at(layer), USES[field.partition(".")[0]]
        cast, apart = _stored_in(own, field)
        if cast is not None:
            size = count * bits(cast)
            moved, kept = moved + size * (use.moved + apart), kept + size * use.kept
    return Cost(moved, kept)


def rounds_of(recipe: nn.Recipe | str, counts: Counts) -> Rounds:
    """How a recipe stores each of the tensors, whatever the name by which it says so.

    Examples
    --------
    >>> counts = {("0", "weights"): 1, ("0", "forward_w"): 1}
    >>> rounds_of("bf16-mixed", counts)
    ('float32', 'bfloat16')
    """
    made = nn.recipe(recipe)
    return tuple(str(_stored_in(made.at(layer), field)[0]) for layer, field in counts)


def bits(cast: Cast | BlockCast) -> float:
    """Bits of an element as memory has it.

    Examples
    --------
    >>> bits(Cast("tfloat32")), bits(BlockCast(nn.recipe("mxfp4").forward_x.format))
    (32.0, 4.25)
    """
    if isinstance(cast, BlockCast):
        return cast.format.bits_per_element
    return 32.0 if cast.format == FORMATS["tfloat32"] else float(cast.format.bits)


def _stored_in(recipe: nn.Recipe, field: str) -> tuple[Cast | BlockCast | None, bool]:
    """How a layer stores a tensor (None: it has none), and whether it is an operand that is rounded apart."""
    field, _, part = field.partition(".")
    if part:
        return recipe.state_cast(part), False
    use = USES[field]
    for place in (field, *use.sources):
        cast = getattr(recipe, place)
        if cast is not None:
            return cast, bool(use.sources) and place not in _STORED
    return None, False


#: fields of operands, counted one after the other: an observer does not say of which product an operand is
_OPERANDS = tuple(field for field, use in USES.items() if use.sources)


def count_elements(trainable: Trainable, seed: int) -> dict[tuple[str, str], int]:
    """The elements of every tensor of a training step, by one step for all but operands, and one for each of these.

    Parameters
    ----------
    trainable : Trainable
        What is trained.
    seed : int
        From which seed; sizes do not depend on it.
    """
    base = nn.recipe("float32")
    counts: dict[tuple[str, str], int] = {}

    def add(layer: str, field: str, count: int) -> None:
        if count:
            counts[layer, field] = counts.get((layer, field), 0) + count

    def stored(layer: str, tensor: str, before: Floats, after: Floats) -> None:
        field = field_of(tensor)
        if field is not None and field in USES and field not in ("weights", "compensation"):
            add(layer, f"state.{tensor.rpartition('.')[2]}" if field == "state" else field, np.size(before))

    def updated(update: nn.Update) -> None:
        layer = update.name.rpartition(".")[0]
        for field in ("weights", "compensation"):
            add(layer, field, np.size(update.before))

    trainable.begin(base.replace(weight_copy="float32"), seed).step(stored, updated)
    for field in _OPERANDS:

        def operand(layer: str, tensor: str, before: Floats, after: Floats, field: str = field) -> None:
            if tensor.startswith("gemm."):
                add(layer, field, np.size(before))

        trainable.begin(base.replace(**{field: "bfloat16"}), seed).step(operand)
    return {key: counts[key] for key in sorted(counts, key=lambda key: tuple(USES).index(key[1].partition(".")[0]))}

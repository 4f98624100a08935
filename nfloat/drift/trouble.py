"""First trouble: the first step, layer and tensor at which something went wrong that is watched for.

The runs of the first seed are watched, layers and tensors at the measured steps, the loss at every one. Within a step
the order is that of the computation: forward, backward, update; then what is known only afterwards (lost updates,
the gradient's direction, the loss). The thresholds are conventions: they decide what is reported, never a verdict.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from .. import nn
from .members import keeps_updates
from .rows import Row


class Trouble(NamedTuple):
    """Where it was, what it was, and the value that crossed the threshold."""

    step: int
    layer: str
    tensor: str
    condition: str
    value: float


class Condition(NamedTuple):
    """A metric, when it is trouble, and when in a step it is known (0 while computing)."""

    name: str
    holds: Callable[[float], bool]
    stage: int = 0


#: metric -> the condition watched; shares of the elements of one tensor, but for the cosine and the loss
CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        "nan": Condition("NaN", lambda share: share > 0.0),
        "overflow": Condition("overflow", lambda share: share > 0.0),
        # a tenth: what sparse gradients lose without harm is far less, a lost second moment far more
        "underflow": Condition("underflow", lambda share: share > 0.1),
        # half of a sum's additions do nothing: it has stalled
        "swamped": Condition("sums that stall", lambda share: share > 0.5, 1),
        "stagnation": Condition("lost updates", lambda share: share > 0.5, 1),
        # below, more than a quarter of the step is off its direction (the angle's sine is above 0.4)
        "cosine": Condition("gradient off its direction", lambda cosine: cosine < 0.9, 2),
        "batch_loss": Condition("loss not finite", lambda loss: not math.isfinite(loss), 3),
    }
)

#: in an optimiser's state less is trouble: what is divided by a second moment of zero is divided by eps
_STATE_UNDERFLOW = 0.01

#: a compensation is the part that rounding lost: that it becomes zero is its purpose
_NOT_WATCHED = {("compensation", "underflow")}

#: what an optimiser's state is called; others by their letter in its docstring
_STATES = MappingProxyType({"adam": {"m": "first moment", "v": "second moment"}, "rmsprop": {"v": "mean square"}})


def first_trouble(rows: Iterable[Row], recipe: str, seed: int, rounded: nn.Recipe | None = None) -> Trouble | None:
    """The first trouble of a recipe's run, None if there was none.

    Parameters
    ----------
    rounded : Recipe, optional
        The recipe itself: where it keeps small updates (stochastic rounding, a compensation), weights that stay as
        they were are no trouble.

    Examples
    --------
    >>> row = {"recipe": "a", "seed": 0, "step": 3, "layer": "0", "tensor": "weight.state.v"}
    >>> first_trouble([{**row, "metric": "underflow", "value": 0.4}], "a", 0)
    Trouble(step=3, layer='0', tensor='weight.state.v', condition='underflow', value=0.4)
    """
    best: tuple[int, int] | None = None
    found = None
    for row in rows:
        condition = CONDITIONS.get(row["metric"])
        if condition is None or row["recipe"] != recipe or row["seed"] != seed:
            continue
        if rounded is not None and row["metric"] == "stagnation" and keeps_updates(rounded.at(row["layer"])):
            continue
        when = row["step"], condition.stage
        # the first of equals stays: rows stand in the order of the computation
        if (best is None or when < best) and _holds(row, condition):
            best = when
            found = Trouble(row["step"], row["layer"], row["tensor"], condition.name, row["value"])
    return found


def replay_command(config: str, recipe: str, trouble: Trouble) -> str:
    """The command that stops at a first trouble and writes the tensors of that step.

    Examples
    --------
    >>> replay_command("config.toml", "fp16-pure", Trouble(3, "0", "weight", "underflow", 0.4))
    'nfloat replay fp16-pure --config config.toml --step 3 --out trouble.npz'
    """
    return f"nfloat replay {shlex.quote(recipe)} --config {shlex.quote(config)} --step {trouble.step} --out trouble.npz"


def tensor_words(tensor: str, optimizer: str) -> str:
    """A tensor's name in words.

    Examples
    --------
    >>> tensor_words("weight.state.v", "adam"), tensor_words("activation.grad", "sgd"), tensor_words("bias", "sgd")
    ('second moment of the weight', 'activation gradient', 'bias')
    """
    own, _, rest = tensor.partition(".")
    kind, _, part = rest.partition(".")
    if kind == "state":
        names = _STATES.get(optimizer.removesuffix("w"), {})
        return f"{names.get(part, 'momentum' if optimizer else f'state {part}')} of the {own}"
    if own == "gemm":
        return f"product operand {rest}"
    return f"{own} {'gradient' if kind == 'grad' else kind}".strip()


def _holds(row: Row, condition: Condition) -> bool:
    if row["metric"] == "underflow" and ".state." in row["tensor"]:
        return row["value"] > _STATE_UNDERFLOW
    kind = row["tensor"].rpartition(".")[2]
    return (kind, row["metric"]) not in _NOT_WATCHED and condition.holds(row["value"])

"""`Role`: what a tensor is in a step: its name for observers and streams, and the recipe's field that rounds it.

Names of parameters' tensors start with a dot or are empty; observers see them after the parameter's own name.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Role(Enum):
    """What a tensor is in a step."""

    INPUT = ("input", "activations")
    ACTIVATION = ("activation", "activations")
    ACTIVATION_GRADIENT = ("activation.grad", "activation_gradients")
    GEMM_X = ("gemm.x", "gemm_inputs")
    GEMM_W = ("gemm.w", "gemm_inputs")
    GEMM_DY = ("gemm.dy", "gemm_inputs")
    GEMM_A = ("gemm.a", "attention_inputs")
    GEMM_B = ("gemm.b", "attention_inputs")
    SOFTMAX = ("softmax", "softmax")
    NORM = ("norm", "norms")
    RUNNING_MAXIMUM = ("running.maximum", "running_maximum")
    RUNNING_SUM = ("running.sum", "running_sum")
    WEIGHT = ("", "weights")
    WEIGHT_COPY = (".copy", "weight_copy")
    WEIGHT_GRADIENT = (".grad", "weight_gradients")
    SCALARS = (".scalars", "scalars")
    ARITHMETIC = (".arithmetic", "arithmetic")
    UPDATE = (".update", "update")
    STATE = (".state", "state")
    COMPENSATION = (".compensation", "compensation")

    def __init__(self, tensor: str, field: str) -> None:
        self.tensor = tensor
        self.field = field
        #: whether names of its tensors are a parameter's
        self.of_parameter = not tensor or tensor[0] == "."
        #: of an operand: "x", "w", "dy", "a", "b"
        self.operand = tensor.removeprefix("gemm.")

    def label(self, name: str) -> tuple[str, str]:
        """(layer, tensor) as the observer gets them: parameters are named "0.weight", other tensors by their layer."""
        if not self.of_parameter:
            return name, self.tensor
        layer, _, own = name.rpartition(".")
        return layer, own + self.tensor

    def layer(self, name: str) -> str:
        """The layer that a tensor of that name belongs to."""
        return name.rpartition(".")[0] if self.of_parameter else name


def at_hand(members: Any) -> None:
    """Let an enumeration's members be plain attributes, as from Python 3.12 on: 3.11 looks each up by a function."""
    for name, member in members.__members__.items():
        type.__setattr__(members, name, member)


at_hand(Role)
#: the recipe's field -> the role of what an operation rounds on its way by it
INTERIOR = {role.field: role for role in (Role.SOFTMAX, Role.NORM, Role.RUNNING_MAXIMUM, Role.RUNNING_SUM)}

"""What a field of `Config` is where it was not given: by model, so that a page takes minutes and still can tell.

An MLP on the digits affords 1,290 steps. A step of the others costs ten to a hundred times as much, and so does a look
at all examples; they are narrower, and take a quarter of the steps. What is not cut is what a verdict stands on: five
seeds (with three, Student's t asks for four times the effect) and the eight recipes. The two that learn little by plain
SGD in so few steps have Adam. A CNN goes slowly: at a rate of 0.05 it amplifies every rounding until runs that differ
by nothing else end a tenth apart, and no effect below that can be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

#: a field of `Config` whose default is the model's
OF_MODEL: Any = None

_COMMON: Mapping[str, Any] = {
    "width": 64, "depth": 1, "batch": 32, "optimizer": "sgd", "lr": 0.02, "steps": 1290, "every": 30,
}  # fmt: skip
_SHORT: Mapping[str, Any] = {**_COMMON, "width": 32, "steps": 320, "every": 40}

#: model -> field -> its default
DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "mlp": _COMMON,
        "cnn": {**_SHORT, "lr": 0.01},
        "resnet": _SHORT,
        "transformer": {**_SHORT, "batch": 16, "optimizer": "adam", "lr": 0.003},
        "lstm": {**_SHORT, "batch": 16, "optimizer": "adam", "lr": 0.003},
    }
)

"""Arguments that PyTorch's layers, losses and optimisers have and these have not: refused, unless they change nothing.

So a call that was written for PyTorch works, or says what is missing; nothing is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ..errors import ArgumentError, nearest_names

#: what all layers take in PyTorch
_PLACES = {"device": None, "dtype": None}
#: what PyTorch's losses say in ways of the past, and weights
_REDUCTION = {"size_average": None, "reduce": None, "weight": None}
_HOW = {"foreach": None, "maximize": False, "capturable": False, "differentiable": False, "fused": None}

#: name -> argument -> the value with which it changes nothing
UNSUPPORTED: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "MaxPool2d": {"return_indices": False},
        "Embedding": {
            "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, "sparse": False, "_weight": None,
            "_freeze": False,
        },
        "MultiheadAttention": {"add_bias_kv": False, "add_zero_attn": False, "kdim": None, "vdim": None},
        **{name: {"proj_size": 0} for name in ("LSTM", "GRU")},
        **{name: {"inplace": False} for name in ("Dropout", "ReLU", "LeakyReLU", "SiLU")},
        **{name: _REDUCTION for name in ("cross_entropy", "mse", "l1")},
        "bce_with_logits": _REDUCTION | {"pos_weight": None},
        "SGD": _HOW | {"momentum": 0.0, "dampening": 0.0, "nesterov": False},
        "Momentum": _HOW | {"dampening": 0.0},
        **{name: _HOW | {"amsgrad": False, "decoupled_weight_decay": False} for name in ("Adam", "AdamW")},
        "RMSprop": _HOW | {"alpha": None, "momentum": 0.0, "centered": False},
    }
)  # fmt: skip
#: where to find what an argument does
_INSTEAD = MappingProxyType(
    {
        ("SGD", "momentum"): "nf.nn.Momentum has it",
        ("SGD", "nesterov"): "nf.nn.Momentum has it",
        ("RMSprop", "alpha"): "it is called decay here",
        ("Adam", "decoupled_weight_decay"): "nf.nn.AdamW has it",
    }
)


def check_supported(name: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse arguments that are not among the `known` ones, unless PyTorch has them and they change nothing.

    Raises
    ------
    ArgumentError
        Naming the first one.

    Examples
    --------
    >>> check_supported("MaxPool2d", {"return_indices": False}, ("kernel_size",))
    >>> check_supported("MaxPool2d", {"return_indices": True}, ("kernel_size",))
    Traceback (most recent call last):
        ...
    nfloat.errors.ArgumentError: return_indices=True of MaxPool2d is not supported; leave it out, or give False
    """
    known = list(known)
    neutral = {**_PLACES, **UNSUPPORTED.get(name, {})}
    for key, value in given.items():
        if key in known:
            continue
        if key not in neutral:
            raise ArgumentError(f"{key}={value!r}: {name} has no such argument; {nearest_names(key, known)}")
        allowed = neutral[key]
        if not (value is allowed or (type(value) is type(allowed) and value == allowed)):
            instead = _INSTEAD.get((name, key), f"leave it out, or give {allowed!r}")
            raise ArgumentError(f"{key}={value!r} of {name} is not supported; {instead}")

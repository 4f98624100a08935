"""Recipes: which tensor of a training step is rounded where. A recipe is one declarative row; nothing here computes.

The tensors of a step, in the order in which a recipe touches them:

| field | the tensor |
|---|---|
| weights | parameters between steps: what the optimiser reads and writes. Wider than `weight_copy`: the master copy |
| weight_copy | parameters as forward and backward see them, weights and biases alike (None: `weights` itself) |
| activations | the input batch and every result of a layer |
| gemm_inputs | operands of each GEMM, forward and backward (None: as they are) |
| forward, backward | accumulators of the GEMMs: y = x W^T + b; and dx = dy W, dW = dy^T x |
| sums | accumulator of reductions that are no GEMM: bias gradients, sum, mean |
| activation_gradients | gradients between layers |
| weight_gradients | gradients of parameters, as the optimiser finds them (still scaled, where the loss is) |
| state | the optimiser's momenta |
| update | the step that is added to the weights |
| compensation | the remainder of a compensated (Kahan) weight update; None: a plain addition |

Losses are reductions: they are computed in float64, kept in the carrier and not rounded further, so that a drift of
the loss is one of the model, not of the last digit printed. Scalars (learning rate, momentum) are carrier numbers,
as on a GPU.

A carrier is the NumPy type in which values travel: float32 where every format of the recipe fits it, else float64.

What the words mean in arithmetic stands in ``precision.py``. Sources stand with the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from ..errors import ArgumentError, nearest_names
from ..formats.catalog import FORMATS
from ..formats.format import Format
from ..formats.names import get_format
from ..formats.rounding import Overflow, Rounding, as_overflow, as_rounding, check_random_bits
from ..linalg.accumulators import Accumulator, as_accumulator
from ..linalg.units.unit import Unit
from .scaling import LossScaling


@dataclass(frozen=True)
class Cast:
    """One way of rounding a tensor: format, mode, overflow policy, number of random bits.

    Strings stand for formats and modes. Written ``"bfloat16"`` or ``"bfloat16:stochastic"`` where a recipe wants one.

    Examples
    --------
    >>> str(Cast("bf16", "stochastic"))
    'bfloat16:stochastic'
    """

    format: Format
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow | None = None
    random_bits: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "format", get_format(self.format))
        object.__setattr__(self, "rounding", as_rounding(self.rounding))
        object.__setattr__(self, "overflow", as_overflow(self.overflow))
        check_random_bits(self.rounding, self.random_bits)

    @cached_property
    def carrier(self) -> np.dtype[Any]:
        """float32 where it holds every number of the format, else float64."""
        return np.dtype(np.float32 if self.format.fits_float32 else np.float64)

    @cached_property
    def exact_in(self) -> tuple[np.dtype[Any], ...]:
        """The NumPy types whose arrays hold numbers of the format only, so that nothing has to be rounded."""
        whole = self.format in (FORMATS["float32"], FORMATS["float64"]) and self.overflow is None
        return (np.dtype(self.format.name),) if whole else ()

    @cached_property
    def nearest(self) -> Cast:
        """The same format, to nearest-even: how values that come from outside are stored."""
        return self if self.rounding is Rounding.NEAREST_EVEN else Cast(self.format, overflow=self.overflow)

    def __str__(self) -> str:
        return (
            self.format.name if self.rounding is Rounding.NEAREST_EVEN else f"{self.format.name}:{self.rounding.value}"
        )


CastLike: TypeAlias = Cast | Format | str


def as_cast(cast: CastLike) -> Cast:
    """The `Cast` that a format, a format's name or ``"format:rounding"`` stands for.

    Raises
    ------
    FormatError, RoundingError
        If there is no such format or mode.
    """
    if isinstance(cast, Cast):
        return cast
    if isinstance(cast, str) and ":" in cast:
        fmt, rounding = cast.split(":", 1)
        return Cast(get_format(fmt), as_rounding(rounding))
    return Cast(get_format(cast))


#: one float32 sum, k ascending, products exact
_FLOAT32 = Accumulator(get_format("float32"))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Where each tensor of a training step is rounded: see the module's table for the fields.

    Frozen; `replace` makes variants. Fields that name a rounding take a format, its name, or a `Cast`; accumulators
    what `nf.matmul` takes: an `nf.Accumulator`, a format's name, the name of a matrix instruction.

    Examples
    --------
    >>> r = recipe("bf16-mixed").replace(weights="float8_e4m3fn")
    >>> r.weights.format.name, r.name
    ('float8_e4m3fn', 'bf16-mixed+weights=float8_e4m3fn')
    """

    name: str
    weights: Cast
    weight_copy: Cast | None = None
    activations: Cast
    gemm_inputs: Cast | None = None
    forward: Accumulator | Unit = _FLOAT32
    backward: Accumulator | Unit = _FLOAT32
    sums: Accumulator | Unit = _FLOAT32
    activation_gradients: Cast
    weight_gradients: Cast
    state: Cast
    update: Cast
    compensation: Cast | None = None
    loss_scaling: LossScaling | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for key in CAST_FIELDS:
            value = getattr(self, key)
            if value is not None:
                object.__setattr__(self, key, as_cast(value))
            elif key not in OPTIONAL_CASTS:
                raise ArgumentError(f"{key}=None of recipe {self.name!r} must name a format")
        for key in ("forward", "backward", "sums"):
            object.__setattr__(self, key, as_accumulator(getattr(self, key)))
        if self.loss_scaling is not None and not isinstance(self.loss_scaling, LossScaling):
            raise ArgumentError(
                f"loss_scaling={self.loss_scaling!r} of recipe {self.name!r} must be a LossScaling or None"
            )

    @cached_property
    def carrier(self) -> np.dtype[Any]:
        """The NumPy type in which values travel: float32 if all formats fit it, else float64."""
        casts = [getattr(self, key) for key in CAST_FIELDS]
        narrow = all(cast is None or cast.carrier == np.float32 for cast in casts)
        return np.dtype(np.float32 if narrow else np.float64)

    def replace(self, **changes: Any) -> Recipe:
        """A copy with other fields. Unless `name` is one of them, the changes are written into the name.

        Raises
        ------
        ArgumentError
            If there is no such field; the message lists the nearest.
        """
        known = [f.name for f in fields(self)]
        for key in changes:
            if key not in known:
                raise ArgumentError(f"{key!r} is not a field of a recipe; {nearest_names(key, known)}")
        if "name" not in changes:
            made = replace(self, **changes)
            changes["name"] = self.name + "".join(f"+{key}={_shown(getattr(made, key))}" for key in changes)
        return replace(self, **changes)


def _shown(value: object) -> str:
    return value.name if isinstance(value, Unit) else str(value)


#: fields of a recipe that name a rounding, and those of them that may be None
CAST_FIELDS = (
    "weights", "weight_copy", "activations", "gemm_inputs", "activation_gradients", "weight_gradients", "state",
    "update", "compensation",
)  # fmt: skip
OPTIONAL_CASTS = ("weight_copy", "gemm_inputs", "compensation")

_MIXED = "Micikevicius et al. 2018 (arXiv:1710.03740)"
_ZAMIRAI = "Zamirai et al. 2020, Revisiting BFloat16 Training (arXiv:2010.06192)"


_TENSORS = ("weights", "activations", "activation_gradients", "weight_gradients", "state", "update")


def _uniform(name: str, fmt: str, **changes: Any) -> Recipe:
    """Every tensor of a step in one format; sums in float32 as matrix units make them, unless said otherwise."""
    return Recipe(name=name, **{**dict.fromkeys(_TENSORS, fmt), **changes})


def _mixed(name: str, fmt: str, **changes: Any) -> Recipe:
    """Weights, state and update in float32; in `fmt` what forward and backward touch."""
    narrow = dict.fromkeys(("weight_copy", "activations", "activation_gradients", "weight_gradients"), fmt)
    return _uniform(name, "float32", **{**narrow, **changes})


_ROWS = (
    _uniform("float64", "float64", forward="float64", backward="float64", sums="float64", source="the reference"),
    _uniform("float32", "float32", source="IEEE 754 binary32; sums sequential and fused"),
    _uniform("tf32", "float32", gemm_inputs="tfloat32",
             source="NVIDIA A100 white paper, 2020: an input mode of matrix units"),
    _mixed("bf16-mixed", "bfloat16", weight_gradients="float32",
           source="Kalamkar et al. 2019 (arXiv:1905.12322): bfloat16 tensors, float32 sums and updates"),
    _mixed("bf16-weights", "bfloat16", weight_gradients="float32", weights="bfloat16", weight_copy=None,
           source=_ZAMIRAI + ": weights stored narrow too"),
    _uniform("bf16-pure", "bfloat16", source=_ZAMIRAI + ": standard 16-bit training"),
    _uniform("bf16-pure-sr", "bfloat16", weights="bfloat16:stochastic",
             source=_ZAMIRAI + ": stochastic rounding of the weight update, nearest elsewhere"),
    _uniform("bf16-pure-kahan", "bfloat16", compensation="bfloat16",
             source=_ZAMIRAI + ": Kahan summation of the weight updates"),
    _uniform("fp16-pure", "float16", source=_MIXED + ": what it warns of, every tensor in float16"),
    _mixed("fp16-mixed", "float16", loss_scaling=LossScaling(),
           source=_MIXED + ": float32 master copy, dynamic loss scaling"),
    _mixed("fp16-mixed-unscaled", "float16", source=_MIXED + " without its loss scaling"),
)  # fmt: skip

#: name -> Recipe, every named recipe (read-only)
recipes: Mapping[str, Recipe] = MappingProxyType({row.name: row for row in _ROWS})


def recipe(name: str | Recipe) -> Recipe:
    """The recipe of that name; a `Recipe` passes through.

    Raises
    ------
    ArgumentError
        If there is none; the message lists the nearest names.

    Examples
    --------
    >>> recipe("fp16-mixed").loss_scaling.initial
    65536.0
    """
    if isinstance(name, Recipe):
        return name
    if isinstance(name, str) and name in recipes:
        return recipes[name]
    raise ArgumentError(f"recipe={name!r} is not a recipe; {nearest_names(str(name), recipes)}")

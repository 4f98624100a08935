"""THE list of named recipes, one row each. Names are read in ``reading.py``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..scaling import LossScaling
from .recipe import _TENSORS, OPERANDS, Recipe

_MIXED = "Micikevicius et al. 2018 (arXiv:1710.03740)"
_ZAMIRAI = "Zamirai et al. 2020, Revisiting BFloat16 Training (arXiv:2010.06192)"
_FP8 = "Micikevicius et al. 2022, FP8 Formats for Deep Learning (arXiv:2209.05433)"
_ENGINE = "NVIDIA TransformerEngine's documentation"
_MX = "Rouhani et al. 2023 (arXiv:2310.10537); OCP Microscaling Formats (MX) 1.0, 2023"
_NVFP4 = "NVIDIA, Pretraining Large Language Models with NVFP4, 2025 (arXiv:2509.25149)"


def _uniform(name: str, fmt: str, **changes: Any) -> Recipe:
    """Every tensor of a step in one format; sums in float32 as matrix units make them, unless said otherwise."""
    return Recipe(name=name, **{**dict.fromkeys(_TENSORS, fmt), **changes})


def _mixed(name: str, fmt: str, **changes: Any) -> Recipe:
    """Weights, state and update in float32; in `fmt` what forward and backward touch."""
    narrow = dict.fromkeys(("weight_copy", "activations", "activation_gradients", "weight_gradients"), fmt)
    return _uniform(name, "float32", **{**narrow, **changes})


def _products(x: str, w: str, dy: str) -> dict[str, str]:
    """The operands of all three products: activations, weights, gradients."""
    formats = {"x": x, "w": w, "dy": dy}
    return {key: formats[key.rpartition("_")[2]] for pair in OPERANDS.values() for key in pair}


def _narrow(name: str, operands: Mapping[str, str], **changes: Any) -> Recipe:
    """bf16-mixed, the operands of its products narrower still; those of two activations (attention) stay bfloat16."""
    return _mixed(name, "bfloat16", weight_gradients="float32", **{**operands, **changes})


_NVFP4_OPERANDS = {
    **_products("nvfp4", "nvfp4:tile=16", "nvfp4:stochastic"),
    "weight_gradient_x": "nvfp4:hadamard=16",
    "weight_gradient_dy": "nvfp4:stochastic:hadamard=16",
}
#: the layers that stay wide: what turns features into words, and words into features
_WIDE = {
    pattern: dict.fromkeys(_NVFP4_OPERANDS, "bfloat16")
    for pattern in ("head", "*.head", "*embedding", "lm_head", "*.lm_head")
}

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
    _narrow("fp8-hybrid", _products("float8_e4m3fn:delayed=1024", "float8_e4m3fn:delayed=1024",
                                    "float8_e5m2:delayed=1024"),
            source=f"{_FP8}; {_ENGINE} (DelayedScaling, HYBRID): amax of the last 1024 steps"),
    _narrow("fp8-current", _products("float8_e4m3fn:current", "float8_e4m3fn:current", "float8_e5m2:current"),
            source=f"{_FP8}; {_ENGINE} (Float8CurrentScaling, HYBRID)"),
    _narrow("mxfp8", _products("mxfp8_e4m3", "mxfp8_e4m3", "mxfp8_e4m3"),
            source=f"{_MX}; {_ENGINE} (MXFP8BlockScaling): E4M3 for gradients too"),
    _narrow("mxfp4", _products("mxfp4", "mxfp4", "mxfp4:stochastic"),
            source=f"{_MX}; Tseng et al. 2025, Training LLMs with MXFP4 (arXiv:2502.20586): stochastic gradients"),
    _narrow("nvfp4", _NVFP4_OPERANDS, layers=_WIDE,
            source=f"{_NVFP4}: two-level scales, 16 x 16 weights, stochastic gradients, Hadamard for weight gradients"),
)  # fmt: skip

#: name -> Recipe, every named recipe (read-only)
recipes: Mapping[str, Recipe] = MappingProxyType({row.name: row for row in _ROWS})

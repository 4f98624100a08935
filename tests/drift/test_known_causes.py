"""Failures whose cause the literature knows, found by the job at small size: where trouble begins, and by how much."""

import pytest

from nfloat.drift import Config, run

QUICK = {"steps": 3, "every": 1, "seeds": 1, "ablate": "none", "attribute": False}


def trouble(recipe, **changes):
    return run(Config(recipes=(recipe,), **{**QUICK, **changes}), threads=1).first_trouble(recipe)


def test_adams_second_moment_underflows_in_float16_at_once():
    found = trouble("fp16-pure", optimizer="adam", lr=0.001)
    assert (found.step, found.tensor.endswith(".state.v"), found.condition) == (0, True, "underflow")


def test_a_loss_that_is_scaled_down_loses_activation_gradients():
    """P5: float16 with the loss times 2^-20."""
    found = trouble(f"fp16-mixed-unscaled+loss_scaling={2.0**-20!r}")
    assert (found.step, found.tensor, found.condition) == (0, "activation.grad", "underflow")
    assert trouble("fp16-mixed-unscaled") is None


def test_three_bits_more_are_a_factor_of_eight_in_a_smooth_net():
    """P6: operands of products in bfloat16 and tfloat32, everything else alike."""
    names = ("tf32", "tf32+gemm_inputs=bfloat16")
    result = run(Config(recipes=names, activation="tanh", **{**QUICK, "steps": 24, "depth": 4}), threads=1)
    tf32, bf16 = (item["grad_error"] for item in result.summary)
    assert bf16 / tf32 == pytest.approx(8.0, rel=0.1)

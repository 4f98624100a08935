"""Recipes with matrix units: what these take, and an ablation that leaves out what they would not."""

import pytest

from nfloat import nn
from nfloat.drift import Config, run
from nfloat.drift.ablation import ALONE, WITHOUT
from nfloat.drift.unit_operands import takes_its_operands

BF16 = "bf16-mixed+forward=nvidia.hopper.mma.bf16.f32"
TF32 = "tf32+forward=nvidia.hopper.mma.tf32.f32"


@pytest.mark.parametrize(
    ("recipe", "takes", "apart"),
    [
        ("fp8-hybrid", True, True),
        (BF16, True, False),
        (f"{BF16}+gemm_inputs=bfloat16", True, True),
        (f"{BF16}+activations=float32", False, False),
        (f"{BF16}+weight_copy=", False, False),
        ("bf16-mixed+backward=split:2:float32:nvidia.hopper.mma.bf16.f32", True, False),
        ("bf16-mixed+backward=split:2:float32:nvidia.hopper.mma.bf16.f32+activation_gradients=float32", False, False),
        (TF32, True, True),
        (f"{TF32}+gemm_inputs=", False, False),
        (f"{TF32}+gemm_inputs=bfloat16", True, True),
        (f"{TF32}+weights=float64", False, False),  # the bias, with which its sums begin
    ],
)
def test_what_a_unit_takes(recipe, takes, apart):
    found = nn.recipe(recipe)
    assert (takes_its_operands(found), takes_its_operands(found, apart=True)) == (takes, apart)


@pytest.mark.parametrize("recipe", [BF16, TF32])
def test_such_a_recipe_is_explained_as_far_as_that_goes(recipe):
    result = run(
        Config(data="blobs", width=8, recipes=(recipe,), steps=3, every=1, seeds=1, ablate="all", attribute=False),
        threads=1,
    )
    alone, without = ({e.place for e in result.ablation(recipe) if e.how == how} for how in (ALONE, WITHOUT))
    assert "accumulators" not in alone and "accumulators" in without and "activations" in alone
    assert ("activations" in without) == (recipe == TF32)
    assert bool(result.layer_ablation(recipe)) == (recipe == TF32)
    result.page()

"""Failures whose cause the literature knows, found by the job at small size: where trouble begins, and by how much."""

import pytest

from nfloat.drift import Config, run
from nfloat.drift.ablation import ALONE, REPAIRED, WITHOUT, effects
from nfloat.drift.ensemble import Group, run_group
from nfloat.drift.members import TWIN, Member
from nfloat.drift.verdicts import ends_of

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


def test_the_weight_store_of_pure_bfloat16_and_its_three_repairs():
    """P3: narrow weights alone make all of what bf16-pure loses on the digits, and each repair takes it away."""
    name, config = "bf16-pure", Config(recipes=("bf16-pure",), steps=150, every=150, seeds=1)
    changes = [(ALONE, "weights"), (WITHOUT, "weights")]
    changes += [(REPAIRED, repair) for repair in ("stochastic rounding", "Kahan summation", "a master copy")]
    changed = [Member(f"{name} {how} {place}", 0, name, how=how, place=place) for how, place in changes]
    group = Group([Member(TWIN, 0), Member(name, 0, name), *changed])
    ends = ends_of(row for rows in run_group(config, config.trainable(), group, 1) for row in rows)
    assert ends[name, 0].loss > 1.05 * ends[TWIN, 0].loss
    shares = {(effect.how, effect.place): effect.share for effect in effects(config, name, ends)}
    assert set(shares) == set(changes)
    assert all(0.95 < share < 1.05 for share in shares.values()), shares


def test_three_bits_more_are_a_factor_of_eight_in_a_smooth_net():
    """P6: operands of products in bfloat16 and tfloat32, everything else alike."""
    names = ("tf32", "tf32+gemm_inputs=bfloat16")
    result = run(Config(recipes=names, activation="tanh", **{**QUICK, "steps": 24, "depth": 4}), threads=1)
    tf32, bf16 = (item["grad_error"] for item in result.summary)
    assert bf16 / tf32 == pytest.approx(8.0, rel=0.1)

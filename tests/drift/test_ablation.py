"""Whole-run ablation: which places a recipe has, and that what it finds is what was put there."""

import math

import pytest

from nfloat import nn
from nfloat.drift import Config, run
from nfloat.drift.ablation import ALONE, PLACES, REPAIRED, WITHOUT, interaction, places, recipe_for
from nfloat.drift.inference import log_of
from nfloat.drift.members import Member
from nfloat.nn.recipes import CAST_FIELDS, SUM_FIELDS

#: a run in which narrow weights alone do harm
CONFIG = Config(
    data="blobs", width=8, steps=60, every=20, lr=0.01, seeds=1, recipes=("bf16-pure",), ablate="all", attribute=False
)


@pytest.fixture(scope="module")
def found():
    return run(CONFIG, threads=1)


def test_every_field_of_a_recipe_is_a_place():
    fields = [field for of in PLACES.values() for field in of]
    assert sorted(fields) == sorted([*CAST_FIELDS, *SUM_FIELDS, "states", "loss_scaling"])


def test_state_is_a_place_only_where_there_is_one():
    assert "state" not in places(Config(), "bf16-pure")
    assert "state" in places(Config(optimizer="adam"), "bf16-pure")
    assert places(Config(), "float64") == ()
    assert places(Config(), "float64+gemm_inputs=bfloat16") == ("product operands",)


def test_the_recipes_of_an_ablation():
    of = nn.recipe("bf16-pure")
    alone = recipe_for(Member("a", 0, "bf16-pure", how=ALONE, place="weights"))
    without = recipe_for(Member("a", 0, "bf16-pure", how=WITHOUT, place="weights"))
    assert (alone.weights, alone.update) == (of.weights, nn.recipe("float64").update)
    assert (without.weights, without.update) == (nn.recipe("float64").weights, of.update)
    copied = recipe_for(Member("a", 0, "bf16-pure", how=REPAIRED, place="a master copy"))
    assert (copied.weights.format.name, copied.weight_copy.format.name) == ("float32", "bfloat16")
    assert recipe_for(Member("a", 0, "bf16-pure", how=REPAIRED, place="Kahan summation")).compensation == of.weights


def test_the_weight_store_does_it_and_three_repairs_undo_it(found):
    effects = found.ablation("bf16-pure")
    top = effects[0]
    assert (top.place, top.how) == ("weights", ALONE)
    assert top.share == pytest.approx(1.0, abs=0.1)
    without = {effect.place: effect.share for effect in effects if effect.how == WITHOUT}
    assert set(without) == set(places(CONFIG, "bf16-pure"))
    assert without["weights"] == pytest.approx(1.0, abs=0.05)
    repairs = {effect.place for effect in effects if effect.how == REPAIRED}
    assert repairs == {"stochastic rounding", "Kahan summation", "a master copy"}
    whole = log_of(found.summary[0]["loss_ratio"])
    assert abs(interaction(effects, whole)) < 0.2 * whole


def test_by_layers_too(found):
    """Each layer alone, ranked; the first of them in float64; what they leave of the whole is interaction."""
    effects = found.layer_ablation("bf16-pure")
    alone = [effect for effect in effects if effect.how == ALONE]
    assert {effect.place for effect in alone} == {"layer 0", "layer 2", "between layers"}
    sizes = [abs(effect.loss) for effect in alone]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0
    assert [effect.place for effect in effects if effect.how == WITHOUT] == [alone[0].place]
    whole = log_of(found.summary[0]["loss_ratio"])
    rest = interaction(effects, whole)
    assert math.isclose(rest, whole - math.fsum(effect.loss for effect in alone)) and abs(rest) < 0.5 * whole
    assert any(figure.slug == "layer-ablation" for figure in found.page().figures)


def test_only_what_is_asked_for_is_explained(found):
    assert run(CONFIG.replace(ablate="none"), threads=1).ablation("bf16-pure") == []
    # of one seed no verdict follows, so there is nothing to explain
    assert run(CONFIG.replace(ablate="worse"), threads=1).ablation("bf16-pure") == []

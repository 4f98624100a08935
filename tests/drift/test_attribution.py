"""Which rounding did it: one place alone is exactly the whole error where it is the only place."""

import math

import nfloat as nf
from nfloat.drift import Config, run
from nfloat.drift.attribution import LAYER_METRIC, METRIC, SOURCES, single_sources
from nfloat.drift.layers import ELSEWHERE
from nfloat.drift.rows import MODEL, Key

ONLY = "float64+gemm_inputs=bfloat16"
SMALL = Config(data="blobs", width=12, steps=20, every=10, recipes=(ONLY, "bf16-pure", "float64"))


def test_sources_are_fields_of_a_recipe():
    assert all(hasattr(nf.nn.recipe("float64"), source) for source in SOURCES)
    assert single_sources(nf.nn.recipe("float64")) == {}
    assert list(single_sources(nf.nn.recipe("bf16-mixed")))[:2] == ["weight_copy", "activations"]


def test_a_single_place_is_the_whole_error():
    series = run(SMALL).series
    whole = series[Key(ONLY, MODEL, "weights.grad", "relative_error")]
    assert series[Key(ONLY, MODEL, "weights.grad", METRIC + "gemm_inputs")] == whole
    assert not [key for key in series if key.recipe == "float64" and key.metric.startswith(METRIC)]
    # independent roundings add up in their squares: within a factor of two here, on a single step
    parts = [
        points[0][1] for key, points in series.items() if key.recipe == "bf16-pure" and key.metric.startswith(METRIC)
    ]
    total = series[Key("bf16-pure", MODEL, "weights.grad", "relative_error")][0][1]
    assert 0.5 < math.hypot(*parts) / total < 2.0


def test_it_changes_nothing_else():
    with_it, without = run(SMALL).rows, run(SMALL.replace(attribute=False)).rows
    assert [row for row in with_it if not row["metric"].startswith((METRIC, LAYER_METRIC))] == without
    assert len(with_it) > len(without)


def test_a_layer_alone_is_the_whole_error_where_it_is_the_only_one():
    """Sums of squares over layers: those of one that is rounded are all of it, those of the others nothing."""
    at_head = "float64+[2]gemm_inputs=bfloat16"
    series = run(SMALL.replace(recipes=(at_head, "bf16-pure"), steps=1, every=1, seeds=1)).series

    def errors(recipe):
        found = {key: points[0][1] for key, points in series.items() if key.recipe == recipe}
        return {key.metric.removeprefix(LAYER_METRIC): v for key, v in found.items() if LAYER_METRIC in key.metric}

    whole = series[Key(at_head, MODEL, "weights.grad", "relative_error")][0][1]
    assert errors(at_head) == {"0": 0.0, "2": whole, ELSEWHERE: 0.0}
    parts, total = errors("bf16-pure"), series[Key("bf16-pure", MODEL, "weights.grad", "relative_error")][0][1]
    assert list(parts) == ["0", "2", ELSEWHERE] and all(parts.values())
    assert 0.5 < math.hypot(*parts.values()) / total < 2.0


def test_sums_in_a_matrix_unit_are_a_place_of_their_own():
    unit = "tf32+forward=nvidia.hopper.mma.tf32.f32"
    series = run(SMALL.replace(recipes=(unit,), steps=1, every=1, seeds=1)).series
    (error, *_) = [v for _, v in series[Key(unit, MODEL, "weights.grad", METRIC + "forward")]]
    (whole, *_) = [v for _, v in series[Key(unit, MODEL, "weights.grad", "relative_error")]]
    assert 0.0 < error < 2 * whole

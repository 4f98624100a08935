"""Which rounding did it: one place alone is exactly the whole error where it is the only place."""

import math

import nfloat as nf
from nfloat.drift import Config, run
from nfloat.drift.attribution import METRIC, SOURCES, single_sources
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
    assert [row for row in with_it if not row["metric"].startswith(METRIC)] == without
    assert len(with_it) > len(without)


def test_sums_in_a_matrix_unit_are_a_place_of_their_own():
    unit = "tf32+forward=nvidia.hopper.mma.tf32.f32"
    series = run(SMALL.replace(recipes=(unit,), steps=1, every=1, seeds=1)).series
    (error, *_) = [v for _, v in series[Key(unit, MODEL, "weights.grad", METRIC + "forward")]]
    (whole, *_) = [v for _, v in series[Key(unit, MODEL, "weights.grad", "relative_error")]]
    assert 0.0 < error < 2 * whole

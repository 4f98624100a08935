"""What the recorder looks at: sums and scales beside roundings, and only what patterns choose."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.drift import Config, run
from nfloat.drift.recorder import field_of
from nfloat.drift.rows import MODEL
from nfloat.errors import ArgumentError

QUICK = {"data": "blobs", "width": 8, "steps": 2, "every": 1, "seeds": 1, "ablate": "none", "attribute": False}


def measured(recipe, **changes):
    """(layer, tensor) -> metric -> value at step 0."""
    found = {}
    for row in run(Config(recipes=(recipe,), **{**QUICK, **changes}), threads=1).rows:
        if row["step"] == 0:
            found.setdefault((row["layer"], row["tensor"]), {})[row["metric"]] = row["value"]
    return found


def test_what_sums_gave_is_no_weight():
    names = ("forward.sum", "input_gradient.sum", "sum", "weight", "bias", "weight.state.v", "activation")
    assert [field_of(name) for name in names] == [None, None, None, "weights", "weights", "state", "activations"]
    assert set(measured("bf16-pure")["0", "sum"]) == {"swamped"}


def test_sums_that_overflow_are_trouble_of_their_own():
    """Products summed in float16: beyond 65504 there is infinity, before anything is rounded."""

    def build(seed):
        model = nf.nn.Sequential(nf.nn.Linear(16, 8), nf.nn.ReLU(), nf.nn.Linear(8, 10))
        model.init(seed=seed)
        data = nf.nn.load_data("blobs")
        for parameter in model.parameters().values():
            parameter.data = np.full(parameter.shape, 30000.0)
        return model, nf.nn.SGD(model.parameters(), lr=0.1), data

    recipe = "float32+forward=float16"
    result = run(
        nf.drift.Experiment(build=build, recipes=(recipe,), steps=1, every=1, seeds=1, ablate="none"), threads=1
    )
    rows = [row for row in result.rows if row["tensor"] == "forward.sum" and row["metric"] == "overflow"]
    assert rows and rows[0]["value"] > 0.1
    found = result.first_trouble(recipe)
    assert (found.step, found.tensor, found.condition) == (0, "forward.sum", "overflow")


def test_scales_of_operands_in_blocks():
    of = measured("mxfp8")["0", "gemm.x"]
    assert {"clamped", "last_bin", "scale_underflow", "sqnr"} <= set(of)
    assert sum(value for key, value in of.items() if key.startswith("scale.")) == pytest.approx(1.0)
    assert 0.0 < of["last_bin"] < 0.5
    assert measured("fp8-hybrid")["0", "gemm.x"]["clamped"] == 0.0  # the first scale is the tensor's own


def test_patterns_choose_what_is_measured():
    everything = measured("bf16-pure")
    some = measured("bf16-pure", record=("2 weight.update", "*.sum"))
    kinds = {"relative_error", "cosine", "sign_agreement", "stagnation", "below_half_ulp", "descent_quality"}
    for key, of in everything.items():
        always = {metric: value for metric, value in of.items() if metric in kinds or key[0] == MODEL}
        chosen = key == ("2", "weight.update") or key[1].endswith(".sum")
        assert some.get(key, {}) == (of if chosen else always), key


@pytest.mark.parametrize("record", ["*", ("",), ("a b c",), (1,), ("0 ",)])
def test_patterns_that_are_none(record):
    with pytest.raises(ArgumentError, match="record="):
        Config(record=record)

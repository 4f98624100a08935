"""`replay`: the tensors of a step, those of the run itself."""

import numpy as np
import pytest

import nfloat as nf
from nfloat import nn
from nfloat.drift import Config
from nfloat.drift.replaying import read_replay
from nfloat.errors import ArgumentError

CONFIG = Config(
    data="blobs", recipes=("fp16-pure",), steps=6, every=3, width=6, seeds=2, optimizer="adam", ablate="none"
)


@pytest.fixture(scope="module")
def kept():
    return nf.drift.replay(CONFIG, "fp16-pure", 3)


def test_it_is_the_runs_own_step(kept):
    rows = nf.drift.run(CONFIG).rows
    loss = [r["value"] for r in rows if (r["recipe"], r["step"], r["metric"]) == ("fp16-pure", 3, "batch_loss")]
    assert [kept.loss] == loss[:1]
    (state,) = kept.of("0", "weight.state.v")
    share = [
        row["value"]
        for row in rows
        if (row["recipe"], row["seed"], row["step"], row["layer"], row["tensor"], row["metric"])
        == ("fp16-pure", 0, 3, "0", "weight.state.v", "underflow")
    ]
    lost = np.count_nonzero((state.after == 0) & (state.before != 0)) / np.count_nonzero(state.before)
    assert share == [lost]


def test_values_are_those_of_the_format(kept):
    for one in kept.tensors:
        if one.format and one.before is not one.after:
            assert one.format == "float16"
            np.testing.assert_array_equal(nf.round(one.before, "float16"), one.after)


def test_a_file_holds_all_of_it(kept, tmp_path):
    path = kept.write(tmp_path / "kept.npz")
    again = read_replay(path)
    assert (again.recipe, again.seed, again.step, again.loss) == (kept.recipe, kept.seed, kept.step, kept.loss)
    for one, other in zip(kept.tensors, again.tensors, strict=True):
        assert one[:3] == other[:3]
        assert one.before.tobytes() == other.before.tobytes() and one.after.dtype == other.after.dtype
    first = path.read_bytes()
    assert kept.write(path).read_bytes() == first


def test_a_recipe_whose_layers_differ_says_each_ones_format():
    name = "bf16-mixed+states=m=float16+[2]activations=float8_e5m2"
    made = nf.drift.replay(CONFIG, name, 0)
    assert made.of("0", "activation")[0].format == "bfloat16"
    assert made.of("2", "activation")[0].format == "float8_e5m2"
    assert made.of("0", "weight.state.m")[0].format == "float16"
    assert made.of("0", "weight.state.v")[0].format == "float32" and nn.recipe(name).name == made.recipe


def test_mistakes(kept, tmp_path):
    with pytest.raises(ArgumentError, match="step=6 must be below the run's 6 steps"):
        nf.drift.replay(CONFIG, "fp16-pure", 6)
    with pytest.raises(ArgumentError, match="step 3 has no such"):
        kept.of("0", "wieght")
    with pytest.raises(ArgumentError, match="must end in .npz"):
        kept.write(tmp_path / "kept.txt")
    (tmp_path / "other.npz").write_text("no")
    np.savez(tmp_path / "more.npz", x=np.ones(3))
    for name in ("other.npz", "more.npz", "none.npz"):
        with pytest.raises(ArgumentError, match=name):
            read_replay(tmp_path / name)

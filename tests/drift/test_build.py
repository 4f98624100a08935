"""`Experiment`: what a function of the caller's builds, beside a `Config` that trains the same."""

import sys

import numpy as np
import pytest
from click.testing import CliRunner

import nfloat as nf
from nfloat.cli.drift import command
from nfloat.drift import Config, Experiment, from_toml, run, to_toml
from nfloat.errors import ArgumentError
from nfloat.runs.folder import CONFIG, ROWS

pytestmark = pytest.mark.usefixtures("threads_for_little_work")
COMMON = {"recipes": ("tf32", "bf16-pure-sr"), "steps": 6, "every": 3, "seeds": 2, "ablate": "all"}


def build(seed):
    """What `Config` trains on the blobs at width 8; the generator goes on to draw no batches."""
    model = nf.nn.Sequential(nf.nn.Linear(16, 8), nf.nn.ReLU(), nf.nn.Linear(8, 10))
    model.init(seed=seed)
    return model, nf.nn.SGD(model.parameters(), lr=0.02), nf.nn.load_data("blobs")


def deep(seed):
    """tanh layers on a regression of the caller's own, by its own loss."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((64, 3)).astype(np.float32)
    y = np.sin(x).sum(axis=1, keepdims=True)
    model = nf.nn.Sequential(nf.nn.Linear(3, 5), nf.nn.Tanh(), nf.nn.Linear(5, 1))
    model.init(seed=seed)
    data = nf.nn.Dataset("sines", x[:48], y[:48], x[48:], y[48:])
    return model, nf.nn.Adam(model.parameters(), lr=0.01), data, nf.nn.mse


def test_the_same_training_as_a_configuration_s_starts_with_the_same_rows():
    """Weights, data and recipe are those of the configuration; batches are drawn afresh."""
    own = run(Experiment(build=build, **COMMON))
    known = run(Config(data="blobs", width=8, **COMMON))
    assert own.summary[0]["step"] == 6
    first = {(r["recipe"], r["metric"]): r["value"] for r in known.rows if r["step"] == 0 and r["seed"] == 0}
    mine = {(r["recipe"], r["metric"]): r["value"] for r in own.rows if r["step"] == 0 and r["seed"] == 0}
    assert mine["tf32", "train_loss"] == first["tf32", "train_loss"]
    # which layer is left out follows from how each went on
    runs, others = ({r["recipe"] for r in of.rows if " without " not in r["recipe"]} for of in (own, known))
    # nobody knows of the optimiser that it has no state
    assert others < runs and all("state" in name for name in runs - others)


def test_a_loss_and_data_of_one_s_own():
    result = run(Experiment(build=deep, **{**COMMON, "recipes": ("fp16-pure",), "ablate": "none"}, batch=16))
    (item,) = result.summary
    assert item["verdict"] in ("not distinguishable", "better", "worse")
    assert 0 < item["train_loss"] < 10 and item["path_distance"] > 0
    assert "deep" in result.page().title


def test_it_goes_on_in_its_folder_and_refuses_what_changed(tmp_path, monkeypatch):
    (tmp_path / "mymodels.py").write_text(
        "import nfloat as nf\n\ndef small(seed):\n"
        "    model = nf.nn.Sequential(nf.nn.Linear(16, 4), nf.nn.Linear(4, 10))\n    model.init(seed=seed)\n"
        "    return model, nf.nn.SGD(model.parameters(), lr=0.1), nf.nn.load_data('blobs')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    args = ["--build", "mymodels:small", "--recipes", "bf16-pure", "--steps", "4", "--seeds", "1", "--ablate", "none"]
    out = tmp_path / "out"
    made = CliRunner().invoke(command, [*args, "--out", str(out)])
    assert made.exit_code == 0, made.output
    read = from_toml((out / CONFIG).read_text())
    assert read == Experiment(build="mymodels:small", recipes=("bf16-pure",), steps=4, seeds=1, ablate="none")
    assert to_toml(read) == (out / CONFIG).read_text()
    rows = (out / ROWS).read_bytes()
    again = CliRunner().invoke(command, ["--config", str(out / CONFIG), "--out", str(tmp_path / "again")])
    assert again.exit_code == 0 and (tmp_path / "again" / ROWS).read_bytes() == rows
    del sys.modules["mymodels"]
    with (tmp_path / "mymodels.py").open("a") as file:
        file.write("\ndef _(): pass\n")
    text = (tmp_path / "mymodels.py").read_text().replace("lr=0.1", "lr=0.2")
    (tmp_path / "mymodels.py").write_text(text)
    with pytest.raises(ArgumentError, match="holds rows of other data"):
        run(read, out=out)


def _broken(kind):
    def made(seed):
        model, optimizer, data = build(seed)
        if kind == "two":
            return model, optimizer
        if kind == "swapped":
            return optimizer, model, data
        model.init(seed=np.random.default_rng())
        return model, optimizer, data

    return made


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_broken("two"), "returned .* it must return"),
        (_broken("swapped"), "returned .* it must return"),
        (_broken("random"), "gave other weights or data when it was called twice"),
        ("nowhere:build", "cannot be imported"),
        ("json:nothing", "cannot be imported"),
        ("json:__name__", "is no function"),
    ],
)
def test_what_build_may_not_be(build, message):
    with pytest.raises(ArgumentError, match=message):
        run(Experiment(build=build, **COMMON))


@pytest.mark.parametrize("build", [3, "no_colon", "a:b:c", None])
def test_what_a_build_is(build):
    with pytest.raises(ArgumentError, match="must be a function of a seed"):
        Experiment(build=build)


def test_options_of_a_model_known_by_name_do_not_go_with_build(tmp_path):
    args = ["--build", "json:loads", "--width", "3", "--out", str(tmp_path / "out")]
    assert "--width does not go with this run" in CliRunner().invoke(command, args).output

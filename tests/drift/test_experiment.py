"""The main job at small size: what it measures, and that its bits depend on the configuration alone."""

import itertools

import numpy as np
import pytest

import nfloat as nf
from nfloat.drift import Config, from_toml, run
from nfloat.drift.plan import ENSEMBLE, trainings
from nfloat.drift.rows import MODEL, ROW_KEYS, Key
from nfloat.errors import ArgumentError
from nfloat.runs.folder import CONFIG, PROVENANCE, ROWS

pytestmark = pytest.mark.usefixtures("threads_for_little_work", "no_pictures")
SMALL = Config(
    data="blobs",
    width=12,
    steps=25,
    every=10,
    seeds=2,
    recipes=("float64", "tf32", "bf16-mixed", "bf16-pure-sr", "fp16-mixed"),
)


@pytest.fixture(scope="module")
def small():
    return run(SMALL)


def test_rows_have_the_promised_form(small):
    assert all(tuple(row) == ROW_KEYS for row in small.rows)
    assert all(type(row["value"]) is float and type(row["step"]) is int for row in small.rows)
    order = [name for name, _ in itertools.groupby((row["recipe"], row["seed"]) for row in small.rows)]
    assert order == list(trainings(SMALL, small.rows))
    assert order[:5] == [(name, 0) for name in SMALL.recipes]
    keys = [tuple(row.values())[:-1] for row in small.rows]
    assert len(set(keys)) == len(keys)


def test_the_float64_recipe_does_not_drift_at_all(small):
    (own,) = (item for item in small.summary if item["recipe"] == "float64")
    assert own["train_loss_gap"] == own["path_distance"] == own["grad_error"] == 0.0
    assert own["grad_cosine"] == pytest.approx(1.0, abs=1e-15)
    assert own["verdict"] == "not distinguishable"
    assert own["effect"] == own["low"] == own["high"] == 0.0


def test_every_step_has_its_loss_and_measured_steps_their_layers(small):
    series = small.series
    for recipe in SMALL.recipes:
        assert [step for step, _ in series[Key(recipe, MODEL, "loss", "batch_loss")]] == list(range(25))
        assert [step for step, _ in series[Key(recipe, MODEL, "loss", "train_loss")]] == [0, 10, 20, 25]
        for layer, tensor in itertools.product("02", ("weight.grad", "bias.grad")):
            assert [step for step, _ in series[Key(recipe, layer, tensor, "relative_error")]] == [0, 10, 20]
        for layer in "02":
            assert [step for step, _ in series[Key(recipe, layer, "weight", "path_distance")]] == [10, 20, 25]
            assert [step for step, _ in series[Key(recipe, layer, "weight", "stagnation")]] == [0, 10, 20]


def test_gaps_are_against_the_twin_of_the_same_step(small):
    twin = dict(small.series[Key("float64", MODEL, "loss", "batch_loss")])
    own = dict(small.series[Key("bf16-pure-sr", MODEL, "loss", "batch_loss")])
    for step, gap in small.series[Key("bf16-pure-sr", MODEL, "loss", "batch_loss_gap")]:
        assert gap == own[step] - twin[step]


def test_the_first_gradient_error_is_what_a_hand_made_step_gives(small):
    data, generator = nf.nn.load_data("blobs"), np.random.default_rng(0)
    model = nf.nn.Sequential(nf.nn.Linear(16, 12), nf.nn.ReLU(), nf.nn.Linear(12, 10))
    model.init(seed=generator)
    batch = next(nf.nn.batches(len(data.train_x), 32, generator))
    x, y = data.train_x[batch], data.train_y[batch]
    with nf.nn.precision("tf32"):
        nf.nn.store(model.parameters())
    exact = nf.nn.gradients(model, x, y, "float64")[1]["2.weight"]
    ours = nf.nn.gradients(model, x, y, "tf32")[1]["2.weight"]
    step, value = small.series[Key("tf32", "2", "weight.grad", "relative_error")][0]
    assert step == 0
    assert value == nf.drift.metrics.relative_error(ours, exact)


def test_rates_stand_where_something_is_rounded(small):
    rated = {(key.recipe, key.tensor) for key in small.series if key.metric == "underflow"}
    assert ("float64", "activation.grad") not in rated
    assert {
        ("tf32", "gemm.x"),
        ("bf16-mixed", "activation"),
        ("fp16-mixed", "activation.grad"),
        ("fp16-mixed", "weight.copy"),
    } <= rated
    scales = small.series[Key("fp16-mixed", MODEL, "loss", "scale")]
    assert scales[0] == (0, 65536.0)


def test_small_gradients_underflow_in_fp16_and_not_in_bf16():
    tiny = run(
        Config(
            data="blobs",
            width=8,
            steps=3,
            every=1,
            recipes=("fp16-pure+activation_gradients=float8_e4m3fn", "bf16-pure"),
        )
    )
    rates = {item["recipe"]: item["underflow"] for item in tiny.summary}
    assert rates["bf16-pure"] == 0.0
    assert rates["fp16-pure+activation_gradients=float8_e4m3fn"] > 0.1


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_do_not_depend_on_threads(small, threads):
    assert run(SMALL, threads=threads).rows == small.rows


def test_the_written_configuration_gives_the_same_bytes(tmp_path, small):
    small.write(tmp_path / "a")
    again = from_toml((tmp_path / "a" / CONFIG).read_text())
    run(again, out=tmp_path / "b", threads=2)
    assert (tmp_path / "b" / ROWS).read_bytes() == (tmp_path / "a" / ROWS).read_bytes()
    assert (tmp_path / "b" / CONFIG).read_bytes() == (tmp_path / "a" / CONFIG).read_bytes()


@pytest.mark.parametrize("stop", [("float64", 3), ("tf32", 25), ("bf16-mixed", 11)])
def test_an_interrupted_run_ends_in_the_same_file(tmp_path, small, stop):
    seen = []

    def progress(name, step):
        seen.append((name, step))
        if (name, step) == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(SMALL, out=tmp_path, progress=progress)
    left = (tmp_path / ROWS).read_text().count("\n")
    assert 0 < left < len(small.rows)
    seen.clear()
    assert run(SMALL, out=tmp_path, progress=lambda *at: seen.append(at)).rows == small.rows
    steps = [name for name, _ in seen]
    assert seen[-1] == (ENSEMBLE, SMALL.steps)
    done = SMALL.recipes.index(stop[0]) + (stop[1] == SMALL.steps)
    assert [steps.count(name) for name in SMALL.recipes] == [1] * done + [SMALL.steps] * (len(SMALL.recipes) - done)
    text = (tmp_path / ROWS).read_bytes()
    small.write(tmp_path / "whole")
    assert (tmp_path / "whole" / ROWS).read_bytes() == text


def test_a_finished_folder_computes_nothing(tmp_path, small):
    small.write(tmp_path)
    seen = []
    assert run(SMALL, out=tmp_path, progress=lambda *at: seen.append(at)).rows == small.rows
    assert seen == [(name, SMALL.steps) for name in (*SMALL.recipes, ENSEMBLE)]


def test_written_facts_are_apart_from_rows(tmp_path, small):
    small.write(tmp_path)
    assert (tmp_path / PROVENANCE).exists()
    assert "made" not in (tmp_path / ROWS).read_text()


def test_own_data(tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.random((40, 3)), np.arange(40) % 2
    np.savez(tmp_path / "own.npz", x=x, y=y)
    np.savetxt(tmp_path / "own.csv", np.column_stack([x, y]), delimiter=",")
    config = Config(
        data=str(tmp_path / "own.npz"), recipes=("bf16-pure",), steps=4, width=4, batch=8, depth=2, activation="tanh"
    )
    rows = run(config).rows
    assert {row["layer"] for row in rows} == {"0", "1", "2", "3", "4", MODEL}  # tanh, unlike ReLU, rounds its result
    assert run(config.replace(data=str(tmp_path / "own.csv"))).rows == rows
    x[7, 1] = np.nan
    np.savez(tmp_path / "own.npz", x=x, y=y)
    with pytest.raises(ArgumentError, match=r"x\[7, 1\] is nan"):
        run(config)


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "lion"])
def test_other_optimisers(optimizer):
    result = run(SMALL.replace(optimizer=optimizer, lr=0.003, steps=4, seeds=1, recipes=("float64", "bf16-pure")))
    assert result.summary[0]["path_distance"] == 0.0
    assert result.summary[1]["path_distance"] > 0.0


def test_a_run_that_diverges_is_recorded_to_its_end():
    result = run(SMALL.replace(lr=1e30, steps=6, every=2, recipes=("fp16-pure",)))
    assert result.complete
    assert result.summary[0]["verdict"] == "undecided"  # float64 has diverged too


def test_what_a_divergence_hides_is_named():
    """Adam's second moment, squares of gradients, is flushed to zero in float16; what is divided by it is not."""
    config = SMALL.replace(recipes=("fp16-pure",), optimizer="adam", lr=0.001, steps=6, every=2, batch=256)
    result = run(config)
    (item,) = result.summary
    assert item["verdict"] == "diverged"
    assert item["diverged_seeds"] == 2
    underflow = result.series[Key("fp16-pure", "0", "weight.state.v", "underflow")]
    assert underflow[0][0] == 0
    assert underflow[0][1] > 0.05
    alone, *others = result.ablation("fp16-pure")
    assert (alone.place, alone.how, alone.share, alone.loss) == ("state", "only", 1.0, None)
    assert all(effect.loss is not None for effect in others)
    assert [effect.place for effect in others if effect.how == "with" and effect.share == 1.0] == ["float32 state"]


@pytest.mark.parametrize("recipe", ["fp16-mixed", "fp16-pure"])
def test_a_loss_too_small_is_seen_in_the_activation_gradients(recipe):
    name = f"{recipe}+loss_scaling={2.0**-24}"
    trouble = run(SMALL.replace(recipes=(name,), steps=2, every=1, seeds=1)).first_trouble(name)
    assert trouble[:4] == (0, "2", "activation.grad", "underflow")
    assert trouble.value > 0.9


def test_batches_larger_than_the_data():
    with pytest.raises(ArgumentError, match="batch=5000"):
        run(SMALL.replace(batch=5000))

"""What the listed tasks measure, and the page: heat map, bands, front, sentences from the rows."""

import concurrent.futures
import math

import pytest
from misbehaving import PLAIN, TASK

import nfloat as nf
from nfloat.errors import ArgumentError
from nfloat.report import render
from nfloat.sweep import Grid
from nfloat.sweep.aggregate import aggregate
from nfloat.sweep.estimate import estimate
from nfloat.sweep.tasks import TASKS


def rows_of(grid):
    return [grid.task.row(grid.cell(index)) for index in range(grid.size)]


def test_products():
    grid = Grid(
        "product",
        {
            "accumulator": ["bfloat16", "float32"],
            "order": ["sequential", "pairwise", "kahan", "exact", "blocked:32:float32", "interleaved:8"],
            "data": "positive",
            "size": 4,
            "k": 512,
        },
    )
    found = {(row["accumulator"], row["order"]): row for row in rows_of(grid)}
    error = {key: row["error"] for key, row in found.items()}
    assert error["bfloat16", "sequential"] > 4 * error["bfloat16", "kahan"]
    assert error["bfloat16", "exact"] <= 2.0**-8
    assert all(error["bfloat16", order] > 100 * error["float32", order] for order in ("sequential", "pairwise"))
    assert found["bfloat16", "sequential"]["bias"] < -0.03  # sums that stall
    assert all(row["finite"] == 16 for row in found.values())
    (overflows,) = rows_of(Grid("product", {"accumulator": "float8_e5m2", "data": "positive", "k": 4096, "size": 2}))
    assert overflows["finite"] == 4 and overflows["error"] > 0.9
    (unit,) = rows_of(Grid("product", {"accumulator": "nvidia.hopper.mma.f16.f32", "inputs": "float16", "size": 2}))
    assert 1e-5 < unit["error"] < 1e-2


def test_trainings_are_those_of_a_drift_run():
    config = {"data": "blobs", "width": 8, "steps": 30, "lr": 0.05}
    grid = Grid("training", {**config, "recipe": ["float64", "bf16-pure", "bf16-pure-sr"], "seed": [0, 1]})
    found = {(row["recipe"], row["seed"]): row for row in rows_of(grid)}
    result = nf.drift.run(
        nf.drift.Config(**config, recipes=("float64", "bf16-pure", "bf16-pure-sr"), seeds=1, every=30, ablate="none")
    )
    for item in result.summary:
        row = found[item["recipe"], 0]
        assert (row["train_loss"], row["test_error"]) == (item["train_loss"], item["test_error"])
        assert row["loss_gap"] == pytest.approx(item["loss_ratio"] - 1.0 if item["loss_ratio"] else 0.0, abs=1e-12)
        assert row["path"] == pytest.approx(item["path_distance"] or 0.0, rel=1e-12)
    assert found["float64", 1]["loss_gap"] == 0.0 != found["bf16-pure", 1]["loss_gap"]
    assert found["float64", 0]["bits"] == 4 * found["bf16-pure", 0]["bits"]
    changed = Grid("training", {**config, "recipe": "bf16-pure", "weights": "bfloat16:stochastic"})
    assert rows_of(changed)[0]["train_loss"] == found["bf16-pure-sr", 0]["train_loss"]


def test_verdicts():
    grid = Grid("verdict", {"data": "blobs", "width": 8, "steps": 20, "recipe": "bf16-pure", "seeds": 2})
    (row,) = rows_of(grid)
    assert row["verdict"] in ("worse", "better", "not distinguishable", "undecided", "diverged")
    assert math.isfinite(row["effect"])


@pytest.mark.parametrize("name", TASKS)
def test_same_cell_same_row(name):
    small = {"training": {"data": "blobs", "steps": 3, "width": 4}, "product": {"k": 16, "size": 2}}
    grid = Grid(name, small.get(name, {**small["training"], "seeds": 2}))
    assert rows_of(grid) == rows_of(grid)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    grid = Grid(TASK, {"what": ["fine", "prints", "raises"], "x": [0.25, 0.5, 1.0], "seed": {"count": 4}})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return nf.sweep.run(grid, tmp_path_factory.mktemp("page") / "out", pool)


def test_page(sweep):
    text = render(sweep.page())
    assert (sweep.path / "report.html").read_text() == text
    for slug in ("heat", "bands", "front"):
        assert f'id="{slug}"' in text
    assert "12 cells were given up; failures.jsonl says why." in text
    assert (
        "The median of y is least at what fine and x 0.25 (0.58333), greatest at what fine and x 1 (0.83333)." in text
    )
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_aggregates(sweep):
    found = aggregate(sweep.grid, sweep.rows())
    assert found.shown == ("what", "x", "x", "y", "bits")
    assert found.heat()["fine", "0.5"] == pytest.approx((1.5 + 0.5) / 3)
    band = found.bands()["prints"][0]
    assert (band.x, band.low, band.high) == (0.25, 0.25 / 3, 3.25 / 3)
    assert band.mean == pytest.approx(1.75 / 3)
    front = [one for one in found.candidates() if one.front]
    assert [one.name for one in front] == ["fine, x 0.25"]
    assert aggregate(sweep.grid, []) is None


def test_what_a_page_shows_must_be_there(tmp_path):
    with pytest.raises(ArgumentError, match=r"page\.value='z' is no measure of the task; .*y"):
        aggregate(Grid(PLAIN, {}, {"value": "z"}), rows_of(Grid(PLAIN, {})))
    grid = Grid(TASK, {"seed": [0, 1]}, {"value": "none"})
    assert aggregate(grid, rows_of(grid)).missing == 2
    with pytest.raises(ArgumentError, match="there are none yet"):
        nf.sweep.run(Grid(TASK, {"what": "raises"}), tmp_path, concurrent.futures.ThreadPoolExecutor(1)).page()


def test_a_page_of_one_cell(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sweep = nf.sweep.run(Grid(PLAIN), tmp_path, pool)
    assert "1 cells: one set of values" in render(sweep.page())


def test_an_estimate_says_what_cannot_be():
    found = estimate(Grid(TASK, {"what": ["naps", "refuses"], "seed": [0, 1]}))
    assert (found.cells, found.done) == (4, 0)
    assert found.seconds > 0.19
    assert [reason for _, seconds, reason in found.sample if seconds is None] == [
        "what='refuses' must be something else"
    ] * 2
    assert found.spread[0] >= 0.05

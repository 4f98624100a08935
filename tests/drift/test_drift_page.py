"""The page of a drift run: that it says what the rows say, for whole, interrupted, odd and broken runs."""

import pytest

from nfloat.drift import Config, Result, run
from nfloat.drift.page import drift_page
from nfloat.drift.rows import MODEL, Row
from nfloat.errors import ArgumentError
from nfloat.report import render

SMALL = Config(
    data="blobs", width=12, steps=40, every=10, recipes=("float64", "tf32", "bf16-mixed", "bf16-pure", "bf16-pure-sr")
)


@pytest.fixture(scope="module")
def small():
    return run(SMALL)


@pytest.fixture(scope="module")
def page(small):
    return drift_page(small)


def test_every_recipe_has_its_row_and_verdict(page, small):
    assert [row[0] for row in page.summary.rows] == list(SMALL.recipes)
    assert [row[-1] for row in page.summary.rows] == [item["verdict"] for item in small.summary]


def test_figures(page):
    assert [figure.slug for figure in page.figures] == [
        "loss",
        "loss-gap",
        "path",
        "gradient",
        "sources",
        "rates",
        "stagnation",
    ]
    for figure in page.figures:
        assert figure.caption
        assert figure.alt
        assert figure.data.rows
        assert all(len(row) == len(figure.data.columns) for row in figure.data.rows)


def test_text_holds_what_was_computed(page, small):
    text = render(page)
    by_name = {item["recipe"]: item for item in small.summary}
    assert f"{by_name['bf16-pure']['train_loss']:#.4g}" in text
    assert any("tf32 gradient is" in finding for finding in page.findings)
    assert any(finding.startswith("bf16-pure-sr recovers") for finding in page.findings)
    assert "data = &#34;blobs&#34;" in text
    assert "nfloat drift --config config.toml" in text


def test_same_bytes_from_the_written_rows(tmp_path, small):
    small.write(tmp_path)
    from nfloat.drift.folder import read_folder

    again = Result(*read_folder(tmp_path))
    again.write_report(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "report.html").read_bytes()


def test_size(small):
    assert len(render(drift_page(small))) < 250_000


@pytest.mark.parametrize("cut", [1, 3, 60, 400])
def test_an_interrupted_run_says_so(small, cut):
    page = drift_page(Result(SMALL, small.rows[:cut]))
    assert page.findings[0].startswith("This run is not complete: ")
    render(page)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipes": ("fp16-pure",), "lr": 1e30},
        {"recipes": ("float64",)},
        {"steps": 1},
        {"depth": 0},
        {"depth": 2, "activation": "tanh"},
    ],
)
def test_odd_runs_have_a_page(changes):
    render(drift_page(run(SMALL.replace(steps=4, **changes) if "steps" not in changes else SMALL.replace(**changes))))


def test_a_run_that_diverged_is_called_so():
    page = drift_page(run(SMALL.replace(recipes=("fp16-pure",), lr=1e30, steps=6)))
    assert page.summary.rows[0][-1] == "diverged"
    assert any("fp16-pure diverged" in finding for finding in page.findings)


def test_names_are_escaped():
    rows = [Row(recipe="tf32", step=0, layer=MODEL, tensor="loss", metric="train_loss", value=1.0)]
    text = render(drift_page(Result(Config(data="<b>&.csv", recipes=("tf32",)), rows)))
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;.csv" in text


def test_no_rows():
    with pytest.raises(ArgumentError, match="nothing to report"):
        Result(SMALL, []).page()


def test_unwritable(tmp_path, small):
    with pytest.raises(ArgumentError, match=r"report=.*cannot be written: No such file or directory"):
        small.write_report(tmp_path / "none" / "report.html")

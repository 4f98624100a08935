"""The page of a drift run: that it says what the rows say, for whole, interrupted, odd and broken runs."""

import pytest

from nfloat.drift import Config, Result, run
from nfloat.drift.folder import read_folder
from nfloat.drift.page import drift_page
from nfloat.drift.rows import MODEL, Row
from nfloat.errors import ArgumentError
from nfloat.report import render

SMALL = Config(
    data="blobs",
    width=12,
    steps=80,
    every=20,
    recipes=("float64", "tf32", "bf16-mixed", "bf16-pure", "bf16-pure-sr"),
)
#: as little as has every figure
ODD = SMALL.replace(steps=4, seeds=2, recipes=("float64", "bf16-pure", "bf16-pure-sr"))
#: what is worse after so many steps already
WORSE = "bf16-pure"


@pytest.fixture(scope="module")
def small():
    return run(SMALL)


@pytest.fixture(scope="module")
def page(small):
    return drift_page(small)


@pytest.fixture(scope="module")
def text(page):
    return render(page)


def test_every_recipe_has_its_row_and_verdict(page, small):
    assert [row[0] for row in page.summary.rows] == list(SMALL.recipes)
    assert [row[1] for row in page.summary.rows] == [item["verdict"] for item in small.summary]


def test_figures(page):
    assert [figure.slug for figure in page.figures] == [
        "effect",
        "ablation",
        "layer-ablation",
        "loss",
        "loss-gap",
        "path",
        "gradient",
        "heat",
        "sources",
        "layers",
        "rates",
        "stagnation",
        "exponents",
    ]
    for figure in page.figures:
        assert figure.caption
        assert figure.alt
        assert figure.data.rows
        assert all(len(row) == len(figure.data.columns) for row in figure.data.rows)


def test_text_holds_what_was_computed(page, text, small):
    by_name = {item["recipe"]: item for item in small.summary}
    assert f"{by_name[WORSE]['train_loss']:#.4g}" in text
    assert any("tf32 gradient is" in finding for finding in page.findings)
    assert by_name[WORSE]["verdict"] == "worse"
    assert any(finding.startswith(f"{WORSE} is worse than float64: ") for finding in page.findings)
    explained = f"{WORSE}, trained again from seed 0 with one place rounded: weights alone make "
    assert any(finding.startswith(explained) for finding in page.findings)
    said = next(finding for finding in page.findings if f"{WORSE}, rounded in one layer alone" in finding)
    assert small.layer_ablation(WORSE)[0].place in said and "the layers" in said
    assert any(finding.startswith("bf16-pure-sr recovers") for finding in page.findings)
    assert page.findings[0].startswith("tf32, bf16-mixed and bf16-pure-sr cannot be told from float64")
    assert "data = &#34;blobs&#34;" in text
    assert "nfloat drift --config config.toml" in text


def test_no_sentence_without_its_condition(small, no_pictures):
    """Where bf16-pure is better than float64 there is nothing to recover, whatever bf16-pure-sr does."""
    flipped = [
        {**row, "value": row["value"] / 2 if row["metric"] == "train_loss" and row["step"] else row["value"]}
        if row["recipe"] == WORSE
        else row
        for row in small.rows
    ]
    text = " ".join(drift_page(Result(SMALL, flipped)).findings)
    assert "recovers" not in text
    assert "worse than float64" not in text
    assert "is better than float64" in text


def test_same_bytes_from_the_written_rows(tmp_path, small, page, text, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Result, "_page", lambda result: page)  # drawn already; the page made of the files is drawn anew
        small.write(tmp_path)
    again = Result(*read_folder(tmp_path))
    again.write_report(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "report.html").read_bytes() == text.encode()


def test_the_heat_map_is_of_the_recipe_that_is_worse(page, small):
    (heat,) = (figure for figure in page.figures if figure.slug == "heat")
    assert heat.title.startswith(f"Error of the gradient in {WORSE},")
    layers = {
        row["layer"] for row in small.rows if row["tensor"] == "weight.grad" and row["metric"] == "relative_error"
    }
    assert {row[0] for row in heat.data.rows} == layers - {MODEL}


def test_sums_that_stall_are_spoken_of(no_pictures):
    config = Config(data="blobs", recipes=("bf16-pure+forward=float8_e5m2",), steps=2, every=1, width=8, seeds=1)
    page = drift_page(run(config.replace(ablate="none", attribute=False), threads=1))
    (rates,) = (figure for figure in page.figures if figure.slug == "rates")
    assert " Of the additions in the forward sums of layer 0 bf16-pure+forward=float8_e5m2 loses " in rates.caption
    lost = {row[1]: row[4] for row in rates.data.rows}
    assert lost["forward.sum"].endswith(" %") and lost["activation"] == "–"


def test_size(text):
    assert len(text) < 300_000


@pytest.mark.sampled(2)
@pytest.mark.parametrize("cut", [1, 3, 60, 400])
def test_an_interrupted_run_says_so(small, cut):
    page = drift_page(Result(SMALL, small.rows[:cut]))
    assert page.findings[0].startswith("This run is not complete: ")
    render(page)


#: runs whose figures lack something, or hold what no axis shows
ODD_RUNS = [
    {"recipes": ("fp16-pure",), "lr": 1e30},
    {"recipes": ("fp16-pure",), "optimizer": "adam", "lr": 0.001, "batch": 256},
    {"seeds": 1},
    {"recipes": ("float64",)},
    {"steps": 1},
    {"depth": 0},
    {"depth": 2, "activation": "tanh"},
]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("changes", [ODD_RUNS[0], ODD_RUNS[3], ODD_RUNS[4]])
def test_odd_runs_have_a_page(changes):
    render(drift_page(run(ODD.replace(**changes))))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("changes", [ODD_RUNS[1], ODD_RUNS[2], *ODD_RUNS[5:]])
def test_odd_runs_have_a_page_of_words(changes, no_pictures):
    render(drift_page(run(ODD.replace(**changes))))


def test_a_run_that_diverged_is_called_so(no_pictures):
    config = SMALL.replace(recipes=("fp16-pure",), optimizer="adam", lr=0.001, batch=256, steps=6)
    page = drift_page(run(config))
    assert page.summary.rows[0][1] == "diverged"
    (finding,) = (finding for finding in page.findings if "fp16-pure diverged" in finding)
    assert finding.startswith("fp16-pure diverged at 5 of 5 seeds, where float64 did not; first trouble: step 0, ")
    assert "second moment of the weight: underflow" in finding


def test_that_float64_diverged_too_is_said_first(no_pictures):
    run_ = run(SMALL.replace(recipes=("bf16-pure",), lr=1e30, steps=4, seeds=2, ablate="none"))
    page = drift_page(run_)
    assert page.findings[0] == (
        "float64 itself diverged at 2 of 2 seeds: what a recipe does there is not its rounding's doing."
    )
    assert page.findings[0] in render(page).replace("&#39;", "'").replace("&rsquo;", "'")
    one = drift_page(run(SMALL.replace(recipes=("bf16-pure",), lr=1e30, steps=20, seeds=1, ablate="none")))
    assert one.findings[0].startswith("float64 itself diverged at its only seed: ")
    assert "float64 ends at nan" in next(figure.caption for figure in one.figures if figure.slug == "loss")


def test_shares_are_in_per_cent_everywhere(page, small):
    """Axes, sentences and tables of one figure, and a notebook's card, speak of a share in one way."""
    assert small._repr_html_().count(" %</td>") >= 8
    shown = {figure.slug: figure for figure in page.figures}
    for slug in ("path", "gradient", "heat", "sources", "effect"):
        cells = [cell for row in shown[slug].data.rows for cell in row[1:4]]
        assert any("%" in cell for cell in cells), slug
    for slug in ("path", "heat", "gradient"):
        assert " %</text>" in shown[slug].svg and "10<" not in shown[slug].svg


def test_names_are_escaped():
    rows = [Row(recipe="tf32", seed=0, step=0, layer=MODEL, tensor="loss", metric="train_loss", value=1.0)]
    text = render(drift_page(Result(Config(data="<b>&.csv", recipes=("tf32",)), rows)))
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;.csv" in text


def test_no_rows():
    with pytest.raises(ArgumentError, match="nothing to report"):
        Result(SMALL, []).page()


def test_unwritable(tmp_path, small, no_pictures):
    with pytest.raises(ArgumentError, match=r"report=.*cannot be written: No such file or directory"):
        small.write_report(tmp_path / "none" / "report.html")

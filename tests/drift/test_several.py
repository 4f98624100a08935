"""`compare`: several finished runs side by side."""

import pytest

import nfloat as nf
from nfloat.drift import Config
from nfloat.drift.cheapest.question import Search, search_toml
from nfloat.drift.several import _labels, compare
from nfloat.errors import ArgumentError
from nfloat.report.page import render

SMALL = Config(
    data="blobs", recipes=("float64", "bf16-pure"), steps=6, width=4, seeds=2, ablate="none", attribute=False
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    top = tmp_path_factory.mktemp("runs")
    for name, config in (("sgd", SMALL), ("adam", SMALL.replace(optimizer="adam", lr=0.01, recipes=("bf16-pure",)))):
        nf.drift.run(config, out=top / name)
    return top


def test_what_differs_is_said_and_every_recipe_has_its_row(folders):
    found = compare([folders / "sgd", folders / "adam"])
    assert set(found.differences) == {"optimizer", "lr", "recipes"} and found.differences["lr"] == (0.02, 0.01)
    assert [(row["run"], row["recipe"]) for row in found.rows] == [
        ("sgd", "float64"), ("sgd", "bf16-pure"), ("adam", "bf16-pure")
    ]  # fmt: skip
    page = found.page()
    text = render(page)
    assert "The runs differ in optimizer, lr and recipes" in text.replace("&#39;", "'") or "optimizer" in text
    assert len(page.figures) == 2 and len(page.summary.rows) == 3
    assert render(nf.drift.compare([folders / "sgd", folders / "adam"]).page()) == text
    assert "sgd" in repr(found) and "adam" in found._repr_html_()


def test_runs_on_other_data_are_refused(folders, tmp_path):
    nf.drift.run(SMALL.replace(data="regression", recipes=("bf16-pure",), steps=2), out=tmp_path / "other")
    with pytest.raises(ArgumentError, match="sgd and other are not comparable: data='blobs' and 'regression'"):
        compare([folders / "sgd", tmp_path / "other"])
    path = folders / "adam" / "provenance.json"
    text = path.read_text()
    path.write_text(text.replace('"data": "', '"data": "0'))
    with pytest.raises(ArgumentError, match="the data alike, but it has changed"):
        compare([folders / "sgd", folders / "adam"])
    path.write_text(text)


def test_mistakes(folders, tmp_path):
    with pytest.raises(ArgumentError, match="at least two"):
        compare([folders / "sgd"])
    with pytest.raises(ArgumentError, match="must be different ones"):
        compare([folders / "sgd", folders / "sgd"])
    with pytest.raises(ArgumentError, match="is not of a drift run"):
        compare([folders / "sgd", tmp_path])
    (tmp_path / "config.toml").write_text(search_toml(Search(run=SMALL)))
    (tmp_path / "rows.jsonl").write_text("")
    with pytest.raises(ArgumentError, match="the configuration of a search, .*`nfloat report FOLDER` makes its page"):
        compare([folders / "sgd", tmp_path])


def test_labels_tell_folders_apart(tmp_path):
    assert _labels([tmp_path / "a" / "out", tmp_path / "b" / "out"]) == ["a/out", "b/out"]

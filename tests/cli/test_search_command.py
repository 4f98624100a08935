"""``nfloat search``."""

import json

from expected import assert_mistake

SMALL = ("search", "--data", "blobs", "--width", "4", "--steps", "8", "--lr", "0.1", "--recipes", "bf16-mixed")
SMALL = (*SMALL, "--seeds", "2", "--formats", "bfloat16", "--operands", "", "--budget", "0.5", "--out", "out")


def test_a_search_and_its_files(nfloat, tmp_path):
    done = nfloat(*SMALL)
    assert done.code == 0 and "times cheaper than bf16-mixed" in done.out
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"recipe.toml", "report.html", "rows.jsonl"}
    again = nfloat("search", "--config", "out/config.toml", "--out", "again", "--json")
    facts = json.loads(again.out)
    assert facts["ratio"] > 1.0 and facts["bound"] <= 0.5 and facts["trials"][0]["stage"] == "begin"
    for name in ("rows.jsonl", "config.toml", "recipe.toml", "report.html"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert nfloat("report", "out").code == 0
    listed = nfloat("recipes", "out/recipe.toml", "--json")
    assert json.loads(listed.out)[0]["name"] == facts["recipe"]


def test_no_recipe_is_exit_code_one(nfloat):
    done = nfloat(*SMALL, "--budget", "1e-9", "--trials", "1", "--recipes", "bf16-pure+weights=e2m1")
    assert done.code == 1 and "no recipe was confirmed within 1e-09" in done.out


def test_mistakes(nfloat, tmp_path):
    assert_mistake(nfloat(*SMALL, "--budget", "-1"), "--budget=-1.0 must be a positive number")
    assert_mistake(nfloat(*SMALL, "--formats", "bf61"), "'bf61' is not a number format")
    assert_mistake(nfloat(*SMALL, "--seeds", "1"), "--seeds=1 must be at least 2")
    assert_mistake(nfloat(*SMALL, "--recipes", "none.toml"), "'none.toml' cannot be read")
    assert not (tmp_path / "out").exists()

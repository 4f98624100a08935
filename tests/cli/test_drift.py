"""``nfloat drift`` and ``nfloat report``: files, tables, exit codes, interruption."""

import json

import numpy as np
import pytest
from expected import assert_mistake, assert_rows_stay

from nfloat.cli.main import group
from nfloat.drift import Config, experiment
from nfloat.drift.rows import ROW_KEYS
from nfloat.errors import MissingExtraError

SMALL = ("drift", "--data", "blobs", "--width", "8", "--steps", "6", "--every", "3", "--recipes", "float64,bf16-pure")


def test_it_writes_what_it_says(nfloat, tmp_path):
    done = nfloat(*SMALL, "--out", "out")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["float64", "bf16-pure"]
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "page: out/report.html"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "config.toml",
        "provenance.json",
        "report.html",
        "rows.jsonl",
    ]
    said = done.err.splitlines()
    assert said[0].startswith("16 trainings of 6 steps, about ") and "for each recipe that turns out worse" in said[0]
    assert said[1].startswith("[1/4] float64 twin: 6 steps in ")
    assert said[3].startswith("[3/4] bf16-pure: 6 steps in ")
    assert said[4].startswith("[4/4] other seeds: 6 steps in ")
    rows = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    assert all(tuple(row) == ROW_KEYS for row in rows)


def test_a_run_of_infinities_does_not_look_clean(nfloat):
    """The table's overflow column."""
    options = ("--data", "blobs", "--width", "8", "--steps", "4", "--seeds", "1", "--every", "1", "--ablate", "none")
    done = nfloat("drift", *options, "--lr", "1e6", "--recipes", "float64,fp16-pure")
    head, clean, broken = (line.split() for line in done.out.splitlines()[:3])
    place = head.index("over") - len(head)
    assert clean[place] == "0" and 0.0 < float(broken[place].rstrip("%")) <= 100.0
    assert "\nfloat64 itself diverged at its only seed: " in done.out
    assert max(map(len, done.out.splitlines()[:3])) <= 80


def test_json_alone_stands_on_stdout(nfloat):
    done = json.loads(nfloat(*SMALL, "--json").out)
    assert [item["recipe"] for item in done["summary"]] == ["float64", "bf16-pure"]
    assert done["summary"][0]["train_loss_gap"] == 0.0
    assert done["report"] == "nfloat-drift/report.html"


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_written_configuration_runs_it_again(nfloat, tmp_path, threads):
    assert nfloat(*SMALL, "--out", "a").code == 0
    assert nfloat("drift", "--config", "a/config.toml", "--out", "b", "--threads", threads).code == 0
    for name in ("rows.jsonl", "config.toml", "report.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_options_go_over_the_file(nfloat, tmp_path):
    (tmp_path / "c.toml").write_text('data = "blobs"\nsteps = 2\nwidth = 4\nrecipes = ["tf32"]\n')
    done = nfloat("drift", "--config", "c.toml", "--steps", "3", "--json")
    assert [item["step"] for item in json.loads(done.out)["summary"]] == [3]


def test_what_is_there_is_not_computed_again(nfloat):
    first = nfloat(*SMALL, "--out", "out")
    again = nfloat(*SMALL, "--out", "out")
    parts = ("float64", "bf16-pure", "other seeds")
    assert again.err.splitlines() == [f"[{i}/4] {name}: was there already" for i, name in enumerate(parts, start=1)]
    assert again.out == first.out


def test_report_makes_the_page_again(nfloat, tmp_path):
    nfloat(*SMALL, "--out", "out")
    page = (tmp_path / "out" / "report.html").read_bytes()
    (tmp_path / "out" / "report.html").unlink()
    assert nfloat("report", "out").out == "out/report.html\n"
    assert (tmp_path / "out" / "report.html").read_bytes() == page
    assert json.loads(nfloat("report", "out", "--out", "other.html", "--json").out) == {"report": "other.html"}
    assert (tmp_path / "other.html").read_bytes() == page


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--steps", "-1"), "steps=-1 must be an integer of at least 1"),
        (("--steps", "many"), "'many' is not a valid integer"),
        (("--recipes", "bf16-purr"), "did you mean 'bf16-pure'"),
        (("--recipes", "bf16-pure+weights=bf61"), "'bf61' is not a number format"),
        (("--recipes", ","), "recipes=() must name at least one recipe"),
        (("--data", "digit"), "data='digit' is unknown"),
        (("--data", "none.npz"), "cannot be read: No such file"),
        (("--data", "nan.csv"), "x[1, 0] is nan"),
        (("--data", "word.csv"), "data='word.csv' cannot be read"),
        (("--data", "empty.npz"), "it must hold the arrays 'x' and 'y'"),
        (("--model", "rnn"), "model='rnn' is unknown"),
        (("--lr", "nan"), "lr=nan must be a positive, finite number"),
        (("--batch", "100000"), "batch=100000 must be an integer in 1.."),
        (("--threads", "0"), "threads=0 must be at least 1"),
        (("--out", "file/out"), "out='file/out' cannot be written: Not a directory"),
        (("--config", "none.toml"), "config='none.toml' cannot be read"),
        (("--config", "odd.toml"), "odd.toml: unknown key 'stepz'; did you mean 'steps'"),
        (("--optimizer", "sgdd"), "did you mean 'sgd'"),
    ],
)
def test_mistakes_end_in_one_line_and_leave_nothing(nfloat, tmp_path, args, words):
    (tmp_path / "file").write_text("")
    (tmp_path / "odd.toml").write_text("stepz = 3\n")
    (tmp_path / "nan.csv").write_text("1,2,0\nnan,2,1\n")
    (tmp_path / "word.csv").write_text("a,b,c\n")
    np.savez(tmp_path / "empty.npz")
    before = sorted(tmp_path.rglob("*"))
    base = SMALL if "--config" not in args else ("drift",)
    done = nfloat(*base, *args)
    assert_mistake(done, words)
    assert sorted(tmp_path.rglob("*")) == before


def test_another_run_s_rows_are_not_overwritten_silently(nfloat, tmp_path):
    assert_rows_stay(nfloat, tmp_path / "out", SMALL, "another configuration")


def test_interrupted(nfloat, tmp_path, monkeypatch):
    nfloat(*SMALL, "--out", "whole")
    real = experiment.run_recipe

    def stops(config, name, *rest):
        for done, rows in real(config, name, *rest):
            if name == "bf16-pure" and done == 4:
                raise KeyboardInterrupt
            yield done, rows

    monkeypatch.setattr(experiment, "run_recipe", stops)
    done = nfloat(*SMALL, "--out", "out")
    assert done.code == 3
    last = done.err.splitlines()[-1]
    assert "interrupted" in last
    assert "nfloat drift --config out/config.toml --out out" in last
    kept = (tmp_path / "out" / "rows.jsonl").read_text()
    whole = (tmp_path / "whole" / "rows.jsonl").read_text()
    assert whole.startswith(kept)
    assert '"bf16-pure"' in kept
    monkeypatch.setattr(experiment, "run_recipe", real)
    assert nfloat("report", "out").code == 0
    assert "This run is not complete" in (tmp_path / "out" / "report.html").read_text()
    assert nfloat("drift", "--config", "out/config.toml", "--out", "out").code == 0
    assert (tmp_path / "out" / "rows.jsonl").read_text() == whole


def test_missing_extra(nfloat, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    done = nfloat("drift", "--data", "digits", "--steps", "2")
    assert done.code == 2
    assert "pip install 'nfloat[studies]'" in done.err


def test_help_names_the_defaults():
    options = {param.name: param.help for param in group.get_command(None, "drift").params}
    for name in (
        "data",
        "model",
        "width",
        "depth",
        "steps",
        "seed",
        "seeds",
        "ablate",
        "optimizer",
        "lr",
        "batch",
        "every",
    ):
        assert f"[default: {getattr(Config(), name)}]" in options[name]


def test_without_the_page_s_packages_the_table_is_there(nfloat, tmp_path, monkeypatch):
    def missing(*_):
        raise MissingExtraError("a report needs jinja2: pip install 'nfloat[studies]'")

    monkeypatch.setattr("nfloat.report.page.render", missing)
    done = nfloat(*SMALL, "--out", "out")
    assert done.code == 0 and done.out.splitlines()[-1] == "rows: out/rows.jsonl"
    assert [line.split()[0] for line in done.out.splitlines()[1:3]] == ["float64", "bf16-pure"]
    assert "no page was made: a report needs jinja2: pip install 'nfloat[studies]'; then: nfloat report out" in done.err
    assert json.loads(nfloat(*SMALL, "--out", "out", "--json").out)["report"] is None


def test_a_page_that_is_not_one_of_nfloat_s_is_kept(nfloat, tmp_path):
    assert nfloat(*SMALL, "--out", "out").code == 0
    (tmp_path / "mine.html").write_text("<p>mine")
    (tmp_path / "out" / "report.html").unlink()
    (tmp_path / "out" / "report.html").symlink_to("../mine.html")
    for args in (("report", "out"), ("report", "out", "--out", "mine.html")):
        done = nfloat(*args)
        assert done.code == 2 and "never replaced" in done.err
    assert (tmp_path / "mine.html").read_text() == "<p>mine"


def test_somebody_s_own_folder_is_left_alone(nfloat, tmp_path):
    (tmp_path / "config.toml").write_text("mine = true\n")
    done = nfloat(*SMALL, "--out", ".")
    assert done.code == 2 and "config.toml that nfloat did not write" in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["config.toml"]

"""``nfloat study``: tables, files, exit codes, interruption, export."""

import json
import subprocess
import sys

import pytest
from expected import assert_mistake, assert_rows_stay

from nfloat.cli.main import group
from nfloat.studies import STUDIES, input_formats

SMALL = (
    "study",
    "run",
    "input-formats",
    "--set",
    'formats=["bfloat16", "tfloat32"]',
    "--set",
    "k=[16, 32]",
    "--set",
    "size=64",
)


def test_list(nfloat):
    lines = nfloat("study", "list").out.splitlines()
    assert [line.split()[0] for line in lines if line and line[0] != " "] == [*STUDIES, "All"]
    assert [line.strip() for line in lines if line.startswith(" ")] == [study.see for study in STUDIES.values()]
    assert max(map(len, lines)) <= 80
    assert any(line.split() == ["swamping", "29", "s", "Wang", "et", "al.", "2018"] for line in lines)
    facts = json.loads(nfloat("study", "list", "--json").out)
    assert [item["name"] for item in facts] == list(STUDIES)
    assert facts[0]["params"]["repeats"] == 300


@pytest.mark.parametrize("name", ["list", "run", "resume", "export"])
def test_help(nfloat, name):
    assert name in group.get_command(None, "study").commands
    done = nfloat("study", name, "--help")
    assert done.code == 0
    assert f"  nfloat study {name}" in done.out
    assert "--json" in done.out
    assert max(map(len, done.out.splitlines())) <= 100


def test_it_writes_what_it_says(nfloat, tmp_path):
    done = nfloat(*SMALL, "--out", "out")
    lines = done.out.splitlines()
    assert lines[0].split() == ["figure", "expected", "measured", "ok"]
    assert lines[-1] == "page: out/report.html"
    figures = len(lines) - 4
    right = sum(line.endswith("yes") for line in lines)
    assert lines[-2] == f"{right} of {figures} figures within tolerance"
    assert done.code == (0 if right == figures else 1)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "config.toml",
        "provenance.json",
        "report.html",
        "rows.jsonl",
    ]
    assert done.err.splitlines()[-1].startswith("[1/1] input-formats: 4 steps in ")


def test_a_figure_outside_its_tolerance_ends_in_1(nfloat, tmp_path, monkeypatch):
    assert nfloat(*SMALL, "--set", "repeats=8", "--out", "a").code == 0
    monkeypatch.setitem(input_formats.EXPECTED, "bfloat16", (1e-3, 55.6))
    done = nfloat(*SMALL, "--set", "repeats=8", "--out", "b")
    assert done.code == 1
    assert [line.split()[-1] for line in done.out.splitlines() if line.startswith("bfloat16, K = 16: Frobenius")] == [
        "NO"
    ]
    assert (
        "figures lie outside the tolerance: bfloat16, K = 16: Frobenius" in (tmp_path / "b" / "report.html").read_text()
    )


def test_json_alone_stands_on_stdout(nfloat):
    done = nfloat(*SMALL, "--set", "repeats=8", "--json")
    facts = json.loads(done.out)
    assert facts["ok"] is True
    assert facts["study"] == "input-formats"
    assert facts["rows"] == 4
    assert facts["report"] == "nfloat-study-input-formats/report.html"
    (ratio,) = [c for c in facts["checks"] if c["figure"] == "bfloat16 / tfloat32, K = 32"]
    assert ratio["low"] <= ratio["measured"] <= ratio["high"]
    assert ratio["source"]


def test_parameters_without_a_published_figure(nfloat):
    done = nfloat(
        "study",
        "run",
        "swamping",
        "--set",
        'formats=["e5m6"]',
        "--set",
        "n=[100]",
        "--set",
        "growth_n=[]",
        "--seed",
        "4",
    )
    assert done.code == 0
    assert "no published figure applies to these parameters" in done.out


def test_the_written_plan_runs_it_again(nfloat, tmp_path):
    nfloat(*SMALL, "--seed", "5", "--out", "a")
    nfloat("study", "run", "input-formats", "--config", "a/config.toml", "--out", "b")
    for name in ("rows.jsonl", "config.toml", "report.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert '"seed":5' in (tmp_path / "b" / "rows.jsonl").read_text()


def test_report_makes_the_page_again(nfloat, tmp_path):
    nfloat(*SMALL, "--out", "out")
    page = (tmp_path / "out" / "report.html").read_bytes()
    (tmp_path / "out" / "report.html").unlink()
    assert nfloat("report", "out").out == "out/report.html\n"
    assert (tmp_path / "out" / "report.html").read_bytes() == page


def test_interrupted_and_resumed(nfloat, tmp_path, monkeypatch):
    nfloat(*SMALL, "--out", "whole")
    study = STUDIES["input-formats"]
    real, calls = study.measure, []

    def stops(cell, seed):
        calls.append(cell)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(cell, seed)

    stops.__module__ = real.__module__
    object.__setattr__(study, "measure", stops)
    try:
        done = nfloat(*SMALL, "--out", "out")
    finally:
        object.__setattr__(study, "measure", real)
    assert done.code == 3
    assert (
        done.err.splitlines()[-1]
        == "nfloat: interrupted; the rows so far are in out/rows.jsonl; go on with: nfloat study resume out"
    )
    assert (tmp_path / "out" / "rows.jsonl").read_text().count("\n") == 2
    assert nfloat("report", "out").code == 0
    assert "This run is not complete: it has 2 of 4 cells" in (tmp_path / "out" / "report.html").read_text()
    assert nfloat("study", "resume", "out").code in (0, 1)
    for name in ("rows.jsonl", "config.toml", "report.html"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_export(nfloat, tmp_path):
    nfloat(*SMALL, "--out", "out")
    assert nfloat("study", "export", "out").out == "out/rows.parquet\n"
    assert json.loads(nfloat("study", "export", "out", "--format", "csv", "--json").out) == {"file": "out/rows.csv"}
    assert (
        (tmp_path / "out" / "rows.csv").read_text().startswith("study,seed,format,k,size,repeats,frobenius,sqnr_db\n")
    )


def test_export_of_a_drift_run(nfloat, tmp_path):
    nfloat("drift", "--data", "blobs", "--width", "4", "--steps", "2", "--recipes", "tf32", "--out", "run")
    assert nfloat("study", "export", "run", "--format", "csv").code == 0
    assert (
        (tmp_path / "run" / "rows.csv").read_text().startswith("recipe,seed,step,layer,tensor,metric,value\ntf32,0,0,")
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("run", "stagnaton"), "NAME='stagnaton' is unknown; did you mean 'stagnation'"),
        (("run",), "Missing argument 'NAME'"),
        (("run", "swamping", "--set", "n=1,2"), "set='n=1,2' is no TOML assignment"),
        (("run", "swamping", "--set", "m=[1]"), "params: unknown key 'm'"),
        (("run", "swamping", "--set", "n=['a']"), "params: Expected `int`, got `str`"),
        (("run", "swamping", "--seed", "-1"), "seed=-1 must be an integer in 0..2^63-1"),
        (("run", "swamping", "--config", "none.toml"), "config='none.toml' cannot be read"),
        (
            ("run", "swamping", "--config", "other.toml"),
            "config='other.toml' is of the study 'long-gemm', not of 'swamping'",
        ),
        (("run", "swamping", "--out", "file/out"), "out='file/out' cannot be written"),
        (("resume", "nowhere"), "FOLDER='nowhere' is not of a study"),
        (("export", "nowhere"), "nowhere/rows.jsonl: cannot be read"),
        (("export", "nowhere", "--format", "xlsx"), "format='xlsx' is unknown"),
        (("rum", "swamping"), "No such command 'rum'"),
    ],
)
def test_mistakes_end_in_one_line_and_leave_nothing(nfloat, tmp_path, args, words):
    (tmp_path / "file").write_text("")
    (tmp_path / "other.toml").write_text('study = "long-gemm"\n')
    before = sorted(tmp_path.rglob("*"))
    done = nfloat("study", *args)
    assert_mistake(done, words)
    assert sorted(tmp_path.rglob("*")) == before


def test_another_plan_s_rows_are_not_overwritten_silently(nfloat, tmp_path):
    assert_rows_stay(nfloat, tmp_path / "out", SMALL, "another plan")


def test_listing_loads_no_compiler_and_no_pictures():
    code = (
        "import sys\nfrom nfloat.cli.main import main\n"
        "try:\n    main(['study', 'list'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert not {'numba', 'scipy', 'matplotlib', 'jinja2', 'msgspec'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

"""The folder of a run, and rows as one table."""

import csv
import json
import math
import sys

import pyarrow.parquet
import pytest

import nfloat as nf
from nfloat.errors import ArgumentError, MissingExtraError
from nfloat.runs.config import top_keys
from nfloat.runs.rows import from_line, read_rows
from nfloat.studies import STUDIES, Plan, export, run
from nfloat.studies.experiment import Result, execute, read_folder
from nfloat.studies.folder import open_folder
from nfloat.studies.selection import distinct, points, where

STUDY = STUDIES["input-formats"]
PLAN = Plan(STUDY, STUDY.small)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "out"
    run("input-formats", STUDY.small, out=path)
    return path


def test_files(folder):
    assert sorted(p.name for p in folder.iterdir()) == ["config.toml", "provenance.json", "report.html", "rows.jsonl"]
    facts = json.loads((folder / "provenance.json").read_text())
    assert facts["complete"] is True
    assert facts["packages"]["nfloat"] == nf.__version__
    assert "study" in top_keys(folder / "config.toml")
    assert top_keys(folder.parent / "config.toml") == set()


def test_nothing_in_the_rows_tells_one_run_from_another(folder, tmp_path):
    execute(PLAN, out=tmp_path)
    for name in ("rows.jsonl", "config.toml"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_read_back(folder):
    result = read_folder(folder, STUDIES.values())
    assert result.plan == PLAN
    assert result.complete
    assert result.rows == STUDY.run(STUDY.small, 0)


def test_write_is_the_same_as_running_into_it(folder, tmp_path):
    Result(PLAN, STUDY.run(STUDY.small, 0)).write(tmp_path / "new")
    for name in ("rows.jsonl", "config.toml", "report.html"):
        assert (tmp_path / "new" / name).read_bytes() == (folder / name).read_bytes()


def test_another_plan_or_version_is_refused(tmp_path):
    execute(PLAN, out=tmp_path)
    before = (tmp_path / "rows.jsonl").read_bytes()
    with pytest.raises(ArgumentError, match="holds rows of another plan; choose another folder, or --overwrite"):
        execute(Plan(STUDY, STUDY.small, 1), out=tmp_path)
    facts = json.loads((tmp_path / "provenance.json").read_text())
    (tmp_path / "provenance.json").write_text(json.dumps({**facts, "code": "other"}))
    with pytest.raises(ArgumentError, match="another version of nfloat"):
        execute(PLAN, out=tmp_path)
    assert (tmp_path / "rows.jsonl").read_bytes() == before
    execute(Plan(STUDY, STUDY.small, 1), out=tmp_path, overwrite=True)
    assert (tmp_path / "rows.jsonl").read_bytes() != before


def test_cells_that_came_in_another_order_end_in_the_grid_s(tmp_path):
    execute(PLAN, out=tmp_path)
    whole = (tmp_path / "rows.jsonl").read_text()
    rows = read_rows(tmp_path / "rows.jsonl", from_line)
    with open_folder(tmp_path, PLAN, overwrite=True) as folder:
        folder.append([rows[-1], rows[0]])
    execute(PLAN, out=tmp_path)
    assert (tmp_path / "rows.jsonl").read_text() == whole


def test_folders_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="cannot be written: Not a directory"):
        execute(PLAN, out=tmp_path / "file" / "out")
    with pytest.raises(ArgumentError, match="is not of a study"):
        read_folder(tmp_path, STUDIES.values())


def test_selection():
    rows = [{"f": "a", "n": 2, "y": 1.0}, {"f": "b", "n": 1, "y": 2.0}, {"f": "b", "n": 0, "y": None}]
    assert where(rows, f="b", n=1) == [rows[1]]
    assert points(rows, "n", "y") == [(1.0, 2.0), (2.0, 1.0)]
    assert distinct(rows, "f") == ["a", "b"]


def test_csv(folder, tmp_path):
    path = export(folder, "csv", tmp_path / "rows.csv")
    rows = read_rows(folder / "rows.jsonl", from_line)
    with open(path, newline="") as file:
        found = list(csv.DictReader(file))
    assert [float(row["frobenius"]) for row in found] == [row["frobenius"] for row in rows]
    assert list(found[0]) == list(rows[0])
    assert export(folder, "csv") == folder / "rows.csv"


def test_parquet(folder, tmp_path):
    path = export(folder, "parquet", tmp_path / "rows.parquet")
    assert pyarrow.parquet.read_table(path).to_pylist() == read_rows(folder / "rows.jsonl", from_line)


def test_parquet_of_mixed_columns(tmp_path):
    rows = [{"n": None, "x": 1}, {"n": 3, "x": 0.5, "late": "w"}, {"n": 4, "x": "inf"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = pyarrow.parquet.read_table(export(tmp_path))
    assert table.to_pylist() == [
        {"n": None, "x": 1.0, "late": None},
        {"n": 3, "x": 0.5, "late": "w"},
        {"n": 4, "x": math.inf, "late": None},
    ]


def test_export_mistakes(folder, tmp_path, monkeypatch):
    with pytest.raises(ArgumentError, match="format='xlsx' is unknown; it must be one of parquet, csv"):
        export(folder, "xlsx")
    with pytest.raises(ArgumentError, match=r"rows\.jsonl: cannot be read"):
        export(tmp_path)
    (tmp_path / "rows.jsonl").write_text("")
    with pytest.raises(ArgumentError, match="has no rows yet"):
        export(tmp_path)
    with pytest.raises(ArgumentError, match="cannot be written"):
        export(folder, "csv", tmp_path / "none" / "rows.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nfloat\[studies\]' \(or --format csv\)"):
        export(folder)

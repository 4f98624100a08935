"""A sweep's rows, and the Parquet made of them, load into other people's tools without a line of ours."""

import pytest

import nfloat as nf
from nfloat.runs.export import export


def test_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    grid = nf.sweep.Grid("product", {"accumulator": ["bfloat16", "float32"], "k": [16, 64], "size": 4})
    sweep = nf.sweep.run(grid, tmp_path, workers=1, report=False)
    rows = list(sweep.rows())
    lines = pandas.read_json(tmp_path / "rows.jsonl", lines=True, precise_float=True)
    table = pandas.read_parquet(export(tmp_path))
    for frame in (lines, table):
        assert frame["key"].tolist() == [row["key"] for row in rows]
        assert frame["error"].tolist() == [row["error"] for row in rows]
        assert frame["k"].tolist() == [16, 64, 16, 64]
        assert frame.groupby("accumulator")["error"].mean()["bfloat16"] > 1e-4

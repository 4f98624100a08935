"""Rows as lines: every bit survives the file, infinities too; a broken line is named, a cut one left out."""

import math

import pytest

from nfloat.errors import ArgumentError
from nfloat.runs.rows import from_line, read_rows, to_line, to_lines


def test_lines_keep_every_bit_and_what_is_not_finite():
    row = {"format": "e6m9", "n": 3, "x": 0.1, "none": None, "inf": math.inf, "minus": -math.inf, "tiny": 5e-324}
    assert from_line(to_line(row)) == row
    assert from_line('{"x":"nan"}')["x"] != from_line('{"x":"nan"}')["x"]
    for line in ("[1]", "{", '{"x":[1]}', '{"x":{}}'):
        with pytest.raises(ArgumentError, match="is not a row"):
            from_line(line)


def test_a_broken_line_is_named(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"x":1}\nx\n{"x":2}\n')
    with pytest.raises(ArgumentError, match=r"rows.jsonl, line 2: line='x' is not a row"):
        read_rows(tmp_path / "rows.jsonl", from_line)
    (tmp_path / "rows.jsonl").write_text('{"x":1}\n{"x":')
    assert read_rows(tmp_path / "rows.jsonl", from_line) == [{"x": 1}]
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_rows(tmp_path / "none", from_line)


def test_a_file_of_rows(tmp_path):
    rows = [{"step": i, "value": i / 3} for i in range(5)]
    path = tmp_path / "rows.jsonl"
    path.write_text(to_lines(rows))
    assert read_rows(path, from_line) == rows
    with path.open("a") as file:
        file.write('{"step":5,"val')  # what an interrupted write leaves
    assert read_rows(path, from_line) == rows

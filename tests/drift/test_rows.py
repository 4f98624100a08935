"""Rows of a drift run: every bit of a value comes back from its line; what is not a row is named."""

import json
import math
import random
import struct

import pytest

from nfloat.drift.rows import MODEL, ROW_KEYS, Key, Row, by_series, from_line
from nfloat.errors import ArgumentError
from nfloat.runs.rows import to_line


def row(value, step=0):
    return Row(recipe="tf32", seed=0, step=step, layer=MODEL, tensor="loss", metric="train_loss", value=value)


def test_every_bit_survives():
    draw = random.Random(1)
    values = [struct.unpack("<d", draw.randbytes(8))[0] for _ in range(300)] + [0.0, -0.0, 5e-324, math.inf, -math.inf]
    for value in (v for v in values if v == v):
        back = from_line(to_line(row(value)))["value"]
        assert struct.pack("<d", back) == struct.pack("<d", value)
    assert math.isnan(from_line(to_line(row(math.nan)))["value"])


def test_lines_are_standard_json():
    for value in (1.5, math.inf, -math.inf, math.nan):
        loaded = json.loads(to_line(row(value)), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert tuple(loaded) == ROW_KEYS


@pytest.mark.parametrize("line", ["", "3", "[]", "{", '{"recipe":"a"}', to_line(row(1.0)).replace("1.0", '"much"')])
def test_no_row(line):
    with pytest.raises(ArgumentError, match="is not a row"):
        from_line(line)


def test_a_row_of_a_version_without_seeds_is_called_so():
    old = {key: value for key, value in row(1.0).items() if key != "seed"}
    with pytest.raises(ArgumentError, match="an older version of nfloat wrote this row"):
        from_line(to_line(old))


def test_series_keep_the_order():
    series = by_series([row(2.0, 10), row(1.0, 0)])
    assert series == {Key("tf32", MODEL, "loss", "train_loss"): [(10, 2.0), (0, 1.0)]}


@pytest.mark.parametrize("word", ["nan", "inf", "-inf"])
def test_words_that_look_like_numbers_stay_words(word):
    row = {"recipe": word, "seed": 0, "step": 1, "layer": word, "tensor": word, "metric": word, "value": float("nan")}
    assert str(from_line(to_line(row))) == str(row)

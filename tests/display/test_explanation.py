"""Pictures of bits for every named format, and what `explain` says where there is something to trip over."""

import math
import xml.etree.ElementTree as ElementTree

import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat.display import bit_fields, bit_svg, bit_text, explain, format_html, special_values
from nfloat.display.beside import beside
from nfloat.errors import ArgumentError
from nfloat.ops import rounder

NAMES = [*nf.FORMATS, "e6m9", "binary8p4se", "binary8p1uf", "fixed16.8", "fixed16.20", "fixed8.-3", "int4"]


@in_one_test("name", NAMES)
def test_fields_are_all_the_bits(name):
    bits = nf.get_format(name).bits
    for code in (0, 1, 2**bits - 1, 2**bits // 3):
        fields = bit_fields(name, code)
        assert "".join(part.bits for part in fields) == f"{code:0{bits}b}"
        assert all(part.bits for part in fields)
        assert bit_text(name, code).replace(" ", "") == f"{code:0{bits}b}"


@in_one_test("name", NAMES)
def test_pictures(name):
    fmt = nf.get_format(name)
    for code in (None, 1):
        text = bit_svg(fmt, code)
        root = ElementTree.fromstring(text)
        boxes = [float(node.get("width")) for node in root if node.tag.endswith("rect")]
        assert sum(boxes) / (16 if fmt.bits <= 32 else 10) == fmt.bits
        assert "currentColor" in text
        assert "<script" not in text
        assert fmt.bits > 16 or len(text) < 4096
    assert fmt.name in format_html(fmt)


def test_names_are_escaped():
    fmt = nf.Format(name='<"&>', precision=3, emin=-2, emax=3)
    assert "<&" not in format_html(fmt)
    ElementTree.fromstring(bit_svg(fmt, 1))


@pytest.mark.parametrize("code", [-1, 256, 1.0, True, "1"])
def test_no_code(code):
    with pytest.raises(ArgumentError, match=r"must be an integer in 0\.\.2\^8 - 1"):
        bit_fields("float8_e5m2", code)


def test_special_values_in_words():
    assert special_values("float8_e8m0fnu") == "NaN"
    assert special_values("int8") == "none"
    assert special_values("float8_e4m3fn") == "NaN, -0, subnormals"


def test_explain_agrees_with_round_and_encode():
    for value in (0.1, -0.1, 1e-9, 448.0, 500.0):
        told = explain(value, "float8_e4m3fn")
        for outcome in told.outcomes:
            rounded = float(nf.round(value, "float8_e4m3fn", outcome.rounding))
            assert outcome.value == rounded or (math.isnan(outcome.value) and math.isnan(rounded))
            assert outcome.code == int(nf.encode(value, "float8_e4m3fn", outcome.rounding))


def test_explain_share_and_errors():
    told = explain(1.0 + 2.0**-9, "bfloat16")
    assert (told.below, told.above, told.share_up) == (1.0, 1.0078125, 0.25)
    nearest = told.outcomes[0]
    assert (nearest.value, nearest.error, nearest.error_ulp) == (1.0, -(2.0**-9), -0.25)


def test_explain_where_there_is_no_gap():
    assert explain(2.5, "float16").share_up == 0.0
    beyond = explain(1e6, "float16")
    assert (beyond.below, beyond.above, beyond.share_up) == (65504.0, math.inf, None)
    assert {outcome.error_ulp for outcome in beyond.outcomes} == {None}
    without = explain(math.nan, "float4_e2m1fn")
    assert {outcome.code for outcome in without.outcomes} == {None}


def test_what_is_beyond_the_range_is_not_called_on_the_grid(capsys):
    from nfloat.cli.main import main

    for value, words in (("1000", "beyond the range, and becomes 6.0"), ("6", "on the grid: 6.0")):
        with pytest.raises(SystemExit):
            main(["explain", value, "--format", "fp4"])
        assert words in capsys.readouterr().out


def test_a_first_answer_needs_few_kernels(monkeypatch):
    """Seconds on a machine that has compiled nothing: one kernel rounds single numbers to every format."""
    asked = set()
    rounder._compiled.cache_clear()  # what an earlier test asked for
    true = rounder.entry_point
    monkeypatch.setattr(rounder, "entry_point", lambda kernel, *rest: (asked.add(kernel), true(kernel, *rest))[1])
    nf.explain(0.1, "bfloat16")
    beside(0.1)
    assert [kernel.__name__ for kernel in asked] == ["round_plain"]

"""Pictures: well-formed, in words too, on light and dark pages; what is drawn is where it belongs."""

import itertools
import math
from random import Random
from xml.etree import ElementTree

import numpy as np
import pytest

import nfloat as nf
from nfloat.display.formats import values_between
from nfloat.errors import ArgumentError
from nfloat.pictures.bits import FIELD_COLOURS, meaning
from nfloat.pictures.lines import ticks
from nfloat.testing.grid import codes_of
from nfloat.testing.random_formats import random_format

PICTURES = {
    "bits": lambda: nf.display.bits(0.1, "bf16", "e4m3fn", "fixed8.4", "e8m0"),
    "layouts": lambda: nf.display.bit_layouts(*nf.FORMATS.values()),
    "line": lambda: nf.display.number_line("fp4", "e4m3fn", "bf16", "int8", high=4.0, marks=[0.7]),
    "ranges": lambda: nf.display.ranges("fp16", "bf16", "e4m3fn", "dlfloat16", "e8m0", "fixed16.8"),
}


def contrast(colour, other):
    """WCAG 2's ratio of two colours' brightness."""

    def brightness(text):
        parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((brightness(colour), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_says_what_it_shows_on_any_page(name, tmp_path):
    picture = PICTURES[name]()
    root = ElementTree.fromstring(picture.svg)
    assert root.get("role") == "img" and root[0].tag.endswith("title") and root[1].tag.endswith("desc")
    assert root.get("aria-label") == root[0].text and root[1].text
    assert (
        "prefers-color-scheme:dark" in picture.svg
        and "<script" not in picture.svg
        and "on" + "click" not in picture.svg
    )
    fills = {node.get("fill") for node in root.iter() if node.tag.endswith("text")}
    assert fills <= {"currentColor", "#000"}
    picture.save(tmp_path / "a.svg")
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text() == picture.svg == picture._repr_html_()
    assert repr(picture).startswith("Picture('")


def test_a_file_of_somebody_else_is_kept(tmp_path):
    path = tmp_path / "mine.svg"
    path.write_text("<svg>mine</svg>")
    with pytest.raises(ArgumentError, match="never replaced"):
        PICTURES["ranges"]().save(path)
    with pytest.raises(ArgumentError, match="cannot be written"):
        PICTURES["ranges"]().save(tmp_path / "no" / "a.svg")


def test_black_text_can_be_read_on_every_box():
    assert all(contrast(colour, "#000000") > 7 for colour in FIELD_COLOURS.values())
    assert contrast("#1a1d21", "#ffffff") > 12 and contrast("#e6e9ec", "#14171a") > 12


@pytest.mark.parametrize(
    "name", ["fp4", "e2m3", "e4m3fn", "e5m2fnuz", "e8m0", "fixed8.4", "int4", "dlfloat16", "binary6p3se"]
)
def test_ticks_are_the_numbers_of_the_format(name):
    fmt = nf.get_format(name)
    every = np.unique(nf.decode(np.arange(2**fmt.bits), fmt).astype(float) + 0.0)
    for low, high in ((-2.0, 3.0), (0.0, 1.0), (0.3, 0.31), (-fmt.max, fmt.max), (fmt.max * 2, fmt.max * 3)):
        expected = every[(every >= low) & (every <= high)].tolist()
        given = values_between(fmt, low, high)
        assert given == expected if given is not None else len(expected) > 400


def _formulas_are_right(fmt):
    """Every code's formula, computed; special values by their names."""
    for code, value in enumerate(np.atleast_1d(nf.decode(np.arange(2**fmt.bits), fmt)).tolist()):
        text = meaning(fmt, code)
        if math.isnan(value):
            assert text == "NaN"
        elif math.isinf(value):
            assert text == ("- infinity" if value < 0 else "+ infinity")
        else:
            assert eval(text.replace("^", "**").replace(" x ", "*").replace("2**-", "2.0**-")) == value


@pytest.mark.parametrize("name", [name for name, fmt in nf.FORMATS.items() if fmt.bits <= 8])
def test_a_formula_gives_the_number(name):
    _formulas_are_right(nf.FORMATS[name])


def test_formulas_of_formats_at_random():
    for k in range(150):
        _formulas_are_right(random_format(Random(k), accept=lambda f: f.bits <= 7 and not f.flushes_input))


@pytest.mark.parametrize("most, bits", [(4, 0), (5, 1), (6, 2)])
def test_formats_of_fewer_bits_than_a_significand(most, bits):
    """A few numbers of one binade; of one number, the code has no bits."""
    fmt = nf.Format(
        name="few", precision=3, emin=-13, emax=-13, signed=False, has_inf=False, nan="none", max_significand=most,
        lowest_binade="normal",
    )  # fmt: skip
    assert (fmt.bits, nf.finfo(fmt).nexp) == (bits, 0)
    _formulas_are_right(fmt)
    assert "few" in nf.explain(0.1, fmt)._repr_html_()
    assert [codes_of(nf.decode([most - 4], fmt), fmt)] == nf.encode([1.0], fmt)


def test_a_line_reads_from_left_to_right():
    root = ElementTree.fromstring(nf.display.number_line("fp4", high=6.0).svg)
    (path,) = [node.get("d") for node in root.iter() if (node.get("d") or "").count("M") == 8]
    places = [float(part.split()[0]) for part in path.split("M")[1:]]
    gaps = [round(b - a) for a, b in itertools.pairwise(places)]
    assert gaps[0] * 4 == pytest.approx(gaps[-1], abs=4) and sorted(gaps) == gaps  # 0 0.5 1 1.5 2 3 4 6


def test_arguments_that_make_no_picture():
    with pytest.raises(ArgumentError, match=r"formats=\(\)"):
        nf.display.ranges()
    with pytest.raises(ArgumentError, match="low less than high"):
        nf.display.number_line("fp4", low=3.0, high=1.0)
    assert ticks(1.0, 2.0) == [1.0, 1.2, 1.4, 1.6, 1.8, 2.0]

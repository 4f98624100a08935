"""Charts: well-formed SVG that needs nothing from outside, follows the page's and is the same to the byte."""

import itertools
import math
import re
import xml.etree.ElementTree as ElementTree

import pytest

from nfloat.report.charts import Bars, Line, Range, bar_chart, line_chart, range_chart, spread

LINES = [
    Line("one", [(0, 1.0), (1, 0.1)], "#3b83c7"),
    Line("two", [(0, 0.0), (1, math.inf), (2, 0.2)], "#d55e00", "dashed"),
]


def charts():
    ranges = [
        Range("tf32", "layer 0", 1e-3, 5e-4, 2e-3, "#3b83c7"),
        Range("bf16", "layer 2", 1e-2, 5e-3, 2e-2, "#d55e00"),
    ]
    return {
        "lines": line_chart("lines", LINES, x_label="step", y_label="gap & more"),
        "ranges": range_chart("ranges", ranges, x_label="error"),
        "bars": bar_chart("bars", ["tf32", "bf16"], [Bars("lost", [0.8, None], ["#3b83c7", "#d55e00"])]),
    }


@pytest.fixture(scope="module")
def drawn():
    return charts()


def test_same_bytes(drawn):
    assert charts() == drawn


def test_the_user_s_matplotlib_settings_change_nothing(drawn):
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9, "svg.fonttype": "path"}):
        assert charts() == drawn


def test_well_formed_and_self_contained(drawn):
    for text in drawn.values():
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "metadata" not in text
        assert "<script" not in text
        assert 'href="http' not in text


def test_ids_belong_to_one_chart(drawn):
    seen = set()
    for slug, text in drawn.items():
        ids = [node.get("id") for node in ElementTree.fromstring(text).iter() if node.get("id")]
        assert all(name.startswith(slug + "-") for name in ids)
        assert len(set(ids)) == len(ids)
        assert not seen & set(ids)
        seen |= set(ids)


def test_colours_of_the_page(drawn):
    for text in drawn.values():
        assert "currentColor" in text
        assert "#010203" not in text
        assert "#040506" not in text


def test_text_stays_text(drawn):
    assert ">one<" in drawn["lines"]
    assert ">gap &amp; more<" in drawn["lines"]
    assert ">80 %<" in drawn["bars"]
    assert ">layer 2<" in drawn["ranges"]


def test_nothing_to_draw_is_still_a_chart():
    text = line_chart("empty", [Line("zero", [(0, 0.0), (1, 0.0)], "#3b83c7")], x_label="step", y_label="gap")
    assert "zero" not in text
    ElementTree.fromstring(text)


def test_panels_of_bars_share_their_scale():
    bars = [Bars("a", [0.5, 0.25], ["#111111"] * 2), Bars("b", [0.05, None], ["#222222"] * 2)]
    text = bar_chart("bars", ["x", "y"], bars)
    width = {c: max(extent(text, c)) for c in ("#111111", "#222222")}
    assert width["#111111"] == pytest.approx(10 * width["#222222"], rel=0.01)


def extent(text, colour):
    """The widths of the filled shapes of a colour."""
    for path in re.findall(rf'<path d="([^"]*)"[^>]*style="fill: {colour}"', text):
        x = [float(v) for v in re.findall(r"[ML] ([-\d.]+) ", path)]
        yield max(x) - min(x)


def test_shares_are_in_per_cent_on_axes():
    lines = [Line("a", [(0, 0.1), (1, 0.2)], "#111111")]
    assert "20 %" in line_chart("l", lines, x_label="step", y_label="share", log=False, percent=True)
    assert " %" in range_chart("r", [Range("a", "layer 0", 0.1, 0.01, 0.2, "#111111")], x_label="error")


@pytest.mark.parametrize("places", [[], [3.0], [0.0, 0.0, 0.0], [0.0, 1.0, 9.0, 9.5, 50.0], [5.0, 5.1, 5.2, 5.3, 5.4]])
def test_labels_are_moved_apart_in_order(places):
    apart = spread(places, 2.0)
    assert len(apart) == len(places)
    assert all(b - a >= 2.0 - 1e-9 for a, b in itertools.pairwise(apart))
    if places:
        assert sum(apart) == pytest.approx(sum(places))

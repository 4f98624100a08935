"""Lines on panels: what is drawn, what is left out, and that equal data give equal bytes."""

import math
import re

import pytest

from nfloat.report.charts import INK, Line
from nfloat.report.panels import Lines, panel_chart
from nfloat.report.styles import styled

LABELS = {"x_label": "length", "y_label": "error"}


def line(label, *values, colour="#3b83c7"):
    return Line(label, [(2.0**i, value) for i, value in enumerate(values, start=4)], colour)


def test_same_data_same_bytes():
    panels = [
        Lines("a", [line("one", 1.0, 2.0)], [line("bound", 4.0, 8.0, colour=INK)]),
        Lines("b", [line("one", 2.0, 3.0)]),
    ]
    assert panel_chart("p", panels, **LABELS) == panel_chart("p", panels, **LABELS)
    assert panel_chart("p", panels[:1], **LABELS) == panel_chart("p", panels[:1], **LABELS)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_every_panel_and_name_is_there(count):
    panels = [Lines(f"panel{i}", [line("one", 1.0, 2.0), line("two", 3.0, 1.0)]) for i in range(count)]
    text = panel_chart("p", panels, **LABELS)
    for name in ("one", "two", *(panel.title for panel in panels if count > 1)):
        assert f">{name}<" in text
    assert INK not in text
    assert "currentColor" in text


def test_single_panel_names_lines_at_their_ends_and_thin_ones_of_their_own():
    text = panel_chart(
        "p",
        [Lines("", [line("kahan", 1.0, 2.0)], [line("kahan", 4.0, 5.0), line("n u", 9.0, 9.0, colour=INK)])],
        **LABELS,
    )
    assert text.count(">kahan<") == 1
    assert text.count(">n u<") == 1


def test_what_cannot_be_drawn_is_left_out():
    odd = line("odd", 1.0, math.nan, math.inf, 0.0, -1.0, 2.0)
    text = panel_chart("p", [Lines("", [odd, line("zero", 0.0, 0.0)])], **LABELS)
    assert ">odd<" in text
    assert ">zero<" not in text
    assert "nan" not in re.sub(r"[^ -~]", "", text).lower().replace("nanum", "")
    assert ">zero<" in panel_chart("p", [Lines("", [odd, line("zero", 0.0, 0.0)])], log_y=False, **LABELS)
    panel_chart("p", [Lines("", [])], **LABELS)


def test_lengths_are_ticks_where_they_are_few():
    text = panel_chart("p", [Lines("", [Line("a", [(16, 1.0), (1000, 1.0), (16384, 1.0)], "#d55e00")])], **LABELS)
    assert [tick for tick in (">16<", ">1k<", ">16k<") if tick not in text] == []


def test_styles_differ():
    styles = styled([str(i) for i in range(32)])
    assert len(set(map(str, styles.values()))) == 32

"""Heat maps and fronts: every cell says its number, what is not finite is not coloured, order is kept in grey."""

import math
import re
from xml.etree import ElementTree

from nfloat.report.grids import Point, _mixed, _octaves, _shades, front_chart, heat_chart
from nfloat.report.palette import styles


def test_every_cell_says_its_number():
    values = {("a", "1"): 0.001234, ("a", "2"): math.inf, ("b", "2"): 5.0}
    text = heat_chart("h", ("a", "b"), ("1", "2"), values, x_label="lr", y_label="recipe")
    ElementTree.fromstring(text)
    assert [word for word in (">0.00123<", ">inf<", ">5<", ">lr<", ">recipe<") if word not in text] == []
    assert text == heat_chart("h", ("a", "b"), ("1", "2"), values, x_label="lr", y_label="recipe")


def test_shades_keep_their_order():
    values = [1e-6, 1e-3, 0.5, 0.6, 2.0, 1e4]
    shades = [_shades(values)(value) for value in values]
    assert shades == sorted(shades)
    assert (shades[0], shades[-1]) == (0.0, 1.0)
    linear = [_shades([-1.0, 0.0, 1.0])(value) for value in (-1.0, 0.0, 1.0)]
    assert linear == [0.0, 0.5, 1.0]
    assert _shades([2.0])(2.0) == 0.3
    assert _shades([math.nan])(math.nan) is None
    greys = [sum(int(_mixed(shade / 8)[i : i + 2], 16) for i in (1, 3, 5)) for shade in range(9)]
    assert greys == sorted(greys, reverse=True)


def test_octaves_are_exact_at_powers_of_two():
    for k in range(-40, 40):
        assert _octaves(2.0**k) == k
        assert k < _octaves(1.5 * 2.0**k) < k + 1


def test_a_front_names_its_points_alone():
    look = styles(["a"])["a"]
    points = [
        Point("cheap", 1.0, 2.0, look, True),
        Point("good", 2.0, 1.0, look, True),
        Point("no", 3.0, 3.0, look, False),
    ]
    text = front_chart("f", points, x_label="bits", y_label="loss")
    assert ">cheap<" in text and ">good<" in text and ">no<" not in text
    assert re.search(r"bits", text)
    front_chart("f", [Point("zero", 1.0, 0.0, look, True)], x_label="bits", y_label="loss")

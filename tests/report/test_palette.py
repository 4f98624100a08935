"""The palette: what has a name of its own looks the same everywhere, and no two that stand together look alike."""

from collections import Counter

from in_one_test import in_one_test

import nfloat as nf
from nfloat.formats.names import get_format
from nfloat.report.palette import DASHES, FIXED, MARKS, PALETTE, colours, styles

NAMES = [str(i) for i in range(32)]


def test_the_first_32_names_differ_in_colour_or_dash():
    looks = styles(NAMES)
    assert len({(look.colour, str(look.dash)) for look in looks.values()}) == 32
    assert len(styles([str(i) for i in range(40)])) == 40


def test_fixed_names_differ_from_each_other():
    assert [slot for slot, count in Counter(FIXED.values()).items() if count > 1] == []
    assert all(colour in PALETTE and 0 <= number < len(DASHES) for colour, number in FIXED.values())


@in_one_test("name", FIXED)
def test_a_fixed_name_looks_the_same_whatever_stands_beside_it(name):
    assert styles([*NAMES, name])[name] == styles([name])[name] == styles(FIXED)[name]


def test_every_recipe_and_every_common_format_has_its_own():
    assert set(nf.nn.recipes) - set(FIXED) == set()
    assert {"bfloat16", "float16", "tfloat32", "float32", "float64", *nf.BLOCK_FORMATS} - set(FIXED) == set()
    assert all(get_format(name) for name in FIXED if name in nf.FORMATS or name == "e6m9")


def test_a_changed_recipe_has_the_colour_of_its_own_and_another_dash():
    looks = styles(["bf16-mixed", "bf16-mixed+weights=float16", "bfloat16, stochastic", "bf16-mixedness"])
    assert looks["bf16-mixed+weights=float16"].colour == looks["bf16-mixed"].colour
    assert looks["bfloat16, stochastic"].colour == styles(["bfloat16"])["bfloat16"].colour
    assert len({(look.colour, str(look.dash)) for look in looks.values()}) == 4


def test_in_grey_neighbours_differ_by_mark_or_dash():
    looks = list(styles(NAMES[:8]).values())
    assert len({(str(look.dash), look.mark) for look in looks}) == 8
    assert {look.mark for look in looks} <= set(MARKS)


def _luminance(colour):
    """Of a colour as it prints in grey (sRGB, Rec. 709), 0 to 1."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_is_seen_on_white_and_on_black():
    for colour in PALETTE:
        light = _luminance(colour)
        assert 1.05 / (light + 0.05) > 1.9
        assert (light + 0.05) / 0.05 > 3.0


def test_colours_are_those_of_the_styles():
    assert colours(["float16", "x"]) == {name: look.colour for name, look in styles(["float16", "x"]).items()}

"""Numbers in sentences: the edges that the examples in the docstrings leave out."""

import pytest

from nfloat.report.wording import digits, listed, loss, number, share, signed_share


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01, "0.01"),
        (0.00999, "1.0×10⁻²"),
        (99999.0, "1e+05"),
        (1.5e7, "1.5×10⁷"),
        (-0.5, "-0.5"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100 %"),
        (0.995, "99.5 %"),
        (0.9949, "99 %"),
        (0.0995, "10 %"),
        (0.00001, "0.0010 %"),
        (float("inf"), "inf"),
        (None, "–"),
    ],
)
def test_share(value, text):
    assert share(value) == text


def test_signed_share_of_what_is_no_number():
    assert signed_share(float("inf")) == "+inf"
    assert signed_share(float("nan")) == "nan"


def test_missing_values_and_empty_lists():
    assert (number(None), loss(None), digits(None), listed([])) == ("–", "–", "–", "none")

"""Plans: strict reading, changes, parameters that cannot be."""

import dataclasses
import sys

import pytest

from nfloat.errors import ArgumentError, FormatError, MissingExtraError
from nfloat.studies import STUDIES, Plan, get_study
from nfloat.studies.plan import change_params, parse_changes, read_plan, to_toml

SWAMPING = STUDIES["swamping"]


def test_lists_become_tuples_and_what_is_left_out_stays():
    params = change_params(SWAMPING.params, {"n": [64, 128], "formats": ["fp16"]})
    assert params == dataclasses.replace(SWAMPING.params, n=(64, 128), formats=("fp16",))
    assert change_params(SWAMPING.params, {}) == SWAMPING.params


def test_equal_plans_have_equal_digests():
    plan = Plan(SWAMPING, SWAMPING.params)
    assert plan.digest == Plan(SWAMPING, type(SWAMPING.params)()).digest
    assert plan.digest != Plan(SWAMPING, SWAMPING.params, 1).digest
    assert plan.digest != Plan(SWAMPING, SWAMPING.small).digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study = 'swamping'\nsead = 1", "unknown key 'sead'; did you mean 'seed'"),
        ("study = 'swampin'", "study='swampin' is unknown; did you mean 'swamping'"),
        ("seed = 1", "study=None is unknown"),
        ("study = 'swamping'\nparams = 3", "params=3 must be a table"),
        ("study = 'swamping'\nseed = -1", "seed=-1 must be an integer in 0..2^63-1"),
        ("study = 'swamping'\n[params]\nnn = [1]", "unknown key 'nn'"),
        ("study = 'swamping'\n[params]\nn = [0]", "n: 0 must be an integer of at least 1"),
        ("study = 'swamping'\n[params]\nn = ['a']", "Expected `int`, got `str`"),
        (
            "study = 'swamping'\n[params]\nmethods = ['chunk3']",
            "methods: 'chunk3' is unknown; known: nearest, stochastic",
        ),
        ("study = 'stagnation'\n[params]\nformats = ['bf61']", "'bf61' is not a number format"),
        (
            "study = 'stagnation'\n[params]\nformats = ['float64']",
            "has 53 significand bits; this study takes at most 24",
        ),
        ("study = ", "not valid TOML"),
    ],
)
def test_mistakes_name_the_key(tmp_path, text, words):
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ArgumentError) as error:
        read_plan(tmp_path / "config.toml", STUDIES.values())
    assert words in str(error.value)
    assert "config.toml" in str(error.value)


def test_more_mistakes(tmp_path):
    with pytest.raises(ArgumentError, match="cannot be read: No such file"):
        read_plan(tmp_path / "none.toml", STUDIES.values())
    with pytest.raises(ArgumentError, match="must be parameters of the study 'swamping'"):
        Plan(SWAMPING, STUDIES["long-gemm"].params)
    with pytest.raises(ArgumentError, match="set='n=1,2' is no TOML assignment"):
        parse_changes(["n=1,2"])
    with pytest.raises(ArgumentError, match="did you mean 'stagnation'"):
        get_study("stagnaton")
    with pytest.raises(FormatError, match="bf61"):
        dataclasses.replace(SWAMPING.params, formats=("bf61",))
    for repeats in (0, True, 1.5):
        with pytest.raises(ArgumentError, match="repeats: "):
            dataclasses.replace(SWAMPING.params, repeats=repeats)


def test_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nfloat\[studies\]'"):
        change_params(SWAMPING.params, {"n": [1]})


def test_toml_is_the_same_bytes(tmp_path):
    text = to_toml(Plan(SWAMPING, SWAMPING.small, 2))
    assert text.startswith('study = "swamping"\nseed = 2\n\n[params]\nformats = ["bfloat16"]\n')

"""`Accumulator`: what it accepts, what it refuses, and that it is a value."""

import pytest

import nfloat as nf
from nfloat.linalg.accumulators import Order, as_accumulator


def test_a_format_name_alone_is_sequential_fused_nearest_even():
    acc = as_accumulator("fp16")
    assert (acc.format, acc.product, str(acc.rounding), acc.order) == (
        nf.float16,
        None,
        "nearest_even",
        Order.SEQUENTIAL,
    )
    assert acc == nf.Accumulator(nf.float16) == as_accumulator(nf.float16)


def test_is_a_value():
    a = nf.Accumulator("bfloat16", order="blocked", block=128, promote="fp32")
    b = nf.Accumulator(nf.bfloat16, order=Order.BLOCKED, block=128, promote=nf.float32)
    assert a == b and hash(a) == hash(b) and len({a, b}) == 1
    assert a.result_format is nf.float32 and a.replace(promote=None).result_format is nf.bfloat16
    assert repr(a) == "Accumulator('bfloat16', order='blocked', block=128, promote='float32')"
    assert eval(repr(a), {"Accumulator": nf.Accumulator}) == a
    with pytest.raises(AttributeError):
        a.block = 3


def test_policy_must_suit_every_format():
    with pytest.raises(nf.RoundingError, match="infinity"):
        nf.Accumulator("float16", product="float8_e4m3fn", overflow="infinity")
    assert nf.Accumulator("float16", product="float8_e4m3fn", overflow="saturate").overflow == "saturate"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"order": "sequental"}, nf.AccumulatorError, "sequential"),
        ({"order": "blocked"}, nf.AccumulatorError, "block=None"),
        ({"order": "blocked", "block": 0}, nf.AccumulatorError, "block=0"),
        ({"order": "blocked", "block": 2.5}, nf.AccumulatorError, "block=2.5"),
        ({"order": "blocked", "block": True}, nf.AccumulatorError, "block=True"),
        ({"block": 4}, nf.AccumulatorError, "block=4"),
        ({"promote": "float32"}, nf.AccumulatorError, "promote=float32"),
        ({"order": "pairwise", "promote": "float32"}, nf.AccumulatorError, "blocked"),
        ({"format": "float17"}, nf.FormatError, "float16"),
        ({"product": "floatx"}, nf.FormatError, "floatx"),
        ({"rounding": "up"}, nf.RoundingError, "up"),
        ({"rounding": "stochastic_a"}, nf.RoundingError, "random_bits"),
        ({"random_bits": 4}, nf.RoundingError, "random_bits=4"),
        ({"overflow": "wrap"}, nf.RoundingError, "wrap"),
    ],
)
def test_contradictions_name_the_argument(arguments, error, words):
    with pytest.raises(error, match=words):
        nf.Accumulator(**{"format": "float16", **arguments})


@pytest.mark.parametrize("acc", [3, None, 1.5, ["float16"], object()])
def test_what_is_no_accumulator_is_refused(acc):
    with pytest.raises(nf.AccumulatorError, match="acc="):
        nf.matmul([[1.0]], [[1.0]], acc)


def test_unknown_names_are_told_near_ones():
    with pytest.raises(nf.AccumulatorError, match="'float16'"):
        nf.matmul([[1.0]], [[1.0]], "flaot16")
    with pytest.raises(nf.AccumulatorError, match=r"nvidia\.hopper"):
        nf.matmul([[1.0]], [[1.0]], "nvidia.hoper.mma.f16.f32")

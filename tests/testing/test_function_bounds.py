"""`assert_allclose_bound`: what each arithmetic may give of a sum, norm, softmax, layer norm, and nothing else."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.testing import assert_allclose_bound, error_bound
from nfloat.testing.intervals import Interval

RNG = np.random.default_rng(8)
FORMATS = ("float16", "bfloat16", "tfloat32")


def computed(function, x, fmt):
    """The formula in nfloat's own operations, along the last axis."""

    def total(y):
        return nf.sum(y, fmt, axis=-1, keepdims=True)

    if function == "sum":
        return total(x)[..., 0]
    if function == "norm":
        squares = nf.multiply(x, x, fmt)
        return nf.sqrt(total(squares), fmt)[..., 0]
    if function == "softmax":
        e = nf.exp(nf.subtract(x, x.max(axis=-1, keepdims=True), fmt), fmt)
        return nf.divide(e, total(e), fmt)
    n = float(x.shape[-1])
    d = nf.subtract(x, nf.divide(total(x), n, fmt), fmt)
    v = nf.divide(total(nf.multiply(d, d, fmt)), n, fmt)
    return nf.divide(d, nf.sqrt(nf.add(v, 1e-5, fmt), fmt), fmt)


def cases(rng, fmt, rows, k):
    """Lines of many kinds: alike, wide, positive, constant, of ties."""
    x = rng.standard_normal((rows, k))
    x[1::5] = np.abs(x[1::5])
    x[2::5] *= np.exp2(rng.integers(-6, 6, x[2::5].shape))
    x[3::5] = np.round(x[3::5] * 4) / 4
    x[4::5] = rng.standard_normal()
    return nf.round(x, fmt)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("function", ["sum", "norm", "softmax", "layer_norm"])
def test_what_is_computed_lies_within(function, fmt):
    for k in (3, 24):
        x = cases(RNG, fmt, 25, k)
        acc = nf.Accumulator(fmt, product=fmt if function in ("norm", "layer_norm") else None)
        got = computed(function, x, fmt)
        for by in ("bound", "probable"):
            bound = error_bound(function, x, acc, by=by)
            known = ~(np.isnan(bound.low) | np.isnan(bound.high))
            assert known.mean() > 0.5 or function == "layer_norm"
            assert np.all((bound.low <= bound.exact) & (bound.exact <= bound.high) | ~known)
            assert np.all((bound.low <= got) & (got <= bound.high) | ~known)


def test_it_sees_what_is_wrong_and_passes_what_is_right():
    x = cases(RNG, "float16", 10, 24)
    y = computed("softmax", x, "float16")
    assert_allclose_bound(y, "softmax", x, "float16")
    assert_allclose_bound(np.moveaxis(y, -1, 0), "softmax", np.moveaxis(x, -1, 0), "float16", axis=0)
    wrong = y.copy()
    wrong[3, 4] *= 1.1
    with pytest.raises(AssertionError, match=r"1 of 240 elements .*\nworst is element \(3, 4\): ") as info:
        assert_allclose_bound(wrong, "softmax", x, "float16")
    assert "neighbours of exact" in str(info.value) and " ulp of float16 off" in str(info.value)
    with pytest.raises(AssertionError):
        assert_allclose_bound(nf.round(y, "float8_e5m2"), "softmax", x, "float16")
    assert_allclose_bound(nf.round(y, "float8_e5m2"), "softmax", x, "float16", output="float8_e5m2")
    with pytest.raises(AssertionError, match="shape"):
        assert_allclose_bound(y[0], "softmax", x, "float16")


@pytest.mark.parametrize(
    ("function", "options"),
    [
        ("sum", {"by": "probable", "confidence": 0.99}),
        ("norm", {"axis": 0}),
        ("softmax", {"output": nf.bfloat16}),
        ("layer_norm", {"eps": 1e-3, "weight": np.arange(1.0, 9.0), "bias": 0.5}),
    ],
)
def test_the_last_line_of_a_failure_reproduces_it(function, options):
    x = RNG.standard_normal((8, 8))
    bound = error_bound(function, x, "float32", **options)
    for actual in (bound.exact * 1.5, np.full(bound.exact.shape, np.nan)):
        with pytest.raises(AssertionError) as info:
            assert_allclose_bound(actual, function, x, "float32", **options)
        call = str(info.value).splitlines()[-1].removeprefix("reproduce: ")
        with pytest.raises(AssertionError, match="are beyond what"):
            eval(call, {"nf": nf})


def test_weights_and_biases():
    x, w, b = RNG.standard_normal((5, 16)), RNG.standard_normal(16), RNG.standard_normal(16)
    y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3) * w + b
    assert_allclose_bound(y, "layer_norm", x, "float32", eps=1e-3, weight=w, bias=b)
    with pytest.raises(AssertionError):
        assert_allclose_bound(y, "layer_norm", x, "float32", eps=1e-5, weight=w, bias=b)


def test_zeros_are_no_test():
    x = nf.round(RNG.standard_normal((2, 3000)), "bfloat16")
    for actual in (np.zeros(2), x.sum(axis=-1)):
        with pytest.raises(AssertionError, match="no test: zeros would pass"):
            assert_allclose_bound(actual, "sum", x, "bfloat16")
    assert_allclose_bound(np.zeros(2), "sum", np.zeros((2, 5)), "bfloat16")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("softmx", [1.0], "float16"), {}, "did you mean 'softmax'"),
        (("sum", [1.0], "nvidia.hopper.mma.f16.f32"), {}, "matrix unit"),
        (("sum", [1.0], "float16"), {"by": "guess"}, "by='guess'"),
        (("sum", [np.inf], "float16"), {}, "infinite or NaN"),
        (("sum", [1.0], "float16"), {"axis": 1}, "axis=1"),
        (("sum", 1.0, "float16"), {}, "axis=-1"),
        (("sum", [1.0], "float16"), {"by": "probable", "confidence": 3}, "confidence=3"),
        (("sum", [1.0], "float16"), {"confidence": "x"}, "confidence='x'"),
        (("softmax", [1.0], "float16"), {"function_ulp": -1}, "function_ulp=-1"),
        (("layer_norm", [1.0], "float16"), {"eps": "x"}, "eps='x'"),
        (("layer_norm", [1.0], "float16"), {"eps": -1}, "eps=-1"),
        (("layer_norm", [1.0], "float16"), {"weight": [1.0, 2.0]}, r"weight \(2,\)"),
        (("softmax", [1.0], "float16"), {"bias": 1.0}, "bias: softmax has none"),
    ],
)
def test_bad_arguments(arguments, options, message):
    with pytest.raises(nf.NFloatError, match=message):
        error_bound(*arguments, **options)


def test_intervals_contain():
    x, y = RNG.standard_normal((2, 1000))
    a, b = Interval(x - 0.1, x + 0.2), Interval(np.abs(y) + 0.5, np.abs(y) + 0.7)
    p, q = x + 0.05, np.abs(y) + 0.6
    for got, value in ((a + b, p + q), (a - b, p - q), (a * b, p * q), (a / b, p / q), (a.squared(), p * p)):
        assert np.all((got.low < value) & (value < got.high))
    assert np.isnan((b / a).low[x < 0.1]).all()

"""What a step that nobody watches does in fewer passes has the bits of the long way, which an observer makes it go.

Operands and copies of parameters rounded as products pack them, products by matrix units that were planned, sums of
activations and of gradients, updates in one pass.
"""

import numpy as np
import pytest

import nfloat as nf
from nfloat.linalg.gemm.small import small_product
from nfloat.nn.operands import Late
from nfloat.ops.rounder import packed_rounding, rounder

RECIPES = (
    *nf.nn.recipes,
    "tf32+gemm_inputs=bfloat16:toward_negative+activation_gradients=float16",
    "bf16-mixed+gemm_inputs=float8_e4m3fn+weight_copy=e6m9:to_odd",
    "bf16-mixed+forward=nvidia.hopper.mma.bf16.f32+backward=nvidia.ampere.mma.bf16.f32",
    "tf32+gemm_inputs=float16:saturate+forward=nvidia.hopper.mma.f16.f32+backward=bfloat16",
    "bf16-mixed+weight_copy=bfloat16:stochastic+gemm_inputs=bfloat16:stochastic",
    "bf16-mixed+[2]weight_copy=float16+[0]forward=kahan:bfloat16",
    "fp16-mixed+weight_copy=float8_e8m0fnu:saturate",
)


def trained(name, observer, threads):
    """Losses, gradients and weights of two steps; the first layer is so large that its copy is made late."""
    rng = np.random.default_rng(4)
    model = nf.nn.Sequential(nf.nn.Linear(150, 120), nf.nn.Tanh(), nf.nn.Linear(120, 10))
    model.init(seed=1)
    trainer = nf.nn.Trainer(model, nf.nn.Momentum(model.parameters(), lr=0.05), name, seed=9, threads=threads)
    found = []
    for _ in range(2):
        x, y = rng.standard_normal((24, 150)).astype(np.float32), rng.integers(0, 10, 24)
        result = trainer.step(x, y, observer=observer)
        found += [np.float64(result.loss), *result.gradients.values()]
    return found + [parameter.data for parameter in model.parameters().values()]


@pytest.mark.parametrize("name", RECIPES)
def test_an_observer_changes_no_bit(name):
    seen = trained(name, lambda *what: None, 1)
    for threads in (1, None):
        for one, other in zip(trained(name, None, threads), seen, strict=True):
            assert one.dtype == other.dtype and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", ["float32", "bf16-mixed", "fp16-pure", "bf16-pure+activations=bfloat16:toward_zero",
                                  "bf16-mixed+activation_gradients=float8_e4m3fn:saturate+weight_copy=",
                                  "tf32+[1]activation_gradients=bfloat16+[1]activations=float16"])  # fmt: skip
def test_nor_where_ways_meet(name):
    """Sums of activations, differences, sums of gradients of one tensor, of a parameter, of a part of one."""
    found = []
    for observer in (None, lambda *what: None):
        rng = np.random.default_rng(5)
        x = nf.nn.Tensor(rng.standard_normal((3, 40)) * np.exp2(rng.integers(-30, 5, (3, 40))), requires_grad=True)
        w = nf.nn.Tensor(rng.standard_normal((3, 40)), requires_grad=True, parameter=True, name="1.w")
        with nf.nn.precision(name, seed=1, observer=observer):
            y = x.exp()
            z = (y + x) - (x * w) + w + y.reshape(40, 3).reshape(3, 40) - nf.nn.apply("add", y, y, layer="1")
            z = z + y[:, :1] + (z - y).reshape(3, 40)
            z.backward(rng.standard_normal((3, 40)).astype(np.float32))
        found.append([v.tobytes() for v in (z.data, x.grad, w.grad)])
    assert found[0] == found[1]


def test_gradients_that_are_of_no_format_go_the_long_way():
    """What comes from outside passes what only moves numbers as it is; its sums are those of float64, rounded."""
    for observer in (None, lambda *what: None):
        x = nf.nn.Tensor(np.ones(2), requires_grad=True)
        with nf.nn.precision("bf16-pure", observer=observer):
            y = nf.nn.apply("relu", x)
            nf.nn.concatenate([y, y]).backward(np.array([1 + 2.0**-8, 1.0, 2.0**-30, 2.0**-30], np.float32))
        assert x.grad.tolist() == [1.0 + 2.0**-7, 1.0]


def test_a_copy_is_made_once_for_both_ways_round():
    calls, how, values = [], rounder("bfloat16", "nearest_even", None, None), np.full((3, 2), 1.01, np.float32)
    late = Late(values, how, lambda: calls.append(1) or how.apply(values, 0), [])
    assert late.shape == (3, 2) and late.T.shape == (2, 3) and late.T.T.shape == (3, 2)
    assert np.array_equal(late.T.made().T, late.made()) and np.array_equal(late.T.T.made(), late.made())
    assert late.made()[0, 0] == 1.0078125 and len(calls) == 1


def test_operands_rounded_as_they_are_packed():
    rng = np.random.default_rng(0)
    for fmt, mode, overflow in (
        ("bfloat16", "nearest_even", None), ("float16", "to_odd", "saturate_finite"),
        ("e4m13", "toward_positive", None), ("float8_e4m3fn", "nearest_away", "saturate"),
    ):  # fmt: skip
        how, acc = rounder(fmt, mode, overflow, None), nf.Accumulator("float32")
        assert packed_rounding(how) and not packed_rounding(rounder(fmt, "stochastic", None, None))
        for m, k, n in ((1, 1, 1), (13, 40, 33), (70, 1100, 90)):
            a, b = (
                (rng.standard_normal(shape) * np.exp2(rng.integers(-160, 100, shape))).astype(np.float32)
                for shape in ((m, k), (k, n))
            )
            a[0, 0], b[-1, -1] = np.inf, np.array(0x7F800001, np.uint32).view(np.float32)  # a NaN of few bits
            x, y = how.apply(a, 0), how.apply(b, 0)
            for one, other, plain in (
                ((how, how), (x, y), (a, b)),
                ((None, how), (a, y), (a, b)),
                ((how, None), (x, b), (a, b)),
            ):
                found, expected = small_product(*plain, None, acc, one), small_product(*other, None, acc)
                assert np.array_equal(found, expected, equal_nan=True)
    assert not packed_rounding(rounder("float8_e8m0fnu", "nearest_even", None, None))  # which has no zero

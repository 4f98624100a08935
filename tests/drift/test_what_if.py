"""What other formats would have done, from the rows of a run, against rounding the very tensors."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.drift import Config, run
from nfloat.drift.tensors import Look, exponents, looked_at
from nfloat.drift.what_if import what_if
from nfloat.errors import ArgumentError, FormatError

pytestmark = pytest.mark.usefixtures("threads_for_little_work")
SMALL = Config(
    data="blobs", width=48, recipes=("float32", "fp16-mixed"), steps=12, every=4, seeds=1, ablate="none",
    attribute=False, optimizer="adam",
)  # fmt: skip
FORMATS = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float6_e2m3fn", "float4_e2m1fn", "e3m2", "fixed16.8")


def _tensors():
    """(layer, tensor) -> its values at each step looked at, of the float32 run."""
    found, training = {}, SMALL.trainable().begin(nf.nn.recipe("float32"), SMALL.seed)
    for step in range(SMALL.steps):
        if step in looked_at(SMALL.recorded_steps[:-1]):
            training.step(lambda layer, tensor, before, _: found.setdefault((layer, tensor), []).append(before))
        else:
            training.step()
    return found


def _exact(values, fmt):
    """What the format does to them, clamping what is beyond; the share beyond is of those that nearest cannot hold."""
    x = values.astype(np.float64).ravel()
    beyond = ~np.isfinite(nf.round(x, fmt, overflow="infinity")) if fmt.has_inf else abs(x) > fmt.max + fmt.max / 8
    rounded = nf.round(x, fmt, overflow="saturate")
    kept, nonzero = x[~beyond], np.count_nonzero(x)
    error = np.sqrt(np.sum((rounded[~beyond] - kept) ** 2) / max(np.sum(kept**2), 1e-300))
    return error, np.count_nonzero((rounded == 0) & (x != 0)) / max(nonzero, 1), np.count_nonzero(beyond) / x.size


def test_it_is_what_rounding_those_tensors_does():
    result, tensors = run(SMALL), _tensors()
    found, compared = result.what_if(FORMATS), 0
    assert {(item.layer, item.tensor) for item in found} == {key for key in tensors if not key[1].endswith("sum")}
    for item in found:
        values = tensors[item.layer, item.tensor]
        error, underflow, overflow = np.mean([_exact(v, nf.get_format(item.format)) for v in values], axis=0)
        assert item.underflow == pytest.approx(underflow, abs=2e-3), item
        # Adam's first steps are nearly equal: such numbers do not lie evenly between neighbours
        many = all(np.unique((v / abs(v).max()).round(2)).size > 30 for v in values)
        if overflow == 0.0 and values[0].size > 200 and error < 0.5 and many:
            compared += 1
            assert item.error == pytest.approx(error, rel=0.15, abs=1e-9), (item, error)
    assert compared > 50


def test_shares_beyond_the_largest_number():
    rng, fmt = np.random.default_rng(0), nf.get_format("float8_e4m3fn")
    x = rng.uniform(1.0, 1024.0, 200_000) * rng.choice((-1.0, 1.0), 200_000)
    look = Look()
    look.take("0", "activation", x, x, fmt)
    rows = [
        {"recipe": "a", "seed": 0, "step": 0, "layer": layer, "tensor": tensor, "metric": metric, "value": value}
        for layer, tensor, metric, value in look.rows()
    ]
    (item,) = what_if(rows, [fmt], "a", 0)
    assert item.overflow == pytest.approx(np.mean(abs(x) > 464.0), rel=0.01)
    inside = abs(x) <= 464.0
    exact = nf.round(x[inside], fmt, overflow="saturate") - x[inside]
    assert item.error == pytest.approx(np.linalg.norm(exact) / np.linalg.norm(x[inside]), rel=0.02)


def test_formats_that_flush_lose_all_below_their_least_normal_number():
    x = np.random.default_rng(1).uniform(2.0**-20, 2.0**-12, 10_000)
    fmt = nf.Format(name="ftz", precision=11, emin=-14, emax=15, subnormals="flush")
    shares = {f"exponent.{key}": count / x.size for key, count in exponents(x).items()} | {"rms": 2.0**-13}
    rows = [
        {"recipe": "a", "seed": 0, "step": 0, "layer": "0", "tensor": "t", "metric": metric, "value": value}
        for metric, value in shares.items()
    ]
    (item,) = what_if(rows, [fmt], "a", 0)
    assert item.underflow == pytest.approx(np.mean(nf.round(x, fmt) == 0.0), abs=1e-3)


@pytest.mark.parametrize(
    ("formats", "recipe", "error", "message"),
    [
        (["float8_e8m0fnu"], None, ArgumentError, "no sign"),
        (["nonsense"], None, FormatError, "nonsense"),
        (["float16"], "tf32", ArgumentError, "none of this run"),
    ],
)
def test_what_is_refused(formats, recipe, error, message):
    result = run(SMALL.replace(steps=1, recipes=("float32",)))
    with pytest.raises(error, match=message):
        result.what_if(formats, recipe)


def test_rows_without_exponents_say_so():
    result = run(SMALL.replace(steps=1, recipes=("float32",)))
    result.rows[:] = [row for row in result.rows if not row["metric"].startswith("exponent.")]
    with pytest.raises(ArgumentError, match="no exponents"):
        result.what_if(["float16"])


@pytest.mark.parametrize("exponent", [-1074, -1046, 1023])
def test_numbers_at_the_ends_of_float64_have_an_answer(exponent):
    row = {"recipe": "a", "seed": 0, "step": 0, "layer": "0", "tensor": "weight.state.v"}
    rows = [{**row, "metric": "rms", "value": 2.0**exponent}, {**row, "metric": f"exponent.{exponent}", "value": 1.0}]
    (found,) = what_if(rows, ["bfloat16"], "a", 0)
    assert (found.underflow, found.overflow) == (float(exponent < 0), float(exponent > 0))

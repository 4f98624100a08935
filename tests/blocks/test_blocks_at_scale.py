"""Ten million numbers, a hundred thousand awkward blocks; any number of threads."""

import numpy as np
import pytest
from decisions import magnitudes, wrong_in
from exact_blocks import check, same

import nfloat as nf

MX = [f for f in nf.BLOCK_FORMATS.values() if f.name != "nvfp4"]
RULES = ["floor", "ceil", "even", "rceil"]


def spread(generator, shape):
    """Numbers whose blocks have many sizes."""
    return (generator.standard_normal(shape) * 2.0 ** generator.integers(-12, 12, (shape[0], 1))).astype(np.float32)


def on_decisions(generator, fmt, blocks):
    """Blocks whose elements are decisions times s t, as near as float32 has them, or one or two numbers beside."""
    x = spread(generator, (blocks, fmt.block))
    q = nf.quantize(x, fmt)
    table = magnitudes(fmt.element)
    table = table[table <= fmt.element.max]
    g = np.concatenate([table, (table[1:] + table[:-1]) / 2])
    d = q.scales.astype(np.float64) * q.tensor_scale
    y = (generator.choice(g, x.shape) * d * generator.choice([-1, 1], x.shape)).astype(np.float32)
    y += generator.integers(-2, 3, x.shape) * np.spacing(y)
    top = np.abs(x).max(-1, keepdims=True)  # the greatest magnitude stays, and with it the scale
    y = np.where(np.abs(y) > top, x, y)
    y[:, :1] = top
    y[::97], y[5::89, 3] = 0.0, -0.0
    return y


def test_ten_million_numbers_in_nvfp4():
    generator = np.random.default_rng(12)
    assert sum(wrong_in(spread(generator, (5000, 400)), nf.nvfp4) for _ in range(3)) == 0


@pytest.mark.parametrize("fmt", MX, ids=str)
def test_ten_million_numbers_in_mx(fmt):
    generator = np.random.default_rng(13)
    for rule in RULES:
        assert wrong_in(spread(generator, (512, 320)), fmt.replace(scale_rule=rule)) == 0


@pytest.mark.parametrize("fmt", [*MX, nf.nvfp4, nf.nvfp4], ids=str)
def test_a_hundred_thousand_awkward_blocks(fmt):
    generator = np.random.default_rng([14, fmt.block])
    assert wrong_in(on_decisions(generator, fmt, 13_000), fmt) == 0


@pytest.mark.usefixtures("threads_for_little_work")
@pytest.mark.parametrize("name", ["mxfp8_e5m2", "mxint8", "nvfp4"])
@pytest.mark.parametrize("mode", ["nearest_even", "stochastic", "toward_positive"])
def test_any_number_of_threads(name, mode):
    fmt, seed = nf.BLOCK_FORMATS[name], 5 if mode == "stochastic" else None
    x = spread(np.random.default_rng(15), (1030, 704))
    x[700, 3] = np.inf
    for axis in (0, 1):
        one = nf.quantize(x, fmt, mode, axis=axis, seed=seed, threads=1)
        values = nf.round(x, fmt, mode, axis=axis, seed=seed, threads=1)
        for threads in (2, 3, None):
            q = nf.quantize(x, fmt, mode, axis=axis, seed=seed, threads=threads)
            assert same(q.codes, one.codes) and same(q.scales, one.scales)
            assert same(nf.round(x, fmt, mode, axis=axis, seed=seed, threads=threads), values)
    with pytest.raises(nf.ArgumentError, match="threads=0"):
        nf.quantize(x, fmt, threads=0)


@pytest.mark.parametrize("mode", ["toward_positive", "to_odd", "nearest_away", "stochastic"])
def test_scales_that_are_zero(mode):
    """Blocks so much smaller than the tensor's greatest that their scale rounds to 0."""
    x = np.full((3, 16), 1e-9, np.float32)
    x[0, 0] = 1.0
    check(x, nf.nvfp4, mode, seed=3 if mode == "stochastic" else None)

"""Ctrl-C ends what is done element by element within a second, however large arrays are; no bit depends on pieces.

What takes longest is the plain rule with random bits: for formats that no lanes know, and for values that lanes refuse.
"""

import numpy as np
import pytest
from interrupted import seconds_after_ctrl_c

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.kernels.rounding import arrays, special
from nfloat.kernels.rounding.given_words import round_with_words
from nfloat.ops import codes, rounder, rounding
from nfloat.ops.blocks import run
from nfloat.testing.grid import stream_words

WORK = {
    "plain rule": "nf.round(np.full(size, 1.1), own, 'to_odd')",
    "plain rule, random": "nf.round(np.full(size, 1.1), own, 'stochastic', seed=1)",
    "lanes that refuse": "nf.round(np.full(size, 3e38, np.float32), 'float8_e4m3fn', 'stochastic', seed=1)",
    "lanes that refuse, codes": "nf.encode(np.full(size, 3e38, np.float32), 'bfloat16', 'stochastic', seed=1)",
    "blocks by the rule": "nf.round(np.full(size, 3e38), nf.BlockFormat(name='b', element='int8', block=8, "
    "scale='float8_e4m3fn', scale_rule='absmax'), 'to_odd')",
    "sum of a FloatArray": "np.add.reduce(nf.array(np.ones(size, np.float32), 'bfloat16', 'stochastic', seed=1))",
}
#: kernels are compiled before: nothing is heard meanwhile, and Numba imports more with the first one, of which Ctrl-C
#: would leave half
SETUP = "\n".join([
    "own = nf.Format(name='own', precision=30, emin=-1000, emax=1000)", "size = 64", *WORK.values(), "size = 1 << 25"
])  # fmt: skip


def test_ctrl_c_is_heard_between_pieces():
    ended = seconds_after_ctrl_c({name: f"[{work} for _ in range(100)]" for name, work in WORK.items()}, SETUP)
    assert list(ended) == list(WORK)
    assert {name: seconds for name, seconds in ended.items() if seconds > 3} == {}  # half a second, on one thread


#: for each way of rounding float64 and float32 arrays, a format that goes it
FORMATS = [
    nf.Format(name="plain", precision=30, emin=-1000, emax=1000),
    *(
        nf.Format(name=f"p30_{way}", precision=30, emin=-9, emax=900, subnormals=way)
        for way in ("flush", "flush_input")
    ),
    *(nf.Format(name=f"p9_{way}", precision=9, emin=-9, emax=90, subnormals=way) for way in ("flush", "flush_input")),
    *map(nf.get_format, ("binary8p4se", "float8_e4m3fn", "float8_e4m3fnuz", "float16", "bfloat16", "e4m10")),
    *map(nf.get_format, ("float8_e8m0fnu", "binary8p1ue", "float32", "e11m30", "fixed16.8")),
]
MODES = [(m, 7 if m.value in ("stochastic_a", "stochastic_b", "stochastic_c") else None) for m in Rounding]


def hard_values(size, dtype=np.float64):
    rng = np.random.default_rng(0)
    span = 700 if dtype is np.float64 else 85
    x = rng.standard_normal(size) * np.exp(np.where(rng.random(size) < 0.3, rng.uniform(-span, span, size), 0.0))
    x[:7] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.7e308, 5e-324]
    x[size // 2 : size // 2 + 300] = rng.standard_normal(300)
    with np.errstate(over="ignore"):
        return x.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_pieces_give_the_same_bits(monkeypatch, fmt, dtype):
    x = hard_values(2100, dtype)

    def results():
        seeds = [5 if m.is_stochastic else None for m, _ in MODES]
        rounded = [nf.round(x, fmt, m, random_bits=bits, seed=s) for (m, bits), s in zip(MODES, seeds, strict=True)]
        return [*rounded, nf.encode(np.where(np.isnan(x), 1, x), fmt, "stochastic", seed=4)]

    want, sizes, compiled = results(), [], rounder._compiled.__wrapped__

    def watched(*arguments):
        function = compiled(*arguments)
        return function and (lambda x, *rest: (sizes.append(x.size), function(x, *rest)))

    monkeypatch.setattr(rounder, "_compiled", watched)
    for module, name in ((rounder, "LARGE"), (rounding, "LARGE"), (codes, "ONE_CALL")):
        monkeypatch.setattr(module, name, 499)
    for whole, pieces in zip(want, results(), strict=True):
        assert whole.tobytes() == pieces.tobytes()
    assert max(sizes, default=0) <= 499


KERNELS = [
    (arrays.round_plain, "e5m12"),
    (arrays.round_drawn32, "float8_e4m3fn"),
    (arrays.round_same32, "bfloat16"),
    (arrays.round_drawn64, "e5m12"),
    (special.round_steps32, FORMATS[3].name),
    (special.round_steps64, FORMATS[1].name),
    (special.round_powers32, "float8_e8m0fnu"),
    (special.round_powers64, "float8_e8m0fnu"),
]


@pytest.mark.parametrize(("kernel", "fmt"), KERNELS, ids=[f"{kernel.__name__}-{fmt}" for kernel, fmt in KERNELS])
@pytest.mark.parametrize("first", [0, 12345, 2**32 - 700, 5 * 2**32 - 64])
def test_elements_have_the_words_of_their_numbers(kernel, fmt, first):
    """Also where the numbers pass a multiple of 2^32, from which on the subkeys are others."""
    named = {f.name: f for f in FORMATS}
    how = rounder.rounder(named.get(fmt, fmt), "stochastic", None, None)
    key = how.key(nf.Stream(3))
    dtype = np.float32 if kernel.__name__.endswith("32") else np.float64
    x, out, want = hard_values(2100, dtype), np.empty(2100, dtype), np.empty(2100)
    kernel(x, out, how.spec_array, key, first)
    round_with_words(x.astype(np.float64), want, how.spec_array, stream_words(key % 2**64, x.size, first))
    assert np.array_equal(out.astype(np.float64), want, equal_nan=True)
    assert np.array_equal(np.signbit(out[~np.isnan(want)]), np.signbit(want[~np.isnan(want)]))


@pytest.mark.parametrize("mode", ["to_odd", "stochastic_c"])
def test_pieces_of_blocks_give_the_same_bits(monkeypatch, mode):
    x = hard_values(2100, np.float64).reshape(20, 105)
    fmt = nf.BlockFormat(name="b", element="e8m20", block=24, scale="e9m9", scale_rule="absmax")
    six = nf.nvfp4.replace(four_over_six="mse")
    way = {"rounding": mode} if mode == "to_odd" else {"rounding": mode, "seed": 2, "random_bits": 5}

    def results():
        found = [nf.round(x, f, axis=axis, **way) for f in (fmt, fmt.replace(block=None)) for axis in (0, 1)]
        return [*found, nf.quantize(x, fmt, **way).codes, nf.round(x[:, :96], six, **way)]

    want = results()
    for step in (1, 50):
        monkeypatch.setattr(run, "_BY_RULE", step)
        assert all(whole.tobytes() == pieces.tobytes() for whole, pieces in zip(want, results(), strict=True))

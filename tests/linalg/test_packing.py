"""Operands rounded while they are packed, and arrays rounded in their own memory: the bits of one after the other."""

from random import Random

import numpy as np
import pytest

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.kernels.gemm.pack import pack, pack_rounded
from nfloat.kernels.jit import entry_point
from nfloat.linalg.panels import pack_panels
from nfloat.ops.rounder import packed_rounding, round_into, rounder
from nfloat.testing.random_formats import random_format

#: what decides whether x + C keeps its binade, where its last bit is a subnormal number, and where C is not finite
EDGES = [
    *((p, -20, 20, {}) for p in (2, 21, 22, 23, 24)),
    *((8, 0, emax, {}) for emax in (111, 112)),
    *((p, -126, emax, {}) for p in (2, 8, 11, 22, 23) for emax in (20, 127)),
    (8, -126, 127, {"has_inf": False, "overflow": "saturate"}), (8, -126, 20, {"has_inf": False, "nan": "none"}),
    (5, -121, 0, {}), (5, -122, 0, {}), (4, -6, 7, {"signed": False}), (8, -126, 127, {"subnormals": "flush"}),
    (8, -126, 20, {"has_inf": False, "nan": "negative_zero"}), (1, -20, 20, {}),
]  # fmt: skip
#: rows or columns in one piece, side by side or apart
LAYOUTS = (
    np.ascontiguousarray,
    np.asfortranarray,
    lambda x: np.pad(x, ((0, 0), (0, 3)))[:, : x.shape[1]],
    lambda x: np.asfortranarray(np.pad(x, ((0, 3), (0, 0))))[: x.shape[0]],
)


def formats(count):
    """Formats on both sides of the conditions, and some at random, that operands are packed in."""
    edges = [
        nf.Format(name=f"edge {i}", precision=p, emin=e, emax=m, **more) for i, (p, e, m, more) in enumerate(EDGES)
    ]
    drawn = [random_format(Random(seed), most_precision=24) for seed in range(count)]
    return [f for f in (*edges, *drawn) if f.fits_float32 and f.has_zero]


def numbers(rng, fmt, shape):
    """Numbers of all magnitudes that matter to a format, its ties and what lies beside them; no infinity, no NaN."""
    low, high = max(fmt.emin - fmt.precision - 2, -149), min(fmt.emax + rng.integers(0, 2), 127)
    x = (1 + rng.integers(0, 2**23, shape) * 2.0**-23) * np.exp2(rng.integers(low, high + 1, shape))
    tie = np.exp2(np.floor(np.log2(x)).clip(fmt.emin) - fmt.precision)
    x = np.where(rng.random(shape) < 0.5, np.floor(x / tie) * tie + rng.integers(-1, 2, shape) * tie * 2.0**-3, x)
    x = np.where(rng.random(shape) < 0.1, 0.0, x) * rng.choice([-1.0, 1.0], shape)
    with np.errstate(over="ignore"):
        return np.nan_to_num(x.astype(np.float32), posinf=2.0, neginf=-2.0)


def panels_of(x, width, first, last):
    """What `pack` is to give, number by number of NumPy's."""
    out = np.zeros((last - first, x.shape[0], width), x.dtype)
    for panel in range(first, last):
        columns = x[:, panel * width : (panel + 1) * width]
        out[panel - first, :, : columns.shape[1]] = columns
    return out.ravel()


def bits(x):
    return x.view(np.int32).tolist()


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 32])
def test_panels_of_every_width(width):
    """Of matrices of any size and layout: vectors overlap where a line does not end with one."""
    rng = np.random.default_rng(width)
    how = rounder("bfloat16", "nearest_even", None, None)
    for k, n in ((1, 1), (3, 40), (7, width), (8, width + 1), (9, 2 * width - 1), (20, 3 * width), (33, 5)):
        for layout in LAYOUTS:
            x = layout(rng.standard_normal((k, n)).astype(np.float32))
            panels = -(-n // width)
            first = panels // 2
            for one, last in ((0, panels), (first, panels)):
                out = np.full((last - one) * k * width + 8, 7.0, np.float32)
                entry_point(pack)(x, width, out, one, last)
                assert bits(out) == [*bits(panels_of(x, width, one, last)), *[0x40E00000] * 8]
                out = np.full(out.size, 7.0, np.float32)
                assert entry_point(pack_rounded)(x, width, out, one, last, how.spec_array) == 0
                rounded = panels_of(np.asarray(nf.round(x, "bfloat16")), width, one, last)
                assert bits(out) == [*bits(rounded), *[0x40E00000] * 8]


def test_rounded_in_one_pass():
    """Formats on every edge, and at random: packed in one pass where all numbers are within the range."""
    in_one, beyond = 0, 0
    for i, fmt in enumerate(formats(60)):
        how, rng = rounder(fmt, "nearest_even", None, None), np.random.default_rng(i)
        assert packed_rounding(how) or not how.in_one_form
        for width in (6, 16) if packed_rounding(how) else ():
            x = LAYOUTS[i % 2](numbers(rng, fmt, (40, 33)))
            expected = panels_of(np.asarray(nf.round(x, fmt), np.float32), width, 0, -(-33 // width))
            out = np.empty(expected.size, np.float32)
            pack_panels(entry_point(pack), x, width, out, (0, -(-33 // width)), how)
            assert bits(out) == bits(expected), fmt
            if how.in_one_form:
                small = np.where(np.abs(x) <= min(fmt.max, 2.0 ** (103 + fmt.precision)), x, np.float32(0))
                expected = panels_of(np.asarray(nf.round(small, fmt), np.float32), width, 0, -(-33 // width))
                assert entry_point(pack_rounded)(small, width, out, 0, -(-33 // width), how.spec_array) == 0
                assert bits(out) == bits(expected), fmt
                in_one += 1
                with np.errstate(over="ignore"):
                    above = np.float32(fmt.max) * np.float32(1.0000002)
                for value in (above, -above, np.inf, -np.inf, np.nan):
                    small[rng.integers(40), rng.integers(33)] = value
                    assert entry_point(pack_rounded)(small, width, out, 0, -(-33 // width), how.spec_array) != 0
                    small[~(np.abs(small) <= fmt.max)] = 0
                    beyond += 1
    assert in_one >= 60 and beyond >= 300


@pytest.mark.parametrize("mode", [mode.value for mode in Rounding if not mode.is_stochastic])
def test_rounded_in_its_own_memory(mode):
    """Numbers beyond the range among them, and beyond what lanes round: no kernel reads what it has written over."""
    rng = np.random.default_rng(5)
    extreme = [1e36, -1e37, np.inf, -np.inf, np.nan, 3.4e38, 1e30, 70000.0, 1e-40, -0.0]
    for fmt in (*formats(12), *map(nf.get_format, ("float16", "bfloat16", "float8_e4m3fn", "tfloat32", "float32"))):
        how = rounder(fmt, mode, None, None)
        for dtype in (np.float32, np.float64):
            x = rng.standard_normal(777).astype(dtype)
            x[rng.integers(0, x.size, 9)] = rng.choice(extreme, 9)
            expected = how.apply(x.copy(), 0)
            assert how.apply(x.copy(), 0, 0, x.copy()).tobytes() == expected.tobytes()
            for own in (x.copy(), x.copy().reshape(7, 111)):
                assert how.apply(own, 0, 0, own).tobytes() == expected.tobytes(), fmt
            if not how.widens or dtype is np.float64:
                own = x.copy()
                round_into(how, own, own)
                assert own.tobytes() == expected.tobytes(), fmt


def test_random_words_are_never_drawn_in_its_own_memory():
    how = rounder("float8_e4m3fn", "stochastic", None, None)
    x = np.random.default_rng(6).standard_normal(777).astype(np.float32)
    x[::50] = 1e30
    own = x.copy()
    assert how.apply(own, 3, 0, own).tobytes() == how.apply(x, 3).tobytes() and not how.in_place

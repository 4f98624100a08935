"""The tiled kernels against the plain one on shapes that fill tiles, and that each of them is really reached."""

import itertools

import numpy as np
import pytest
from equal_bits import same_bits
from every_mode import DETERMINISTIC
from every_order import ORDERS, counted
from product_cases import FORMATS, plainly
from random_products import MORE, NARROW, compare

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.kernels.gemm.cut import HAS_TOWARD_ZERO
from nfloat.kernels.gemm.half_pack import HAS_HALF
from nfloat.kernels.gemm.roundings import HAS_DIRECTED
from nfloat.kernels.gemm.shapes import HALF, NATIVE32, TILE32
from nfloat.linalg.gemm.dispatch import multiply
from nfloat.linalg.gemm.facts import survey
from nfloat.linalg.gemm.route import candidates

pytestmark = pytest.mark.usefixtures("threads_for_little_work")
SEED = 3


def kernels(acc, a, b, c=None):
    """The names of the kernels that do a product, in turn; an arithmetic's two have one here."""
    out = np.empty((a.shape[0], b.shape[1]), nf.matmul(a, b, acc, c, seed=SEED, threads=1).dtype)
    return [name.removesuffix("_other") for name in multiply(a, b, c, out, acc, nf.Stream(SEED).key, 1)]


def operands(rng, m, k, n, fmt, carrier=np.float32, scale=1.0, spread=0):
    """Normal numbers, times powers of two from 2^-spread to 1."""
    for shape in ((m, k), (k, n)):
        x = np.ldexp(rng.standard_normal(shape) * scale, -rng.integers(0, spread + 1, shape))
        yield nf.round(x.astype(carrier), fmt)


def check(acc, a, b, c=None):
    """The bits of the plain rule; the kernels that gave them."""
    with np.errstate(invalid="ignore"):
        same = same_bits(nf.matmul(a, b, acc, c, seed=SEED, threads=1), plainly(a, b, c, acc, nf.Stream(SEED).key))
        assert same.all(), (acc, np.argwhere(~same)[:3])
        return kernels(acc, a, b, c)


#: float16 by the hardware, where there is such hardware
IN_HALF = "half16" if HAS_HALF else "narrow32"


def in_lanes(names):
    """Names of kernels.

    Sums that a lane may round first, in wider lanes too where rounding to odd takes long, mean no other.
    """
    found = {None if name is None else name.replace("direct", "narrow") for name in names}
    return {name if HAS_DIRECTED or name is None else name.replace("narrow64", "narrow32") for name in found}


def cut(otherwise):
    """The kernels of a CPU that adds toward zero, or what does their work without."""
    return {"general32": "cut64", "general64": "cut64"}.get(otherwise, "cut_drawn64") if HAS_TOWARD_ZERO else otherwise


def odd(otherwise, rounded=False):
    """The kernel of a CPU that adds down, or what does its work: without, and where each instruction has a direction.

    But for rounded products.
    """
    return "odd64" if HAS_TOWARD_ZERO and (rounded or not HAS_DIRECTED) else otherwise


#: accumulator, format of the operands -> the kernel that should do it
CASES = [
    (nf.Accumulator("float32"), "bfloat16", "native32"),
    (nf.Accumulator("float32", product="float32"), "float32", "native32"),
    (nf.Accumulator("float32", product="bfloat16"), "bfloat16", "native32"),
    (nf.Accumulator("float32", order="kahan"), "float32", "native32"),
    (nf.Accumulator("float32", order="pairwise"), "bfloat16", "native32"),
    (nf.Accumulator("float32", order="pairwise"), "float32", "narrow64"),
    (nf.Accumulator("float64"), "float64", "native64"),
    (nf.Accumulator("float16"), "float16", IN_HALF),
    (nf.Accumulator("float16", product="float16"), "float16", IN_HALF),
    (nf.Accumulator("float16"), "float8_e4m3fn", IN_HALF),
    (nf.Accumulator("float16", order="kahan"), "float16", IN_HALF),
    (nf.Accumulator("float16", product="float16", order="kahan"), "float16", IN_HALF),
    (nf.Accumulator("e5m9"), "e5m9", "narrow32"),
    (nf.Accumulator("e5m9", product="e5m9"), "e5m9", "narrow32"),
    (nf.Accumulator("bfloat16", product="bfloat16"), "bfloat16", "narrow32"),
    (nf.Accumulator("bfloat16"), "bfloat16", "narrow32"),
    (nf.Accumulator("bfloat16", order="kahan"), "bfloat16", "narrow32"),
    (nf.Accumulator("tfloat32", order="kahan"), "bfloat16", "narrow32"),
    (nf.Accumulator("float8_e4m3fn"), "float8_e4m3fn", IN_HALF),
    (nf.Accumulator("float8_e4m3fn", product="float8_e4m3fn"), "float8_e4m3fn", IN_HALF),
    (nf.Accumulator("float8_e4m3fn", product="float8_e4m3fn", order="kahan"), "float8_e4m3fn", IN_HALF),
    (nf.Accumulator("float6_e3m2fn", product="float16"), "float16", "general32"),
    (nf.Accumulator("bfloat16", product="float32"), "float32", odd("general64", rounded=True)),
    (nf.Accumulator("float32"), "float64", odd("narrow64" if HAS_DIRECTED else None)),
    (
        nf.Accumulator("bfloat16", order="blocked", block=9, promote="float32"),
        "float64",
        odd("narrow64" if HAS_DIRECTED else None),
    ),
    (nf.Accumulator("bfloat16", product="bfloat16", order="pairwise"), "float64", odd(None, rounded=True)),
    (nf.Accumulator("float8_e5m2", order="pairwise"), "float8_e5m2", "narrow32"),
    (nf.Accumulator("bfloat16", order="blocked", block=7, promote="float32"), "bfloat16", "narrow32"),
    (nf.Accumulator("bfloat16", order="blocked", block=16, promote="float16"), "bfloat16", "narrow32"),
    (nf.Accumulator("float16"), "float32", "narrow32" if HAS_DIRECTED else "narrow64"),
    (nf.Accumulator("e8m13"), "float16", "narrow64"),
    (nf.Accumulator("float16", rounding="toward_zero"), "float16", cut("general32")),
    (nf.Accumulator("float16", rounding="nearest_zero", order="kahan"), "float16", "general32"),
    (nf.Accumulator("float32", rounding="toward_zero", order="pairwise"), "bfloat16", cut("general64")),
    (
        nf.Accumulator("e8m13", rounding="toward_zero", order="blocked", block=11, promote="float32"),
        "float8_e4m3fn",
        cut("general64"),
    ),
    (nf.Accumulator("float16", product="bfloat16", rounding="stochastic"), "float16", cut("stochastic64")),
    (nf.Accumulator("bfloat16", rounding="stochastic", order="pairwise"), "bfloat16", cut(None)),
    (nf.Accumulator("bfloat16", product="bfloat16", rounding="stochastic", order="kahan"), "bfloat16", cut(None)),
    (nf.Accumulator("float16", rounding="stochastic_b", random_bits=8, order="blocked", block=9), "float16", cut(None)),
    (nf.Accumulator("float32", rounding="stochastic_a", random_bits=16), "float32", cut(None)),
    (nf.Accumulator("bfloat16", rounding="stochastic_c", random_bits=8), "bfloat16", None),
    (nf.Accumulator("bfloat16", rounding="to_odd"), "bfloat16", odd("general64")),
    (nf.Accumulator("float32", rounding="toward_negative", order="pairwise"), "bfloat16", "general64"),
    (nf.Accumulator("float16", rounding="nearest_away", order="kahan"), "float16", cut("general32")),
    (nf.Accumulator("bfloat16", rounding="stochastic"), "bfloat16", cut("stochastic32")),
    (nf.Accumulator("float16", rounding="stochastic"), "float16", cut("stochastic64")),
    (nf.Accumulator("float8_e5m2", rounding="stochastic"), "float16", cut("stochastic64")),
    (nf.Accumulator("tfloat32", product="bfloat16", rounding="stochastic"), "bfloat16", "stochastic32"),
    (nf.Accumulator("float16", order="exact"), "float16", "exact64"),
    (nf.Accumulator("float64", order="exact"), "float32", "exact64"),
]


#: the same for operands whose exponents span much
WIDE = [
    (nf.Accumulator("e5m9"), "e5m9", "narrow32"),
    (nf.Accumulator("bfloat16"), "bfloat16", "narrow32"),
    (nf.Accumulator("bfloat16", order="kahan"), "bfloat16", "narrow32"),
    (nf.Accumulator("bfloat16", order="blocked", block=7, promote="float32"), "bfloat16", "narrow32"),
    (nf.Accumulator("bfloat16", order="blocked", block=16, promote="float16"), "bfloat16", "narrow32"),
    (nf.Accumulator("e8m13"), "e8m10", odd("narrow64")),
    (nf.Accumulator("bfloat16", rounding="stochastic"), "bfloat16", cut("stochastic32")),
    (nf.Accumulator("float16", rounding="stochastic"), "float16", cut("stochastic64")),
]


@pytest.mark.parametrize(
    ("acc", "fmt", "kernel", "spread"), [(*case, 0) for case in CASES] + [(*case, 24) for case in WIDE], ids=str
)
def test_bits_of_the_plain_kernel(acc, fmt, kernel, spread):
    rng, used = np.random.default_rng(1), []
    carrier = np.float64 if fmt == "float64" else np.float32
    for m, k, n in (
        (TILE32.rows, 16, TILE32.width),
        (HALF.rows + 1, 33, HALF.width + 3),
        (2 * NATIVE32.rows + 1, 45, 2 * NATIVE32.width + 3),
        (1, 130, 1),
    ):
        a, b = operands(rng, m, k, n, fmt, carrier, spread=spread)
        used += check(acc, a, b)
        c = np.abs(nf.round(rng.standard_normal((m, n)).astype(carrier), "float4_e2m1fn"))
        used += check(acc, a, b, c)
    assert in_lanes(used) - {"plain"} == in_lanes({kernel}) - {None}


@pytest.mark.parametrize("order", ["sequential", "pairwise", "kahan", "blocked"])
@pytest.mark.parametrize("product", [False, True])
@pytest.mark.parametrize("fmt", ["e5m9", "float16"])
def test_tiles_that_overflow_are_done_again(order, product, fmt):
    rng = np.random.default_rng(2)
    acc = nf.Accumulator(fmt, fmt if product else None, order=order, block=5 if order == "blocked" else None)
    a, b = operands(rng, 20, 60, 70, fmt, scale=12.0)
    a[3] = nf.round(np.abs(a[3]) + 90, fmt)  # sums of this row pass 65504, no product does
    b[:, 9] = nf.round(np.abs(b[:, 9]) + 80, fmt)
    used = check(acc, a, b)
    if fmt == "float16" and HAS_HALF and order in ("sequential", "kahan"):
        assert used == ["half16"]
    else:
        done = [name for name in used if name != "odd64"]  # which leaves the same tiles undone
        assert [name[:-2] for name in done][-2:] == ["narrow", "general"]
    assert not np.isfinite(nf.matmul(a, b, acc)).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("fmt", ["e5m9", "float16"])
def test_specials_stay_in_lanes(value, fmt):
    rng = np.random.default_rng(3)
    a, b = operands(rng, 20, 60, 70, fmt)
    a[5, 7] = value
    used = [name for o in ("sequential", "pairwise", "kahan") for name in kernels(nf.Accumulator(fmt, order=o), a, b)]
    assert set(used) == ({"general32", "half16"} if fmt == "float16" and HAS_HALF else {"general32"})
    check(nf.Accumulator(fmt), a, b)
    check(nf.Accumulator(fmt, order="kahan"), a, b)


def test_small_formats_overflow_in_lanes():
    rng = np.random.default_rng(4)
    for fmt in ("float8_e4m3fn", "float6_e2m3fn", "float4_e2m1fn", "int8", "fixed16.8"):
        a, b = operands(rng, 13, 40, 33, fmt)
        for product in (None, fmt):
            used = check(nf.Accumulator(fmt, product), a, b)
            assert in_lanes(used[-1:]) <= {"half16", "narrow32", "general32", "narrow64", "general64"}, fmt


def test_double_rounding_traps():
    """Sums that the hardware would round to a midpoint of the format first, from either side."""
    one, h = 1.0, 2.0**-11
    for x, y, s in [
        (h * (1 - 2.0**-20), 1.0, one + 2.0**-10),
        (2.0**-11 + 2.0**-22, 1 - 2.0**-11, one),
        (1 + 2.0**-11, one, 2.0**-40),
        (1 + 2.0**-11, one, -(2.0**-40)),
        (1 + 2.0**-10 + 2.0**-11, -one, 2.0**-60),
    ]:
        for mode, order in itertools.product(DETERMINISTIC, ORDERS):
            acc = nf.Accumulator("e8m10", rounding=mode, order=order, **counted(order, 3))
            check(acc, np.full((1, 1), x), np.full((1, 1), y), np.full((1, 1), s))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("fmt", "exponents"), [("bfloat16", range(40, 64)), ("e8m2", range(14, 34))])
@pytest.mark.parametrize("order", ORDERS)
def test_tiny_sums_beside_midpoints(order, fmt, exponents):
    """A product that is a midpoint of the format, and a sum that a lane loses beside it, or just does not."""
    acc = nf.Accumulator(fmt, order=order, **counted(order, 3))
    half = 2.0**-acc.format.precision
    for exponent in exponents:
        for sign in (1.0, -1.0):
            for midpoint in (1 + half, 1 + 3 * half, 2 - half):
                first = sign * 2.0**-exponent
                check(acc, np.array([[first, midpoint]]), np.ones((2, 1)))
                check(
                    acc,
                    np.array([[2.0 ** -(exponent // 2), midpoint]]),
                    np.array([[first * 2.0 ** (exponent // 2)], [1.0]]),
                )
                check(acc, np.array([[midpoint]]), np.ones((1, 1)), np.array([[first]]))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("fmt", "k"), [("e5m4", 80), ("e5m4", 83), ("e5m7", 2000), ("e4m3", 40), ("bfloat16", 700)])
@pytest.mark.parametrize("product", [False, True])
def test_compensated_sums_near_their_bound(fmt, k, product):
    """A little below, at and above what lets Kahan's sums go unwatched."""
    rng = np.random.default_rng(6)
    top = nf.get_format(fmt).max / 8
    acc = nf.Accumulator(fmt, fmt if product else None, order="kahan")
    for share in (0.9, 1.0, 1.2, 6.0):
        a, b = (
            nf.round(np.abs(rng.standard_normal(shape)) * np.sqrt(share * top / k), fmt) for shape in ((7, k), (k, 33))
        )
        check(acc, a, b)
        check(acc, a * rng.choice([-1.0, 1.0], a.shape), b)


def test_stochastic_thresholds():
    """Sums that float64 does not hold, beside the points where random bits begin to round up."""
    acc = nf.Accumulator("bfloat16", rounding="stochastic")
    rng = np.random.default_rng(5)
    a = np.concatenate(
        [np.ones((40, 1)), rng.choice([-1.0, 1.0], (40, 60)) * 2.0 ** -rng.integers(30, 50, (40, 60))], axis=1
    )
    b = np.concatenate([np.ones((1, 40)), 1 + 2.0**-7 * rng.integers(0, 128, (60, 40))])
    check(acc, a, b)
    check(nf.Accumulator("e5m7", rounding="stochastic"), a * 2.0**-13, b)


def test_survey_finds_what_there_is():
    x = np.array([[1.5, -0.25, 0.0, 3.0]], np.float32)
    assert survey(x) == (2, -3, 3.0, 1, 0)  # 0.25 as an integer of two bits: 2 x 2^-3
    assert survey(-x).negative_zero == 1 and survey(np.array([[np.inf, 1.0]])).finite == 0
    assert survey(np.array([[np.inf, 1.0]])).top == 1.0 and survey(np.zeros((2, 2))).top == 0.0
    for dtype in (np.float32, np.float64):
        assert survey(np.array([[np.nan, 0.75, -np.inf, -1.5, -0.0]], dtype)) == (2, -2, 1.5, 0, 1)
    assert survey(np.array([[5e-324]])) == (53, -1126, 5e-324, 1, 0) or survey(np.array([[5e-324]])).quantum <= -1074


def test_every_deterministic_accumulator_of_a_usual_format_has_a_tiled_kernel():
    """In these orders: a new one may be the plain rule's."""
    for fmt in ("float16", "bfloat16", "tfloat32", "float32", "float8_e4m3fn", "float8_e5m2", "e6m9", "dlfloat16"):
        for mode in DETERMINISTIC:
            for order in ("sequential", "pairwise", "kahan", "exact"):
                assert candidates(nf.Accumulator(fmt, rounding=mode, order=order)), (fmt, mode, order)


@pytest.mark.parametrize(
    ("formats", "modes"), [(FORMATS + MORE, list(Rounding)), (NARROW, [Rounding.NEAREST_EVEN])], ids=["all", "narrow"]
)
def test_random_products(formats, modes, whole):
    """A part of ``bench/exhaustive.py products``."""
    rng = np.random.default_rng(8)
    count = 1000 if whole else 400
    results = [compare(rng, formats, modes, (14, 40, 36)) for _ in range(count)]
    compared = [r for r in results if r is not None]
    assert len(compared) > count / 2 and [str(acc) for acc, wrong in compared if wrong] == []


def test_memory_not_yet_written_is_never_looked_at(monkeypatch, whole):
    """What `np.empty` returns may hold anything, a signalling NaN whose conversion warns as well.

    No product minds it.
    """
    empty, signalling = np.empty, {4: 0x7FA00000, 8: 0x7FF4000000000000}

    def poisoned(shape, dtype=float, *args, **how):
        x = empty(shape, dtype, *args, **how)
        if x.dtype.kind == "f":
            x.view(f"u{x.itemsize}")[...] = signalling[x.itemsize]
        return x

    monkeypatch.setattr(np, "empty", poisoned)
    rng, count = np.random.default_rng(3), 250 if whole else 100
    for formats, modes in ((FORMATS + MORE, list(Rounding)), (NARROW, [Rounding.NEAREST_EVEN])):
        results = [compare(rng, formats, modes, (14, 40, 36)) for _ in range(count)]
        compared = [r for r in results if r is not None]
        assert len(compared) > count / 2 and [str(acc) for acc, wrong in compared if wrong] == []

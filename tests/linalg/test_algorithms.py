"""Algorithms of rounded operations against the same algorithms step by step, in formats and modes drawn at random."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from in_one_test import in_one_test
from step_model import Steps

import nfloat as nf
from nfloat.testing.random_formats import random_format

MODES = ["nearest_even", "nearest_away", "toward_zero", "toward_positive", "toward_negative", "to_odd"]


def usable(f):
    return f.has_zero and f.has_nan and f.signed and f.precision != 52 and f.smallest_normal <= 0.25 and f.max >= 4


CASES = [("float16", "nearest_even"), ("bfloat16", "nearest_even"), ("float8_e4m3fn", "toward_zero"),
         ("float32", "toward_positive"), ("float64", "nearest_even"), ("float64", "to_odd"),
         ("binary8p4se", "nearest_even"), ("fixed16.8", "toward_negative")]  # fmt: skip
_RNG = Random(18)
CASES += [(random_format(_RNG, accept=usable), _RNG.choice(MODES)) for _ in range(12)]
IDS = [f"{i}-{f if isinstance(f, str) else f.precision}-{m}" for i, (f, m) in enumerate(CASES)]
case = pytest.mark.parametrize(("fmt", "mode"), CASES, ids=IDS)


@pytest.fixture
def draw(fmt, mode):
    """A matrix of the format's numbers, as nested lists, and as a FloatArray that rounds by the mode."""
    rng = np.random.default_rng([18, len(repr(fmt))])

    def numbers(*shape):
        x = nf.round(rng.standard_normal(shape) * 2.0 ** rng.integers(-1, 2, shape), fmt)
        return x.tolist(), nf.array(x, fmt, mode)

    return numbers


def same(found, wanted):
    np.testing.assert_array_equal(np.asarray(found, np.float64), np.asarray(wanted, np.float64))


@pytest.mark.sampled(4)
@case
def test_lu_solve_inv_det(fmt, mode, draw):
    steps = Steps(fmt, mode)
    for shape in ((5, 5), (4, 6), (6, 3), (1, 1)):
        m, a = draw(*shape)
        f, rows = steps.lu(m)
        p, lower, upper = nf.linalg.lu(a)
        size = min(shape)
        one = steps.near(1.0)
        same(lower, [[f[i][j] if j < i else one * (i == j) for j in range(size)] for i in range(shape[0])])
        same(upper, [[f[i][j] if j >= i else 0.0 for j in range(shape[1])] for i in range(size)])
        same(p, [[one * (rows[j] == i) for j in range(shape[0])] for i in range(shape[0])])
        assert nf.linalg.lu(a, p_indices=True)[0].tolist() == [rows.index(i) for i in range(shape[0])]
    m, a = draw(5, 5)
    right, b = draw(5, 2)
    f, rows = steps.lu(m)
    if all(f[k][k] != 0 for k in range(5)):
        columns = [steps.solve(m, [row[j] for row in right]) for j in range(2)]
        same(nf.linalg.solve(a, b), np.transpose(columns))
        same(nf.linalg.solve(a, b[:, 0]), columns[0])
        same(nf.linalg.solve(np.array(m), np.array(right), fmt, mode), np.transpose(columns))
        same(
            nf.linalg.inv(a),
            np.transpose([steps.solve(m, [steps.near(1.0) * (i == j) for i in range(5)]) for j in range(5)]),
        )
    else:
        with pytest.raises(nf.ArgumentError, match="singular in this arithmetic: pivot"):
            nf.linalg.solve(a, b)
    value = f[0][0]
    for k in range(1, 5):
        value = steps.mul(value, f[k][k])
    swaps = sum(1 for i in range(5) for j in range(i) if rows[j] > rows[i])
    same(nf.linalg.det(a), -value if swaps % 2 else value)


@pytest.mark.sampled(4)
@case
def test_cholesky(fmt, mode, draw):
    steps = Steps(fmt, mode)
    m, _ = draw(4, 4)
    for shift in (3.0, 0.25):
        s = np.asarray(nf.round(np.array(m) @ np.array(m).T / 8 + shift * np.eye(4), fmt))
        wanted = steps.cholesky(s.tolist())
        if wanted is None:
            with pytest.raises(nf.ArgumentError, match="not positive definite in this arithmetic"):
                nf.linalg.cholesky(nf.array(s, fmt, mode))
        else:
            same(nf.linalg.cholesky(nf.array(s, fmt, mode)), wanted)


@pytest.mark.sampled(4)
@case
def test_qr_and_least_squares(fmt, mode, draw):
    steps = Steps(fmt, mode)
    for shape in ((4, 4), (5, 3), (3, 5)):
        m, a = draw(*shape)
        q, r, _ = steps.qr(m)
        found = nf.linalg.qr(a)
        same(found[0], q)
        same(found[1], r)
    (m, a), (right, b) = draw(5, 3), draw(5)
    _, r, vs = steps.qr(m)
    if any(r[k][k] == 0 for k in range(3)):
        return
    y = [[e] for e in right]
    for k, v in enumerate(vs):
        if v is not None:
            steps.reflect(v, y, k, [0])
    x = [row[0] for row in y[:3]]
    for j in (2, 1, 0):
        x[j] = steps.div(x[j], r[j][j])
        for i in range(j):
            x[i] = steps.sub(x[i], steps.mul(r[i][j], x[j]))
    found = nf.linalg.lstsq(a, b)
    same(found.x, x)
    same(found.residuals, [steps.dot([row[0] for row in y[3:]], [row[0] for row in y[3:]])])
    assert found.rank == 3 and found.s is None


@pytest.mark.sampled(4)
@case
def test_eigh(fmt, mode, draw):
    steps = Steps(fmt, mode)
    for n in (2, 3, 4):
        m, a = draw(n, n)
        values, vectors = steps.eigh(m)
        found = nf.linalg.eigh(a)
        same(found.eigenvalues, values)
        same(found.eigenvectors, vectors)


@pytest.mark.sampled(4)
@case
def test_fourier_polynomial_convolution_norm(fmt, mode, draw):
    steps = Steps(fmt, mode)
    for n in (1, 2, 8, 6, 5):
        (re, a), (im, b) = draw(n), draw(n)
        wanted = steps.fft(list(zip(re, im, strict=True)))
        found = nf.fft((a, b))
        same(found.real, [z[0] for z in wanted])
        same(found.imag, [z[1] for z in wanted])
        back = steps.fft([(x, -y) for x, y in zip(re, im, strict=True)])
        found = nf.ifft((a, b))
        same(found.real, [steps.div(z[0], steps.near(n)) for z in back])
        same(found.imag, [steps.div(-z[1], steps.near(n)) for z in back])
    (p, a), (x, b) = draw(4), draw(6)
    same(nf.polyval(a, b), [steps.horner(p, e) for e in x])
    same(nf.convolve(a, b), steps.convolved(p, x))
    same(nf.convolve(b, a), steps.convolved(x, p))
    root = steps.sqrt(steps.dot(x, x))
    same(nf.linalg.norm(b), root)
    same(nf.linalg.norm(b, ord=1), steps.dot([steps.near(1.0)] * 6, [abs(e) for e in x]) if steps.near(1.0) == 1 else 0)


@pytest.mark.sampled(4)
@case
def test_statistics(fmt, mode, draw):
    steps = Steps(fmt, mode)
    (x, a), (y, b) = draw(6), draw(6)
    for ddof in (0, 1):
        same(np.var(a, ddof=ddof), steps.variance(x, ddof))
        same(a.std(ddof=ddof), steps.sqrt(steps.variance(x, ddof)))
    middle = sorted(x)[2:4]
    same(np.median(a), steps.div(steps.add(*middle), steps.near(2.0)))
    same(np.median(a[:5]), sorted(x[:5])[2])
    same(np.trapezoid(b, a), steps.trapezoid(y, x))


@pytest.mark.parametrize(
    "formats", [("float32", "float16", "float64"), ("bfloat16", None, "float32"), ("e5m7", "e4m3", None)]
)
def test_refinement_in_three_formats(formats):
    work, factor, residual = formats
    rng = np.random.default_rng(3)
    a, b = (
        np.asarray(nf.round(rng.standard_normal(s) + 3 * np.eye(5)[: s[0], : s[1]], work)) for s in ((5, 5), (5, 1))
    )
    inner, outer, own = Steps(factor or work), Steps(residual or work), Steps(work)
    f, rows = inner.lu([[inner.near(e) for e in row] for row in a.tolist()])

    def substituted(r, up=0):
        d = inner.substituted(f, [inner.near(math.ldexp(r[i], up)) for i in rows])
        return [own.near(math.ldexp(e, -up)) for e in d]

    x = substituted(b[:, 0].tolist())
    for _ in range(3):
        r = [outer.near(e) for e in b[:, 0].tolist()]
        for k in range(5):
            r = [outer.sub(e, outer.mul(outer.near(a[i, k]), outer.near(x[k]))) for i, e in enumerate(r)]
        greatest = max(map(abs, r))
        up = 1 - math.frexp(greatest)[1] if factor and greatest else 0
        x = [own.add(e, d) for e, d in zip(x, substituted(r, up), strict=True)]
    found = nf.linalg.solve(a, b[:, 0], work, factor=factor, residual=residual, refinements=3)
    same(found, x)
    if residual == "float64":  # as good as a solution in the working format can be
        assert np.abs(found - np.linalg.solve(a.astype(float), b[:, 0])).max() < 1e-6


def test_stochastic_is_reproducible_and_unbiased():
    rng = np.random.default_rng(0)
    m, b = rng.standard_normal((4, 4)) + 4 * np.eye(4), rng.standard_normal(4)
    once = nf.linalg.solve(m, b, "bfloat16", "stochastic", seed=1)
    assert np.array_equal(once, nf.linalg.solve(m, b, "bfloat16", "stochastic", seed=1))
    many = [nf.linalg.solve(m, b, "bfloat16", "stochastic", seed=i) for i in range(200)]
    exact = np.linalg.solve(np.asarray(nf.round(m, "bfloat16")), np.asarray(nf.round(b, "bfloat16")))
    assert len({x.tobytes() for x in many}) > 100 and np.abs(np.mean(many, axis=0) - exact).max() < 2e-3
    a = nf.array(m, "bfloat16", "stochastic", seed=2)
    assert np.array_equal(np.linalg.inv(a).values, np.linalg.inv(a).values)


def test_numpys_functions_are_these():
    rng = np.random.default_rng(0)
    a, b = nf.array(rng.standard_normal((4, 4)), "float16"), nf.array(rng.standard_normal(4), "float16")
    s = a @ a.T + np.float64(4) * nf.array(np.eye(4), "float16")
    cases = {"solve": (a, b), "inv": (a,), "det": (a,), "cholesky": (s,), "norm": (a,), "eigh": (s,), "qr": (a,)}
    for name, operands in {**cases, "lstsq": (a, b)}.items():
        found, wanted = getattr(np.linalg, name)(*operands), getattr(nf.linalg, name)(*operands)
        for x, y in zip(found, wanted, strict=True) if isinstance(found, tuple) else ((found, wanted),):
            assert y is x or np.array_equal(np.asarray(x), np.asarray(y))
            assert getattr(x, "format", a.format) is a.format
    assert np.array_equal(np.fft.fft(b).real.values, nf.fft(b).real.values)
    assert np.linalg.norm(a, axis=1, keepdims=True).shape == (4, 1) and np.linalg.norm(a, keepdims=True).shape == (1, 1)
    assert np.convolve(b, b[:2], "same").tolist() == nf.convolve(b, b[:2], mode="same").tolist()
    assert np.polyval(b, 0.1).tolist() == nf.polyval(b, 0.1).tolist()
    for call, words in (
        (lambda: np.linalg.qr(a, "complete"), "mode='complete'"), (lambda: np.fft.fft(b, n=8), "n=8"),
        (lambda: np.linalg.lstsq(a, b, rcond=0.1), "rcond=0.1"), (lambda: np.linalg.norm(a, 2), "ord=2 of a matrix"),
        (lambda: np.linalg.svd(a), "np.linalg.svd is not defined"),
    ):  # fmt: skip
        with pytest.raises(nf.ArgumentError, match=words):
            call()


def test_plain_arrays_and_what_they_are_rounded_to():
    a = np.array([[0.1, 2.0], [3.0, 4.0]])
    for x, kind in ((a, np.float64), (a.astype(np.float32), np.float32)):
        for found in (
            nf.linalg.inv(x, "float16"),
            nf.linalg.eigh(x, "float16").eigenvalues,
            nf.linalg.lu(x, "float16")[1],
        ):
            assert type(found) is np.ndarray and found.dtype == kind
    assert (
        nf.fft(a.astype(np.float32), "float16").dtype == np.complex64
        and nf.fft(a + 1j, "float16").dtype == np.complex128
    )
    assert nf.linalg.det(a, "float16") == nf.linalg.det(nf.array(a, "float16")).item()
    assert np.linalg.norm(nf.fft(nf.array(a, "float16"), axis=0).real) == nf.linalg.norm(
        nf.fft(a, "float16", axis=0).real, "float16"
    )


def test_speed_is_sensible():
    """n = 64, everything in well under a second on a machine that does other things too."""
    import time

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((64, 64)), rng.standard_normal(64)
    nf.linalg.solve(a, b, "float16")
    start = time.process_time()
    nf.linalg.solve(a, b, "float16"), nf.linalg.qr(a, "float16")
    assert time.process_time() - start < 2.0


@in_one_test(
    ("call", "error", "words"),
    [
        (lambda: nf.linalg.solve(np.ones((2, 3)), np.ones(2), "float16"), nf.ShapeError, r"a \(2, 3\) must be"),
        (lambda: nf.linalg.solve(np.eye(2), np.ones(3), "float16"), nf.ShapeError, r"b \(3,\) must be \(2,\)"),
        (lambda: nf.linalg.solve(np.ones((2, 2)), np.ones(2), "float16"), nf.ArgumentError, "pivot 1 is 0"),
        (lambda: nf.linalg.solve(np.eye(2), np.ones(2)), nf.FormatError, "pass a FloatArray as a or b"),
        (lambda: nf.linalg.solve(np.eye(2), np.ones(2), "float16", refinements=-1), nf.ArgumentError, "refinements=-1"),
        (lambda: nf.linalg.solve(np.eye(2), np.ones(2), "float16", factor="half9"), nf.FormatError, "factor"),
        (lambda: nf.linalg.inv(nf.array(np.eye(2), "float16"), "bfloat16"), nf.ArgumentError, r"a\.astype"),
        (lambda: nf.linalg.inv(np.eye(2), "float16", "stochastic"), nf.SeedError, "seed"),
        (lambda: nf.linalg.lstsq(np.ones((2, 3)), np.ones(2), "float16"), nf.ShapeError, "fewer rows"),
        (lambda: nf.linalg.lu(np.ones(3), "float16"), nf.ShapeError, "must be a matrix"),
        (lambda: nf.linalg.norm(np.ones(3), "float16", ord=3), nf.ArgumentError, "ord=3"),
        (lambda: nf.linalg.norm(np.ones(3), "float16", axis=2), nf.ShapeError, "axis=2"),
        (lambda: nf.fft([], "float16"), nf.ShapeError, "nothing to transform"),
        (lambda: nf.fft(np.ones(2053), "float16"), nf.ShapeError, "odd factor 2053"),
        (lambda: nf.polyval(np.ones((2, 2)), 1.0, "float16"), nf.ShapeError, "one dimension"),
        (lambda: nf.convolve([1.0], [], "float16"), nf.ShapeError, "not empty"),
        (lambda: nf.convolve([1.0], [1.0], "float16", mode="no"), nf.ArgumentError, "mode='no'"),
        (lambda: nf.linalg.solve(nf.array(np.eye(2), "float16"), nf.array([1, 2], "e5m2")), nf.FormatError, "mixed"),
        (lambda: nf.linalg.solve(nf.array(np.eye(2), "float16"), np.ones(2)), nf.FormatError, "say its format"),
        (lambda: nf.linalg.nothing, AttributeError, "nothing"),
    ],
)  # fmt: skip
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_decimals():
    from fractions import Fraction

    rng = np.random.default_rng(1)
    for fmt in ("float16", "bfloat16", "float32", "e5m40"):
        x = nf.array(rng.standard_normal(50) * 10.0 ** rng.integers(-3, 4, 50), fmt)
        for places in (-2, 0, 1, 3):
            exact = [round(Fraction(v), places) for v in x.tolist()]
            wanted = [nf.divide(float(q.numerator), float(q.denominator), fmt) for q in exact]
            same(np.round(x, places), wanted)
    assert np.round(nf.array([0.125, -0.5, np.inf], "float16"), 2).tolist() == [
        nf.round(0.12, "float16"),
        -0.5,
        math.inf,
    ]
    assert nf.array([2.5], "float64").round().tolist() == [2.0]
    for call, words in (
        (lambda: np.round(nf.array([0.1], "float64"), 2), "at most 51 bits"),
        (lambda: np.round(nf.array([0.1], "float16"), 0.5), "decimals=0.5"),
    ):
        with pytest.raises(nf.ArgumentError, match=words):
            call()


def test_sums_by_subscripts():
    rng = np.random.default_rng(0)
    a, b = (nf.array(rng.standard_normal(s), "bfloat16") for s in ((3, 4), (4, 5)))
    assert np.einsum("ij,jk->ik", a, b).tolist() == (a @ b).tolist() == np.einsum("ij,jk->ki", a, b).T.tolist()
    assert np.einsum("ij->i", a).tolist() == a.sum(axis=1).tolist() and np.einsum("ij", a).tolist() == a.tolist()
    assert np.einsum("ii", a[:, :3]).tolist() == np.sum(np.diagonal(a[:, :3])).tolist()
    assert np.einsum("ij,ij->", a, a).tolist() == (a.ravel() @ a.ravel()).tolist()
    assert np.einsum("ij,ij->ij", a, a).tolist() == (a * a).tolist()
    assert np.einsum("i,j->ij", b[0], b[1]).tolist() == np.outer(b[0], b[1]).tolist()
    stack = nf.array(rng.standard_normal((2, 3, 4)), "bfloat16")
    assert np.einsum("bij,jk->bik", stack, b).tolist() == (stack @ b).tolist()
    for subscripts, operands in (
        ("ij,jk,kl", (a, b, b)),
        ("i...", (a,)),
        ("ij->ii", (a,)),
        ("ij,jk", (a, a)),
        ("ij->k", (a,)),
    ):
        with pytest.raises(nf.ArgumentError, match="einsum"):
            np.einsum(subscripts, *operands)

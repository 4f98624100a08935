"""Products at random, in formats at random, against the independent model.

And that a wrong one would be found and written down.
"""

from random import Random

import numpy as np
import pytest

import nfloat as nf
from nfloat.linalg.gemm import route, small
from nfloat.testing import random_products
from nfloat.testing.random_products import Product, accumulator_source, draw, shrink, source, wrong
from nfloat.testing.sweep_products import run_products, sweep_products

pytestmark = [
    pytest.mark.usefixtures("threads_for_little_work"),
    pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning"),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("part", range(8))
def test_all_equal_the_exact_model(part):
    report = sweep_products(range(part * 400, part * 400 + 400))
    assert report.wrong == 0, "\n".join(report.failures)
    assert report.products == 400
    assert report.outputs > 10_000


def test_codes_of_float32_at_the_thresholds_of_random_words():
    """Of 17 to 22 bits more random bits lie below the lane's last one than a float32 number holds."""
    rng = Random(2)
    accumulators = [nf.Accumulator(f"e8m{m}", rounding="stochastic") for m in range(10, 22)]
    accumulators += [nf.Accumulator(f"e8m{m}", product=f"e8m{m}", rounding="stochastic") for m in range(3, 16)]
    products = [random_products.at_threshold(rng, rng.choice(accumulators)) for _ in range(2000)]
    assert [source(p) for p in products if wrong(p)] == []


def test_codes_of_float32_with_more_random_bits_than_it_holds():
    """`Stochastic` compares 8 + p random bits as a float32 number: from p = 17 on that rounds them."""
    rng = Random(8)
    formats = [f"e8m{m}" for m in range(16, 22)]
    accumulators = [nf.Accumulator(f, product=p, rounding="stochastic") for f in formats for p in (None, f)]
    products = [random_products.at_threshold(rng, rng.choice(accumulators)) for _ in range(2000)]
    assert [source(p) for p in products if wrong(p)] == []


def test_sums_in_float64_lanes_at_the_thresholds_of_random_words():
    """A rest that is exactly what the random word lacks to a unit goes up, in formats of any range and policy."""
    rng = Random(3)
    format_ = {"emin": 17, "emax": 54, "has_inf": False, "lowest_binade": "zero_first"}
    formats = [nf.Format(name=f"p{p}", precision=p, **format_) for p in (5, 8, 11, 15, 18, 20)]
    accumulators = [nf.Accumulator(f, rounding="stochastic") for f in formats]
    products = [random_products.at_threshold(rng, rng.choice(accumulators)) for _ in range(300)]
    assert [source(p) for p in products if wrong(p)] == []


def test_draws_cover_what_products_have():
    products = [draw(seed) for seed in range(1500)]
    accs = [p.acc for p in products]
    assert {a.order for a in accs} == set(nf.linalg.accumulators.Order)
    assert {a.rounding for a in accs} == set(nf.formats.rounding.Rounding)
    assert {a.overflow for a in accs} == {None, *nf.formats.rounding.Overflow}
    assert any(a.product is not None and a.product != a.format for a in accs)
    assert any(a.promote is not None and a.promote.max < a.format.max for a in accs)
    assert min(max(len(p.a) for p in products), max(len(p.b[0]) for p in products)) > 30
    assert {p.single for p in products} >= {(True, True, True), (False, False, False), (True, False, False)}
    assert {p.fortran for p in products} == {(x, y) for x in (False, True) for y in (False, True)}
    assert any(p.c is None for p in products)
    assert draw(5) == draw(5)


@pytest.fixture
def broken(monkeypatch):
    """A bound that is wrong: sums of formats that overflow are not watched."""
    monkeypatch.setattr(route, "limit", lambda fmt, bits: 1e30)
    route.candidates.cache_clear()
    small.plans_of.cache_clear()
    yield
    route.candidates.cache_clear()
    small.plans_of.cache_clear()


def test_a_failure_is_found_made_small_and_written_down(broken):
    rows = np.full((5, 12), 100.0).tolist()
    fmt = nf.Format(name="x", precision=6, emin=-6, emax=8)  # to 504
    product = Product(rows, np.ones((12, 7)).tolist(), None, nf.Accumulator(fmt), 0, 2)
    assert len(wrong(product)) == 35
    least = shrink(product)
    assert (len(least.a), len(least.b[0]), least.threads) == (1, 1, 1)
    assert 5 < len(least.b) < 12  # with half of those that are wrong it would be right
    line = source(least)
    assert eval(line, {"nf": nf, "np": np}) > fmt.max
    assert "nf.Accumulator(nf.Format(name='x'" in line


def test_the_sweep_reports_what_is_wrong(broken):
    report = sweep_products(range(400))
    assert report.wrong > 0
    assert report.failures[0].startswith("seed ")
    assert "nf.matmul(" in report.failures[0]


@pytest.mark.parametrize("jobs", [1, 2])
def test_runs_for_some_time(jobs, monkeypatch):
    monkeypatch.setattr("nfloat.testing.sweep_products.BLOCK", 50)
    reports = list(run_products(1e-9 if jobs == 2 else 0.01, seed=7, jobs=jobs))
    assert min(r.first for r in reports) == 7
    assert sum(r.wrong for r in reports) == 0


def test_accumulators_are_written_as_they_are():
    for seed in range(200):
        acc = draw(seed).acc
        assert eval(accumulator_source(acc), {"nf": nf}) == acc

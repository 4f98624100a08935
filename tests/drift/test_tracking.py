"""`track`: what somebody's own code does to its numbers, line by line, without changing one of them."""

import numpy as np
import pytest

import nfloat as nf


def work(x, y):
    product = nf.matmul(x, y, "float16")
    a = nf.array([1.0, 300.0, 1e-8, 0.0], "float16")
    total = np.sum(a * a)
    return product, total, nf.exp(a), a + 1.0


def by_operation(seen):
    return {site.operation: (site, found) for site, found in seen.seen.items()}


def test_nothing_changes_and_every_line_is_seen_once():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 40)), rng.normal(size=(40, 3))
    plain = work(x, y)
    with nf.drift.track() as seen:
        tracked = [work(x, y) for _ in range(2)][1]
    for before, after in zip(plain, tracked, strict=True):
        assert np.asarray(before).tobytes() == np.asarray(after).tobytes()
    found = by_operation(seen)
    assert set(found) == {"matmul", "multiply", "sum", "exp", "add"}
    assert all(site.format == "float16" and of.calls == 2 for site, of in found.values())
    assert all(site.site.startswith("test_tracking.py:") for site, _ in found.values())
    assert len({site.site for site, _ in found.values()}) == 3  # two of them have two calls
    exact = x @ y
    error = np.linalg.norm(plain[0] - exact) / np.linalg.norm(exact)
    assert found["matmul"][1].error == pytest.approx(error, rel=1e-9) and found["matmul"][1].elements == 36


def test_what_is_lost_is_counted():
    with nf.drift.track() as seen:
        a = nf.array([1.0, 300.0, 2.0**-20, 0.0], "float16")
        _ = a * a
        _ = a - np.inf
    row = by_operation(seen)["multiply"][1]
    assert (row.overflow, row.underflow, row.nan, row.greatest, row.least) == (0.25, 0.25, 0.0, 1.0, 1.0)
    assert row.error == pytest.approx(2.0**-40)


def test_after_it_nobody_watches_and_the_inner_one_counts():
    a = nf.array([1.0, 2.0], "bfloat16")
    with nf.drift.track() as outer:
        _ = a + a
        with nf.drift.track() as inner:
            _ = a @ a
        with pytest.raises(nf.FormatError):
            _ = a + nf.array([1.0, 2.0], "float16")
    _ = a * a
    assert list(by_operation(outer)) == ["add"] and list(by_operation(inner)) == ["matmul"]
    assert "1 sites" in repr(inner) and "matmul" in inner._repr_html_()
    assert (a > a).tolist() == [False, False]


def test_questions_are_not_recorded():
    a = nf.array([1.0, 2.0], "bfloat16")
    with nf.drift.track() as seen:
        assert not np.any(a > a) and np.isfinite(a).all()
    assert seen.rows == []


def test_reductions_and_fused_operations():
    a = nf.array(np.full(1000, 0.1), "bfloat16")
    with nf.drift.track() as seen:
        stalled = np.add.reduce(a)
        _ = nf.fma(a, a, a)
        _ = np.add.accumulate(a)
    found = by_operation(seen)
    assert set(found) == {"add.reduce", "fma", "add.accumulate"}
    exact = 1000 * float(a.values[0])
    assert found["add.reduce"][1].error == pytest.approx(abs(float(stalled) - exact) / exact, rel=1e-9)

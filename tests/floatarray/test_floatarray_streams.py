"""Random bits of FloatArrays: a function of the operands and how they were made, not of time, order or layout."""

from __future__ import annotations

import numpy as np

import nfloat as nf

X = np.random.default_rng(2).uniform(1, 2, 2000)


def _array(seed: int, x: np.ndarray = X) -> nf.FloatArray:
    return nf.array(x, "float8_e4m3fn", "stochastic", seed=seed)


def test_the_same_computation_gives_the_same_bits() -> None:
    a, b = _array(1), _array(2)
    assert (a * b).tolist() == (a * b).tolist() == (_array(1) * _array(2)).tolist()
    assert a.tolist() != _array(3).tolist()


def test_operations_do_not_share_bits() -> None:
    a, b, c = _array(1), _array(2), nf.array(np.asarray(_array(2)), "float8_e4m3fn", "stochastic", seed=3)
    assert b.tolist() == c.tolist()
    assert (a * b).tolist() != (a * c).tolist()  # the other operand's stream counts
    assert (a * b).stream != (b * a).stream
    assert (a + b).stream != (a * b).stream != np.exp(a).stream
    once = a * 1.1
    assert once.stream != a.stream and (once * 1.1).stream != once.stream


def test_a_loop_draws_new_bits_at_every_step() -> None:
    w = nf.array(np.ones(20_000), "bfloat16", "stochastic", seed=5)
    for _ in range(64):
        w = w + 2.0**-10  # an eighth of the gap at 1, never added by rounding to nearest
    assert abs(float(np.mean(np.asarray(w))) - (1 + 64 * 2.0**-10)) < 1e-3
    assert np.unique(np.asarray(w)).size > 8


def test_in_place_operations_and_assignments_move_on() -> None:
    w = nf.array(np.ones(20_000), "bfloat16", "stochastic", seed=5)
    streams = set()
    for _ in range(8):
        w += 2.0**-10
        streams.add(w.stream.key)
    w[:] = 1.001
    streams.add(w.stream.key)
    first = w.tolist()
    w[:] = 1.001
    assert w.tolist() != first
    assert len(streams) == 9


def test_elements_have_streams_of_their_own() -> None:
    a = nf.array(np.full(400, 1.125), "float8_e4m3fn", "stochastic", seed=1)
    results = [(a[i] * 1.125).item() for i in range(400)]
    assert len(set(results)) > 1
    assert a[3].stream == a[3].stream != a[4].stream
    mask = np.arange(400) % 2 == 0
    assert a[mask].stream != a[~mask].stream


def test_layout_does_not_count() -> None:
    a = nf.array(X.reshape(40, 50), "float8_e4m3fn", "stochastic", seed=9)
    b = nf.array(np.asfortranarray(X.reshape(40, 50)), "float8_e4m3fn", "stochastic", seed=9)
    assert a.tolist() == b.tolist() and (a * a).tolist() == (b * b).tolist()


def test_reductions_and_products_draw_from_derived_streams() -> None:
    a = nf.array(np.full((200, 64), 0.1), "bfloat16", "stochastic", seed=4)
    sums = np.add.reduce(a, axis=1)
    assert np.unique(np.asarray(sums)).size > 1
    assert sums.tolist() == np.add.reduce(a, axis=1).tolist()
    assert (
        abs(float(np.mean(np.asarray(sums, np.float64))) - float(np.mean(np.asarray(a, np.float64).sum(axis=1)))) < 0.02
    )
    assert (a @ a.T).tolist() == (a @ a.T).tolist()
    assert a.mean().stream is not None


def test_deterministic_arrays_have_no_stream() -> None:
    a = nf.array(X, "float16", seed=3)
    assert a.stream is None and (a + a).stream is None

"""The dynamic loss scale: its trace against the rule written out, skipped updates, and what a static scale rescues."""

import numpy as np
import pytest

from nfloat.errors import ArgumentError
from nfloat.nn import SGD, Linear, LossScaler, LossScaling, Sequential, Trainer, cross_entropy, recipe
from nfloat.nn.scaling import unscaled


def test_trace_of_the_defaults():
    scaler, scale, clean = LossScaler(LossScaling()), 65536.0, 0
    bad = {0, 1, 2500, 6700, 6701}
    for step in range(9000):
        assert scaler.scale == scale
        scaler.update(step not in bad)
        clean = 0 if step in bad else clean + 1
        if step in bad:
            scale /= 2
        elif clean == 2000:
            scale, clean = scale * 2, 0
    assert scale == 65536.0 / 4 * 2 / 2 * 2 * 2 / 4 * 2


def test_a_static_scale_never_moves():
    scaler = LossScaler(LossScaling.static(3.0))
    for clean in (True, False) * 3000:
        scaler.update(clean)
    assert scaler.scale == 3.0


@pytest.mark.parametrize(
    "field, value",
    [("initial", 0.0), ("initial", np.inf), ("growth", 0.5), ("backoff", 0.0), ("backoff", 2.0), ("interval", 0)],
)
def test_mistakes_are_named(field, value):
    with pytest.raises(ArgumentError, match=f"{field}="):
        LossScaling(**{field: value})


def small(scaling, factor=1.0):
    model = Sequential(Linear(4, 3))
    model.init(seed=0)
    rng = np.random.default_rng(0)
    trainer = Trainer(model, SGD(model.parameters(), lr=0.5), recipe("fp16-mixed").replace(loss_scaling=scaling))
    return trainer, rng.standard_normal((8, 4)) * factor, rng.integers(0, 3, 8)


def test_a_step_with_infinities_is_skipped_and_halves_the_scale():
    trainer, x, y = small(LossScaling(initial=2.0**24, interval=3))
    before = {name: p.data.copy() for name, p in trainer.model.parameters().items()}
    updates, trace = [], []
    while not updates:
        assert all(np.array_equal(before[name], p.data) for name, p in trainer.model.parameters().items())
        trace.append(trainer.step(x, y, watch=updates.append))
    assert len(trace) > 2
    assert [r.scale for r in trace] == [2.0 ** (24 - i) for i in range(len(trace))]
    assert [r.skipped for r in trace] == [True] * (len(trace) - 1) + [False]
    # the loss is reported unscaled, the gradients divided by the scale
    assert len({r.loss for r in trace}) == 1
    assert all(np.abs(g).max() < 10 for g in trace[-1].gradients.values())


def test_powers_of_two_cost_nothing_where_nothing_underflows():
    found = []
    for scale in (1.0, 2.0**6):
        trainer, x, y = small(LossScaling.static(scale))
        trainer.step(x, y)
        found.append(trainer.model.parameters()["0.weight"].data)
    assert np.array_equal(*found)


def test_a_scale_rescues_gradients_that_underflow():
    losses = {}
    for scale in (None, 2.0**20):
        scaling = None if scale is None else LossScaling.static(scale)
        trainer, x, y = small(scaling)
        trainer.loss = lambda logits, labels: cross_entropy(logits, labels) * 2.0**-22
        trainer.optimizer.lr *= 2.0**22
        losses[scale] = [trainer.step(x, y).loss for _ in range(5)]
    assert len(set(losses[None])) == 1  # every gradient is zero: nothing is learnt
    assert losses[2.0**20][-1] < losses[2.0**20][0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_are_divided(dtype):
    """By powers of two of any size, and by others; least numbers, infinities, NaN and signs of zeros among them."""
    rng, least = np.random.default_rng(0), np.finfo(dtype).smallest_subnormal
    x = np.concatenate([rng.standard_normal(50) * 2.0**-120, [0.0, -0.0, least * 3, 7.0]])
    for scale in (1.0, 65536.0, 3.0, 2.0**-140, 2.0**100, 2.0**127, 2.0**149, 2.0**1023):
        for more in ([], [np.inf], [-np.nan]):
            values = np.append(x, more).astype(dtype)
            with np.errstate(all="ignore"):
                expected = values / dtype(scale)
            found, finite = unscaled(values.reshape(-1, 1), scale)
            assert found.dtype == dtype and found.shape == (values.size, 1)
            assert np.array_equal(found.ravel(), expected, equal_nan=True)
            assert (np.signbit(found.ravel()) == np.signbit(expected))[~np.isnan(expected)].all()
            assert finite == np.isfinite(expected).all()

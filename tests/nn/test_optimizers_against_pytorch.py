"""Optimisers, schedules and clipping against PyTorch's, in float64."""

import numpy as np
import pytest

from nfloat.nn import SGD, Adam, AdamW, Cosine, Momentum, RMSprop, StepDecay, Tensor, WarmUp

torch = pytest.importorskip("torch", reason="the oracle of these tests")
OPTIM = torch.optim
SCHEDULER = OPTIM.lr_scheduler

CASES = {
    "sgd": (lambda p: SGD(p, 0.1, weight_decay=0.05), lambda p: OPTIM.SGD(p, 0.1, weight_decay=0.05)),
    "momentum": (lambda p: Momentum(p, 0.1, 0.8), lambda p: OPTIM.SGD(p, 0.1, momentum=0.8)),
    "nesterov": (
        lambda p: Momentum(p, 0.1, 0.8, nesterov=True, weight_decay=0.05),
        lambda p: OPTIM.SGD(p, 0.1, momentum=0.8, nesterov=True, weight_decay=0.05),
    ),
    "rmsprop": (
        lambda p: RMSprop(p, 0.01, decay=0.9, weight_decay=0.05),
        lambda p: OPTIM.RMSprop(p, 0.01, alpha=0.9, weight_decay=0.05),
    ),
    "adam": (lambda p: Adam(p, 0.01, weight_decay=0.05), lambda p: OPTIM.Adam(p, 0.01, weight_decay=0.05)),
    "adamw": (lambda p: AdamW(p, 0.01, weight_decay=0.05), lambda p: OPTIM.AdamW(p, 0.01, weight_decay=0.05)),
}


def _step(o):
    return SCHEDULER.StepLR(o, 5, 0.3)


def _cosine(o):
    return SCHEDULER.CosineAnnealingLR(o, 25, 0.01)


def _warm(o):
    first = SCHEDULER.LinearLR(o, 0.25, 1.0, 6)
    return SCHEDULER.SequentialLR(o, [first, SCHEDULER.CosineAnnealingLR(o, 15)], [6])


SCHEDULES = {
    "step": (StepDecay(0.1, every=5, factor=0.3), _step),
    "cosine": (Cosine(0.1, steps=25, least=0.01), _cosine),
    "warm-up": (WarmUp(Cosine(0.1, steps=15), steps=6, start=0.25), _warm),
}


def gradients(step):
    rng = np.random.default_rng(step)
    return {"w": rng.standard_normal((5, 4)), "b": 3.0 * rng.standard_normal(4)}


def pair(make, other):
    rng = np.random.default_rng(9)
    start = {"w": rng.standard_normal((5, 4)), "b": rng.standard_normal(4)}
    own = {name: Tensor(v, requires_grad=True, parameter=True, name=name) for name, v in start.items()}
    theirs = {name: torch.tensor(v, requires_grad=True) for name, v in start.items()}
    return own, make(own), theirs, other(list(theirs.values()))


def assert_close(own, theirs):
    for name, tensor in own.items():
        assert np.allclose(tensor.data, theirs[name].detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_thirty_steps(name):
    own, mine, theirs, other = pair(*CASES[name])
    for step in range(30):
        for key, g in gradients(step).items():
            own[key].grad, theirs[key].grad = g, torch.tensor(g)
        mine.step()
        other.step()
    assert_close(own, theirs)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    schedule, theirs_of = SCHEDULES[name]
    own, mine, theirs, other = pair(lambda p: SGD(p, schedule), lambda p: OPTIM.SGD(p, 0.1))
    scheduler = theirs_of(other)
    for step in range(20):
        for key, g in gradients(step).items():
            own[key].grad, theirs[key].grad = g, torch.tensor(g)
        mine.step()
        assert abs(mine.lr - other.param_groups[0]["lr"]) < 1e-12
        other.step()
        scheduler.step()
    assert_close(own, theirs)


@pytest.mark.parametrize("kind", ["norm", "value"])
def test_clipping(kind):
    own, mine, theirs, other = pair(lambda p: SGD(p, 0.1, **{f"clip_{kind}": 0.7}), lambda p: OPTIM.SGD(p, 0.1))
    clip = getattr(torch.nn.utils, f"clip_grad_{kind}_")
    for step in range(10):
        for key, g in gradients(step).items():
            g = g * 0.01 ** (step % 2)  # small ones are left alone
            own[key].grad, theirs[key].grad = g, torch.tensor(g)
        mine.step()
        clip(list(theirs.values()), 0.7)
        other.step()
    assert_close(own, theirs)


def test_the_loss_scalers_trace_is_gradscalers():
    from nfloat.nn import LossScaler, LossScaling

    mine = LossScaler(LossScaling(initial=3.0, growth=2.5, interval=4))
    scale, tracker = torch.tensor(3.0), torch.tensor(0, dtype=torch.int32)
    rng = np.random.default_rng(0)
    for _ in range(600):
        clean = bool(rng.random() < 0.97)
        mine.update(clean)
        torch._amp_update_scale_(scale, tracker, torch.tensor(0.0 if clean else 1.0), 2.5, 0.5, 4)
        assert mine.scale == scale.item()
    assert mine.scale > 1e30

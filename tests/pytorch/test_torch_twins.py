"""An nf.nn model and its PyTorch twin give the same bits for 20 steps, under every recipe and optimiser."""

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

from twins import carrier, make_equal, same_bits

import nfloat.torch as nft

STEPS = 20
OPTIMIZERS = {
    "sgd": (nf.nn.SGD, lambda p: torch.optim.SGD(p, lr=0.05)),
    "momentum": (nf.nn.Momentum, lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, foreach=True)),
    "adam": (nf.nn.Adam, lambda p: torch.optim.Adam(p, lr=0.05, foreach=False)),
    "adamw": (nf.nn.AdamW, lambda p: torch.optim.AdamW(p, lr=0.05, fused=True)),
    "rmsprop": (nf.nn.RMSprop, lambda p: torch.optim.RMSprop(p, lr=0.05)),
}


def mlp():
    own = nf.nn.Sequential(nf.nn.Linear(12, 16), nf.nn.ReLU(), nf.nn.Linear(16, 9), nf.nn.Tanh(), nf.nn.Linear(9, 5))
    own.init(seed=1)
    model = torch.nn.Sequential(
        torch.nn.Linear(12, 16), torch.nn.ReLU(), torch.nn.Linear(16, 9), torch.nn.Tanh(), torch.nn.Linear(9, 5)
    )
    return own, model


def batches(recipe):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((STEPS, 8, 12)).astype(nf.nn.recipe(recipe).carrier)
    return list(zip(x, rng.integers(0, 5, (STEPS, 8)), strict=True))


def run(recipe, optimizer, make=mlp):
    own, model = make()
    make_equal(torch, own, model, recipe)
    ours, theirs = OPTIMIZERS[optimizer]
    trainer = nf.nn.Trainer(own, ours(own.parameters(), lr=0.05), recipe, seed=3)
    steps = theirs(model.parameters())
    losses = [], []
    with nft.emulate(recipe, model=model, optimizer=steps, seed=3) as emulation:
        for x, y in batches(recipe):
            steps.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
            loss.backward()
            steps.step()
            losses[0].append(loss.item())
    for x, y in batches(recipe):
        losses[1].append(trainer.step(x, y).loss)
    assert emulation.steps == STEPS
    return own, model, losses


@pytest.mark.parametrize("recipe", sorted(nf.nn.recipes))
def test_every_recipe(recipe):
    own, model, (theirs, ours) = run(recipe, "momentum")
    assert same_bits(own, model) == []
    assert np.array_equal(theirs, ours, equal_nan=True)


@pytest.mark.parametrize("recipe", ["float32", "bf16-pure-kahan", "bf16-pure-sr", "fp16-mixed"])
@pytest.mark.parametrize("optimizer", sorted(set(OPTIMIZERS) - {"momentum"}))
def test_every_optimizer(recipe, optimizer):
    own, model, (theirs, ours) = run(recipe, optimizer)
    assert same_bits(own, model) == []
    assert np.array_equal(theirs, ours, equal_nan=True)


def test_a_unit_and_narrow_sums():
    recipe = nf.nn.recipe("bf16-pure").replace(
        forward="nvidia.hopper.mma.bf16.f32", backward="bfloat16", sums="float16", gemm_inputs="bfloat16"
    )
    own, model, (theirs, ours) = run(recipe, "momentum")
    assert same_bits(own, model) == []
    assert theirs == ours


def test_no_bit_depends_on_threads():
    found = []
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        _, model, losses = run("bf16-pure-sr", "adam")
        found.append((losses[0], [p.detach().numpy().tobytes() for p in model.parameters()]))
    torch.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_the_type_of_a_recipe():
    assert carrier(torch, "float64") is torch.float64
    assert carrier(torch, "bf16-mixed") is torch.float32

"""What an emulation has known goes with the tensors, at once: nothing waits for Python's collector."""

import contextlib
import gc
import weakref

import pytest

torch = pytest.importorskip("torch")

import nfloat.torch as nft
from nfloat.torch.operations.losses import Logarithms


@pytest.fixture(autouse=True)
def uncollected():
    gc.disable()
    yield
    gc.enable()


def trained(recipe, steps=1):
    """Weak references to an emulation, what it knows by, the model and a tensor that is as large as a parameter."""
    attention = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = torch.nn.ModuleList([torch.nn.Embedding(9, 16), attention, torch.nn.LSTM(16, 9, batch_first=True)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    with nft.emulate(recipe, model=model, optimizer=optimizer) as run:
        for _ in range(steps):
            optimizer.zero_grad()
            logits, _ = model[2](model[1](model[0](torch.arange(18).view(2, 9) % 9)))
            torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.arange(18) % 9).backward()
            optimizer.step()
    known = [p.untyped_storage()._nfloat for p in model.parameters()]
    return [weakref.ref(each) for each in (run, run._machine, model, model[0].weight, *known)]


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed", "bf16-pure-kahan", "fp16-mixed"])
def test_a_finished_emulation_goes_with_its_model(recipe):
    trained(recipe)  # where a kernel is compiled, Numba's own exceptions hold on to who called it
    assert all(each() is None for each in trained(recipe))


def test_an_emulation_that_fails_goes_too():
    def fails():
        model = torch.nn.Linear(2, 2)
        with contextlib.suppress(ValueError), nft.emulate("bf16-mixed", model=model) as run:
            model(torch.ones(3, 4))
        return weakref.ref(run), weakref.ref(model)

    assert all(each() is None for each in fails())


def test_a_run_may_be_entered_again():
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    run = nft.emulate("bf16-pure-kahan", model=model, optimizer=optimizer)
    for _ in range(3):
        with run:
            optimizer.zero_grad()
            model(torch.ones(4, 3)).square().mean().backward()
            optimizer.step()
    assert run.steps == 3
    assert "remainder" in model.weight.untyped_storage()._nfloat.state


def test_a_loop_keeps_nothing_of_the_steps_before():
    model = torch.nn.Linear(4, 50)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with nft.emulate("float32", model=model, optimizer=optimizer):
        for _ in range(4):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(torch.randn(6, 4)), torch.arange(6)).backward()
            optimizer.step()
        assert sum(type(each) is Logarithms for each in gc.get_objects()) <= 1

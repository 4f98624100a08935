"""A step takes at most 1.3 times the memory of the tensors that live: on one thread, everything counted.

What lives: parameters, the optimiser's state, the batch, and what the record keeps, with the gradients that are under
way and those that are done, at the moment when that is most; in an update, also the weights that a parameter gets.
"""

import gc
import tracemalloc

import numpy as np
import pytest

import nfloat as nf
from nfloat.nn import SGD, Adam, tape

MODELS = {
    "mlp": lambda: nf.nn.models.mlp(784, 10, 256),
    "cnn": lambda: nf.nn.models.cnn((1, 28, 28), 10, width=24),
    "transformer": lambda: nf.nn.models.transformer(64, length=64, width=64, depth=1),
    "lstm": lambda: nf.nn.models.lstm(32, symbols=32, width=96),
}
OF_CHARACTERS = ("transformer", "lstm")


def made(name, recipe, kind):
    """A trainer after a step, and its batch."""
    rng, model = np.random.default_rng(0), MODELS[name]()
    model.init(seed=0)
    trainer = nf.nn.Trainer(model, kind(model.parameters(), lr=0.001), recipe, threads=1)
    if name in OF_CHARACTERS:
        x, y = rng.integers(0, 32, (16, 48)), rng.integers(0, 32, (16, 48))
    else:
        x, y = rng.standard_normal((64, 784)).astype(trainer.recipe.carrier), rng.integers(0, 10, 64)
    trainer.step(x, y)
    return trainer, x, y


def held(*things):
    """The bytes of all arrays in some things, each counted once."""
    found, todo = {}, list(things)
    while todo:
        one = todo.pop()
        if isinstance(one, np.ndarray):
            while isinstance(one.base, np.ndarray):
                one = one.base
            found[id(one)] = one.nbytes
        elif isinstance(one, tuple | list):
            todo += one
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, nf.nn.operands.Late):
            todo += [one.values, one._copy]
    return sum(found.values())


def records(tensors):
    """What is recorded of results and of all that they came from."""
    found, todo = {}, list(tensors)
    while todo:
        tensor = todo.pop()
        if id(tensor) not in found:
            found[id(tensor)] = (tensor.data, () if tensor.origin is None else tensor.origin.kept)
            todo += () if tensor.origin is None else tensor.origin.operands
    return list(found.values())


def living(trainer, x, y, monkeypatch):
    """The most bytes that live in a step."""
    parameters = list(trainer.model.parameters().values())
    always = [[p.data for p in parameters], trainer.optimizer.state, x, y]
    most = [held(always) + sum(p.data.nbytes for p in parameters) + max(p.data.nbytes for p in parameters)]
    propagate = tape.propagate

    def watched(result, gradient, member, pending):
        recorded = records([result, *(arrived[0] for arrived in pending.values())])
        propagate(result, gradient, member, pending)
        most.append(held(always, recorded, gradient, [arrived[1] for arrived in pending.values()]))

    monkeypatch.setattr(tape, "propagate", watched)
    trainer.step(x, y)
    return max(most)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "name, recipe, kind",
    [
        ("mlp", "float32", Adam), ("mlp", "bf16-weights", SGD), ("mlp", "fp16-mixed", SGD), ("mlp", "fp8-current", SGD),
        ("mlp", "nvfp4", SGD), ("cnn", "mxfp4", SGD), ("cnn", "nvfp4", SGD), ("transformer", "fp8-hybrid", SGD),
        ("transformer", "nvfp4", SGD), ("lstm", "bf16-mixed", SGD), ("lstm", "fp8-current", SGD),
        ("lstm", "mxfp8", SGD),
    ],
)  # fmt: skip
def test_peak(name, recipe, kind, monkeypatch):
    made(name, recipe, kind)  # what is loaded and planned once is nobody's step
    gc.collect()
    tracemalloc.start()
    trainer, x, y = made(name, recipe, kind)
    tracemalloc.reset_peak()
    trainer.step(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 1.3 * living(trainer, x, y, monkeypatch)

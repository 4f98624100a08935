"""Digests of training: every recipe, optimiser, activation; the rows of drift runs and of studies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial

import numpy as np
from digest_inputs import Named, digest

import nfloat as nf
from nfloat.nn import elementary
from nfloat.nn.layers import ACTIVATIONS
from nfloat.nn.optim import OPTIMIZERS
from nfloat.runs.rows import to_line
from nfloat.studies import STUDIES

#: small studies, smaller still where an emulated machine would take minutes
SMALLER = {"input-formats": {"size": 16, "repeats": 1, "k": (32,)}}


def digests() -> Iterator[Named]:
    """Each with its name."""
    for name in ("exp", "log", "tanh", "erf"):
        yield f"float64 {name} of losses", partial(elementary_function, name)
    yield "blobs", blobs
    for name in nf.nn.recipes:
        yield f"training {name}", partial(training, name)
    for name in OPTIMIZERS:
        yield f"training by {name}", partial(training, "bf16-pure-kahan", optimizer=name)
    for name, layer in ACTIVATIONS.items():
        yield f"training with {name}", partial(training, "float64", activation=layer)
    yield "training by squared error", squared_error
    for name in nf.nn.models.MODELS:
        yield f"training of {name}", partial(model, name)
    for name in ("float64", "bf16-pure", "fp16-mixed", "bf16-pure-sr", "bf16-mixed+activations=bfloat16:stochastic"):
        yield f"drift {name}", partial(drift, name)
    for name in STUDIES:
        yield f"study {name}", partial(study, name)


def elementary_function(name: str) -> str:
    """On numbers of all sizes."""
    x = np.ldexp(np.arange(1.0, 2000.0), np.arange(1999) % 24 - 25)
    return digest(*(getattr(elementary, name)(v) for v in ((x,) if name == "log" else (x, -x))))


def blobs() -> str:
    """Data made of normal deviates."""
    data = nf.nn.load_data("blobs")
    return digest(data.train_x, data.train_y, data.test_x, data.test_y)


def small(activation: type[nf.nn.Layer] = nf.nn.ReLU) -> nf.nn.Sequential:
    """A network of one hidden layer, with weights."""
    model = nf.nn.Sequential(nf.nn.Linear(16, 12), activation(), nf.nn.Linear(12, 10))
    model.init(seed=3)
    return model


def training(recipe: str, optimizer: str = "sgd", activation: type[nf.nn.Layer] = nf.nn.ReLU) -> str:
    """Losses, gradients and weights of five steps, and the loss and accuracy after them."""
    data, model, found = nf.nn.load_data("blobs"), small(activation), []
    trainer = nf.nn.Trainer(model, OPTIMIZERS[optimizer](model.parameters(), lr=0.05), recipe, seed=2)
    for batch in itertools.islice(nf.nn.batches(len(data.train_x), 24, 1), 5):
        result = trainer.step(data.train_x[batch], data.train_y[batch])
        found += [result.loss, *result.gradients.values()]
    found += [parameter.data for parameter in model.parameters().values()]
    return digest(*found, *nf.nn.evaluate(model, data.test_x[:200], data.test_y[:200]))


def model(name: str) -> str:
    """Losses and weights of three steps of a small model, and what it is worth then."""
    rng, count = np.random.default_rng(11), 24
    if name == "transformer":
        x, y, kind = rng.integers(0, 9, (count, 6)), rng.integers(0, 9, (count, 6)), "text"
    else:
        x, y, kind = rng.integers(-8, 9, (count, 16)).astype(np.float32) / 8, rng.integers(0, 9, count), "classes"
    data, own = nf.nn.Dataset("small", x, y, x, y, kind), {} if name in ("resnet", "lstm") else {"activation": "gelu"}
    made = nf.nn.models.for_data(name, data, width=8, depth=1, **own)
    made.init(seed=3)
    trainer, found = nf.nn.Trainer(made, nf.nn.Adam(made.parameters(), lr=0.01), "bf16-pure-sr", seed=2), []
    for batch in (slice(0, 12), slice(12, 24), slice(6, 18)):
        found.append(trainer.step(x[batch], y[batch]).loss)
    found += [tensor.data for tensor in {**made.parameters(), **made.buffers()}.values()]
    return digest(*found, *nf.nn.evaluate(made, x, y))


def squared_error() -> str:
    """Loss and gradients of a regression."""
    data, model = nf.nn.load_data("blobs"), small(nf.nn.Tanh)
    target = np.ldexp(np.arange(300.0).reshape(30, 10), -8)
    loss, gradients = nf.nn.gradients(model, data.train_x[:30], target, "bf16-mixed", loss=nf.nn.mse)
    return digest(loss, *gradients.values())


def drift(recipe: str) -> str:
    """The text of the rows."""
    config = nf.drift.Config(
        data="blobs", recipes=(recipe,), steps=6, every=3, width=10, batch=20, activation="tanh", optimizer="adam"
    )
    return digest("".join(to_line(row) + "\n" for row in nf.drift.run(config).rows))


def study(name: str) -> str:
    """The text of the rows of a small run, and the figures that a page shows of them."""
    of = STUDIES[name]
    params = type(of.small)(**{**vars(of.small), **SMALLER.get(name, {})})
    rows = of.run(params, seed=0)
    shown = [repr(check) for check in of.checks(rows)] + of.findings(rows)
    return digest(json.dumps(rows), *shown)

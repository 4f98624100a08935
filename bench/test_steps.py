"""A training step of a network of two layers, against a float32 step of the same that is written in NumPy.

One thread on both sides: where the network is small, what is measured is what Python does around the kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

import nfloat as nf

_NARROW = nf.nn.recipe("bf16-pure").replace(forward="bfloat16", backward="bfloat16")
_HOPPER = "nvidia.hopper.mma.bf16.f32"
_UNIT = nf.nn.recipe("bf16-mixed").replace(forward=_HOPPER, backward=_HOPPER, gemm_inputs="bfloat16")
#: recipe, target for 784-256-10 and 128 examples, for 64-64-10 and 32
_ROWS = [
    ("float32", 1.35, 4.0),
    ("tf32", 1.4, 4.0),
    ("bf16-mixed", 1.35, 4.0),
    ("fp16-mixed", 1.5, 4.5),
    ("bf16-pure", 1.6, 4.5),
    ("bf16-pure-sr", 1.7, 5.0),
    ("bf16-pure-kahan", 1.9, 5.0),
    (_NARROW, 6.0, 6.0),
    (_UNIT, 6.0, 8.0),
]
_IDS = [row[0] if isinstance(row[0], str) else row[0].name.partition("+")[2][:24] for row in _ROWS]


def by_hand(sizes: tuple[int, ...], x, y, lr: float = 0.01) -> Callable[[], None]:
    """Forward, softmax cross-entropy, backward and SGD in float32."""
    rng, rows = np.random.default_rng(0), np.arange(len(y))
    weights = [(rng.standard_normal((n, k)) * (2 / k) ** 0.5).astype(np.float32) for k, n in pairwise(sizes)]
    biases = [np.zeros(len(w), np.float32) for w in weights]

    def step() -> None:
        seen, last = [x], len(weights) - 1
        for k, w in enumerate(weights):
            z = seen[-1] @ w.T + biases[k]
            seen.append(z if k == last else np.maximum(z, np.float32(0)))
        powers = np.exp(seen[-1] - seen[-1].max(1, keepdims=True))
        dy = powers / powers.sum(1, keepdims=True)
        dy[rows, y] -= 1
        dy /= np.float32(len(y))
        for k in reversed(range(len(weights))):
            dw, db = dy.T @ seen[k], dy.sum(0)
            if k:
                dy = (dy @ weights[k]) * (seen[k] > 0)
            weights[k] -= np.float32(lr) * dw
            biases[k] -= np.float32(lr) * db

    return step


def measured(ratio, recipe, sizes: tuple[int, int, int], batch: int, at_most: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, sizes[0])).astype(np.float32), rng.integers(0, sizes[-1], batch)
    model = nf.nn.Sequential(nf.nn.Linear(*sizes[:2]), nf.nn.ReLU(), nf.nn.Linear(*sizes[1:]))
    model.init(seed=0)
    trainer = nf.nn.Trainer(model, nf.nn.SGD(model.parameters(), lr=0.01), recipe, threads=1)
    ratio(lambda: trainer.step(x, y), by_hand(sizes, x, y), at_most)


@pytest.mark.parametrize("recipe, at_most, _", _ROWS, ids=_IDS)
def test_784_256_10(ratio, recipe, at_most: float, _: float) -> None:
    measured(ratio, recipe, (784, 256, 10), 128, at_most)


@pytest.mark.parametrize("recipe, _, at_most", _ROWS, ids=_IDS)
def test_64_64_10(ratio, recipe, at_most: float, _: float) -> None:
    measured(ratio, recipe, (64, 64, 10), 32, at_most)

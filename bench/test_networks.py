"""A training step of small convolutional and residual networks and of a transformer, against PyTorch's in float32.

Needs PyTorch. One thread on both sides.
"""

from __future__ import annotations

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

NARROW = nf.nn.recipe("bf16-mixed").replace(forward="bfloat16", backward="bfloat16")
RECIPES = [
    pytest.param("float32", 1.5, id="float32"),
    pytest.param("bf16-mixed", 2.0, id="bf16-mixed"),
    pytest.param(NARROW, 6.0, id="bfloat16-sums"),
]


class Block(torch.nn.Module):
    """``nn.models.resnet``'s block."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.way = torch.nn.Sequential(
            torch.nn.Conv2d(before, after, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(after), torch.nn.ReLU(),
            torch.nn.Conv2d(after, after, 3, padding=1, bias=False), torch.nn.BatchNorm2d(after),
        )  # fmt: skip
        self.around = torch.nn.Identity()
        if stride != 1 or before != after:
            self.around = torch.nn.Sequential(
                torch.nn.Conv2d(before, after, 1, stride, bias=False), torch.nn.BatchNorm2d(after)
            )

    def forward(self, x):
        return torch.relu(self.way(x) + self.around(x))


def residual(width: int) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, width, 3, padding=1, bias=False), torch.nn.BatchNorm2d(width), torch.nn.ReLU(),
        Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4 * width, 10),
    )  # fmt: skip


def convolutional(width: int) -> torch.nn.Module:
    """``nn.models.cnn`` of images of 28 x 28."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, width, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(width, 2 * width, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(2 * width * 49, 4 * width), torch.nn.ReLU(), torch.nn.Linear(4 * width, 10),
    )  # fmt: skip


class Characters(torch.nn.Module):
    """``nn.models.transformer``."""

    def __init__(self, symbols: int, length: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.token, self.position = torch.nn.Embedding(symbols, width), torch.nn.Embedding(length, width)
        options = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        self.layers = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(width, heads, 4 * width, **options) for _ in range(depth)
        )
        self.norm, self.head = torch.nn.LayerNorm(width), torch.nn.Linear(width, symbols)

    def forward(self, x):
        y = self.token(x) + self.position(torch.arange(x.shape[1]))
        mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
        for layer in self.layers:
            y = layer(y, mask)
        return self.head(self.norm(y))


def native(model, x, y):
    """A step of PyTorch's."""
    torch.set_num_threads(1)
    optimizer, x, y = torch.optim.SGD(model.parameters(), lr=0.01), torch.tensor(x), torch.tensor(y)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x).flatten(0, -2), y.flatten()).backward()
        optimizer.step()

    return step


def emulated(model, recipe, x, y):
    """A step of ours."""
    model.init(seed=0)
    trainer = nf.nn.Trainer(model, nf.nn.SGD(model.parameters(), lr=0.01), recipe, threads=1)
    return lambda: trainer.step(x, y)


@pytest.mark.parametrize("recipe, at_most", RECIPES)
def test_resnet(ratio, recipe, at_most: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((32, 1, 16, 16)).astype(np.float32), rng.integers(0, 10, 32)
    ratio(emulated(nf.nn.models.resnet((1, 16, 16), 10), recipe, x, y), native(residual(16), x, y), at_most)


@pytest.mark.parametrize("recipe, at_most", RECIPES)
def test_cnn(ratio, recipe, at_most: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((32, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, 32)
    ratio(emulated(nf.nn.models.cnn((1, 28, 28), 10, 32), recipe, x, y), native(convolutional(32), x, y), at_most)


@pytest.mark.parametrize("recipe, at_most", RECIPES)
def test_transformer(ratio, recipe, at_most: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 90, (16, 64)), rng.integers(0, 90, (16, 64))
    ours = nf.nn.models.transformer(90, 64, 128, 2, 4)
    ratio(emulated(ours, recipe, x, y), native(Characters(90, 64, 128, 2, 4), x, y), at_most)

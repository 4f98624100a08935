"""A cnn, a transformer and an lstm of nf.nn and their PyTorch twins give the same bits, under every recipe."""

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

from twins import carrier, make_equal, same_bits

import nfloat.torch as nft

#: recipes that are followed for all the steps; the others for the first few
LONG = ("bf16-mixed", "bf16-pure-sr", "float32", "fp8-hybrid", "nvfp4")


class Transformer(torch.nn.Module):
    """As `nf.nn.models.transformer`."""

    def __init__(self, symbols, length, width, depth, heads):
        super().__init__()
        self.token, self.position = torch.nn.Embedding(symbols, width), torch.nn.Embedding(length, width)
        make = torch.nn.TransformerEncoderLayer
        self.layers = torch.nn.ModuleList(
            make(width, heads, 4 * width, 0.0, batch_first=True, norm_first=True) for _ in range(depth)
        )
        self.norm, self.head = torch.nn.LayerNorm(width), torch.nn.Linear(width, symbols)

    def forward(self, x):
        y = self.token(x) + self.position(torch.arange(x.shape[1]))
        mask = torch.nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=y.dtype)
        for layer in self.layers:
            y = layer(y, src_mask=mask, is_causal=True)
        return self.head(self.norm(y)).flatten(0, 1)


def transformer(rng):
    own = nf.nn.models.transformer(11, 6, 8, 2, 2)
    return own, Transformer(11, 6, 8, 2, 2), rng.integers(0, 11, (20, 3, 6)), rng.integers(0, 11, (20, 18))


def cnn(rng):
    own = nf.nn.models.cnn((1, 8, 8), 10, 4)
    torch_nn = torch.nn
    model = torch_nn.Sequential(
        torch_nn.Unflatten(1, (1, 8, 8)),
        torch_nn.Conv2d(1, 4, 3, padding=1), torch_nn.ReLU(), torch_nn.MaxPool2d(2),
        torch_nn.Conv2d(4, 8, 3, padding=1), torch_nn.ReLU(), torch_nn.MaxPool2d(2),
        torch_nn.Flatten(), torch_nn.Linear(32, 16), torch_nn.ReLU(), torch_nn.Linear(16, 10),
    )  # fmt: skip
    return own, model, rng.standard_normal((20, 4, 64)), rng.integers(0, 10, (20, 4))


class Words(torch.nn.Module):
    """As `nf.nn.models.lstm` over characters."""

    def __init__(self, symbols, width, depth):
        super().__init__()
        self.embedding = torch.nn.Embedding(symbols, width)
        self.lstm, self.head = torch.nn.LSTM(width, width, depth, batch_first=True), torch.nn.Linear(width, symbols)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0]).flatten(0, 1)


def lstm(rng):
    own = nf.nn.models.lstm(11, symbols=11, width=6, depth=2)
    return own, Words(11, 6, 2), rng.integers(0, 11, (20, 3, 6)), rng.integers(0, 11, (20, 18))


@pytest.mark.parametrize("recipe", sorted(nf.nn.recipes))
@pytest.mark.parametrize("make", [cnn, transformer, lstm])
def test_every_recipe(make, recipe):
    own, model, xs, ys = make(np.random.default_rng(0))
    own.init(seed=0)
    make_equal(torch, own, model, recipe)
    steps = 20 if recipe in LONG else 3
    trainer = nf.nn.Trainer(own, nf.nn.AdamW(own.parameters(), lr=0.01), recipe, seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    if xs.dtype.kind == "f":
        xs = xs.astype(nf.nn.recipe(recipe).carrier)
    losses = []
    with nft.emulate(recipe, model=model, optimizer=optimizer, seed=1):
        for x, y in zip(xs[:steps], ys, strict=False):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    labels = [y if make is cnn else y.reshape(3, 6) for y in ys]
    ours = [trainer.step(x, y).loss for x, y in zip(xs[:steps], labels, strict=False)]
    assert same_bits(own, model) == []
    assert np.array_equal(losses, ours, equal_nan=True)
    assert carrier(torch, recipe) is next(model.parameters()).dtype

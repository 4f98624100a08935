"""What PyTorch's signatures have and ours have not is refused by a sentence, unless it changes nothing."""

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat.errors import ArgumentError
from nfloat.nn.unsupported import UNSUPPORTED

LAYERS = {
    "Conv2d": (1, 1, 1), "MaxPool2d": (2,), "AvgPool2d": (2,), "Embedding": (4, 2), "MultiheadAttention": (4, 2),
    "LSTM": (2, 2), "Dropout": (), "ReLU": (), "LeakyReLU": (), "SiLU": (), "Linear": (2, 2), "GRU": (2, 2),
}  # fmt: skip
LOSSES = {
    "cross_entropy": ([[0.0, 1.0]], [1]),
    "mse": ([1.0], [0.0]),
    "l1": ([1.0], [0.0]),
    "bce_with_logits": ([0.0], [1.0]),
}
OPTIMIZERS = ("SGD", "Momentum", "Adam", "AdamW", "RMSprop", "Lion")


def call(name, **options):
    """A layer, a loss or an optimiser of that name."""
    if name in OPTIMIZERS:
        return getattr(nf.nn, name)({"w": nf.nn.parameter(2)}, lr=0.1, **options)
    return getattr(nf.nn, name)(*(LAYERS.get(name) if name in LAYERS else LOSSES[name]), **options)


@in_one_test("name", [*LAYERS, *LOSSES, *OPTIMIZERS])
def test_refused_unless_neutral(name):
    neutral = dict(UNSUPPORTED.get(name, {}))
    call(name, **neutral)
    if name in LAYERS:
        call(name, device=None, dtype=None)
        neutral |= {"device": None, "dtype": None}
    for key, value in neutral.items():
        other = "reflect" if isinstance(value, str) else True if value is None or value is False else 0.5
        with pytest.raises(ArgumentError, match=rf"^{key}={other!r} of {name} is not supported; \w"):
            call(name, **{key: other})
    with pytest.raises(ArgumentError, match=f"^unheard_of=1: {name} has no such argument; (known|did you mean)"):
        call(name, unheard_of=1)


def test_numbers_that_only_look_neutral():
    with pytest.raises(ArgumentError, match="return_indices=0 of MaxPool2d"):
        nf.nn.MaxPool2d(2, return_indices=0)
    with pytest.raises(ArgumentError, match=r"weight=array\(.* of cross_entropy is not supported"):
        nf.nn.cross_entropy([[0.0, 1.0]], [1], weight=np.ones(2))


def test_a_layer_of_ones_own_takes_what_it_likes():
    class Scaled(nf.nn.Layer):
        def __init__(self, **options):
            self.options = options

        def __call__(self, x):
            return nf.nn.Tensor(x)

    assert Scaled(device=1, other=2).options == {"device": 1, "other": 2}


@pytest.mark.parametrize(
    "layer", [nf.nn.BatchNorm1d, nf.nn.BatchNorm2d, lambda n, bias: nf.nn.GroupNorm(2, n, bias=bias)]
)
def test_norms_without_a_bias(layer):
    with_bias, without = layer(4, bias=True), layer(4, bias=False)
    assert [*with_bias.parameters()] == ["weight", "bias"] and [*without.parameters()] == ["weight"]
    shape = (5, 4) if isinstance(without, nf.nn.BatchNorm1d) else (5, 4, 3, 3)
    x = np.random.default_rng(0).standard_normal(shape)
    for one in (with_bias, without):
        one.init(seed=0)
    assert np.array_equal(with_bias(x).data, without(x).data)

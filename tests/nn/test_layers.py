"""Layers and losses: values, names, initial weights, loading, and what is refused."""

import numpy as np
import pytest
from scipy.special import log_softmax

from nfloat.errors import ArgumentError, ShapeError
from nfloat.nn import Linear, ReLU, Sequential, Sigmoid, SiLU, Tanh, Tensor, cross_entropy, load, mse, precision, store


def test_linear_is_x_w_transposed_plus_b():
    layer = Linear(3, 2)
    load(layer, {"weight": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "bias": [0.5, -0.5]})
    assert layer([[1.0, 0.0, -1.0]]).data.tolist() == [[-1.5, -2.5]]
    bare = Linear(3, 1, bias=False)
    load(bare, {"weight": [[1.0, 2.0, 3.0]]})
    assert bare([[1.0, 1.0, 1.0]]).data.tolist() == [[6.0]]


def test_activations():
    x = np.array([[-2.0, 0.0, 3.0]])
    assert ReLU()(x).data.tolist() == [[0.0, 0.0, 3.0]]
    assert np.allclose(Tanh()(x).data, np.tanh(x), rtol=1e-15, atol=0)
    assert Sigmoid()(np.array([[-1000.0, 0.0, 1000.0]])).data.tolist() == [[0.0, 0.5, 1.0]]
    assert np.allclose(SiLU()(x).data, x / (1 + np.exp(-x)), rtol=1e-15, atol=0)
    assert np.isnan(ReLU()(np.array([np.nan])).data[0])


def test_names():
    model = Sequential(Linear(2, 3), ReLU(), Sequential(Linear(3, 3, bias=False), Tanh()), Linear(3, 1))
    assert list(model.parameters()) == ["0.weight", "0.bias", "2.0.weight", "3.weight", "3.bias"]
    model.init(seed=0)
    assert model(np.ones((1, 2))).name == "3"
    assert repr(model) == "Sequential(Linear(2, 3), ReLU(), Sequential(Linear(3, 3, bias=False), Tanh()), Linear(3, 1))"


def test_he_normal_weights_and_zero_biases_from_numpys_generator():
    model = Sequential(Linear(64, 50), ReLU(), Linear(50, 10))
    model.init(seed=4)
    rng = np.random.default_rng(4)
    for name, fan_in, shape in (("0", 64, (50, 64)), ("2", 50, (10, 50))):
        assert np.array_equal(
            model.parameters()[f"{name}.weight"].data, rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        )
        assert not model.parameters()[f"{name}.bias"].data.any()


def test_a_generator_is_advanced():
    one, other, rng = Linear(4, 4), Linear(4, 4), np.random.default_rng(0)
    one.init(seed=rng)
    other.init(seed=rng)
    assert not np.array_equal(one.weight.data, other.weight.data)


def test_store_and_init_inside_a_precision():
    model = Sequential(Linear(4, 4))
    with precision("bf16-pure"):
        model.init(seed=0)
    assert model.parameters()["0.weight"].format.name == "bfloat16"
    assert model.parameters()["0.weight"].data.dtype == np.float32
    with precision("bf16-mixed"):
        model.init(seed=0)
        store(model.parameters())
    assert model.parameters()["0.weight"].format.name == "float32"


def test_no_weights_yet():
    with pytest.raises(ArgumentError, match=r"Linear\(4, 2\) has no weights yet"):
        Sequential(Linear(4, 2))(np.ones((1, 4)))


def test_load():
    source, target = Sequential(Linear(3, 2)), Sequential(Linear(3, 2))
    source.init(seed=1)
    load(target, {name: p.data for name, p in source.parameters().items()})
    x = np.random.default_rng(0).standard_normal((5, 3))
    assert np.array_equal(source(x).data, target(x).data)
    with pytest.raises(ArgumentError, match=r"0\.bias"):
        load(target, {"0.weight": np.ones((2, 3))})
    with pytest.raises(ShapeError, match=r"'0\.weight'.*\(3, 2\)"):
        load(target, {"0.weight": np.ones((3, 2)), "0.bias": np.ones(2)})


@pytest.mark.parametrize(
    "make", [lambda: Linear(0, 1), lambda: Linear(1, 2.5), lambda: Linear(True, 1), lambda: Sequential(3)]
)
def test_impossible_layers(make):
    with pytest.raises(ArgumentError):
        make()


def test_a_layer_has_one_place():
    layer = Linear(2, 2)
    with pytest.raises(ArgumentError, match="twice"):
        Sequential(layer, layer)


def test_a_batch_that_does_not_fit():
    layer = Linear(4, 2)
    layer.init(seed=0)
    for shape in ((3, 5), (), (2, 4, 3)):
        with pytest.raises(ShapeError, match=r"must be \(\.\.\., 4\)"):
            layer(np.ones(shape))
    assert layer(np.ones((2, 3, 4))).shape == (2, 3, 2)


def test_cross_entropy_against_scipy():
    z, labels = np.random.default_rng(0).standard_normal((7, 5)) * 10, np.array([0, 1, 2, 3, 4, 0, 2])
    expected = -log_softmax(z, axis=1)[np.arange(7), labels].mean()
    assert abs(cross_entropy(z, labels).item() - expected) < 2.0**-50 * abs(expected) * 8
    # a shift of the logits changes nothing, however large
    assert cross_entropy(np.array([[1e300, 1e300]]), [0]).item() == cross_entropy([[0.0, 0.0]], [0]).item() == np.log(2)


def test_losses_are_kept_wide():
    """A narrow recipe rounds the logits, not the loss."""
    with precision("fp16-pure"):
        loss = cross_entropy([[100.0, 0.0]], [1])
        assert loss.data.dtype == np.float32
        assert cross_entropy([[1.0, 0.0]], [1]).item() == np.float32(np.log(1 + np.e))
        assert mse([300.0], [-300.0]).item() == 360000.0


def test_arithmetic_on_losses_stays_wide_and_so_do_its_gradients():
    x = Tensor([1.0], requires_grad=True)
    with precision("fp16-mixed"):
        loss = mse(x, [0.0]) * 0.1 + 2.0**-20
        loss.backward(2.0**20)
    assert loss.data.dtype == np.float32
    assert loss.item() == np.float32(np.float32(0.1) + 2.0**-20)
    assert x.grad.dtype == np.float32
    # 2^20 does not overflow on its way through the loss; 0.2 * 2^20 does, in the first activation
    assert x.grad.tolist() == [np.inf]


@pytest.mark.parametrize(
    "labels, error, message",
    [
        ([0], ShapeError, r"\(2, 3\)"),
        ([[0, 1]], ShapeError, "labels"),
        ([0.0, 1.0], ArgumentError, "integers"),
        ([0, 3], ArgumentError, "3 is not a class; 3 logits allow 0..2"),
        ([-1, 0], ArgumentError, "-1 is not a class"),
    ],
)
def test_labels_that_do_not_fit(labels, error, message):
    with pytest.raises(error, match=message):
        cross_entropy(np.zeros((2, 3)), labels)


def test_empty_batches_and_targets_that_do_not_fit():
    with pytest.raises(ShapeError):
        cross_entropy(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        mse(Tensor([1.0, 2.0, 3.0]), [1.0, 2.0])

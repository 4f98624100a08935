"""What stands at the edge: nothing in a batch, no axes, indices in a Sequential, missing gradients, odd arguments."""

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat import nn
from nfloat.errors import ArgumentError, NFloatError, SeedError, ShapeError

NOTHING = [
    (nn.Linear(3, 2), (0, 3)), (nn.Conv2d(2, 3, 3), (0, 2, 5, 5)), (nn.MaxPool2d(2), (0, 1, 4, 4)),
    (nn.AvgPool2d(2), (0, 1, 4, 4)), (nn.BatchNorm1d(3), (0, 3)), (nn.BatchNorm2d(2), (0, 2, 4, 4)),
    (nn.GroupNorm(1, 3), (0, 3, 2)), (nn.LayerNorm(3), (0, 3)), (nn.RMSNorm(3), (0, 3)), (nn.GELU(), (0, 3)),
    (nn.Softmax(-1), (0, 4)), (nn.TransformerEncoderLayer(4, 2, 4, batch_first=True), (0, 3, 4)),
]  # fmt: skip


@pytest.mark.parametrize("layer, shape", NOTHING, ids=[type(layer).__name__ for layer, _ in NOTHING])
@in_one_test("name", ["float64", "bf16-pure", "fp8-hybrid", "nvfp4"])
def test_a_batch_of_nothing(layer, shape, name):
    """Results without elements; gradients of zeros; running statistics as they were, as in PyTorch."""
    layer.init(seed=0)
    before = {key: buffer.data.copy() for key, buffer in layer.buffers().items() if "num" not in key}
    with nn.precision(name, seed=0, step=0):
        x = nn.Tensor(np.zeros(shape), requires_grad=True)
        layer(x).sum().backward()
    assert x.grad.shape == shape
    for parameter in layer.parameters().values():
        assert parameter.grad.shape == parameter.shape and not parameter.grad.any()
        parameter.grad = None
    assert all(np.array_equal(layer.buffers()[key].data, values) for key, values in before.items())


def test_operands_broadcast_to_nothing():
    x, y = nn.Tensor(np.ones((1, 3)), requires_grad=True), nn.Tensor(np.ones((2, 0, 3)), requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0, 0.0]] and y.grad.shape == (2, 0, 3)
    x[[]].sum().backward()
    assert x[[]].shape == (0, 3)


def test_rows_of_an_embedding_go_through_a_sequential():
    model = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 2))
    model.init(seed=0)
    trainer = nn.Trainer(model, nn.SGD(model.parameters(), lr=0.1), "bf16-mixed")
    assert np.isfinite(trainer.step(np.array([[0, 1], [4, 2]]), np.array([0, 1])).loss)
    assert nn.Sequential()([1.0]).data.tolist() == [1.0]


def test_greatest_elements_over_several_axes():
    values = np.random.default_rng(0).permutation(24).astype(float).reshape(2, 3, 4)
    for axis in (None, 1, (0, 2), (2, 0), (0, 1, 2)):
        x = nn.Tensor(values, requires_grad=True)
        y = x.max(axis=axis, keepdims=True)
        assert np.array_equal(y.data, values.max(axis, keepdims=True))
        assert np.array_equal(x.max(axis=axis).data, values.max(axis))
        y.sum().backward()
        assert np.array_equal(x.grad, values == values.max(axis, keepdims=True))


def test_masks_of_attention_by_blocks_broadcast_along_keys():
    x = np.random.default_rng(1).standard_normal((5, 4))
    for mask in (np.linspace(-1, 1, 5)[:, np.newaxis], 0.5, np.ones((1, 1), bool)):
        plain, blocks = (nn.scaled_dot_product_attention(x, x, x, mask, block=b).data for b in (None, 2))
        assert np.abs(plain - blocks).max() < 1e-14


def test_a_parameter_counts_the_steps_that_it_takes():
    """A gradient that is missing moves nothing, nor the correction of Adam's bias: each alone would do the same."""
    rng = np.random.default_rng(2)
    parameters = {name: nn.Tensor(np.ones(3), True, name=name, parameter=True) for name in ("a", "b")}
    alone = {"b": nn.Tensor(np.ones(3), True, name="b", parameter=True)}
    both, one = nn.Adam(parameters, lr=0.1), nn.Adam(alone, lr=0.1)
    for step in range(5):
        parameters["a"].grad, gradient = rng.standard_normal(3), rng.standard_normal(3)
        parameters["b"].grad = alone["b"].grad = gradient if step % 2 else None
        both.step()
        if step % 2:
            one.step()
    assert np.array_equal(parameters["b"].data, alone["b"].data) and both.taken == {"a": 5, "b": 2}


def test_sums_that_are_scaled_are_listed():
    """A scale of a whole operand is applied to the sums, and then the bias: two more roundings."""
    layer = nn.Linear(4, 3)
    layer.init(seed=0)
    rows = nn.trace(layer, np.ones((2, 4)), [0, 1], "fp8-current")
    found = [(r.tensor, r.role, r.format, r.elements) for r in rows if ".sum." in r.tensor]
    assert found == [
        ("forward.sum.scaled", "forward", "float32", 6), ("forward.sum.plus", "forward", "float32", 6),
        ("weight_gradient.sum.scaled", "weight_gradient_sums", "float32", 12),
    ]  # fmt: skip


def test_a_loss_scale_that_ended_at_nothing_gives_no_gradients():
    """A dynamic scale that never found a clean step is 0 in the end: a drift run goes on, and sees NaN."""
    found = nn.gradients(model(), np.ones((1, 3)), [0], "fp16-mixed", scale=0.0)[1]
    assert all(np.isnan(gradient).all() for gradient in found.values())


def test_small_results_of_activations_are_rounded_once():
    x = np.array([-40.0, -20.0, -9.0, -5.0])
    with nn.precision("bf16-pure"):
        for layer, exact in ((nn.Sigmoid(), nf.sigmoid), (nn.GELU(), nf.gelu)):
            assert np.array_equal(layer(x).data, exact(x, "bfloat16"))
        loss = nn.bce_with_logits(z := nn.Tensor(np.array([50.0]), requires_grad=True), [1.0])
        loss.backward()
        assert loss.item() == np.float32(np.exp(-50.0)) and z.grad[0] == -nf.exp(-50.0, "bfloat16")


def tensor():
    return nn.Tensor(np.ones((2, 3)), requires_grad=True)


def model():
    made = nn.Linear(3, 2)
    made.init(seed=0)
    return made


@in_one_test(
    "call, kind, words",
    [
        (lambda: nn.Softmax(dim=5)(tensor()), ShapeError, "axis=5"),
        (lambda: nn.Softmax(dim=0)(1.0), ShapeError, "has no axes"),
        (lambda: nn.Flatten("a"), ArgumentError, "start_dim='a'"),
        (lambda: nn.Residual(nn.ReLU(), shortcut=3), ArgumentError, "shortcut: int"),
        (lambda: nn.Linear(2, 2).init(seed=-1), SeedError, "seed=-1"),
        (lambda: nn.store({"a": 1}), ArgumentError, r"parameters\['a'\]: int"),
        (lambda: nn.precision("float32", threads="all"), ArgumentError, "threads='all'"),
        (lambda: nn.precision("float32", scales={}), ArgumentError, "scales: dict"),
        (lambda: nn.SGD(model().parameters(), 0.1).step(3), ArgumentError, "watch: int"),
        (lambda: nn.gradients(model(), np.ones((1, 3)), [0], scale=-1.0), ArgumentError, "scale=-1.0"),
        (lambda: nn.evaluate(model(), np.ones((1, 3)), [0], loss=None), ArgumentError, "loss: NoneType"),
        (lambda: nn.evaluate(model(), np.ones((1, 3)), [0], loss=lambda *_: 1.0), ArgumentError, "gave float"),
        (lambda: nn.recipe("float32").replace(source=3), ArgumentError, "source: int"),
        (lambda: tensor().swapaxes("a", 1), ShapeError, "'a' and 1"),
        (lambda: tensor().transpose(1.5), ShapeError, "axes=1.5"),
        (lambda: tensor().max(axis=2), ShapeError, "axis=2"),
        (lambda: nn.scaled_dot_product_attention(*[tensor()] * 3, block=1, dropout_p=""), ArgumentError, "dropout_p"),
        (lambda: nn.Conv2d(1, 1, 1, stride=10**30), ArgumentError, "stride="),
    ],
)
def test_odd_arguments_are_named(call, kind, words):
    with pytest.raises(kind, match=words) as caught:
        call()
    assert isinstance(caught.value, NFloatError)

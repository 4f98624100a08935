"""Every listed operation and layer against central differences in float64; and that the lists are complete."""

import inspect

import numpy as np
import pytest
from in_one_test import in_one_test

from nfloat.nn import Sequential, expressions, layers, precision
from nfloat.nn.layers import LAYERS, Layer
from nfloat.nn.ops import OPS
from nfloat.nn.tape import Tensor, apply

#: a power of two, so that x + h is exact for |x| of order 1; the error of the difference is about h^4 f^(5) / 30 +
#: 2^-52 / h
H = 2.0**-12
TOLERANCE = 2e-9
#: elements of a tensor that are looked at
MOST = 12


EXAMPLES = [
    pytest.param(op, example, id=f"{op.name}-{i}") for op in OPS.values() for i, example in enumerate(op.examples)
]


def arrays(shapes, positive=False):
    rng = np.random.default_rng(7)
    # away from 0, where ReLU has no derivative
    found = [np.sign(x) * (np.abs(x) + 0.1) for x in (rng.standard_normal(shape) for shape in shapes)]
    return [np.abs(x) for x in found] if positive else found


def differences(f, x):
    """(places, df/dx there) by central differences over one step and over two; f returns a float."""
    places = np.random.default_rng(9).permutation(x.size)[:MOST]
    slopes = np.empty(len(places))
    flat = x.reshape(-1)
    for i, place in enumerate(places):
        here, found = flat[place], []
        for steps in (1, -1, 2, -2):
            flat[place] = here + steps * H
            found.append(f())
        slopes[i] = (8 * (found[0] - found[1]) - (found[2] - found[3])) / (12 * H)
        flat[place] = here
    return places, slopes


def check(compute, tensors):
    """`compute()` -> Tensor, of `tensors`: its gradient along fixed directions equals central differences."""

    def result():
        with precision("float64", seed=5, step=0):  # the same masks of dropout each time
            return compute()

    directions = np.random.default_rng(8).standard_normal(result().shape)
    result().backward(directions)
    for tensor in tensors:
        places, expected = differences(lambda: float((result().data * directions).sum()), tensor.data)
        assert tensor.grad.shape == tensor.shape
        found = tensor.grad.reshape(-1)[places]
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * max(1.0, np.abs(expected).max()))


@pytest.mark.of_each
@pytest.mark.parametrize("op, example", EXAMPLES)
def test_op(op, example):
    tensors = [Tensor(x, requires_grad=True) for x in arrays(example.shapes, example.positive)]
    check(lambda: apply(op.name, *tensors, **example.attributes), tensors)


def test_relu_of_an_array_in_another_order():
    """What is no C-contiguous memory takes another way back."""
    x = np.asfortranarray(arrays([(3, 4)])[0])
    (found,) = OPS["relu"].backward(None, "relu", np.maximum(x, 0.0), np.ones((3, 4)), (True,))
    assert np.array_equal(found, x > 0) and not found.all()


@in_one_test("op, example", [example.values for example in EXAMPLES])
def test_op_tells_nobody_what_nobody_asked(op, example):
    for asked in range(len(example.shapes)):
        values = arrays(example.shapes, example.positive)
        tensors = [Tensor(x, requires_grad=i == asked) for i, x in enumerate(values)]
        with precision("float64"):
            result = apply(op.name, *tensors, **example.attributes)
        result.backward(np.ones(result.shape))
        assert [t.grad is not None for t in tensors] == [i == asked for i in range(len(tensors))]


def of_layer(layer, x):
    """Its result on an operand; attention's on three equal ones."""
    found = layer(x, x, x) if isinstance(layer, layers.MultiheadAttention) else layer(x)
    return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    make, shape = LAYERS[name]
    layer = make()
    layer.init(seed=1)
    x = Tensor(arrays([shape])[0], requires_grad=True)
    if isinstance(layer, layers.Embedding):
        x = np.arange(np.prod(shape)).reshape(shape) % 4
    leaves = [*layer.parameters().values(), *([x] if isinstance(x, Tensor) else [])]
    check(lambda: of_layer(layer, x), leaves)
    if not any(isinstance(inner, layers.Dropout) or inner.buffer_names for inner in layer.walk()):
        return
    layer.eval()
    for leaf in leaves:
        leaf.grad = None
    check(lambda: of_layer(layer, x), leaves)


def test_a_whole_model():
    model = Sequential(
        layers.Linear(4, 5), layers.Tanh(), layers.Linear(5, 5, bias=False), layers.ReLU(), layers.Linear(5, 3)
    )
    model.init(seed=3)
    x = Tensor(arrays([(6, 4)])[0], requires_grad=True)
    labels = np.array([0, 1, 2, 2, 1, 0])
    check(lambda: apply("cross_entropy", model(x), labels=labels), [x, *model.parameters().values()])


@pytest.mark.parametrize(
    "shapes", [((3, 4), (3, 4)), ((3, 4), (3, 1)), ((3, 4), ()), ((1, 4), (3, 1)), ((2, 3, 4), (3, 1)), ((4,), (3, 4))]
)
@pytest.mark.parametrize("name", ["add", "subtract", "multiply"])
def test_broadcasting(name, shapes):
    tensors = [Tensor(x, requires_grad=True) for x in arrays(shapes)]
    check(lambda: apply(name, *tensors), tensors)


def test_every_layer_is_listed():
    made = {name for name, c in inspect.getmembers(layers, inspect.isclass) if issubclass(c, Layer)}
    assert made - {"Layer", "Activation", "Sequential", "Residual"} == set(LAYERS)


def test_every_operation_of_a_tensor_is_listed():
    """Each operator and method of Tensor that makes a Tensor goes through the table."""
    source = inspect.getsource(expressions.Expression)
    used = {part.split('"')[0] for part in source.split('_apply("')[1:]}
    assert len(used) > 20
    assert used <= set(OPS)


@pytest.mark.parametrize("name", ["matmul", "linear"])
def test_square_products(name):
    """Of square matrices a transposed one fits as well as the right one."""
    tensors = [Tensor(x, requires_grad=True) for x in arrays(((3, 3), (3, 3)))]
    check(lambda: apply(name, *tensors), tensors)

"""Every listed operation and layer against central differences in float64; and that the lists are complete."""

import inspect

import numpy as np
import pytest

from nfloat.nn import Sequential, layers, tape
from nfloat.nn.layers import LAYERS, Layer
from nfloat.nn.ops import OPS
from nfloat.nn.tape import Tensor, apply

#: a power of two, so that x + h is exact for |x| of order 1; the error of the difference is about h^2 f''' / 6 +
#: 2^-52 / h
H = 2.0**-17
TOLERANCE = 2e-9


def arrays(shapes):
    rng = np.random.default_rng(7)
    # away from 0, where ReLU has no derivative
    return [np.sign(x) * (np.abs(x) + 0.1) for x in (rng.standard_normal(shape) for shape in shapes)]


def numerical(f, x):
    """df/dx by central differences; f returns a float."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        here = x[i]
        x[i] = here + H
        above = f()
        x[i] = here - H
        gradient[i] = (above - f()) / (2 * H)
        x[i] = here
    return gradient


def check(result, tensors):
    """`result()` -> Tensor, of `tensors`: its gradient along fixed directions equals central differences."""
    directions = np.random.default_rng(8).standard_normal(result().shape)
    result().backward(directions)
    for tensor in tensors:
        expected = numerical(lambda: float((result().data * directions).sum()), tensor.data)
        assert tensor.grad.shape == tensor.shape
        np.testing.assert_allclose(tensor.grad, expected, rtol=0, atol=TOLERANCE * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("name", OPS)
def test_op(name):
    op = OPS[name]
    tensors = [Tensor(x, requires_grad=True) for x in arrays(op.shapes)]
    attributes = {
        key: np.array(value) if key in ("labels", "target") else value for key, value in op.attributes.items()
    }
    check(lambda: apply(name, *tensors, **attributes), tensors)


@pytest.mark.parametrize("name", OPS)
def test_op_tells_nobody_what_nobody_asked(name):
    op = OPS[name]
    attributes = {
        key: np.array(value) if key in ("labels", "target") else value for key, value in op.attributes.items()
    }
    for asked in range(len(op.shapes)):
        tensors = [Tensor(x, requires_grad=i == asked) for i, x in enumerate(arrays(op.shapes))]
        result = apply(name, *tensors, **attributes)
        result.backward(np.ones(result.shape))
        assert [t.grad is not None for t in tensors] == [i == asked for i in range(len(tensors))]


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    make, shape = LAYERS[name]
    layer = make()
    layer.init(seed=1)
    x = Tensor(arrays([shape])[0], requires_grad=True)
    check(lambda: layer(x), [x, *layer.parameters().values()])


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
    assert made - {"Layer", "Activation", "Sequential"} == set(LAYERS)


def test_every_operation_of_a_tensor_is_listed():
    """Each operator and method of Tensor that makes a Tensor goes through the table."""
    source = inspect.getsource(tape.Tensor)
    used = {part.split('"')[1] for part in source.split("apply(")[1:]}
    assert used <= set(OPS)


@pytest.mark.parametrize("name", ["matmul", "linear"])
def test_square_products(name):
    """Of square matrices a transposed one fits as well as the right one."""
    tensors = [Tensor(x, requires_grad=True) for x in arrays(((3, 3), (3, 3)))]
    check(lambda: apply(name, *tensors), tensors)

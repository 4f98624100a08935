"""The graph: fan-out, reuse, accumulation, leaves, broadcasting constants, and what is refused."""

import numpy as np
import pytest

from nfloat.errors import ArgumentError, ShapeError
from nfloat.nn import Tensor, precision


def test_fan_out_adds_gradients():
    x = Tensor([2.0, 3.0], requires_grad=True)
    y = x * x + x * 3.0 - x
    (y * y).sum().backward()
    value, slope = x.data**2 + 2 * x.data, 2 * x.data + 2
    assert np.array_equal(x.grad, 2 * value * slope)


def test_a_diamond_is_walked_once_per_tensor():
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(40):  # 2^40 paths
        y = y + y
    y.backward()
    assert x.grad == 2.0**40


def test_a_long_chain_needs_no_recursion():
    x = Tensor([1.0], requires_grad=True)
    y = x
    for _ in range(3000):
        y = y + 0.5
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_a_second_backward_adds_and_none_clears():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for expected in ([2.0, 4.0], [4.0, 8.0]):
        (x * x).sum().backward()
        assert x.grad.tolist() == expected
    x.grad = None
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_only_leaves_that_ask_get_a_gradient():
    x, y = Tensor([1.0], requires_grad=True), Tensor([2.0])
    z = x * y
    z.backward()
    assert (x.grad.tolist(), y.grad, z.grad) == ([2.0], None, None)


def test_gradient_to_start_from():
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x * 3.0).backward([1.0, 10.0])
    assert x.grad.tolist() == [3.0, 30.0]


def test_operators_with_numbers_and_arrays_on_either_side():
    x = Tensor([1.0, 2.0], requires_grad=True)
    z = (1.0 - x) + np.array([1.0, 1.0]) * x + (x.reshape(1, 2) @ np.eye(2)).reshape(2)
    assert z.data.tolist() == [2.0, 3.0]
    z.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_shapes_methods():
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    assert x.T.shape == (3, 2)
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == x.reshape(-1, 2).shape == (3, 2)
    assert x.mean().item() == 2.5
    assert x.sum().item() == 15.0
    assert repr(Tensor([1.0])) == "Tensor([1.])"


def test_data_types():
    assert Tensor([1, 2]).data.dtype == Tensor([True]).data.dtype == Tensor(np.longdouble(1)).data.dtype == np.float64
    assert Tensor(np.float32([1])).data.dtype == Tensor(np.float16([1])).data.dtype == np.float32
    for wrong in ("a", [1j], [None], [[1.0], "b"]):
        with pytest.raises(ArgumentError, match="data"):
            Tensor(wrong)


def test_assigned_data_comes_from_outside_again():
    with precision("bf16-pure"):
        y = Tensor([1.0]) + 0.0
        assert y.format.name == "bfloat16"
        y.data = np.array([1.0 + 2**-9])
        assert y.format is None
        assert (y + 0.0).data.tolist() == [1.0]


def test_backward_refuses():
    with pytest.raises(ArgumentError, match="requires_grad"):
        Tensor([1.0]).sum().backward()
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ArgumentError, match="needs gradient="):
        (x * x).backward()
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        (x * x).backward([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x + np.ones(3),
        lambda x: x * np.ones(3),
        lambda x: x @ np.ones((3, 3)),
        lambda x: x.reshape(5),
    ],
)
def test_shapes_that_do_not_fit(make):
    with pytest.raises(ShapeError, match=r"\(2, 4\)"):
        make(Tensor(np.ones((2, 4))))


def test_infinities_and_nan_pass_without_a_warning():
    x = Tensor([np.inf, np.nan, -np.inf, 1e308], requires_grad=True)
    y = (x * x).relu().tanh()
    assert y.data[[0, 2, 3]].tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(y.data[1])
    (x - x).sum().backward()

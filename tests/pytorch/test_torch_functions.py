"""`nft.round` and `nft.matmul`: gradients, also of gradients, and the transforms of torch.func."""

import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

import nfloat.torch as nft
from nfloat.errors import ArgumentError
from nfloat.streams import Stream

SHAPES = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((3,), (5, 3, 2))]


@pytest.mark.parametrize("shapes", SHAPES)
def test_gradients_of_products_have_gradients(shapes):
    a, b = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
    assert torch.autograd.gradcheck(lambda a, b: nft.matmul(a, b, "float64"), (a, b))
    assert torch.autograd.gradgradcheck(lambda a, b: nft.matmul(a, b, "float64"), (a, b))


def test_a_product_of_two_types_has_the_wider():
    a, b = torch.tensor([[1 + 2**-40]], dtype=torch.float64), torch.ones(1, 1, requires_grad=True)
    for product in (nft.matmul(a, b, "float64"), nft.matmul(b, a, "float64")):
        assert product.item() == a.item()
        (gradient,) = torch.autograd.grad(product.sum(), b)
        assert gradient.dtype is torch.float32


@pytest.mark.filterwarnings("ignore:.torch.jit")  # torch's own forward derivatives are written in its old script
def test_transforms():
    x, fmt = torch.randn(3, 4), nf.get_format("bfloat16")
    each = torch.stack([nft.round(row, fmt, "stochastic", seed=2) for row in x])

    def rounded(randomness):
        return torch.func.vmap(lambda row: nft.round(row, fmt, "stochastic", seed=2), randomness=randomness)(x)

    assert torch.equal(rounded("same"), each)
    own = [nft.round(row, fmt, "stochastic", seed=Stream(2).child("example", i)) for i, row in enumerate(x)]
    assert torch.equal(rounded("different"), torch.stack(own)) and not torch.equal(rounded("different"), each)
    with pytest.raises(ArgumentError, match="seed=2 under torch.func.vmap: .* randomness='different'"):
        rounded("error")
    (gradient,) = (torch.func.grad(lambda x: nft.round(x, fmt).square().sum())(x),)
    assert torch.equal(gradient, 2 * nft.round(x, fmt))
    assert torch.equal(torch.func.jvp(lambda x: nft.round(x, fmt), (x,), (x,))[1], x)
    products = torch.func.vmap(lambda row: nft.matmul(row, x.T, "float16"))(x)
    assert torch.equal(products, torch.stack([nft.matmul(row, x.T, "float16") for row in x]))


def test_a_trace_lists_them():
    x = torch.randn(3, 4)
    with nft.emulate("bf16-mixed") as run:
        nft.round(x, "float8_e5m2", "stochastic", seed=0)
        nft.matmul(x, x.T, "float16")
    rows = [(row["operation"], row["format"], row["accumulator"], row["elements"]) for row in run.trace()]
    assert rows[0] == ("nft.round", "float8_e5m2:stochastic", "", 12)
    assert rows[-1] == ("nft.matmul", "", "float16", 9)

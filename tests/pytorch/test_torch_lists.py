"""Operations on lists of tensors, as clipping and optimisers use them: all that this PyTorch has, against its own."""

import copy

import pytest

torch = pytest.importorskip("torch")

import nfloat.torch as nft

#: they ask for matrices
OTHERS = ("_foreach_mm",)
OPERATIONS = [
    getattr(getattr(torch.ops.aten, name), own)
    for name in sorted(dir(torch))
    if name.startswith("_foreach_") and name not in OTHERS and hasattr(torch.ops.aten, name)
    for own in getattr(torch.ops.aten, name).overloads()
    if not own.endswith("out")
]
FACTORS = (0.5, 0.25)


def some(shift):
    return [torch.tensor([0.25, 0.75, 0.375]).double() + shift, torch.tensor([[0.5]]).double() + shift]


def arguments(operation):
    found = []
    for argument in operation._schema.arguments:
        kind = str(argument.type)
        if argument.name != "value" and (argument.kwarg_only or argument.has_default_value()):
            continue
        if kind == "List[Tensor]":
            found.append(some(0.125 * len(found)))
        elif kind == "Tensor":
            several = "addc" in operation.__name__
            found.append(torch.tensor(FACTORS if several else 0.5, dtype=torch.float64))
        else:
            found.append(list(FACTORS) if kind.startswith("List") else 0.5)
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_one_after_the_other(operation):
    expected, given = arguments(operation), arguments(operation)
    wanted = operation(*expected)
    with nft.emulate("float64") as run:
        found = operation(*given)
    wanted, found = (expected[0], given[0]) if wanted is None else (wanted, found)
    assert len(found) == len(wanted) == 2
    for x, y in zip(found, wanted, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-13, atol=0.0, equal_nan=True)
    assert not [row for row in run.trace() if row["how"] == "by default"]


def test_gradients_are_clipped_by_value():
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    other = copy.deepcopy(model)
    x = torch.randn(5, 4)
    other(x).square().sum().backward()
    torch.nn.utils.clip_grad_value_(other.parameters(), 0.25)
    with nft.emulate("float32", model=model):
        model(x).square().sum().backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.25)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=2e-6, atol=0.0)
        assert float(p.grad.abs().max()) == 0.25

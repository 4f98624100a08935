"""A trace lists every operation that makes real numbers, and all their elements: an independent mode counts them."""

from collections import Counter

import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import nfloat.torch as nft

F, nn = torch.nn.functional, torch.nn


class Counting(TorchDispatchMode):
    """Elements of the first result of each operation that makes real numbers, and is no view or list of others."""

    def __init__(self):
        super().__init__()
        self.elements = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        found = operation(*args, **(kwargs or {}))
        made = [t for t in tree_leaves(found) if isinstance(t, torch.Tensor) and t.is_floating_point()]
        name = operation.__name__.partition(".")[0].removesuffix("_")
        if made and not operation.is_view and name != "_unsafe_view" and not name.startswith("_foreach"):
            self.elements[name] += made[0].numel()
        return found


#: roles of operands and of sums, beside which a row for the result stands
BESIDE = ("input", ".copy", "sum")

OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, amsgrad=True, foreach=False),
    "nadam": lambda p: torch.optim.NAdam(p),
    "adagrad": lambda p: torch.optim.Adagrad(p),
    "rmsprop": lambda p: torch.optim.RMSprop(p, momentum=0.5),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adamw": lambda p: torch.optim.AdamW(p, fused=True),
}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_nothing_is_unlisted(name):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    twin, optimizer = nn.Linear(16, 3), OPTIMIZERS[name](model.parameters())
    x, y = torch.randn(5, 1, 4, 4), torch.randint(0, 3, (5,))
    with nft.emulate("bf16-mixed", model=model) as run, Counting() as count:
        for _ in range(2):
            optimizer.zero_grad()
            hard = F.nll_loss(F.log_softmax(model(x), 1), y, weight=torch.tensor([1.0, 2.0, 1.0]))
            (hard + F.cross_entropy(model(x), y) + (y > 1).float().mean()).backward()
            optimizer.step()
            twin.load_state_dict(model[4].state_dict())
    listed = Counter()
    for row in run.trace():
        if not row["role"].endswith(BESIDE):
            listed[row["operation"]] += row["elements"]
    assert count.elements
    assert {key: n for key, n in count.elements.items() if listed[key] < n} == {}

"""`nfloat.torch`: steps of unchanged PyTorch models under recipes against eager float32, and the cost of one operation.

Needs PyTorch; the residual network needs torchvision. One thread on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import nfloat as nf

torch = pytest.importorskip("torch")
nft = pytest.importorskip("nfloat.torch")

MIXED = nf.nn.recipe("bf16-mixed")
NARROW = nf.nn.recipe("bf16-pure").replace(forward="bfloat16", backward="bfloat16")
HOPPER = MIXED.replace(
    forward="nvidia.hopper.mma.bf16.f32", backward="nvidia.hopper.mma.bf16.f32", gemm_inputs="bfloat16"
)
RECIPES = {"float32": nf.nn.recipe("float32"), "bf16-mixed": MIXED, "bfloat16-sums": NARROW, "hopper": HOPPER}


def steps(model: Any, x: Any, recipe: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step under the recipe, and the same one without."""
    torch.set_num_threads(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step() -> None:
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    def emulated() -> None:
        with nft.emulate(recipe, model=model, optimizer=optimizer):
            step()

    return emulated, step


@pytest.mark.parametrize(("recipe", "at_most"), list(zip(RECIPES, (1.6, 2.2, 7.0, 7.0), strict=True)))
def test_encoder_layer(ratio, recipe: str, at_most: float) -> None:
    model = torch.nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, batch_first=True)
    ratio(*steps(model, torch.randn(8, 128, 256), RECIPES[recipe]), at_most)


@pytest.mark.parametrize(("recipe", "at_most"), list(zip(RECIPES, (2.0, 3.0, 9.0, 9.0), strict=True)))
def test_resnet18(ratio, recipe: str, at_most: float) -> None:
    resnet18 = pytest.importorskip("torchvision.models").resnet18
    ratio(*steps(resnet18(num_classes=10), torch.randn(16, 3, 32, 32), RECIPES[recipe]), at_most)


OPERATIONS = {
    "x + y": lambda x, y, layers: x + y,
    "x.relu()": lambda x, y, layers: x.relu(),
    "x.view(-1)": lambda x, y, layers: x.view(-1),
    "x.exp()": lambda x, y, layers: x.exp(),
    "x.sum(0)": lambda x, y, layers: x.sum(0),
    "x @ y.T": lambda x, y, layers: x @ y.T,
    "linear": lambda x, y, layers: layers[0](x),
    "layer norm": lambda x, y, layers: layers[1](x),
    "softmax": lambda x, y, layers: x.softmax(-1),
    "log softmax": lambda x, y, layers: x.log_softmax(-1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_overhead(overhead, name: str) -> None:
    torch.set_num_threads(1)
    layers, work = torch.nn.ModuleList([torch.nn.Linear(8, 8), torch.nn.LayerNorm(8)]), OPERATIONS[name]
    own = nft.emulate(MIXED, model=layers)
    x, y = torch.randn(4, 8), torch.randn(4, 8)
    with torch.no_grad():

        def emulated(clock: Callable[..., float]) -> float:
            with own:
                a, b = x * 1.0, y * 1.0
                return clock(lambda: work(a, b, layers))

        overhead(f"{name} under bf16-mixed", emulated, lambda clock: clock(lambda: work(x, y, layers)), 25.0)


#: what is differentiated; its gradient is asked for x and for the layers' parameters that have a part in it
GRADIENTS = {
    "relu": lambda x, layers: x.relu(),
    "softmax": lambda x, layers: x.softmax(-1),
    "log softmax": lambda x, layers: x.log_softmax(-1),
    "gelu": lambda x, layers: torch.nn.functional.gelu(x),
    "layer norm": lambda x, layers: layers[1](x),
    "linear": lambda x, layers: layers[0](x),
}


def dispatched(work: Callable[[], object]) -> int:
    """How many operations a call is, below autograd."""

    class Counting(torch.utils._python_dispatch.TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.count += 1
            return func(*args, **(kwargs or {}))

    with Counting() as counting:
        work()
    return counting.count


@pytest.mark.parametrize("name", GRADIENTS)
def test_overhead_of_gradients(overhead, name: str) -> None:
    """A backward pass, over the number of its operations: what it costs itself is in it."""
    torch.set_num_threads(1)
    layers = torch.nn.ModuleList([torch.nn.Linear(8, 8), torch.nn.LayerNorm(8)])
    own, numbers = nft.emulate(MIXED, model=layers), torch.randn(4, 8)

    def walk() -> Callable[[], object]:
        x = (numbers * 1.0).requires_grad_()
        y = GRADIENTS[name](x, layers)
        wanted = [x, *{"layer norm": layers[1], "linear": layers[0]}.get(name, torch.nn.Identity()).parameters()]
        slope = y.detach() * 1.0
        return lambda: torch.autograd.grad(y, wanted, slope, retain_graph=True)

    def emulated(clock: Callable[..., float]) -> float:
        with own:
            return clock(walk())

    count = dispatched(walk())
    overhead(f"gradient of {name}: each of {count}", emulated, lambda clock: clock(walk()), 25.0, of=count)


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, 1e-4),
    "SGD with momentum": lambda p: torch.optim.SGD(p, 1e-4, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, 1e-4),
    "AdamW, foreach=False": lambda p: torch.optim.AdamW(p, 1e-4, foreach=False),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_overhead_of_steps(overhead, name: str) -> None:
    """A step of an optimiser, over the number of its parameters; eagerly it is one operation or many for each."""
    torch.set_num_threads(1)
    parameters = [torch.nn.Parameter(torch.randn(4, 8)) for _ in range(16)]
    optimizer = OPTIMIZERS[name](parameters)
    for parameter in parameters:
        parameter.grad = torch.randn(4, 8)
    own = nft.emulate(MIXED, model=torch.nn.ParameterList(parameters), optimizer=optimizer)

    def emulated(clock: Callable[..., float]) -> float:
        with own:
            return clock(optimizer.step)

    overhead(f"step of {name}: each tensor", emulated, lambda clock: clock(optimizer.step), 25.0, 20, of=16)


@pytest.mark.parametrize("name", ["SGD", "AdamW, foreach=False"])
def test_overhead_of_a_training_step(overhead, name: str) -> None:
    """All of a small network's step, over the operations that torch dispatches for it without emulation."""
    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer, x, labels = OPTIMIZERS[name](model.parameters()), torch.randn(32, 64), torch.randint(0, 10, (32,))
    own = nft.emulate(MIXED, model=model, optimizer=optimizer)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()

    def emulated(clock: Callable[..., float]) -> float:
        with own:
            return clock(step)

    count = dispatched(step)
    overhead(f"64-64-10, {name}: each of {count}", emulated, lambda clock: clock(step), 25.0, 15, of=count)

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

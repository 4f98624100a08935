"""`nfloat.torch`: steps of unchanged PyTorch models under recipes against eager float32, and the cost of one operation.

Needs PyTorch; the residual network needs torchvision. One thread on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nfloat as nf
from nfloat.nn.ops import OPS
from nfloat.nn.recipes import Cast

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


#: what nfloat's own functions compute with
PRECISION = nf.nn.precision(MIXED)


def stored(values: Any, cast: Cast = MIXED.activations) -> Any:
    """Values as the recipe stores them: their one rounding."""
    values = np.asarray(values)
    return values if values.dtype == np.float32 and cast.exact_in else cast.rounder.apply(values, 0)


def forward(name: str, *operands: Any, **attributes: Any) -> Any:
    """An operation of `nf.nn` on arrays, its result stored."""
    return stored(OPS[name].forward(PRECISION, "", *operands, **attributes)[0])


def backward(name: str, kept: Any, dy: Any, needs: tuple[bool, ...] = (True,)) -> list[Any]:
    """Its gradients on arrays, stored."""
    return [stored(found, MIXED.activation_gradients) for found in OPS[name].backward(PRECISION, "", kept, dy, needs)]


def product(x: Any, y: Any, which: str = "forward", c: Any = None) -> Any:
    """A product of matrices on arrays, stored."""
    return stored(
        PRECISION.gemm("", which, x, y, c), MIXED.activations if which == "forward" else MIXED.weight_gradients
    )


#: an operation on tensors and layers; what nfloat computes for it, on arrays of the same shapes and the layers' weights
OPERATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "x + y": (lambda x, y, layers: x + y, lambda x, y, w: stored(np.add(x, y).astype(np.float64))),
    "x.relu()": (lambda x, y, layers: x.relu(), lambda x, y, w: None),
    "x.view(-1)": (lambda x, y, layers: x.view(-1), lambda x, y, w: None),
    "x.exp()": (
        lambda x, y, layers: x.exp(),
        lambda x, y, w: stored(torch.from_numpy(x.astype(np.float64)).exp().numpy()),
    ),
    "x.sum(0)": (lambda x, y, layers: x.sum(0), lambda x, y, w: forward("sum", x, 0)),
    "x.mean(-1)": (lambda x, y, layers: x.mean(-1), lambda x, y, w: forward("mean", x, -1)),
    "x @ y.T": (lambda x, y, layers: x @ y.T, lambda x, y, w: product(x, y.T)),
    "linear": (lambda x, y, layers: layers[0](x), lambda x, y, w: product(x, w[0].T, c=w[1])),
    "layer norm": (
        lambda x, y, layers: layers[1](x),
        lambda x, y, w: forward("layer_norm", x, w[1], w[1], axes=1, eps=1e-5),
    ),
    "embedding": (lambda x, y, layers: layers[2](ROWS), lambda x, y, w: forward("embedding", w[0], ROWS.numpy())),
    "softmax": (lambda x, y, layers: x.softmax(-1), lambda x, y, w: forward("softmax", x)),
    "log softmax": (lambda x, y, layers: x.log_softmax(-1), lambda x, y, w: forward("log_softmax", x)),
}
ROWS = torch.tensor([3, 1, 7, 1])


def layers_of() -> Any:
    """Layers that operations use."""
    return torch.nn.ModuleList([torch.nn.Linear(8, 8), torch.nn.LayerNorm(8), torch.nn.Embedding(8, 8)])


@pytest.mark.parametrize("name", OPERATIONS)
def test_overhead(overhead, name: str) -> None:
    """What a call takes longer than eagerly, less what nfloat's own function takes on arrays: by its operations."""
    torch.set_num_threads(1)
    layers, (work, alone) = layers_of(), OPERATIONS[name]
    own = nft.emulate(MIXED, model=layers)
    x, y = torch.randn(4, 8), torch.randn(4, 8)
    arrays = [stored(t.numpy()) for t in (x, y)]
    weights = [stored(t.detach().numpy()) for t in layers[0].parameters()]
    with torch.no_grad():
        each = dispatched(lambda: work(x, y, layers))

        def emulated(clock: Callable[..., float]) -> float:
            with own:
                a, b = x * 1.0, y * 1.0
                return clock(lambda: work(a, b, layers))

        overhead(
            f"{name} under bf16-mixed, each of {each}", emulated, lambda clock: clock(lambda: work(x, y, layers)), 25.0,
            of=each, itself=lambda clock: clock(lambda: alone(*arrays, weights)),
        )  # fmt: skip


def _normed(y: Any, dy: Any, w: list[Any]) -> Any:
    if "norm" not in KEPT:
        KEPT["norm"] = OPS["layer_norm"].forward(PRECISION, "", y, w[1], w[1], axes=1, eps=1e-5)[1]
    return backward("layer_norm", KEPT["norm"], dy, (True, True, True))


#: what a backward pass needs of its forward pass
KEPT: dict[str, Any] = {}
#: what is differentiated, its gradient asked for x and for the layers' parameters that have a part in it; and what
#: nfloat computes for that, of the result, its gradient and the weights
GRADIENTS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "relu": (lambda x, layers: x.relu(), lambda y, dy, w: backward("relu", y, dy)),
    "softmax": (lambda x, layers: x.softmax(-1), lambda y, dy, w: backward("softmax", (y, -1), dy)),
    "log softmax": (lambda x, layers: x.log_softmax(-1), lambda y, dy, w: backward("log_softmax", (y, -1), dy)),
    "gelu": (lambda x, layers: torch.nn.functional.gelu(x), lambda y, dy, w: backward("gelu", (y, "none"), dy)),
    "layer norm": (lambda x, layers: layers[1](x), _normed),
    "linear": (
        lambda x, layers: layers[0](x),
        lambda y, dy, w: (
            product(dy, w[0], "input_gradient"),
            product(dy.T, y, "weight_gradient"),
            PRECISION.sum_rows("", dy),
        ),
    ),
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


def walk(name: str, layers: Any, numbers: Any) -> Callable[[], object]:
    """A backward pass."""
    x = (numbers * 1.0).requires_grad_()
    y = GRADIENTS[name][0](x, layers) if name else x.view(-1)
    wanted = [x, *{"layer norm": layers[1], "linear": layers[0]}.get(name, torch.nn.Identity()).parameters()]
    slope = y.detach() * 1.0
    return lambda: torch.autograd.grad(y, wanted, slope, retain_graph=True)


def timed(name: str, layers: Any, numbers: Any) -> tuple[Callable[..., float], Callable[..., float]]:
    """It under the recipe and without, as functions of a clock."""
    own = nft.emulate(MIXED, model=layers)

    def emulated(clock: Callable[..., float]) -> float:
        with own:
            return clock(walk(name, layers, numbers))

    return emulated, lambda clock: clock(walk(name, layers, numbers))


def test_overhead_of_a_backward_pass(overhead) -> None:
    """What a pass costs once, whatever is in it: of one that only views."""
    torch.set_num_threads(1)
    overhead("a backward pass that only views", *timed("", layers_of(), torch.randn(4, 8)), 25.0)


@pytest.mark.parametrize("name", GRADIENTS)
def test_overhead_of_gradients(overhead, name: str) -> None:
    """A backward pass, over an eager one with nfloat's own functions after it and what a pass that only views costs.

    By the number of its operations. The functions are timed in one loop with the eager pass: by themselves they take
    half of what they take between torch's.
    """
    torch.set_num_threads(1)
    layers, numbers = layers_of(), torch.randn(4, 8)
    emulated, _ = timed(name, layers, numbers)
    view, viewed = timed("", layers, numbers)
    y, dy = (stored(t.numpy()) for t in (numbers, torch.randn(4, 8)))
    weights = [stored(t.detach().numpy()) for t in layers[0].parameters()]
    eager = walk(name, layers, numbers)
    count = dispatched(eager)

    def native(clock: Callable[..., float]) -> float:
        return clock(lambda: (eager(), GRADIENTS[name][1](y, dy, weights)))

    overhead(
        f"gradient of {name}, each of {count}", emulated, native, 25.0, of=count,
        itself=lambda clock: view(clock) - viewed(clock),
    )  # fmt: skip


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, 1e-4),
    "SGD with momentum": lambda p: torch.optim.SGD(p, 1e-4, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, 1e-4),
    "AdamW, foreach=False": lambda p: torch.optim.AdamW(p, 1e-4, foreach=False),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_overhead_of_steps(overhead, name: str) -> None:
    """A step of an optimiser, over the operations that it is eagerly, one or many for each parameter."""
    torch.set_num_threads(1)
    parameters = [torch.nn.Parameter(torch.randn(4, 8)) for _ in range(16)]
    optimizer = OPTIMIZERS[name](parameters)
    for parameter in parameters:
        parameter.grad = torch.randn(4, 8)
    own = nft.emulate(MIXED, model=torch.nn.ParameterList(parameters), optimizer=optimizer)
    optimizer.step()  # the first one makes the state
    count = dispatched(optimizer.step)

    def emulated(clock: Callable[..., float]) -> float:
        with own:
            return clock(optimizer.step)

    overhead(
        f"step of {name}, each of {count}", emulated, lambda clock: clock(optimizer.step), 25.0, 20, of=count
    )  # fmt: skip


def arithmetic(machine: Any, step: Callable[[], None]) -> Callable[[], None]:
    """nfloat's own computing of a step, in its order and without what leads to it.

    The functions of plans, products, roundings, optimisers' steps, of one step's arrays; what plans change in place,
    and a softmax within attention, count as overhead.
    """
    from nfloat.torch.machine import Machine
    from nfloat.torch.operations import updates
    from nfloat.torch.plans import Plan
    from nfloat.torch.ways import Stored

    calls: list[Callable[[], object]] = []
    inside = False

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            nonlocal inside
            if inside:
                return function(*args)
            first: Any = args[0][0] if type(args[0]) is list else None  # what is known of an operand
            wide = getattr(first, "wide", None)

            def again() -> None:
                if wide is not None:
                    first.wide = wide  # a loss leaves something else there
                function(*args)

            calls.append(again)
            inside = True
            try:
                return function(*args)
            finally:
                inside = False

        return call

    plans = dict(machine.plans)
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((Stored, "apply"), (Machine, "gemm"), (updates, "_take")):
            patch.setattr(owner, name, noted(getattr(owner, name)))
        for key, plan in plans.items():
            if isinstance(plan, Plan) and not plan.own:
                machine.plans[key] = plan._replace(function=noted(plan.function))
        step()
        machine.plans.update(plans)

    def alone() -> None:
        with np.errstate(all="ignore"):
            for again in calls:
                again()

    return alone


def networks() -> dict[str, tuple[Any, Callable[[Any], Any]]]:
    """Small networks, and their losses."""
    x, sequences, labels = torch.randn(4, 8), torch.randn(2, 4, 8), torch.randint(0, 4, (4,))
    mlp = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.GELU(), torch.nn.LayerNorm(8), torch.nn.Linear(8, 4))
    encoder = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    return {
        "mlp with a norm": (mlp, lambda model: torch.nn.functional.cross_entropy(model(x), labels)),
        "encoder layer": (encoder, lambda model: model(sequences).square().mean()),
    }


STEPPED = {
    "SGD": lambda p: torch.optim.SGD(p, 1e-4, foreach=False),
    "AdamW": lambda p: torch.optim.AdamW(p, 1e-4, foreach=False),
    "RMSprop": lambda p: torch.optim.RMSprop(p, 1e-4, foreach=False),
}


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed", "bfloat16-sums"])
@pytest.mark.parametrize("optimizer", STEPPED)
@pytest.mark.parametrize("network", ["mlp with a norm", "encoder layer"])
def test_overhead_in_sequence(overhead, network: str, optimizer: str, recipe: str) -> None:
    """What an operation takes in a training step, over eagerly and nfloat's own arithmetic, each in the same sequence.

    Over the operations that torch dispatches for that step without emulation. In loops of their own each of the three
    takes less, some a third of it: so the eager step and the arithmetic share one.
    """
    torch.set_num_threads(1)
    model, loss = networks()[network]
    stepped = STEPPED[optimizer](model.parameters())
    own = nft.emulate(RECIPES[recipe], model=model, optimizer=stepped)

    def step() -> None:
        stepped.zero_grad()
        loss(model).backward()
        stepped.step()

    def emulated(clock: Callable[..., float]) -> float:
        with own:
            return clock(step)

    with own:
        for _ in range(3):
            step()
        alone = arithmetic(own._machine, step)
    count = dispatched(step)
    overhead(
        f"{network}, {optimizer}, {recipe}: each of {count}", emulated,
        lambda clock: clock(lambda: (step(), alone())), 25.0, 5, of=count,
    )  # fmt: skip

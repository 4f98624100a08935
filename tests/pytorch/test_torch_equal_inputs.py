"""Every operation of whole training loops from the very inputs that torch is given: no fault hides behind chaos.

Two runs of L-BFGS, or of batch norm on a few images, part ways from one rounding, so that comparing their ends shows
nothing. Here each operation computes twice, as the float64 recipe does and as torch does, from equal operands; what
they may differ by is what torch's own result moves by where each operand is moved by one unit in its last place.
"""

import pytest

torch = pytest.importorskip("torch")

import nfloat.torch as nft
from nfloat.torch import mode

F = torch.nn.functional
EPS = torch.finfo(torch.float64).eps
#: what makes no numbers, or none that are set
LEFT_OUT = ("empty", "new_empty", "_record_function", "detach", "view", "alias")
#: operations of which only the results that are numbers of a formula are compared
FIRST = {"native_batch_norm": 1, "_scaled_dot_product_flash_attention_for_cpu": 1}
DRAWS, ALLOWED = 4, 8.0


def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for each in value for t in tensors(each)] if isinstance(value, list | tuple) else []


def copied(value, known, change):
    """Arguments of their own, laid out as the given ones are; a tensor that is given twice is one again."""
    if isinstance(value, list | tuple):
        return type(value)(copied(each, known, change) for each in value)
    if not isinstance(value, torch.Tensor):
        return value
    if id(value) not in known:
        known[id(value)] = change(value.detach().clone(memory_format=torch.preserve_format))
    return known[id(value)]


def bent(t):
    return t * (1.0 + EPS * (torch.randint(0, 2, t.shape) * 2 - 1).to(t.dtype)) if t.is_floating_point() else t


class Comparison:
    """Stands in the place of the bridge's `handle`."""

    def __init__(self, handle):
        self.handle, self.worst = handle, {}

    def __call__(self, machine, operation, args, kwargs):
        name = str(operation.__name__).partition(".")[0]
        if name.startswith(LEFT_OUT) or operation.namespace != "aten":
            return self.handle(machine, operation, args, kwargs)
        state = torch.get_rng_state()
        changes = [lambda t: t, *[bent] * DRAWS]
        own, *moved = [self.torchs(operation, name, args, kwargs, change, state) for change in changes]
        torch.set_rng_state(state)
        found = self.handle(machine, operation, args, kwargs)
        changed = [*tensors(found)[: FIRST.get(name)], *tensors([*args, *kwargs.values()])]
        for place, (ours, theirs) in enumerate(zip(changed, own, strict=True)):
            ratio = self.ratio(ours, theirs, [each[place] for each in moved])
            self.worst[name] = max(self.worst.get(name, 0.0), ratio)
        return found

    def torchs(self, operation, name, args, kwargs, change, state):
        known = {}
        own, named = copied(args, known, change), {key: copied(value, known, change) for key, value in kwargs.items()}
        torch.set_rng_state(state)  # masks are those of the other runs
        found = tensors(operation(*own, **named))[: FIRST.get(name)]
        return [*found, *tensors([*own, *named.values()])]

    def ratio(self, ours, theirs, moved):
        """The difference as a share of what one unit in operands' last places makes."""
        ours, theirs = ours.detach().reshape(-1), theirs.reshape(-1)
        if not theirs.is_floating_point() or not theirs.numel():
            return 0.0 if torch.equal(ours, theirs) else float("inf")
        unit = max(float((each.reshape(-1) - theirs).abs().max()) for each in moved)
        return float((ours - theirs).abs().max()) / max(unit, EPS * float(theirs.abs().max()), 1e-300)


class Shuffled(torch.nn.Module):
    """A unit of ShuffleNet: depthwise convolution, batch norms without a bend between, channels shuffled."""

    def __init__(self):
        super().__init__()
        self.into = torch.nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.branch = torch.nn.Sequential(
            torch.nn.Conv2d(4, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
            torch.nn.Conv2d(4, 4, 3, padding=1, groups=4), torch.nn.BatchNorm2d(4),
            torch.nn.Conv2d(4, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
        )  # fmt: skip
        self.out = torch.nn.Linear(8, 3)

    def forward(self, x):
        x = F.max_pool2d(self.into(x), 2)
        kept, rest = x.chunk(2, dim=1)
        x = F.channel_shuffle(torch.cat((kept, self.branch(rest)), 1), 2)
        return self.out(x.mean((2, 3)))


def encoder():
    return torch.nn.Sequential(torch.nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), torch.nn.Linear(8, 3))


def line(p):
    return torch.optim.LBFGS(p, lr=0.5, max_iter=4, line_search_fn="strong_wolfe")


def mlp():
    return torch.nn.Sequential(torch.nn.Linear(5, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3))


LABELS = torch.tensor([0, 2, 1, 0])
#: model, shape of its input, loss, optimiser
LOOPS = {
    "lbfgs": (mlp, (4, 5), lambda y: F.mse_loss(y, F.one_hot(LABELS).double()), line),
    "shufflenet": (
        Shuffled, (4, 3, 6, 6), lambda y: F.cross_entropy(y, LABELS, label_smoothing=0.1),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    ),
    "encoder": (
        encoder, (4, 3, 8), lambda y: F.cross_entropy(y[:, 0], LABELS, weight=torch.tensor([0.2, 1.0, 0.5]).double()),
        lambda p: torch.optim.NAdam(p, lr=0.01),
    ),
    "log softmax": (
        mlp, (4, 5), lambda y: F.kl_div(y.log_softmax(1), F.one_hot(LABELS).double(), reduction="batchmean"),
        lambda p: torch.optim.RMSprop(p, lr=0.01, centered=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
def test_every_operation_is_torchs_from_equal_inputs(monkeypatch, name):
    make, shape, loss, optimizer = LOOPS[name]
    torch.manual_seed(0)
    model, x = make().double(), torch.randn(shape, dtype=torch.float64)
    steps = optimizer(model.parameters())

    def closure():
        steps.zero_grad()
        found = loss(model(x))
        found.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        return found

    compared = Comparison(mode.handle)
    monkeypatch.setattr(mode, "handle", compared)
    with nft.emulate("float64", model=model, optimizer=steps):
        for _ in range(2):
            steps.step(closure)
    assert len(compared.worst) > 12
    assert {name: ratio for name, ratio in compared.worst.items() if not ratio < ALLOWED} == {}

"""Shorter ways of the bridge against the plain ones, bit for bit: rows, pieces, float32 for short numbers."""

import contextlib

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

import nfloat.torch as nft
from nfloat.nn.ops import in_rows
from nfloat.nn.ops.convolution import _turned
from nfloat.torch.known import lookup
from nfloat.torch.operations import updates
from nfloat.torch.operations.elementwise import innocuous
from nfloat.torch.ways import Ways


@pytest.fixture
def rng():
    return np.random.default_rng(0)


NORMS = {
    "batch": lambda: torch.nn.BatchNorm2d(6),
    "group": lambda: torch.nn.GroupNorm(3, 6),
    "plain": lambda: torch.nn.GroupNorm(2, 6, affine=False),
    "layer": lambda: torch.nn.LayerNorm(5),
    "axes": lambda: torch.nn.LayerNorm((4, 5)),
    "bare": lambda: torch.nn.LayerNorm(5, bias=False),
}


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed", "fp16-pure"])
@pytest.mark.parametrize("name", NORMS)
def test_norms_in_one_pass_and_in_steps_agree(monkeypatch, name, recipe):
    def run():
        torch.manual_seed(0)
        model, x = NORMS[name](), torch.randn(7, 6, 4, 5, requires_grad=True)
        with nft.emulate(recipe, model=model) as own:
            y = model(x * 1.0)
            (y * y).sum().backward()
        return [y, x.grad, *(p.grad for p in model.parameters()), *model.buffers()], own.trace()

    in_one_pass, trace = run()
    monkeypatch.setattr(in_rows, "is_whole", lambda *_: False)
    in_steps, other = run()
    assert all(torch.equal(a, b) for a, b in zip(in_one_pass, in_steps, strict=True))
    assert trace == other


@pytest.mark.parametrize("operation", ["add", "sub", "mul"])
def test_float32_forms_what_short_numbers_make(rng, operation):
    names = ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2", "float6_e2m3fn")
    shapes = [(2, -144), (5, -135), (8, -126), *((p, e) for p in (2, 5, 9, 11) for e in (-117, -60, -9))]
    others = [nf.Format(name=f"t{p}_{e}", precision=p, emin=e, emax=min(-e, 127)) for p, e in shapes]
    exact = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[operation]
    seen = 0
    for fmt in [nf.get_format(n) for n in names] + others:
        if not innocuous(operation, fmt, fmt, fmt):
            continue
        scale = 2.0 ** rng.integers(fmt.emin - fmt.precision, min(fmt.emax, 126) + 1, (2, 20_000))
        x, y = nf.round(rng.standard_normal((2, 20_000)) * scale, fmt, overflow="saturate").astype(np.float32)
        if operation != "mul":
            y = np.where(
                rng.random(y.size) < 0.5, nf.round(x * rng.uniform(-2, 2, x.size), fmt, overflow="saturate"), y
            )
        with np.errstate(all="ignore"):
            once = nf.round(exact(x, y, dtype=np.float64), fmt)
            twice = nf.round(exact(x, y, dtype=np.float32), fmt)
        assert np.array_equal(once, twice, equal_nan=True), fmt
        assert np.array_equal(np.signbit(once), np.signbit(twice)), fmt
        seen += 1
    assert seen >= 12


def test_float32_is_not_asked_where_it_would_round_twice():
    wide, deep = (
        nf.Format(name="wide", precision=12, emin=-30, emax=30),
        nf.Format(name="deep", precision=8, emin=-140, emax=30),
    )
    assert not innocuous("add", wide, wide, wide) and not innocuous("mul", deep, deep, deep)
    assert not innocuous("div", nf.float16, nf.float16, nf.float16)
    assert not innocuous("add", nf.float16, nf.bfloat16, nf.bfloat16)


@pytest.mark.parametrize("make", [
    lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda p: torch.optim.SGD(p, 0.1),
    lambda p: torch.optim.AdamW(p, 0.1),
    lambda p: torch.optim.RMSprop(p, 0.1),
])  # fmt: skip
@pytest.mark.parametrize("recipe", ["float32", "bf16-pure-kahan", "bf16-pure-sr"])
def test_a_step_in_pieces_is_the_step(monkeypatch, recipe, make):
    def run(piece):
        monkeypatch.setattr(updates, "_PIECE", piece)
        torch.manual_seed(0)
        model = torch.nn.Linear(30, 11)
        optimizer = make(model.parameters())
        with nft.emulate(recipe, model=model, optimizer=optimizer) as own:
            for _ in range(3):
                optimizer.zero_grad()
                model(torch.randn(4, 30)).square().mean().backward()
                optimizer.step()
        states = [v for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
        return [*model.parameters(), *states], own.trace()

    whole, trace = run(1 << 16)
    others = [run(64)]
    monkeypatch.setattr(Ways, "descent", lambda *_: None)
    others += [run(1 << 16), run(64)]
    for parts, other in others:
        assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))
        assert trace == other


@pytest.mark.parametrize("optimizer", [torch.optim.RMSprop, torch.optim.Adagrad])
def test_a_parameter_of_no_axes_takes_any_step(optimizer):
    scale = torch.nn.Parameter(torch.tensor(0.5))
    steps = optimizer([scale], lr=0.1)
    with nft.emulate("float32", optimizer=steps):
        (scale * 3.0).square().backward()
        steps.step()
    assert scale.shape == () and scale.item() < 0.5


@pytest.mark.parametrize("mode", ["toward_zero", "toward_positive"])
def test_float32_in_another_mode_is_rounded_so(mode):
    recipe = nf.nn.recipe("float32").replace(activations=f"float32:{mode}", update=f"float32:{mode}",
                                             weights=f"float32:{mode}")  # fmt: skip
    x, y = torch.tensor([1.0, -1.0]), torch.tensor([2.0**-30, 2.0**-30])
    weight = torch.nn.Parameter(torch.ones(2))
    with nft.emulate(recipe, optimizer=torch.optim.SGD([weight], 1.0)):
        found = (x * 1.0) + (y * 1.0)
        with torch.no_grad():
            weight.add_(y)
    expected = nf.round(x.numpy() + y.double().numpy(), "float32", mode)
    assert found.tolist() == expected.tolist()
    assert weight.tolist() == nf.round(np.ones(2) + y.double().numpy(), "float32", mode).tolist()


@pytest.mark.parametrize(("groups", "shape"), [(1, (130, 70, 3, 3)), (2, (6, 2, 3, 2)), (4, (4, 1, 1, 1))])
def test_kernels_turned_over_in_blocks(rng, groups, shape):
    w = rng.standard_normal(shape)
    plain = w.reshape(groups, -1, *shape[1:]).swapaxes(1, 2)
    assert np.array_equal(_turned(w, groups).reshape(plain.shape), plain)


@pytest.mark.parametrize("make", [
    lambda p: torch.optim.SGD(p, 0.1),
    lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    lambda p: torch.optim.Adam(p, 0.1, eps=0.0, betas=(0.0, 0.9)),
    lambda p: torch.optim.AdamW(p, 0.1, foreach=True),
])  # fmt: skip
def test_a_rate_that_begins_and_ends_at_zero_is_torchs_to_allow(make):
    def run(recipe):
        torch.manual_seed(0)
        model = torch.nn.Linear(5, 3)
        optimizer = make(model.parameters())
        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (0.0, 0.5, 1.0, 0.0)[step])
        before, moved = model.weight.detach().clone(), []
        with nft.emulate(recipe, model=model, optimizer=optimizer) if recipe else contextlib.nullcontext():
            for step in range(4):
                optimizer.zero_grad()
                model(torch.randn(4, 5)).square().mean().backward()
                optimizer.step()
                if step < 3:
                    rates.step()
                moved.append(not torch.equal(model.weight, before))
                before = model.weight.detach().clone()
        return model.weight.detach(), moved

    found, moved = run("float32")
    assert moved == run("bf16-mixed")[1] == [False, True, True, False]
    torch.testing.assert_close(found, run(None)[0], rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("recipe", ["float64", "bf16-pure", "fp16-mixed-unscaled", "rounded"])
def test_a_lone_logarithm_of_softmax_is_nns(rng, recipe):
    own = nf.nn.recipe("bf16-mixed").replace(softmax="float16") if recipe == "rounded" else nf.nn.recipe(recipe)
    values = rng.standard_normal((7, 9)).astype(own.carrier) * 4
    with nf.nn.precision(own):
        x = nf.nn.Tensor(values, requires_grad=True)
        y = nf.nn.log_softmax(x)
        (y * y).sum().backward()
    t = torch.from_numpy(values.copy()).requires_grad_()
    with nft.emulate(own):
        found = torch.log_softmax(t, 1)
        (found * found).sum().backward()
    np.testing.assert_array_equal(found.detach().numpy(), y.data)
    np.testing.assert_array_equal(t.grad.numpy(), x.grad)


class Everything(torch.nn.Module):
    """Operations that are planned, of tensors that are transposed, repeated, sliced, changed in place, from outside."""

    def __init__(self):
        super().__init__()
        self.linear, self.norm = torch.nn.Linear(6, 6), torch.nn.LayerNorm(6)
        self.scale, self.table = torch.nn.Parameter(torch.randn(6)), torch.nn.Embedding(4, 6)

    def forward(self, x):
        y = self.norm(self.linear(x) + self.table(torch.tensor([3, 0, 1, 0, 2]))).tanh() + self.scale.exp() * (x - 0.5)
        y = torch.nn.functional.gelu(y) * self.scale + 0.3 - y / (x.exp() + 2) + x.t().exp().t()
        z = (y @ y.T).softmax(-1) @ y[:, 1:4]
        z = torch.baddbmm(z[None], y[None, :, :5], y[None, :, 1:4].expand(1, 5, 3)[:, :5]) - 0.0
        y = y.clone().mul_(2.0) + y.sqrt().nan_to_num() ** 2 + y.sigmoid().log()
        u = torch.log_softmax(z, -1) + torch.nn.functional.gelu(z, approximate="tanh").softmax(1)
        u = torch.nn.functional.layer_norm(torch.nn.functional.leaky_relu(u), (3,)).relu() * z.transpose(1, 2).relu().mT
        labels, losses = torch.tensor([3, 0, 1, 0, 2]), torch.nn.functional
        return (
            losses.cross_entropy(y, labels),
            losses.cross_entropy(y, labels, ignore_index=1),
            losses.cross_entropy(u[0], labels.clamp(max=2), reduction="sum"),
            losses.mse_loss(y, x) + losses.mse_loss(y, y.detach() * 0.5, reduction="none").sum(),
            losses.mse_loss(y, x, reduction="sum"),
            y.sum(0),
            y.mean(-1, keepdim=True) * z[0],
            y.T.sum(),
            torch.relu(z).mean((0, 2)),
            u,
            torch.log_softmax(y, 1) ** 2,
        )


@pytest.mark.parametrize("recipe", ["float64", "float32", "bf16-mixed", "fp16-pure", "bf16-pure-sr", "fp8-current"])
def test_planned_calls_and_others_agree(both_ways, recipe):
    def run():
        torch.manual_seed(0)
        model, x = Everything(), torch.randn(5, 6, requires_grad=True)
        model, x = (model.double(), x.double().detach().requires_grad_()) if recipe == "float64" else (model, x)
        with nft.emulate(recipe, model=model) as own:
            for step in range(6):  # the first goes the general way
                found = model(x * 1.0 if step % 2 else x)
                sum([t.square().sum() for t in found]).backward()
        strides = [t.stride() for t in found]
        return [*found, x.grad, *(p.grad for p in model.parameters())], strides, own.trace()

    both_ways(run)


def test_a_plan_of_the_model_is_none_of_what_keeps_books():
    class Halved(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.randn(50))

        def forward(self, x):
            return self.w * 0.5, x + self.w

    model, x = Halved(), torch.randn(50)
    weights = model.w.detach().clone()
    short = weights.bfloat16()
    expected = short.float() * 0.5, (x.bfloat16() + short).float(), weights * 0.5
    with nft.emulate("bf16-mixed", model=model), torch.no_grad():
        found = [(*model(x), model.w * 0.5) for _ in range(3)]  # the last: an average of weights, or the like
        with pytest.raises(nf.NFloatError, match="meta"):
            model(x.to("meta"))
    assert all([torch.equal(a, b) for each in found for a, b in zip(each, expected, strict=True)])


def test_what_is_kept_of_a_tensor_is_its_memory_as_it_lies_now():
    data = torch.arange(6.0).reshape(2, 3)
    with nft.emulate("bf16-mixed") as run, torch.no_grad():
        x = data * 1.0
        assert x.untyped_storage()._array[0].tolist() == data.tolist()
        assert torch.equal(x.T.exp(), x.exp().T) and torch.equal(x.T @ x + 0.0, (data.T @ data) + 0.0)
        before = x.exp()
        x.zero_()
        assert torch.equal(x.exp(), torch.ones(2, 3)) and not torch.equal(before, x.exp())
        assert torch.equal((x + 1.0)[:, 1:] + 1.0, torch.full((2, 2), 2.0))
        x.untyped_storage().share_memory_()  # moves it
        x.fill_(1.0)
        assert torch.equal(x * 2.0, torch.full((2, 3), 2.0))
    assert not run._machine.plans


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "scaled", "root"])
def test_planned_arithmetic_rounds_once(rng, name):
    torch_, numpy_ = {
        "add": (torch.add, np.add), "sub": (torch.sub, np.subtract), "mul": (torch.mul, np.multiply),
        "div": (torch.div, np.divide), "scaled": (lambda x, y: x * 0.7, lambda x, y: x * float(np.float32(0.7))),
        "root": (lambda x, y: x.sqrt(), lambda x, y: np.sqrt(x)),
    }[name]  # fmt: skip
    x, y = nf.round(rng.uniform(0.5, 2.0, (2, 1 << 18)), "bfloat16").astype(np.float32)
    with nft.emulate("bf16-mixed") as run:
        a, b = torch.from_numpy(x) * 1.0, torch.from_numpy(y) * 1.0
        found = [torch_(a, b) for _ in range(2)][1]
        assert any(plan is not None for plan in run._machine.plans.values())
    exact = numpy_(x.astype(np.float64), y.astype(np.float64))
    assert np.array_equal(found.numpy(), nf.round(exact, "bfloat16"))


def test_what_another_emulation_made_comes_from_outside_every_time(rng):
    values = torch.from_numpy(rng.standard_normal((10, 100)).astype(np.float32))
    with nft.emulate("float32"):
        x = values * 1.0
    with nft.emulate("bf16-mixed"):
        for work in (torch.exp, lambda x: x * x, lambda x: x @ x.T, lambda x: x.sum(0)):
            expected = work(values)
            assert all([torch.equal(work(x), expected) for _ in range(3)])


@pytest.mark.parametrize("make", [
    lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.01),
    lambda p: torch.optim.AdamW(p, 0.1),
    lambda p: torch.optim.Adam(p, 0.1, foreach=False),
    lambda p: torch.optim.RMSprop(p, 0.1),
])  # fmt: skip
@pytest.mark.parametrize("recipe", ["bf16-mixed", "bf16-pure", "bf16-pure-kahan", "bf16-pure-sr"])
def test_planned_steps_and_others_agree(monkeypatch, recipe, make):
    def run():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
        optimizer = make(model[0].parameters())
        with nft.emulate(recipe, model=model) as own:
            for step in range(6):
                if step == 2:
                    optimizer.add_param_group({"params": model[2].parameters(), "lr": 0.3})
                optimizer.param_groups[0].update(lr=0.1 / (step + 1), weight_decay=0.02 * (step == 4))
                optimizer.zero_grad()
                found = model(torch.randn(4, 6)) if step != 3 else model[2](torch.randn(4, 5))  # one layer has none
                found.square().mean().backward()
                optimizer.step()
            plans = [plan for plan in own._machine.plans.values() if isinstance(plan, updates.Update)]
        states = [v for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
        return [*model.parameters(), *states], own.trace(), len(plans)

    planned = run()
    one_addition = recipe == "bf16-mixed" and isinstance(
        make([torch.nn.Parameter(torch.zeros(1))]), torch.optim.RMSprop
    )
    monkeypatch.setattr(updates, "descended", lambda *_: False)
    monkeypatch.setattr(updates, "_together", lambda machine, rule, several: updates._take(
        machine, rule, updates._update(machine, rule, several), several))  # fmt: skip
    plain = run()
    assert all([torch.equal(a, b) for a, b in zip(planned[0], plain[0], strict=True)])
    assert planned[1] == plain[1] and (planned[2] >= 2) != one_addition and not plain[2]


def test_gradients_of_a_norm_are_those_of_its_own_parameters():
    """Whatever they are called, a bias' gradient is rounded, and draws its random bits, by that bias' name."""

    class Norm(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.shift = (torch.nn.Parameter(torch.ones(6)) for _ in range(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.layer_norm(x, (6,), self.scale, self.shift)

    model, x = Norm(), torch.randn(4, 6)
    with nft.emulate("bf16-mixed", model=model) as run:
        for wanted in (True, True, False):  # planned at the second time; not all gradients at the third
            x.requires_grad_(wanted)
            model.zero_grad()
            model(x).square().mean().backward()
            names = [lookup(p.grad, run._machine).name for p in (model.scale, model.shift)]
            assert names == ["scale", "shift"]

"""What is made of weights outside of the model is not rounded; what goes into the model always is."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import nfloat.torch as nft

F, nn = torch.nn.functional, torch.nn


pytestmark = pytest.mark.usefixtures("one_seed")


def trained(model, x):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model(x).square().sum().backward()
    optimizer.step()


def test_snapshots_copies_and_averages_read_weights_as_stored(is_bfloat16):
    model, x = nn.Linear(8, 8), torch.randn(4, 8)
    outside = {name: p.detach().clone() for name, p in model.named_parameters()}
    before = copy.deepcopy(model)
    with nft.emulate("bf16-mixed", model=model):
        inside = {name: p.detach().clone() for name, p in model.named_parameters()}
        twin, saved = copy.deepcopy(model), {name: t.clone() for name, t in model.state_dict().items()}
        trained(model, x)
        with torch.no_grad():
            for name, p in model.named_parameters():
                inside[name].mul_(0.9).add_(p, alpha=0.1)
                outside[name].mul_(0.9).add_(p.data, alpha=0.1)
        trained(twin, x)
    assert not is_bfloat16(model.weight)
    assert torch.equal(saved["weight"], before.weight)
    assert torch.equal(twin.weight, model.weight)
    expected = before.weight.detach() * 0.9 + model.weight.detach() * 0.1
    for average in (inside, outside):
        torch.testing.assert_close(average["weight"], expected, rtol=0.0, atol=1e-7)


def test_averaged_models(is_bfloat16):
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    model, x = nn.Linear(8, 8), torch.randn(4, 8)
    start = model.weight.detach().clone()
    with nft.emulate("bf16-mixed", model=model):
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.75))
        for _ in range(2):
            trained(model, x)
            average.update_parameters(model)
    assert not is_bfloat16(average.module.weight)
    assert torch.linalg.norm(average.module.weight - model.weight) < torch.linalg.norm(start - model.weight)


def test_parameters_that_are_given_other_memory(is_bfloat16):
    model, x = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4)), torch.randn(4, 8)
    with nft.emulate("bf16-pure", model=model):
        vector = nn.utils.parameters_to_vector(model.parameters())
        nn.utils.vector_to_parameters(vector * 0.99, model.parameters())
        trained(model, x)
        model[0].weight.data = model[0].weight.data * 0.999
        y = model(x)
        trained(model, x)
    assert is_bfloat16(y)
    assert all(is_bfloat16(p) for p in model.parameters())


def test_weights_of_a_step_of_one_s_own_are_rounded_as_they_enter(is_bfloat16):
    model, x = nn.Linear(8, 4), torch.randn(4, 8)
    with nft.emulate("bf16-mixed", model=model):
        gradients = torch.autograd.grad(model(x).square().sum(), list(model.parameters()), create_graph=True)
        steps = zip(model.named_parameters(), gradients, strict=True)
        fast = {name: p - 0.1 * g for (name, p), g in steps}
        y = torch.func.functional_call(model, fast, (x,))
        y.square().sum().backward()
    assert not is_bfloat16(fast["weight"])
    assert is_bfloat16(y)
    assert torch.isfinite(model.weight.grad).all()


def test_numbers_written_into_an_activation_do_not_leave_it_unrounded(is_bfloat16):
    model, x = nn.Linear(8, 8), torch.randn(4, 8)
    with nft.emulate("bf16-mixed", model=model):
        h = model(x).clone()
        h[:, 0] = 0.3
        table = torch.full((4, 8), 0.3)
        table[:, :4] = model(x)[:, :4]
        found = [h * 1.1, table * 1.1]
    assert all(is_bfloat16(t) for t in found)


def test_models_that_are_made_inside(is_bfloat16):
    with nft.emulate("bf16-pure"):
        model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8))
        nn.init.uniform_(model[0].weight)
        y = model(torch.randn(4, 8))
        trained(model, torch.randn(4, 8))
    assert is_bfloat16(y)
    assert all(is_bfloat16(p) for p in model.parameters())


@pytest.mark.parametrize("make", [torch.optim.LBFGS, torch.optim.SGD])
def test_a_closure_that_overflows_is_a_step_left_out(make):
    model, x = nn.Linear(4, 1), torch.randn(8, 4)
    optimizer, before = make(model.parameters(), lr=0.1), model.weight.detach().clone()

    def closure():
        optimizer.zero_grad()
        loss = (model(x) * 1e3).square().mean()
        loss.backward()
        return loss

    with nft.emulate("fp16-mixed", model=model, optimizer=optimizer) as run:
        optimizer.step(closure)
        assert run.skipped
        assert torch.equal(model.weight, before)
        assert run.scaler.scale < 65536.0


@pytest.mark.filterwarnings("ignore:.torch.jit")  # torch's own forward derivatives are written in its old script
def test_functional_gradients():
    model, (x, y) = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4)).double(), (torch.randn(6, 8), [0] * 6)
    weights, x, y = {k: p.detach() for k, p in model.named_parameters()}, x.double(), torch.tensor(y)

    def loss(w, x, y):
        return F.cross_entropy(torch.func.functional_call(model, w, (x,)), y)

    def all_of_it():
        each = torch.func.vmap(torch.func.grad(lambda w, x, y: loss(w, x[None], y[None])), in_dims=(None, 0, 0))
        forward = torch.func.jacfwd(lambda x: model(x))(x[0])
        return torch.func.grad(loss)(weights, x, y), each(weights, x, y), {"": forward}

    expected = all_of_it()
    with nft.emulate("float64", model=model):
        found = all_of_it()
    for own, other in zip(found, expected, strict=True):
        for name, t in other.items():
            torch.testing.assert_close(own[name], t, rtol=1e-12, atol=1e-14)


class CastsItself(nn.Module):
    """As language models write their norms."""

    def __init__(self):
        super().__init__()
        self.first, self.weight, self.last = nn.Linear(8, 8), nn.Parameter(torch.ones(8)), nn.Linear(8, 4)

    def forward(self, x):
        h = self.first(x).to(torch.float32)
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.last(self.weight * h.to(x.dtype)).float()


def test_what_a_float64_model_computes_in_float32_is_torch_s_own():
    model, x, y = CastsItself().double(), torch.randn(6, 8).double(), torch.tensor([0, 1, 2, 3, 0, 1])
    twin = copy.deepcopy(model)

    def loop(model):
        optimizer, losses = torch.optim.AdamW(model.parameters(), lr=0.01), []
        for _ in range(10):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    expected = loop(twin)
    with nft.emulate("float64", model=model) as run:
        found = loop(model)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    torch.testing.assert_close(model.state_dict(), twin.state_dict(), rtol=1e-10, atol=1e-12)
    assert {row["format"] for row in run.trace() if row["role"] == "in its own type"} == {"float32"}


def test_so_is_what_it_computes_with_a_parameter_in_float32():
    weight = nn.Parameter(torch.randn(1000).double())
    expected = weight.float().exp()
    with nft.emulate("float64"):
        found = weight.float().exp()
        found.sum().backward()
    assert torch.equal(found, expected)
    assert torch.equal(weight.grad, expected.double())


class Orthogonal(torch.optim.Optimizer):
    """A step along the nearest orthogonal matrix, found in bfloat16, as Muon does it."""

    def __init__(self, parameters):
        super().__init__(parameters, {})

    @torch.no_grad()
    def step(self, closure=None):
        for parameter in self.param_groups[0]["params"]:
            x = parameter.grad.bfloat16()
            x.div_(x.norm().clamp(min=1e-7))
            for _ in range(3):
                square = x @ x.T
                x = torch.addmm(x, torch.addmm(square, square, square, beta=-4.75, alpha=2.0), x, beta=3.5)
            parameter.add_(x.to(parameter.dtype), alpha=-0.1)


@pytest.mark.parametrize(("recipe", "dtype"), [("float64", torch.float64), ("float32", torch.float32)])
def test_what_an_optimizer_computes_in_bfloat16_is_torch_s_own(recipe, dtype):
    model, x = nn.Linear(6, 4, bias=False).to(dtype), torch.randn(5, 6, dtype=dtype)
    twin = copy.deepcopy(model)

    def loop(model):
        optimizer = Orthogonal(model.parameters())
        for _ in range(5):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()

    loop(twin)
    with nft.emulate(recipe, model=model) as run:
        loop(model)
    torch.testing.assert_close(model.weight, twin.weight, rtol=2e-6, atol=0.0)
    assert {row["format"] for row in run.trace() if row["role"] == "in its own type"} >= {"bfloat16"}


def test_experts_in_one_product():
    x, w = torch.randn(6, 8, requires_grad=True), nn.Parameter(torch.randn(3, 8, 8))
    ends = torch.tensor([2, 3, 6], dtype=torch.int32)

    def all_of_it():
        x.grad = w.grad = None
        y = torch._grouped_mm(x, w, offs=ends)
        y.square().sum().backward()
        return [y.detach(), x.grad, w.grad]

    expected = all_of_it()
    with nft.emulate("float32") as run:
        found = all_of_it()
    torch.testing.assert_close(found, expected)
    assert {row["role"] for row in run.trace()} >= {"forward.sum", "input_gradient.sum", "weight_gradient.sum"}


def test_a_gradient_from_outside_is_rounded(is_bfloat16):
    seen, x = [], torch.randn(4, 8)
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
    with nft.emulate("bf16-pure", model=model):
        y = model(x)
        y.register_hook(lambda g: seen.append(g.clone()))
        y.backward(torch.randn(4, 8))
    assert is_bfloat16(seen[0])
    assert is_bfloat16(model[0].bias.grad)

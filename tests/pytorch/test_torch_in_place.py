"""What changes weights and buffers in place, within a forward or a backward pass, changes what is stored."""

import contextlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import nfloat.torch as nft

F, nn = torch.nn.functional, torch.nn


pytestmark = pytest.mark.usefixtures("one_seed")


def whole(w, value):
    return torch.full_like(w, value)


#: ways to change a weight in place
CHANGES = {
    "filled": lambda w: w.fill_(0.3),
    "clamped": lambda w: w.clamp_(-0.2, 0.2),
    "masked": lambda w: w.masked_fill_(w > 0.2, 0.1),
    "scaled": lambda w: w.mul_(0.999),
    "divided": lambda w: w.div_(1.7),
    "added": lambda w: w.add_(whole(w, 0.001)),
    "mixed": lambda w: w.lerp_(whole(w, 1.0), 0.1),
    "copied": lambda w: w.copy_(w * 0.9 + 0.01),
    "data": lambda w: w.data.mul_(0.9).add_(0.01),
    "lists": lambda w: torch._foreach_mul_([w], 0.99),
    "rows": lambda w: w.index_add_(0, torch.tensor([1]), whole(w[:1], 0.01)),
    "centred": lambda w: w.sub_(w.mean()),
    "normal": lambda w: w.div_(w.norm(dim=1, keepdim=True)),
    "power": lambda w: w.pow_(2),
    "part": lambda w: w.__setitem__((slice(None), 0), 0.7),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
@pytest.mark.parametrize("given", [True, False])
def test_weights_changed_within_a_forward_pass_are_those_that_are_stored(name, given):
    """Not their copies: a teacher that follows by a thousandth would stand still."""
    change = CHANGES[name]

    class Changing(nn.Linear):
        def forward(self, x):
            with torch.no_grad():
                change(self.weight)
            return super().forward(x)

    model, x = Changing(8, 8), torch.randn(4, 8)
    weight = model.weight.detach().clone()
    change(weight)
    with nft.emulate("bf16-mixed", model=model if given else None):
        y, again = model(x), F.linear(x, model.weight, model.bias)
    torch.testing.assert_close(model.weight.detach(), weight, rtol=2e-7, atol=1e-8)
    assert torch.equal(y, again)


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed"])
def test_a_teacher_that_follows_within_the_forward_pass(recipe, is_bfloat16):
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.student, self.teacher = (nn.Linear(6, 6) for _ in range(2))
            self.teacher.requires_grad_(False)

        @torch.no_grad()
        def follow(self):
            for own, other in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
                own.data = own.data * 0.999 + other.data * 0.001

        def forward(self, x):
            self.follow()
            with torch.no_grad():
                target = self.teacher(x)
            return F.mse_loss(self.student(x), target)

    model, x = Pair(), torch.randn(5, 6)
    optimizer = torch.optim.SGD(model.student.parameters(), 0.5)
    with nft.emulate(recipe, model=model):
        for _ in range(3):
            expected = model.teacher.weight * 0.999 + model.student.weight * 0.001
            optimizer.zero_grad()
            loss = model(x)
            assert torch.equal(model.teacher.weight, expected)
            loss.backward()
            optimizer.step()
    assert not is_bfloat16(model.teacher.weight)


STEPS = (lambda p: p.add_(p.grad, alpha=-0.01), lambda p: p.sub_(p.grad * 0.01), lambda p: p.data.sub_(0.01 * p.grad))


@pytest.mark.parametrize("step", STEPS)
def test_steps_of_a_hook_within_the_backward_pass(step, is_bfloat16):
    model, x = nn.Linear(4, 3), torch.randn(6, 4)
    seen = []

    def hook(p):
        expected = p.detach().numpy() - np.float32(0.01) * p.grad.numpy()
        with torch.no_grad():
            step(p)
        seen.append(np.array_equal(p.detach().numpy(), expected))
        p.grad = None

    for p in model.parameters():
        p.register_post_accumulate_grad_hook(hook)
    with nft.emulate("bf16-mixed", model=model):
        for _ in range(3):
            model(x).square().mean().backward()
    assert seen == [True] * 6 and not is_bfloat16(model.weight)


@pytest.mark.parametrize("given", [True, False])
def test_lazy_modules(given):
    """They have no numbers before their first call, and fill them then."""
    x, results = torch.randn(5, 4), []
    for emulated in (False, True):
        torch.manual_seed(1)
        model = nn.Sequential(nn.LazyLinear(6), nn.LazyBatchNorm1d(), nn.LazyLinear(3))
        own = nft.emulate("float32", model=model if given else None)
        with own if emulated else contextlib.nullcontext():
            model(x)
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            for _ in range(3):
                optimizer.zero_grad()
                model(x).square().mean().backward()
                optimizer.step()
        results.append(list(model.state_dict().values()))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-6, atol=2e-6)


AVERAGES = {
    "scaled and added": lambda b, x: b.mul_(0.99).add_(x.mean(0), alpha=0.01),
    "mixed": lambda b, x: b.lerp_(x.mean(0), 0.01),
    "data": lambda b, x: b.data.mul_(0.99).add_(x.mean(0) * 0.01),
    "begun anew": lambda b, x: (b.copy_(x[0]), b.mul_(0.99).add_(x.mean(0), alpha=0.0011)),
    "emptied": lambda b, x: b.zero_().add_(x.mean(0), alpha=0.0011),
    "rows": lambda b, x: b.mul_(0.99).index_add_(0, torch.tensor([0, 1]), x[0, :2], alpha=0.01),
}


@pytest.mark.parametrize("name", sorted(AVERAGES))
@pytest.mark.parametrize("given", [True, False])
def test_running_averages_of_a_module_s_own_are_stored_as_weights(name, given, is_bfloat16):
    """As those of batch norms are; in bfloat16 an average that follows by a hundredth would stand still."""

    class Centred(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("center", torch.full((4,), 0.3))
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x):
            with torch.no_grad():
                AVERAGES[name](self.center, x)
                self.count.add_(1.0)
            return x - self.center

    def run(recipe):
        model, x = Centred(), torch.linspace(0.5, 2.0, 24).view(6, 4)
        with nft.emulate(recipe, model=model if given else None) if recipe else contextlib.nullcontext():
            for _ in range(300):
                model(x)
        return model

    plain, mixed, pure = (run(recipe) for recipe in (None, "bf16-mixed", "bf16-pure"))
    torch.testing.assert_close(mixed.center, plain.center, rtol=4e-3, atol=0.0)
    assert not is_bfloat16(mixed.center) and is_bfloat16(pure.center)
    assert mixed.count == pure.count == 300  # the program's own number


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop])
def test_optimizers_of_plain_tensors(make, named, is_bfloat16):
    """They are parameters: from the start where the optimiser is named, from its first step on otherwise."""

    def trained(recipe):
        torch.manual_seed(0)
        weights = [(torch.randn(shape, dtype=torch.float64) * 0.3).requires_grad_() for shape in ((4, 8), (8,), (8, 2))]
        optimizer, x = make(weights, lr=0.01), torch.randn(6, 4, dtype=torch.float64)
        with nft.emulate(recipe, optimizer=optimizer if named else None) if recipe else contextlib.nullcontext():
            for _ in range(4):
                optimizer.zero_grad()
                ((x @ weights[0] + weights[1]).relu() @ weights[2]).square().mean().backward()
                optimizer.step()
        return weights

    for found, expected in zip(trained("float64"), trained(None), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    assert all([is_bfloat16(w.float()) for w in trained("bf16-pure")])
    assert not is_bfloat16(trained("bf16-mixed")[0].float())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_numbers_of_no_axes_are_written_into_short_types(dtype):
    """As clipping does with its factor."""
    model, x = nn.Linear(4, 3).to(dtype), torch.randn(6, 4, dtype=dtype)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    before = model.weight.detach().clone()
    with nft.emulate("fp16-mixed", model=model):
        for _ in range(3):
            optimizer.zero_grad()
            (model(x).square().mean() * 0.01).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    assert bool(model.weight.isfinite().all()) and not torch.equal(model.weight, before)

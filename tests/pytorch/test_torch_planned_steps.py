"""What optimisers do operation by operation: planned calls against the general way, bit for bit."""

import pytest

torch = pytest.importorskip("torch")

import nfloat.torch as nft


class InPlace(torch.optim.Optimizer):
    """All that is planned of a step, of operands that share memory, are repeated, or are other ones in every step."""

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                self.one(p, self.state[p], group["lr"])
            group["lr"] *= 0.5

    @torch.no_grad()
    def one(self, p, state, rate):
        if not state:
            state.update(step=torch.tensor(0.0), m=torch.zeros_like(p), v=torch.ones_like(p))
        m, v = state["m"], state["v"]
        state["step"] += 1
        m.mul_(0.9).add_(p.grad).add_(p, alpha=rate)
        v.addcmul_(p.grad, m, value=rate).addcmul_(v, v, value=0.25).sub_(m, alpha=rate)
        m.lerp_(p.grad, 0.125)
        d = v.abs().sqrt().add_(1e-3)
        d.add_(d).mul_(d).sub_(m).add_(m, alpha=rate).mul_(state["step"])
        if p.dim() == 2 and p.shape[0] == p.shape[1]:
            d.add_(d.T).mul_(d.T)
            m.mul_(m.T).div_(d[:1].abs().add_(1.0))
        m.div_(2.0).div_(d.abs().add_(1.0)).mul_(m).sub_(0.5)
        (v[:1] if p.dim() else v).mul_(3.0)
        p.addcdiv_(m, d.abs().add_(1.0), value=-rate).addcmul_(m, p.grad, value=rate)
        p.add_(m.reciprocal().clamp_(-1, 1), alpha=-rate).sub_(p.grad, alpha=rate).add_(0.125).mul_(0.99)


OPTIMIZERS = {
    "in place": lambda p: InPlace(p, {"lr": 0.01}),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.9, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.01, foreach=False, weight_decay=0.1),
    "adadelta": lambda p: torch.optim.Adadelta(p, foreach=False),
    "nadam": lambda p: torch.optim.NAdam(p, foreach=False),
    "radam": lambda p: torch.optim.RAdam(p, foreach=True),
    "adamax": lambda p: torch.optim.Adamax(p, foreach=False),
    "amsgrad": lambda p: torch.optim.Adam(p, amsgrad=True, foreach=False),
    "damped": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, dampening=0.1, foreach=False),
}


RECIPES = ("float64", "float32", "bf16-mixed", "bf16-pure", "bf16-pure-sr", "fp8-current")


@pytest.mark.parametrize(
    ("name", "recipe"), [(n, "bf16-mixed") for n in OPTIMIZERS if n != "in place"] + [("in place", r) for r in RECIPES]
)
def test_planned_steps_and_others_agree(both_ways, name, recipe):
    def run():
        torch.manual_seed(0)
        parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in [(4, 4), (4, 3), (3,), ()]]
        parameters = [torch.nn.Parameter(p.detach().double()) if recipe == "float64" else p for p in parameters]
        optimizer = OPTIMIZERS[name](parameters)
        with nft.emulate(recipe, model=torch.nn.ParameterList(parameters)) as own:
            for _ in range(4):
                optimizer.zero_grad()
                sum([(p * p * 0.3 + p).sum() for p in parameters]).backward()
                optimizer.step()
        states = [v for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
        return [*parameters, *states], own.trace()

    both_ways(run)


#: numbers of a model, from outside, parameters; as they lie in memory, transposed, sliced, with a gradient and without
OPERANDS = [
    lambda made, memory, w: made, lambda made, memory, w: memory, lambda made, memory, w: made.T,
    lambda made, memory, w: made[:2], lambda made, memory, w: made * w, lambda made, memory, w: memory[0],
    lambda made, memory, w: w, lambda made, memory, w: made.detach(), lambda made, memory, w: made.sum(0),
]  # fmt: skip


@pytest.mark.parametrize(("recipe", "seeds"), [("bf16-mixed", [0]), ("bf16-pure-sr", [0, 1])])
def test_a_plan_serves_calls_that_are_alike_alone(both_ways, recipe, seeds):
    functional = torch.nn.functional

    def everything(x, w, table):
        yield x.softmax(-1)
        yield functional.layer_norm(x, x.shape[-1:], w[: x.shape[-1]], w[-x.shape[-1] :])
        yield functional.layer_norm(x, x.shape)
        yield functional.mse_loss(x, w[0] * torch.ones_like(x))
        yield functional.mse_loss(x, x.detach() + 1.0, reduction="sum")
        yield x.mean(-1) * 0.3 + x.exp().sum()
        if x.dim() == 2:
            labels = torch.arange(len(x)) % x.shape[1]
            yield functional.cross_entropy(x, labels)
            yield functional.cross_entropy(x, labels, ignore_index=1, reduction="sum")
            yield functional.embedding(labels, table if x.shape[0] < 4 else x)

    def run():
        torch.manual_seed(0)
        layer, found, traces = torch.nn.Linear(6, 4), [], []
        layer.w = w = torch.nn.Parameter(torch.randn(6))
        table, memory = layer.weight, torch.randn(4, 6)
        for seed, step in [(seed, step) for seed in seeds for step in (0, 3)]:
            with nft.emulate(recipe, model=layer, seed=seed, step=step) as own:
                made = (memory * 1.0).requires_grad_()
                for make in OPERANDS * 2:
                    x = make(made, memory, w)
                    results = list(everything(x, w, table))
                    found += results
                    if x.requires_grad:
                        total = sum([t.float().square().sum() for t in results])
                        found += torch.autograd.grad(total, [x, w])
                    with torch.no_grad():
                        w.add_(0.125)
            traces.append(own.trace())
        return found, traces

    both_ways(run)


class Moving(torch.nn.Module):
    """Moves and views of a model's numbers, of its weights, of what comes from outside; alike but for one thing."""

    def __init__(self):
        super().__init__()
        self.w, self.scale = torch.nn.Parameter(torch.randn(4, 6)), torch.nn.Parameter(torch.randn(6, 4))

    def forward(self, x, outside):
        made = x * self.w
        for t in (made, made.T, made[:3], made.double(), outside, outside[1], self.w, made.detach(), made * outside):
            yield t.clone()
            yield t.clone(memory_format=torch.contiguous_format) * 0.7
            yield t.relu() + (-t).abs().neg()
        turned = made.T.reshape(3, 8)
        yield turned.transpose(0, 1).reshape(-1) * turned.reshape(-1).clone()
        yield made.T * self.scale + self.scale.view(-1).view(4, 6).T.contiguous()
        yield torch.utils.checkpoint.checkpoint(lambda t: t.relu().clone().select(0, 1), made, use_reentrant=False)
        yield made.unsqueeze(0).expand(3, 4, 6).permute(2, 0, 1).reshape(6, 12) @ torch.ones(12, 2)
        yield made[1:].select(1, 2).clone()
        yield (made.bool().clone() | made.bool().T.reshape(4, 6)).float() * made


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed", "bf16-pure-sr"])
def test_planned_moves_and_others_agree(both_ways, recipe):
    def run():
        torch.manual_seed(0)
        model, x, outside = Moving(), torch.randn(4, 6, requires_grad=True), torch.randn(4, 6)
        found = []
        with nft.emulate(recipe, model=model) as own:
            for _ in range(3):
                results = list(model(x * 1.0, outside))
                sum([t.float().square().sum() for t in results]).backward()
                found += [*results, x.grad.clone(), model.w.grad.clone(), model.scale.grad.clone()]
                with torch.no_grad():
                    model.w.add_(0.125)
        # gradients of a weight and of its views are that weight's when they are added
        sums = {(row["module"], row["role"]) for row in own.trace() if row["operation"] == "add"}
        assert sums & {("scale", "weight_gradient"), ("", "scale.grad")}, sums
        return found, own.trace()

    both_ways(run)


def test_what_steps_change_is_planned_with_arguments_by_name():
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.RMSprop([p], foreach=False)
    with nft.emulate("bf16-mixed", model=torch.nn.ParameterList([p])) as own:
        for _ in range(3):
            p.grad = torch.ones(3)
            optimizer.step()
        planned = {key[0] for key, plan in own._machine.plans.items() if plan is not None}
    for operation in (torch.ops.aten.addcmul_.default, torch.ops.aten.addcdiv_.default):
        assert id(operation) in planned, operation

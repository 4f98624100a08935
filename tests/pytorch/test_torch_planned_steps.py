"""What optimisers do operation by operation: planned calls against the general way, bit for bit."""

import pytest

torch = pytest.importorskip("torch")

import nfloat.torch as nft
from nfloat.torch.machine import Machine


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
def test_planned_steps_and_others_agree(monkeypatch, name, recipe):
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

    begin = Machine.begin
    planned = run()

    def plainly(self, p):
        begin(self, p)
        self.plain = False

    monkeypatch.setattr(Machine, "begin", plainly)
    plain = run()
    same = [torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0)) for a, b in zip(planned[0], plain[0], strict=True)]
    assert all(same), same
    assert planned[1] == plain[1]

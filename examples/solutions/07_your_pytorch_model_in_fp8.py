"""Solutions to notebook 7. Each block answers one exercise and checks itself."""

import torch

import nfloat as nf
import nfloat.torch as nft


def steps(recipe, count=3):
    """Losses and trace of a small network under a recipe."""
    torch.manual_seed(0)
    model = torch.nn.Sequential()
    model.add_module("body", torch.nn.Linear(32, 32))
    model.add_module("head", torch.nn.Linear(32, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(16, 32), torch.randint(0, 4, (16,))
    losses = []
    with nft.emulate(recipe, model=model, seed=0) as run:
        for _ in range(count):
            loss = torch.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, run.trace()


# 1. Fields of one layer: the six operands of its products.
operands = dict.fromkeys(
    ("forward_x", "forward_w", "input_gradient_dy", "input_gradient_w", "weight_gradient_x", "weight_gradient_dy"),
    "bfloat16",
)
recipe = nf.nn.recipe("mxfp4").replace(layers={"head": operands})
_, trace = steps(recipe)
formats = {
    module: {r["format"] for r in trace if r["module"] == module and "gemm" in r["role"]} for module in ("body", "head")
}
print(formats)
assert "mxfp4" in formats["body"] and "mxfp4" not in formats["head"]

# 2. Yours to answer; often a reduction of a bias' gradient, a copy of the weights, the optimiser's arithmetic.
print(sorted({r["operation"] for r in trace}))

# 3. It does, in the last digits: sums cut to 13 bits.
plain, _ = steps("fp8-current")
unit, _ = steps(nf.nn.recipe("fp8-current").replace(forward="nvidia.hopper.wgmma.e4m3.f32"))
print(plain, unit)
assert plain != unit and abs(plain[-1] - unit[-1]) < 0.05

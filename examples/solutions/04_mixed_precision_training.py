"""Solutions to notebook 4. Each block answers one exercise and checks itself."""

import itertools

import numpy as np

import nfloat as nf

digits = nf.nn.data.load_data("digits")


def train(recipe, steps=100, small=0, lr=0.05):
    """Losses and loss scales, step by step; the loss times 2^-small, the rate times 2^small."""
    model = nf.nn.Sequential(nf.nn.Linear(64, 32), nf.nn.ReLU(), nf.nn.Linear(32, 10))
    model.init(seed=0)
    trainer = nf.nn.train.Trainer(
        model, nf.nn.SGD(model.parameters(), lr=lr * 2.0**small), recipe,
        loss=lambda result, labels: nf.nn.cross_entropy(result, labels) * 2.0**-small,
    )  # fmt: skip
    order = nf.nn.data.batches(len(digits.train_x), 32, np.random.default_rng(0))
    done = [trainer.step(digits.train_x[b], digits.train_y[b]) for b in itertools.islice(order, steps)]
    return [step.loss * 2.0**small for step in done], done


# 1. Half of float16's least number is 2^-25. A gradient of the loss itself is about (p - y) / 32, some 2^-8 to 2^-5:
# with 2^-14 most are still there (as subnormal numbers), with 2^-20 hardly any.
ends = {k: np.mean(train("fp16-mixed-unscaled", small=k)[0][-20:]) for k in (10, 14, 18, 20, 22)}
print({k: round(float(v), 2) for k, v in ends.items()})
assert ends[10] < 1.8 and ends[22] > 2.2

# 2. Gradients times 2^40 overflow at once; each update is left out, and a static scale never recovers.
recipe = nf.nn.recipe("fp16-mixed").replace(loss_scaling=nf.nn.LossScaling.static(2.0**40))
losses, done = train(recipe, steps=20)
print("skipped:", sum(step.skipped for step in done), "of 20")
assert all(step.skipped for step in done)

# 3. Updates are then a good part of a weight, far above half a unit in its last place: nearly none is lost.
fast = {name: np.mean(train(name, lr=0.5)[0][-20:]) for name in ("float32", "bf16-pure")}
print({name: round(float(v), 3) for name, v in fast.items()})
assert fast["bf16-pure"] < 1.1 * fast["float32"]

# 4. E4M3 weights of 4 bits move only if an update is a 16th of them; rounded at random they move on average.
ends = {}
for weights in ("float32", "float8_e4m3fn", "float8_e4m3fn:stochastic"):
    ends[weights] = np.mean(train(nf.nn.recipe("bf16-mixed").replace(weights=weights))[0][-20:])
print({name: round(float(v), 3) for name, v in ends.items()})
assert ends["float8_e4m3fn"] > ends["float8_e4m3fn:stochastic"]

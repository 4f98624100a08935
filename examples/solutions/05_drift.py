"""Solutions to notebook 5. Each block answers one exercise and checks itself."""

import numpy as np

import nfloat as nf

config = nf.drift.Config(recipes=("bf16-mixed", "fp16-mixed"), steps=60, every=10, seeds=2, ablate="none")
result = nf.drift.run(config)

# 1. 11 bits against 8: 2^3 = 8 times, and so it is at the first step. Later it is more at some steps: a rounding that
# puts one input of a ReLU on the other side of zero changes the gradient by far more than its own size.
lines = [result.series[name, "model", "weights.grad", "relative_error"] for name in config.recipes]
ratios = [bf16 / fp16 for (_, bf16), (_, fp16) in zip(*lines)]
print("local drift of bf16-mixed over that of fp16-mixed, step by step:", [f"{r:.0f}" for r in ratios])
assert 4 < ratios[0] < 16 and min(ratios) > 2

# 2. One seed has no spread, so there is no interval, and no verdict.
alone = nf.drift.run(config.replace(recipes=("tf32",), seeds=1, steps=20))
print("one seed:", alone.summary[0]["verdict"])
assert alone.summary[0]["verdict"] == "undecided"

# 3. Larger updates are not lost: the path of bf16-pure comes nearer to float64's.
paths = {}
for lr in (0.02, 0.2):
    run = nf.drift.run(config.replace(recipes=("bf16-pure",), lr=lr, seeds=1))
    paths[lr] = run.series["bf16-pure", "model", "weights", "path_distance"][-1][1]
print("path distance of bf16-pure by learning rate:", {lr: round(value, 3) for lr, value in paths.items()})
assert paths[0.2] < paths[0.02]

# 4. What each place makes of the gradient's error stands in rows of its own.
shares = {
    metric.removeprefix("error_from."): np.median([value for _, value in points])
    for (recipe, _, _, metric), points in result.series.items()
    if recipe == "bf16-mixed" and metric.startswith("error_from.")
}
print("bf16-mixed, error of the gradient by place:", {name: f"{v:.2g}" for name, v in shares.items()})
assert shares

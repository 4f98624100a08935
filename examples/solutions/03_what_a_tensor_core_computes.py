"""Solutions to notebook 3. Each block answers one exercise and checks itself."""

import numpy as np

import nfloat as nf

hopper = "nvidia.hopper.mma.f16.f32"

# 1. The same: 1 and fifteen of 2^-12 need 13 bits, which both have. Try 2^-24: float32 drops each, the unit keeps them.
for g in (12, 24):
    terms = np.full((1, 16), 2.0**-g, np.float32)
    terms[0, 0] = 1
    unit = nf.matmul(terms, np.ones((16, 1), np.float32), hopper, inputs="float16")[0, 0]
    chain = nf.matmul(terms, np.ones((16, 1), np.float32), "float32", inputs="float16")[0, 0]
    print(f"2^-{g}: tensor core {unit!r}, float32 one after the other {chain!r}")
    assert (unit == chain) == (g == 12)

# 2. Within a group it cannot: the sum is one of integers. Between groups it does.
rng = np.random.default_rng(0)
a = nf.round(rng.standard_normal((64, 16)), "float16").astype(np.float32)
b = nf.round(rng.standard_normal((16, 64)), "float16").astype(np.float32)
order = rng.permutation(16)
assert np.array_equal(nf.matmul(a, b, hopper), nf.matmul(a[:, order], b[order], hopper))
a, b = np.tile(a, 4) * np.repeat([1, 8, 1 / 8, 1], 16).astype(np.float32), np.tile(b, (4, 1))
order = rng.permutation(64)
changed = np.mean(nf.matmul(a, b, hopper) != nf.matmul(a[:, order], b[order], hopper))
print(f"across groups, another order changes {changed:.0%} of the results")
assert changed > 0

# 3. Each instruction adds 16 ones exactly and rounds to float16: 16 is half a gap only at 2^15, so it stops at 32768.
ones = np.ones((1, 40_000), np.float32)
total = nf.matmul(ones, ones.T, "nvidia.hopper.mma.f16.f16")[0, 0]
print("ones stop at", total)
assert total == 32768

# 4. A large product that goes away again leaves what was aligned to it: 30 small ones, below Volta's last bit.
big, small = 2.0**13, 2.0**-11
a = np.full((1, 32), small, np.float32)
a[0, 0], a[0, 31] = big, -big
b = np.ones((32, 1), np.float32)
found = {name: float(nf.matmul(a, b, f"nvidia.{name}.mma.f16.f32")[0, 0]) for name in ("volta", "hopper")}
print("exactly", 30 * small, found)
assert abs(found["volta"] - found["hopper"]) > 0.01 * abs(found["hopper"])

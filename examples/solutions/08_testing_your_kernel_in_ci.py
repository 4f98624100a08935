"""Solutions to notebook 8. Each block answers one exercise and checks itself."""

import numpy as np

import nfloat as nf
from nfloat.testing import assert_matmul, matmul_bound

rng = np.random.default_rng(0)
a = nf.round(rng.standard_normal((32, 256)), "bfloat16").astype(np.float32)
b = nf.round(rng.standard_normal((256, 32)), "bfloat16").astype(np.float32)


def fails(*args, **kwargs):
    """Whether the assertion fails."""
    try:
        assert_matmul(*args, **kwargs)
    except AssertionError:
        return True
    return False


# 1. It sees it at once. A relative tolerance must first be told apart from results near zero, where it fails anyway.
dropped = nf.matmul(a[:, :-1], b[:-1], "float32", output="bfloat16")
assert fails(dropped, a, b, "float32", output="bfloat16")
close = np.isclose(dropped, a.astype(np.float64) @ b, rtol=1e-2).mean()
print(f"without the last term {close:.0%} of the results are within 1e-2")

# 2. split_k: four parts of k, whose sums are added in float32.
parts = [nf.matmul(a[:, k : k + 64], b[k : k + 64], "float32") for k in range(0, 256, 64)]
total = parts[0]
for part in parts[1:]:
    total = total + part
assert fails(total, a, b, "float32")
assert_matmul(total, a, b, "float32", split_k=4)

# 3. The probable bound grows like sqrt(k), the proven one like k.
another = nf.matmul(a[:, ::-1].copy(), b[::-1].copy(), "float32")
assert_matmul(another, a, b, "float32", by="bound")
assert_matmul(another, a, b, "float32", by="probable")
bound = matmul_bound(a, b, "float32")
print(f"the probable bound is {np.median(np.asarray(bound) / bound.probable):.1f} times tighter")
assert np.all(bound.probable <= np.asarray(bound))

"""Solutions to notebook 2. Each block answers one exercise and checks itself."""

import numpy as np

import nfloat as nf

# 1. p = 4: at 2^4 = 16 the gap is 2, and adding 1 is a tie that goes back.
total = nf.cumsum(np.ones(100, np.float32), "float8_e4m3fn")[-1]
print("ones stop at", total)
assert total == 16

# 2. From the smallest on: small terms meet a small sum, which still has bits for them.
terms = nf.round(1 / np.arange(1, 2001), "bfloat16")
exact = terms.sum()
forwards, backwards = (float(nf.sum(t, "bfloat16")) for t in (terms, terms[::-1].copy()))
print(f"exactly {exact:.4f}, forwards {forwards}, backwards {backwards}")
assert abs(backwards - exact) < abs(forwards - exact)

# 3. The squares are rounded before the subtraction, which shows it; x - y is exact (Sterbenz).
x, y = (float(nf.round(v, "float16")) for v in (10.01, 10.0))
squares = nf.subtract(nf.multiply(x, x, "float16"), nf.multiply(y, y, "float16"), "float16")
product = nf.multiply(nf.subtract(x, y, "float16"), nf.add(x, y, "float16"), "float16")
exact = x * x - y * y
print(f"exactly {exact:.6f}, squares {squares}, product {product}")
assert abs(product - exact) <= abs(squares - exact)

# 4. The gap is 2^-7 and the standard deviation sqrt(0.2 * 0.8) of it, 0.0031. For an error of 1e-4 (three digits of
# 0.1) to be two deviations of the mean: (2 * 0.0031 / 1e-4)^2, about 4000 samples.
gap = 2.0**-7
samples = int((2 * gap * np.sqrt(0.2 * 0.8) / 1e-4) ** 2)
means = [nf.round(np.full(samples, 0.1), "float8_e4m3fn", "stochastic", seed=s).mean() for s in range(20)]
print(samples, "samples; greatest error of twenty means", max(abs(m - 0.1) for m in means))
assert 3000 < samples < 5000 and sum(abs(m - 0.1) < 1e-4 for m in means) >= 16

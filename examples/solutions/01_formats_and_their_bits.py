"""Solutions to notebook 1. Each block answers one exercise and checks itself."""

import numpy as np

import nfloat as nf
from nfloat.errors import RepresentationError

# 1. A binade has 2^(p - 1) numbers, whatever its size: 1024 in float16, 128 in bfloat16.
for name in ("float16", "bfloat16"):
    f = nf.get_format(name)
    for low in (1.0, 2.0):
        count = int(nf.encode(2 * low, f)) - int(nf.encode(low, f))
        print(f"{name}: {count} numbers in [{low:g}, {2 * low:g})")
        assert count == 2 ** (f.precision - 1)

# 2. Gaps are 1 up to 2^p and 2 from there on: 2^p + 1 is missing.
for name, missing in (("float16", 2049), ("bfloat16", 257)):
    integers = np.arange(1, 3000)
    first = integers[nf.round(integers.astype(float), name) != integers][0]
    print(f"{name}: {first} is the first integer that is missing")
    assert first == missing

# 3. Where E4M3 has run out of bits, or of numbers: below 2^-8, above 448. In between its gaps are half of E5M2's.
x = np.exp2(np.linspace(-18, 15, 3301))
errors = [np.abs(nf.round(x, f, overflow="saturate") - x) / x for f in ("float8_e4m3fn", "float8_e5m2")]
binades = np.floor(np.log2(x))
better = [int(k) for k in np.unique(binades) if errors[1][binades == k].mean() < errors[0][binades == k].mean()]
print("E5M2 is better from 2^k to 2^(k+1) for k in", better)
assert set(range(-6, 8)).isdisjoint(better) and {-12, 10} <= set(better)

# 4. Values keep NaN, since the carrier has one; a code for it does not exist, and that is said.
assert np.isnan(nf.round(np.nan, "fp4"))
try:
    nf.encode(np.nan, "fp4")
except RepresentationError as error:
    print(error)

"""Solutions to notebook 6. Each block answers one exercise and checks itself."""

import numpy as np

import nfloat as nf
from nfloat.blocks.diagnostics import sqnr

# 1. The scale puts the block's greatest number between 4 and 8, and E2M1 ends at 6 (rounding to 6 until 7): maxima
# whose significand is above 1.75 are clipped, those above 1.5 come down to 6 as well, by rounding.
for significand in (1.4, 1.6, 1.8, 1.99):
    got = float(nf.round(np.array([significand]), nf.mxfp4)[0])
    print(f"{significand} becomes {got}")
    assert got <= 1.5

# 2. Normal data lose little in large blocks, since maxima differ little. Blocks are for data of uneven size: there the
# steps of a large block are too coarse for its small numbers.
rng = np.random.default_rng(0)
even = rng.standard_normal((64, 1024))
uneven = even * np.exp(rng.standard_normal((64, 128)).repeat(8, axis=1))
for name, x in (("even", even), ("uneven", uneven)):
    errors = []
    for size in (8, 16, 32, 64, 128):
        y = np.asarray(nf.round(x, nf.mxfp4.replace(block=size)))
        errors.append(float(np.mean(np.minimum(np.abs(y - x) / np.abs(x), 1))))
    print(name, "sizes; mean relative error in blocks of 8, 16, ..., 128:", [f"{e:.3f}" for e in errors])
    assert name == "even" or errors[-1] > 1.3 * errors[0]

# 3. 1024 codes of 4 bits, two in a byte; 64 block scales of one byte; the tensor scale, four bytes.
q = nf.quantize(rng.standard_normal((32, 32)).astype(np.float32), nf.nvfp4)
assert q.nbytes == len(q.to_bytes()) == 1024 // 2 + 1024 // 16 + 4
print(q.nbytes, "bytes")

# 4. Rows of this array have magnitudes of their own, so blocks should lie along them. In a product blocks must lie
# along k, for both operands and in both directions of training: a tensor is quantised twice, from the source.
x = rng.standard_normal((64, 512)) * np.exp2(rng.integers(-6, 1, (64, 1)))
by_axis = [sqnr(x, np.asarray(nf.round(x, nf.mxfp4, axis=axis))) for axis in (0, 1)]
print(f"along axis 0 {by_axis[0]:.1f} dB, along axis 1 {by_axis[1]:.1f} dB")
small = np.argmin(np.abs(x).max(1))
rows = [sqnr(x[small], np.asarray(nf.round(x, nf.mxfp4, axis=axis))[small]) for axis in (0, 1)]
print(f"its smallest row: {rows[0]:.1f} dB, {rows[1]:.1f} dB")
assert rows[1] > rows[0] + 6

# 5. A scale serves sixteen numbers there, so the outlier harms no other row; within its own block the transform gives
# every number an error that is a share of the outlier.
t = rng.standard_normal((32, 16))
t[7, 5] = 30.0
plain = np.asarray(nf.round(t, nf.nvfp4))
back = nf.hadamard(np.asarray(nf.round(nf.hadamard(t, seed=0), nf.nvfp4)), seed=0, inverse=True)
others = np.delete(np.arange(32), 7)
gain = sqnr(t[others], back[others]) - sqnr(t[others], plain[others])
print(f"other rows: {gain:+.1f} dB")
assert abs(gain) < 2

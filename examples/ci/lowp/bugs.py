"""Bugs that can be put in by the variable LOWP_BUG: what the tests are there to see (``python -m lowp.bugs``)."""

import os

BUGS = {
    "flush": "FP8: subnormal numbers become zero",
    "clamp": "FP8: the scale leaves no room, so the greatest elements saturate",
    "tail": "product: the last terms of k are dropped",
    "half_sums": "product: sums kept in FP16 instead of float32",
    "unscaled": "product: one of the two scales is forgotten",
    "no_shift": "softmax: the maximum is not taken off, so exp overflows",
    "half_softmax": "softmax: the sum is kept in bfloat16",
    "no_scaling": "attention: scores are not divided by sqrt(d)",
    "lost_update": "optimiser: weights are stored in bfloat16 and small updates are lost",
    "no_bias_correction": "optimiser: the moments' bias is not corrected",
}


def has(name):
    """Whether a bug is put in."""
    return os.environ.get("LOWP_BUG") == name


if __name__ == "__main__":
    print("\n".join(BUGS))

"""An Adam step with float32 master weights."""

import ml_dtypes
import numpy as np

from .bugs import has


def step(weights, gradient, moments, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """(weights, moments) after step t, from 1 on; all float32."""
    first, second = moments
    first = np.float32(beta1) * first + np.float32(1 - beta1) * gradient
    second = np.float32(beta2) * second + np.float32(1 - beta2) * gradient * gradient
    corrected = (first, second)
    if not has("no_bias_correction"):
        corrected = first / np.float32(1 - beta1**t), second / np.float32(1 - beta2**t)
    weights = weights - np.float32(lr) * corrected[0] / (np.sqrt(corrected[1]) + np.float32(eps))
    if has("lost_update"):
        weights = weights.astype(ml_dtypes.bfloat16).astype(np.float32)
    return weights.astype(np.float32), (first, second)

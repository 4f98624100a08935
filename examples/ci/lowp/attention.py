"""One attention head in float16, as a fused kernel computes it; and by PyTorch, where that is there."""

import numpy as np

from .bugs import has


def softmax(scores):
    """Along the last axis; float16 in and out, float32 inside."""
    x = scores.astype(np.float16) if has("no_shift") else scores.astype(np.float32)
    if not has("no_shift"):
        x = x - x.max(axis=-1, keepdims=True)
    with np.errstate(all="ignore"):
        e = np.exp(x)
        total = e.sum(axis=-1, keepdims=True)
        if has("half_softmax"):
            import ml_dtypes

            total = np.cumsum(e.astype(ml_dtypes.bfloat16), axis=-1)[..., -1:].astype(np.float32)
        return (e / total).astype(np.float16)


def scores(q, k):
    """q k^T / sqrt(d)."""
    product = q.astype(np.float32) @ k.astype(np.float32).T
    return (product if has("no_scaling") else product / np.float32(np.sqrt(q.shape[1]))).astype(np.float16)


def attention(q, k, v):
    """softmax(q k^T / sqrt(d)) v."""
    return (softmax(scores(q, k)).astype(np.float32) @ v.astype(np.float32)).astype(np.float16)


def torch_attention(q, k, v):
    """The same by PyTorch, on bfloat16 tensors."""
    import torch

    return torch.nn.functional.scaled_dot_product_attention(q[None], k[None], v[None])[0]

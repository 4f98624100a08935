"""Attention block by block ("flash"): softmax(scale q k^T + mask) v without the whole matrix of scores.

Keys and values come in blocks. Per row, three things are carried from block to block: the greatest score m and the sum
l of exponentials, each rounded once a block as the recipe's `running_maximum` and `running_sum` say, where they say so,
and the output o before its division, in the accumulator of products:

    s = scale q k_j^T + mask        m' = R_m(max(m, greatest of s))      a = exp(m - m')
    e = exp(s - m')                 l = R_l(a l + the sum of e)          o = a o + R(e) v_j

R(e), the operand of the second product, is rounded as activations are; the sums of that product begin at a o. The
result is o / l, rounded once. Backward makes exp(s - L) again, with L = R_l(m + log l), block by block, as in Dao et
al. 2022 (arXiv:2205.14135), algorithms 1 and 4. The plain form, whose every step is stored, is made of other
operations: ``nn/attention.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import ShapeError
from .. import elementary
from ..precision import Floats, Precision, Role
from .op import RESULT, Example, Gradients, Needs, Op, inner, quiet, wide

#: operands of the products forward, and of those that give the gradients of the left and of the right one
PAIR = (Role.GEMM_A, Role.GEMM_B)
DY_B, A_DY = (Role.GEMM_DY, Role.GEMM_B), (Role.GEMM_A, Role.GEMM_DY)


@quiet
def flash_attention(
    p: Precision, name: str, q: Floats, k: Floats, v: Floats,
    scale: float, block: int, mask: Floats | None = None,
) -> tuple[Floats, Any]:  # fmt: skip
    """q (..., m, d), k (..., n, d), v (..., n, e), mask broadcasting to (..., m, n) -> (..., m, e)."""
    if q.shape[:-2] != k.shape[:-2] or k.shape[:-1] != v.shape[:-1] or q.shape[-1] != k.shape[-1]:
        raise ShapeError(f"q of shape {q.shape}, k of shape {k.shape} and v of shape {v.shape} do not fit each other")
    if mask is not None:
        mask = np.broadcast_to(mask, (*mask.shape[:-1], k.shape[-2]))
    maximum, total = np.full((*q.shape[:-1], 1), -np.inf), np.zeros((*q.shape[:-1], 1))
    output = np.zeros((*q.shape[:-1], v.shape[-1]), p.carrier)
    for at, keys in _blocks(k, block):
        scores = _scores(p, name, q, keys, scale, mask, at)
        new = inner(p, "running_maximum", name, np.maximum(maximum, scores.max(axis=-1, keepdims=True)))
        shift = np.where(np.isneginf(new), 0.0, new)  # rows of which the mask has left nothing yet
        factor, exponentials = elementary.exp(maximum - shift), elementary.exp(scores - shift)
        sums = factor * total + elementary.halved_sums(exponentials, (-1,))
        total, maximum = inner(p, "running_sum", name, sums), new
        operand = p.cast(Role.ACTIVATION, name, exponentials)
        output = p.gemm(name, "forward", operand, v[..., at, :], factor * output, PAIR)
    logarithm = inner(p, "running_sum", name, maximum + elementary.log(total))
    return output / total, (RESULT, q, k, v, logarithm, scale, block, mask)


@quiet
def flash_attention_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """Per block, with P = exp(s - L): dv = P^T dy, dS = scale P (dy v^T - sum of dy y), dq += dS k, dk = dS^T q.

    P and dS are rounded as activations and their gradients are before they are operands.
    """
    y, q, k, v, logarithm, scale, block, mask = kept
    along = elementary.halved_sums(wide(dy) * y, (-1,))
    dq: Floats | None = None
    dk, dv = [], []
    for at, keys in _blocks(k, block):
        chances = elementary.exp(_scores(p, name, q, keys, scale, mask, at) - logarithm)
        values = v[..., at, :]
        d_chances = p.gemm(name, "input_gradient", dy, values.swapaxes(-1, -2), roles=DY_B)
        d_scores = p.cast(Role.ACTIVATION_GRADIENT, name, scale * (chances * (d_chances - along)))
        operand = p.cast(Role.ACTIVATION, name, chances)
        dv.append(p.gemm(name, "weight_gradient", operand.swapaxes(-1, -2), dy, roles=A_DY))
        dk.append(p.gemm(name, "weight_gradient", d_scores.swapaxes(-1, -2), q, roles=DY_B))
        dq = p.gemm(name, "input_gradient", d_scores, keys, dq, roles=DY_B)
    found = (dq, np.concatenate(dk, axis=-2), np.concatenate(dv, axis=-2))
    return tuple(d if need else None for d, need in zip(found, needs, strict=True))


def _blocks(k: Floats, block: int) -> Iterator[tuple[slice, Floats]]:
    for start in range(0, k.shape[-2], block):
        at = slice(start, min(start + block, k.shape[-2]))
        yield at, k[..., at, :]


def _scores(p: Precision, name: str, q: Floats, keys: Floats, scale: float, mask: Floats | None, at: slice) -> Floats:
    scores = wide(p.gemm(name, "forward", q, keys.swapaxes(-1, -2), roles=PAIR)) * scale
    return scores if mask is None else scores + mask[..., at]


_QKV = ((2, 3, 4), (2, 5, 4), (2, 5, 2))
_MASK = np.where(np.arange(5) > np.arange(3)[:, np.newaxis] + 1, -np.inf, 0.0)

OPS = (
    Op("flash_attention", flash_attention, flash_attention_backward,
       examples=(Example(_QKV, {"scale": 0.5, "block": 2}), Example(_QKV, {"scale": 0.7, "block": 8, "mask": _MASK}))),
)  # fmt: skip

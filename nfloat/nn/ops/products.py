"""Products of matrices: `linear` (x W^T + b), `matmul`, and a projection of attention.

Every product goes through ``p.gemm``, which rounds the operands as the recipe says; what is kept for backward is
unrounded. A product over rows that lie in several axes is one product of all rows.
"""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from ..operands import Late
from ..precision import Floats, Precision, Role
from .op import Example, Gradients, Needs, Op, Part, summed_to

#: the operands of the product for the gradient with respect to x, and to w
DY_W, DY_X = (Role.GEMM_DY, Role.GEMM_W), (Role.GEMM_DY, Role.GEMM_X)
#: the operands of a product of two activations
ACTIVATIONS = (Role.GEMM_A, Role.GEMM_B)


def linear(p: Precision, name: str, x: Floats, w: Floats | Late, *bias: Floats) -> tuple[Floats, Any]:
    """x W^T + b: x (..., in), w (out, in), b (out,)."""
    if x.ndim == 0 or len(w.shape) != 2 or x.shape[-1] != w.shape[1]:
        raise ShapeError(
            f"x of shape {x.shape} does not fit a linear layer of weight {w.shape}: x must be (..., {w.shape[-1]})"
        )
    y = p.gemm(name, "forward", _rows(x), w.T, bias[0] if bias else None)
    return (y if x.ndim == 2 else y.reshape(*x.shape[:-1], w.shape[0])), (x, w)


def linear_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> tuple[Floats | None, ...]:
    """dx = dy W, dW = dy^T x, db = the sum of dy over the rows."""
    x, w = kept
    rows = _rows(dy)
    dx = p.gemm(name, "input_gradient", rows, w, roles=DY_W) if needs[0] else None
    if dx is not None and x.ndim != 2:
        dx = dx.reshape(x.shape)
    dw = p.gemm(name, "weight_gradient", rows.T, _rows(x), roles=DY_X) if needs[1] else None
    if len(needs) == 2:
        return dx, dw
    return dx, dw, p.sum_rows(name, rows) if needs[2] else None


def _rows(x: Floats) -> Floats:
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def projection(p: Precision, name: str, x: Floats, w: Floats, *bias: Floats, which: int) -> tuple[Floats, Any]:
    """x W_i^T + b_i, W_i and b_i being a third of w (3 out, in) and b: the query, the key or the value of attention."""
    third = slice(which * (len(w) // 3), (which + 1) * (len(w) // 3))
    y, kept = linear(p, name, x, w[third], *(b[third] for b in bias))
    return y, (kept, third, len(w))


def projection_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """As of `linear`; in their place in w and b."""
    inner, third, rows = kept
    dx, *own = linear_backward(p, name, inner, dy, needs)
    return dx, *(None if d is None else Part((rows, *d.shape[1:]), third, d) for d in own)


def product(
    p: Precision, name: str, a: Floats, b: Floats, roles: tuple[Role, Role] = (Role.GEMM_X, Role.GEMM_W)
) -> tuple[Floats, Any]:
    """a @ b: (..., m, k) @ (..., k, n), stacks as in `numpy.matmul`."""
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"a of shape {a.shape} and b of shape {b.shape} cannot be multiplied: they must be (..., m, k) and "
            "(..., k, n)"
        )
    return p.gemm(name, "forward", a, b, roles=roles), (a, b, roles)


def product_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """da = dy b^T, db = a^T dy; summed over the stack where an operand was broadcast."""
    a, b, (role_a, role_b) = kept
    da = db = None
    if needs[0]:
        da = p.gemm(name, "input_gradient", dy, b.swapaxes(-1, -2), roles=(Role.GEMM_DY, role_b))
        da = summed_to(p, name, da, a.shape)
    if needs[1]:
        db = p.gemm(name, "weight_gradient", a.swapaxes(-1, -2), dy, roles=(role_a, Role.GEMM_DY))
        db = summed_to(p, name, db, b.shape)
    return da, db


def attention_product(p: Precision, name: str, a: Floats, b: Floats) -> tuple[Floats, Any]:
    """a @ b of two activations: scores, and what they weigh."""
    return product(p, name, a, b, ACTIVATIONS)


OPS = (
    Op("linear", linear, linear_backward, late=True, own_gradients=True,
       examples=(Example(((3, 4), (2, 4), (2,))), Example(((3, 4), (2, 4))), Example(((2, 3, 4), (5, 4), (5,))))),
    Op("projection", projection, projection_backward,
       examples=(Example(((2, 3, 4), (6, 4), (6,)), {"which": 1}), Example(((3, 4), (6, 4)), {"which": 2}))),
    Op("matmul", product, product_backward,
       examples=(Example(((3, 4), (4, 2))), Example(((2, 3, 4), (2, 4, 2))), Example(((2, 3, 4), (4, 2))))),
    Op("attention_product", attention_product, product_backward, examples=(Example(((2, 3, 4), (2, 4, 2))),)),
)  # fmt: skip

"""Operations: forward and backward side by side, as pairs in one table, `OPS`.

Arrays only; the graph stands in ``nn/tape.py``. ``op`` says what an operation is; the families:

| file | what is there |
|---|---|
| products | linear, matmul, a projection of attention |
| arithmetic | + - * /, powers, exp, log, sqrt, erf, where |
| activations | relu, leaky_relu, tanh, sigmoid, silu, gelu |
| reductions | sum, mean, max along axes |
| moving | reshape, transpose, parts, joints: nothing is rounded |
| gather | elements and rows by number: index, embedding |
| windows, columns, convolution, pooling | images |
| norms | layer, root mean square, group and batch norm |
| softmax | softmax, log_softmax |
| in_rows | norms and softmax in one pass |
| attention | attention block by block |
| dropout | masks from the step's stream |
| recurrent | the cells of LSTM and GRU |
| losses | cross-entropy, squared and absolute error |

Neither forward nor backward rounds its results: the tape does, by the row's flags. GEMMs and sums go through `p`. What
is elementwise is computed by +, -, *, /, sqrt and comparisons in float64; exp, log, tanh, erf and the sums of losses
are those of ``nn/elementary.py``. So everything gives the same bits on any machine.

To add an operation: write the pair, add a row with examples; the gradient check runs over the table. Outside of this
package: `register`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...errors import ArgumentError
from . import (
    activations,
    arithmetic,
    attention,
    convolution,
    dropout,
    gather,
    losses,
    moving,
    norms,
    pooling,
    products,
    recurrent,
    reductions,
    softmax,
)
from .op import RESULT as RESULT
from .op import Example as Example
from .op import Op as Op
from .op import Part as Part

_FAMILIES = (
    products, arithmetic, activations, reductions, moving, gather, convolution, pooling, norms, softmax, attention,
    dropout, recurrent, losses,
)  # fmt: skip

_KNOWN: dict[str, Op] = {op.name: op for family in _FAMILIES for op in family.OPS}

#: name -> Op, every operation (read-only; `register` adds one)
OPS: Mapping[str, Op] = MappingProxyType(_KNOWN)


def register(op: Op) -> Op:
    """Make an operation of your own known to `apply`, under its name.

    Parameters
    ----------
    op : Op
        Its forward and backward take and give what ``nn/ops/op.py`` says.

    Raises
    ------
    ArgumentError
        If it is no `Op`, or an operation of that name is known already.

    Examples
    --------
    >>> import numpy as np, nfloat as nf
    >>> def cube(p, name, x):
    ...     return x * x * x, x
    >>> def cube_backward(p, name, x, dy, needs):
    ...     return (dy * (3.0 * x * x),)
    >>> _ = nf.nn.register(nf.nn.Op("cube", cube, cube_backward))
    >>> x = nf.nn.Tensor([2.0], requires_grad=True)
    >>> nf.nn.apply("cube", x).backward(); x.grad
    array([12.])
    """
    if not isinstance(op, Op):
        raise ArgumentError(f"op={op!r} must be an nf.nn.Op")
    if op.name in _KNOWN:
        raise ArgumentError(f"op: an operation {op.name!r} is known already; give yours another name")
    _KNOWN[op.name] = op
    return op

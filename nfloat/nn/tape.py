"""`Tensor`: an array, its gradient, and where it came from.

`apply` records an operation, `backward` walks back over the record.

The record is the graph itself: a result holds its `Origin` (operation, operands, what backward needs, the precision
in force), so a graph lives as long as its last result. Rounding happens here and only here: a result is cast once
when it is made, a gradient once when it leaves an operation, and once more where gradients of several uses are
added. What the operations compute stands in ``ops``, how they are written (``x + y``, ``x.sum()``) in
``expressions.py``, what a cast is in ``precision.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError, ShapeError, as_truth, nearest_names
from ..formats.format import Format
from ..formats.rounding import Rounding
from ..kernels.arithmetic.operations import Operation
from ..ops.arguments import as_carrier
from ..ops.rounder import packed_rounding
from .backward import Pending, in_carrier, plus, propagate, recipe_of, results, say
from .expressions import Expression
from .operands import Late
from .ops import OPS, RESULT, Op
from .precision import Floats, Precision, Role, current
from .recipes import Cast


class Origin(NamedTuple):
    """How a tensor was made: all that its backward pass needs."""

    op: Op
    name: str
    operands: tuple[Tensor, ...]
    kept: Any
    precision: Precision


class Tensor(Expression["Tensor"]):
    """An array that remembers how it was computed.

    Parameters
    ----------
    data : array_like
        Real numbers; float32 and float64 stay, float16 becomes float32, the rest float64. Not copied where it need
        not be.
    requires_grad : bool
        Whether ``backward()`` shall leave a gradient in `grad`.
    name : str
        The layer's place, or "<layer>.<own name>" for a parameter: the name in observers and streams.
    parameter : bool
        Whether it is a parameter: rounded as `weights`, not as `activations`, and its gradient as `weight_gradients`.

    Attributes
    ----------
    data : numpy.ndarray
        The values. Assigning new ones makes them values from outside again.
    grad : numpy.ndarray or None
        The gradient that ``backward()`` left, of `data`'s shape; a second ``backward()`` adds to it, None clears it.

    Raises
    ------
    ArgumentError
        If `data` is not made of real numbers that float64 holds.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    array([2., 4., 6.])
    """

    __slots__ = ("_data", "depth", "format", "grad", "loss", "name", "origin", "parameter", "requires_grad")

    def __init__(
        self, data: ArrayLike, requires_grad: bool = False, *, name: str = "", parameter: bool = False
    ) -> None:
        self.data = data
        self.requires_grad = requires_grad
        self.name = name
        self.parameter = parameter
        self.grad: Floats | None = None
        self.origin: Origin | None = None
        #: whether it is a loss, or was computed from one: kept in the carrier, not rounded to the activations' format
        self.loss = False
        #: 0 for a leaf, else one more than the deepest operand's: results are deeper than what they depend on
        self.depth = 0

    @property
    def data(self) -> Floats:
        """The values."""
        return self._data

    @data.setter
    def data(self, values: ArrayLike) -> None:
        self._data = as_carrier(values, "data", single=True)
        #: the format that the values are known to be numbers of
        self.format: Format | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self._data.shape

    def item(self) -> float:
        """The value of a tensor of one element, as a Python float."""
        return float(self._data.item())

    def store(self, values: Floats, fmt: Format | None) -> None:
        """Take values known to be numbers of `fmt` (the engine's own way of assigning; nothing is checked)."""
        self._data = (
            values if type(values) is np.ndarray else np.asarray(values)
        )  # (NumPy makes scalars of 0-d results)
        self.format = fmt

    def _apply(self, name: str, *others: TensorLike, **attributes: Any) -> Tensor:
        return apply(name, self, *[as_tensor(other) for other in others], **attributes)

    def _after(self, name: str, first: ArrayLike) -> Tensor:
        return apply(name, Tensor(first), self)

    # ---------------------------------------------------------------- the walk back
    def backward(self, gradient: ArrayLike | None = None, *, release: bool = False) -> None:
        """Leave in `grad` of every tensor that asked for it the gradient of this one.

        Parameters
        ----------
        gradient : array_like, optional
            Gradient with which to start, of this tensor's shape; 1 for a single element. A loss scale goes here.
        release : bool
            Forget on the way how results were made, and so what they keep in memory: there is no second walk then.

        Raises
        ------
        ArgumentError
            If no operand requires a gradient, or this tensor has several elements and `gradient` is missing.
        ShapeError
            If `gradient` is not of this tensor's shape.
        """
        if not self.requires_grad:
            raise ArgumentError(
                "backward() on a tensor that depends on nothing with requires_grad=True; set it on a leaf"
            )
        release = as_truth(release, "release")
        pending: Pending = {id(self): (self, self._start(gradient), current(), False, False)}
        last, todo = self.origin, results(self)[::-1]
        with np.errstate(all="ignore"):  # infinities and NaN are results here, not accidents
            while todo:
                result = todo.pop()
                _, arrived, _, _, member = pending.pop(id(result))
                propagate(result, arrived, member, pending)
                if release:
                    result.origin = None
            for leaf, gradient_, p, *_ in pending.values():
                leaf.grad = gradient_ if leaf.grad is None else plus(p, leaf, leaf.grad, gradient_)
        if last is not None:
            last.precision.forget()

    def _start(self, gradient: ArrayLike | None) -> Floats:
        if gradient is None:
            if self._data.size != 1:
                raise ArgumentError(
                    f"backward() on a tensor of shape {self.shape} needs gradient=, an array of that shape"
                )
            gradient = 1.0
        if self._data.size == 1 and isinstance(gradient, float):
            return np.array(gradient, self._data.dtype, ndmin=self._data.ndim).reshape(self.shape)
        start = as_carrier(gradient, "gradient", single=True).astype(self._data.dtype, copy=False)
        if start.shape != self.shape:
            raise ShapeError(f"gradient of shape {start.shape} must have the tensor's shape {self.shape}")
        return start

    def __repr__(self) -> str:
        fmt = f", format={self.format.name!r}" if self.format is not None else ""
        return f"Tensor({np.array2string(self._data, separator=', ', threshold=20)}{fmt})"


TensorLike = Tensor | ArrayLike
#: elements from which the copy of a parameter costs more than to look for one, and than to look for a way around it
_SOME, _LARGE = 1 << 10, 1 << 14
#: what a named tuple's own constructor does, in a third of the time
_tuple = tuple.__new__
_SINGLE = np.dtype(np.float32)
_new = Tensor.__new__


def as_tensor(value: TensorLike) -> Tensor:
    """A `Tensor` as it is, anything else as a tensor without gradient."""
    return value if isinstance(value, Tensor) else Tensor(value)


def _operation(name: str) -> Op:
    try:
        return OPS[name]
    except Exception:  # a name that is none, or what an object's own methods raise
        hint = nearest_names(name, OPS) if isinstance(name, str) else "an operation has a name"
        raise ArgumentError(f"name={name!r} is no operation; {hint}") from None


def apply(name: str, *operands: Tensor, layer: str = "", **attributes: Any) -> Tensor:
    """Do an operation under the precision in force; record it if someone wants its gradient.

    Parameters
    ----------
    name : str
        Of ``nn.ops.OPS``, or of an operation of your own (`register`).
    *operands : Tensor
        What it takes.
    layer : str
        The place in the model: the name in observers and streams. By default the operation's.
    **attributes
        What else it takes; see the operation.

    Examples
    --------
    >>> x = Tensor([-1.0, 2.0], requires_grad=True)
    >>> y = apply("relu", x)
    >>> y.sum().backward()
    >>> y.data, x.grad
    (array([0., 2.]), array([0., 1.]))
    """
    op, p = _operation(name), current()
    layer = layer or name
    of_losses = of_parameters = wanted = False
    depth = 0
    for operand in operands:
        if not isinstance(operand, Tensor):
            raise ArgumentError(f"operands: {type(operand).__name__} is not an nf.nn.Tensor; make one of it first")
        of_losses |= operand.loss
        of_parameters |= operand.parameter
        wanted |= operand.requires_grad
        if operand.depth > depth:
            depth = operand.depth
    r = p.recipe.at(layer) if p.recipe.layers else p.recipe
    activations = r.activations
    arrays: list[Any] = []
    for operand in operands:
        if operand.format is activations.format and not operand.parameter:
            arrays.append(operand._data)
        else:
            arrays.append(read(p, operand, layer, activations, of_losses, op.late))
    combined = None
    if op.combined is not None and not (of_losses or of_parameters or p.observed):
        combined = _combined(p, activations, op.combined, layer, arrays)
    values, kept = combined or op.forward(p, layer, *arrays, **attributes)
    if p.tracer is not None:
        say(p, layer, f"{name}.forward", values, op.exact)
    result: Tensor = _new(Tensor)
    result.loss = of_losses = op.loss or of_losses
    if of_losses:
        result.store(in_carrier(p, values), None)
    elif combined is not None or (op.exact and not of_parameters):
        result.store(values, activations.format)
    else:  # what is moved out of a parameter is rounded as any result: it may be of another format than activations
        result.store(p.round(activations, Role.ACTIVATION, layer, values), activations.format)
    result.name, result.parameter, result.grad, result.origin = layer, False, None, None
    result.depth, result.requires_grad = 0, wanted
    if wanted:
        kept = result._data if kept is RESULT else _with_result(kept, result)
        result.origin, result.depth = _tuple(Origin, (op, layer, operands, kept, p)), depth + 1
    return result


def _combined(
    p: Precision, cast: Cast, operation: Operation, layer: str, arrays: list[Any]
) -> tuple[Floats, Any] | None:
    """x + y or x - y of activations, rounded as such; None: of other shapes, types and modes the operation does it."""
    x, y = arrays
    if x.shape != y.shape or not x.dtype is y.dtype is p.carrier is _SINGLE:
        return None
    nearest = cast.rounding is Rounding.NEAREST_EVEN
    return (p.add(Role.ACTIVATION, layer, x, y, True, operation), (x.shape, y.shape)) if nearest else None


def _with_result(kept: Any, result: Tensor) -> Any:
    """What backward needs, the stored result in its place."""
    if type(kept) is tuple and kept and kept[0] is RESULT:
        return (result.data, *kept[1:])
    return kept


def read(
    p: Precision, tensor: Tensor, layer: str, activations: Cast, of_losses: bool = False, late: bool = False
) -> Floats | Late:
    """The values of an operand: a parameter's copy, an activation as it is; anything else is cast as it enters.

    In arithmetic on losses nothing but parameters is cast. `late`: the operation takes matrices as `Late`.
    """
    if tensor.parameter:
        r = recipe_of(p, tensor)
        values = tensor._data if tensor.format is r.weights.format else stored(p, tensor)
        return values if r.weight_copy is None else _copy(p, r.weight_copy, tensor.name, values, late)
    if of_losses or tensor.format is activations.format:
        return tensor._data
    return p.round(activations.nearest, Role.INPUT, layer, tensor._data)


def _copy(p: Precision, cast: Cast, name: str, values: Floats, late: bool) -> Floats | Late:
    """A parameter's copy, at once or late; one for all its uses in a step, where that is worth a look."""

    def make() -> Floats:
        return p.round(cast, Role.WEIGHT_COPY, name, values)

    if cast.stochastic or values.size < _SOME:
        return make()
    late = late and values.size >= _LARGE and values.ndim == 2 and not p.observed and not cast.exact_in
    if late and values.flags.c_contiguous and values.dtype is p.carrier and packed_rounding(cast.rounder):
        return p.copy(values, cast.rounder, lambda: Late(values, cast.rounder, make, []))
    return p.copy(values, cast.rounder, make)


def stored(p: Precision, parameter: Tensor) -> Floats:
    """The values of a parameter as `p` keeps them between steps; rounded to nearest if they come from outside."""
    weights = recipe_of(p, parameter).weights
    if parameter.format is weights.format:
        return parameter._data
    return p.round(weights.nearest, Role.WEIGHT, parameter.name, parameter._data)

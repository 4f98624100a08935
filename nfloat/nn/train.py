"""Training under a recipe.

One step (`Trainer.step`), and the two measurements it is judged by (`gradients`, `evaluate`).

A step is: forward, backward from the loss scale, gradients divided by the scale, update unless a gradient is not
finite and the loss is scaled. `Trainer` holds what lives longer than a step: model, optimiser, loss scaler, step
count, seed. Two trainers with models of the same initial weights, fed the same batches, are a run and its twin. The
order of batches is the caller's (``data.batches``).

    data, generator = load_data("digits"), np.random.default_rng(0)
    model = Sequential(Linear(64, 64), ReLU(), Linear(64, 10))
    model.init(seed=generator)
    trainer = Trainer(model, SGD(model.parameters(), lr=0.02), "bf16-mixed")
    for batch in itertools.islice(batches(1400, 32, generator), 1290):
        trainer.step(data.train_x[batch], data.train_y[batch])
    evaluate(model, data.train_x, data.train_y).loss
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError, as_integer, as_number, check_kind
from ..ops.arguments import as_array
from ..ops.memory import check_copy
from ..ops.threads import check_threads
from ..streams import SeedLike, Stream, as_stream
from .layers import Layer, store
from .losses import cross_entropy
from .operands import AmaxHistory
from .optim import Optimizer, Update
from .precision import Floats, Observer, Role, Tracer, current, precision
from .recipes import Recipe, recipe
from .scaling import LossScaler, all_finite, unscaled
from .tape import Tensor, TensorLike

Loss = Callable[[TensorLike, ArrayLike], Tensor]


class StepResult(NamedTuple):
    """What one step did."""

    #: the loss of the batch before the update, unscaled
    loss: float
    #: name of a parameter -> its gradient, divided by the loss scale, as the optimiser saw it
    gradients: dict[str, Floats]
    #: the loss scale used (1 without scaling), and whether the update was skipped because of it
    scale: float
    skipped: bool

    def __repr__(self) -> str:
        gradients = f"<{len(self.gradients)} tensors>"
        return f"StepResult(loss={self.loss!r}, gradients={gradients}, scale={self.scale!r}, skipped={self.skipped!r})"

    def _repr_html_(self) -> str:
        from ..cards import card, table

        rows = [(name, np.shape(g), f"{np.abs(g).max(initial=0.0):.4g}") for name, g in self.gradients.items()]
        facts = (("loss", f"{self.loss:.6g}"), ("scale", f"{self.scale:g}"), ("skipped", self.skipped))
        return card("StepResult", facts) + table(("gradient", "shape", "greatest"), rows)


class Evaluation(NamedTuple):
    """How good a model is."""

    loss: float
    accuracy: float


class Trainer:
    """A model in training under a recipe. The parameters are stored in the recipe's format at once.

    Parameters
    ----------
    model : Layer
        With initial weights.
    optimizer : Optimizer
        Of ``model.parameters()``.
    recipe_or_name : Recipe or str
        What is rounded where.
    seed : int or Stream
        Where random bits come from.
    loss : callable
        ``loss(result, y)``, by default `cross_entropy`.
    threads : int, optional
        Passed to `nf.matmul`; never changes a bit.
    tracer : callable, optional
        Sees how the parameters are stored: see `trace`.
    masks : int or Stream, optional
        Where the masks of dropout come from; `seed` by default.

    Examples
    --------
    >>> from nfloat.nn import SGD, Linear
    >>> model = Linear(2, 2)
    >>> model.init(seed=0)
    >>> trainer = Trainer(model, SGD(model.parameters(), lr=0.5), "bf16-mixed")
    >>> losses = [trainer.step([[1.0, 0.0], [0.0, 1.0]], [0, 1]).loss for _ in range(20)]
    >>> losses[-1] < 0.2 * losses[0], trainer.steps
    (True, 20)
    """

    def __init__(
        self,
        model: Layer,
        optimizer: Optimizer,
        recipe_or_name: Recipe | str = "float64",
        *,
        seed: SeedLike = 0,
        loss: Loss = cross_entropy,
        threads: int | None = None,
        tracer: Tracer | None = None,
        masks: SeedLike | None = None,
    ) -> None:
        check_kind("model", model, Layer, "a layer with weights")
        check_kind("optimizer", optimizer, Optimizer, "an optimiser, such as nf.nn.SGD(model.parameters(), lr=0.1)")
        check_kind("loss", loss, Callable, "a function of a result and y")
        check_threads(threads)
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.recipe = recipe(recipe_or_name)
        self.seed, self.threads = as_stream(seed), threads
        self.masks = self.seed if masks is None else masks if isinstance(masks, Stream) else Stream(masks)
        self.steps = 0
        self.scaler = None if self.recipe.loss_scaling is None else LossScaler(self.recipe.loss_scaling)
        self.scales = AmaxHistory()
        #: found once: a step of a small model costs less than looking for them
        self._parameters = model.parameters()
        with precision(self.recipe, self.seed, tracer=tracer):
            store({**self._parameters, **model.buffers()})

    def step(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        observer: Observer | None = None,
        watch: Callable[[Update], None] | None = None,
        micro_batches: int = 1,
        tracer: Tracer | None = None,
    ) -> StepResult:
        """Learn from one batch.

        Parameters
        ----------
        x, y : array_like
            The batch, and what the loss compares the model's result with.
        observer : callable, optional
            Sees every tensor that is rounded: see ``precision.py``.
        watch : callable, optional
            Sees every parameter's `Update`; not called for a skipped step.
        micro_batches : int
            In so many equal parts the batch is gone through, one after the other, each with random bits of its own;
            their gradients are added up, and rounded as gradients are.
        tracer : callable, optional
            Sees every rounding: see `trace`.

        Raises
        ------
        ArgumentError
            If the batch cannot be cut into `micro_batches` equal parts.
        """
        scale = 1.0 if self.scaler is None else self.scaler.scale
        with precision(
            self.recipe, self.seed, self.steps, observer=observer, threads=self.threads, scales=self.scales,
            micro_batch=0, tracer=tracer, masks=self.masks,
        ) as p:  # fmt: skip
            p.batch_stays = True
            loss, found, finite = _differentiate(self.model, self._parameters, self.loss, x, y, scale, micro_batches)
            if self.scaler is not None and finite is None:
                finite = all_finite(found.values())
            clean = self.scaler is None or bool(finite and not p.clamped)
            if clean:
                self.optimizer.step(watch)
        if self.scaler is not None:
            self.scaler.update(clean)
        self.steps += 1
        return StepResult(loss, found, scale, not clean)


def gradients(
    model: Layer,
    x: ArrayLike,
    y: ArrayLike,
    recipe_or_name: Recipe | str = "float64",
    *,
    loss: Loss = cross_entropy,
    seed: SeedLike = 0,
    step: int = 0,
    scale: float = 1.0,
    observer: Observer | None = None,
    threads: int | None = None,
    masks: SeedLike | None = None,
) -> tuple[float, dict[str, Floats]]:
    """Loss and gradients of one batch at the model's present weights, without an update.

    With "float64", the exact gradient at the very weights that another recipe has stored: the reference of local drift.

    Parameters
    ----------
    scale : float
        Loss scale; the gradients returned are divided by it (NaN for 0, where a scaler ends that never found a clean
        step).
    masks : int or Stream, optional
        Where the masks of dropout come from; `seed` by default.

    Returns
    -------
    (float, dict of str to numpy.ndarray)
        Loss, and gradient by name of the parameter. The parameters' own `grad` is overwritten; buffers stay as they
        are.

    Examples
    --------
    >>> from nfloat.nn import SGD, Linear
    >>> model = Linear(2, 2)
    >>> model.init(seed=0)
    >>> loss, exact = gradients(model, [[1.0, 0.0]], [0])
    >>> rounded = gradients(model, [[1.0, 0.0]], [0], "bf16-pure")[1]
    >>> sorted(exact), float(abs(rounded["bias"] - exact["bias"]).max()) < 0.01
    (['bias', 'weight'], True)
    """
    check_kind("model", model, Layer, "a layer with weights")
    check_kind("loss", loss, Callable, "a function of a result and y")
    number = as_number(scale)
    if number is None or not 0.0 <= number < math.inf:
        raise ArgumentError(f"scale={scale!r} must be a finite number of at least 0, such as a loss scaler's")
    scale = number
    kept = [(buffer, buffer.data, buffer.format) for buffer in model.buffers().values()]
    with precision(recipe_or_name, seed, step, observer=observer, threads=threads, masks=masks):
        value, found, _ = _differentiate(model, model.parameters(), loss, x, y, scale)
    for buffer, values, fmt in kept:
        buffer.store(values, fmt)
    return value, found


def evaluate(
    model: Layer,
    x: ArrayLike,
    y: ArrayLike,
    recipe_or_name: Recipe | str = "float64",
    *,
    loss: Loss = cross_entropy,
    seed: SeedLike = 0,
    threads: int | None = None,
) -> Evaluation:
    """Loss and accuracy on some examples at the model's present weights; in float64 unless a recipe is named.

    The model behaves as after training (`Layer.eval`). Accuracy is the share of examples (of a text, of characters)
    whose largest result stands at their class; NaN results count as wrong. It is NaN where y are no classes.

    Examples
    --------
    >>> from nfloat.nn import Linear, load
    >>> model = Linear(1, 2)
    >>> load(model, {"weight": [[0.0], [8.0]], "bias": [0.0, -4.0]})
    >>> evaluate(model, [[0.0], [1.0], [0.75]], [0, 1, 0]).accuracy
    0.6666666666666666
    """
    check_kind("model", model, Layer, "a layer with weights")
    check_kind("loss", loss, Callable, "a function of a result and y")
    with model.evaluating(), precision(recipe_or_name, seed, threads=threads):
        result = _results(model, x, recipe(recipe_or_name).name == "float64")
        value = _lost(loss, result, y).item()
    classes = np.asarray(y)
    if classes.dtype.kind not in "iu" or result.shape[:-1] != classes.shape:
        return Evaluation(value, float("nan"))
    right = (result.data.argmax(axis=-1) == classes) & ~np.isnan(result.data).any(axis=-1)
    return Evaluation(value, int(np.count_nonzero(right)) / right.size if right.size else float("nan"))


#: examples of one pass of `evaluate`, and numbers of these, at least so many examples: what images become on the way is
#: many times as large, and stays in the cache
_AT_ONCE, _NUMBERS, _FEWEST = 256, 1 << 16, 32


def _results(model: Layer, x: ArrayLike, apart: bool) -> Tensor:
    """What the model gives: in parts where every example's bits are its own, as in float64."""
    examples = as_array(x.data if isinstance(x, Tensor) else x, "x")
    check_copy("x", examples)
    each = math.prod(examples.shape[1:])
    some = min(_AT_ONCE, max(_FEWEST, _NUMBERS // max(each, 1)))
    if not apart or not examples.shape or len(examples) <= some:
        return model(x)
    starts = range(0, len(examples), some)
    return Tensor(np.concatenate([model(examples[start : start + some]).data for start in starts]))


def _differentiate(
    model: Layer, parameters: dict[str, Tensor], loss: Loss, x: ArrayLike, y: ArrayLike, scale: float, parts: int = 1
) -> tuple[float, dict[str, Floats], bool | None]:
    """Loss and unscaled gradients under the precision in force; the gradients also stand in the parameters' `grad`.

    And whether these are finite, where they were looked at because of a scale.
    """
    for parameter in parameters.values():
        parameter.grad = None
    if type(parts) is int and parts == 1:
        value = _lost(loss, model(x), y)
        value.backward(scale, release=True)
        result = value.item()
    else:
        result = _in_parts(model, loss, as_array(x, "x"), as_array(y, "y"), scale, parts)
    finite = None if scale == 1.0 else _unscale(parameters, scale)
    return (
        result,
        {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None},
        finite,
    )


def _lost(loss: Loss, result: Tensor, y: ArrayLike) -> Tensor:
    """The loss, if it is one."""
    value = loss(result, y)
    if not isinstance(value, Tensor):
        raise ArgumentError(f"loss: it gave {type(value).__name__}; it must give an nf.nn.Tensor, as nf.nn.mse does")
    return value


def _unscale(parameters: dict[str, Tensor], scale: float) -> bool:
    """Divide the gradients by the loss scale; whether all are finite."""
    p, finite = current(), True
    for name, parameter in parameters.items():
        gradient = parameter.grad
        if gradient is None:
            continue
        parameter.grad, one = unscaled(gradient, scale)
        finite = finite and one
        if p.tracer is not None:
            layer, tensor = Role.WEIGHT_GRADIENT.label(name)
            p.tracer(layer, f"{tensor}.unscaled", gradient.dtype.name, "nearest_even", gradient.size)
    return finite


def _in_parts(model: Layer, loss: Loss, x: Floats, y: Floats, scale: float, parts: int) -> float:
    """The mean of the parts' losses; their gradients, each of the loss divided by `parts`, are added up."""
    if as_integer(parts) is None or parts < 1 or not x.shape or len(x) % parts:
        raise ArgumentError(f"micro_batches={parts!r} must cut the batch, x of shape {x.shape}, into equal parts")
    p, size, losses = current(), len(x) // parts, []
    for part in range(parts):
        at = slice(part * size, (part + 1) * size)
        with precision(p.recipe, micro_batch=part) as own:
            value = _lost(loss, model(x[at]), y[at])
            value.backward(scale / parts, release=True)
        p.clamped += own.clamped
        losses.append(value.item())
    return math.fsum(losses) / parts

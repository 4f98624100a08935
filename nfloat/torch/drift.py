"""`drift`: a PyTorch model under several recipes beside its float64 twin; rows, verdicts and page are `nf.drift`'s.

Here: what a drift run (``nfloat/drift/trainable.py``) needs of whatever learns, for an unchanged PyTorch model:
`TorchTrainable` begins trainings, `TorchTraining` is one of them, step by step.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from .. import nn
from ..drift.build import Experiment
from ..drift.comparison import Subject
from ..drift.experiment import run
from ..drift.result import Result
from ..errors import ArgumentError, nearest_names
from ..nn.precision import Floats, Observer
from ..nn.train import Evaluation, StepResult
from ..streams import Stream
from .emulate import Emulation, emulate
from .tensors import TYPES, array_of


class Built(NamedTuple):
    """What a training begins with."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    batches: list[Any]
    loss: Callable[..., torch.Tensor]


def built(build: Callable[..., Any], seed: int) -> Built:
    """What `build` returns from a seed, checked.

    Raises
    ------
    ArgumentError
        If it is not a model, its optimiser, batches and a loss.
    """
    try:
        takes_seed = bool(inspect.signature(build).parameters)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"build={getattr(build, '__name__', build)!r} must be a function of yours ({error})"
        ) from None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = build(seed) if takes_seed else build()
    kinds = (torch.nn.Module, torch.optim.Optimizer)
    if not (isinstance(made, tuple) and len(made) == 4 and all(map(isinstance, made, kinds)) and callable(made[3])):
        raise ArgumentError(
            f"build={getattr(build, '__name__', build)!r} must return (model, optimizer, batches, loss): a "
            "torch.nn.Module, one optimiser of its parameters, a list of batches, and a function"
        )
    model, optimizer, batches, loss = made
    found = list(batches)
    if not found:
        raise ArgumentError(
            f"build={getattr(build, '__name__', build)!r} returned no batches; it must return at least one"
        )
    return Built(model, optimizer, found, loss)


def in_type(value: Any, dtype: torch.dtype) -> Any:
    """A batch with its tensors of real numbers in a type."""
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, Mapping):
        return {key: in_type(each, dtype) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(in_type(each, dtype) for each in value)
    return value


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(each)


class TorchTrainable:
    """Trainings of what a function builds."""

    def __init__(self, build: Callable[..., Any], seed: int) -> None:
        self.build = build
        first, again = (_digest(built(build, seed)) for _ in range(2))
        if first != again:
            raise ArgumentError(
                f"build={getattr(build, '__name__', build)!r} gave other weights or batches when it was called twice; "
                "what it draws must come from torch's generator, which is seeded before each call"
            )
        self.digest = first

    def begin(
        self, recipe: nn.Recipe, seed: int, threads: int | None = None, *, pushed: int = 0, rounding: int = 0
    ) -> TorchTraining:
        """A training at its start."""
        made = built(self.build, seed)
        dtype = TYPES[recipe.carrier]
        made.model.to(dtype)
        if pushed:
            _push(made.model, pushed, np.random.default_rng((seed, pushed)))
        stream = Stream(seed).child("rounding", *((rounding,) if rounding else ()))
        return TorchTraining(made, recipe, stream, seed, threads)


def _push(model: torch.nn.Module, precision: int, generator: np.random.Generator) -> None:
    """Move every weight by one unit roundoff, up or down."""
    with torch.no_grad():
        for parameter in model.parameters():
            up = generator.integers(0, 2, tuple(parameter.shape)) * 2.0 - 1.0
            parameter.mul_(torch.from_numpy(np.asarray(1.0 + up * 2.0**-precision)).to(parameter.dtype))


def _digest(made: Built) -> str:
    digest = hashlib.sha256()
    for t in (*made.model.state_dict().values(), *(t for batch in made.batches for t in _tensors(batch))):
        digest.update(f"{tuple(t.shape)} {t.dtype} ".encode())
        digest.update(np.ascontiguousarray(array_of(t) if t.is_floating_point() else t.numpy()).tobytes())
    return digest.hexdigest()


class TorchTraining:
    """One run: a model, its optimiser, its batches in turn (from the first again, after the last)."""

    def __init__(self, made: Built, recipe: nn.Recipe, seed: Stream, number: int, threads: int | None) -> None:
        self.made, self.recipe, self.seed, self.number, self.threads = made, recipe, seed, number, threads
        self.steps = 0
        self._emulation: Emulation = emulate(
            recipe, model=made.model, optimizer=made.optimizer, seed=seed, threads=threads
        )

    def weights(self) -> dict[str, Floats]:
        """The stored weights as they are now, copied."""
        return {name: array_of(p).copy() for name, p in self.made.model.named_parameters()}

    def step(self, observer: Observer | None = None, watch: Callable[[nn.Update], None] | None = None) -> StepResult:
        """Learn from the next batch."""
        made, before = self.made, self.weights() if watch is not None else {}
        scaler = self._emulation.scaler
        scale = 1.0 if scaler is None else scaler.scale
        self._emulation.observer = observer
        with self._drawn(), self._emulation:
            made.optimizer.zero_grad()
            loss = self._loss(made.model, made.loss, self.recipe)
            loss.backward()
            found = _gradients(made.model)
            made.optimizer.step()
        skipped = scaler is not None and self._emulation.skipped
        if watch is not None and not skipped:
            for name, p in made.model.named_parameters():
                after = array_of(p).copy()
                watch(nn.Update(name, found[name], after - before[name], before[name], after))
        self.steps += 1
        return StepResult(float(loss.detach()), found, scale, skipped)

    @contextmanager
    def _drawn(self) -> Iterator[None]:
        """A context in which torch draws the same numbers for the same step of every recipe (dropout's masks)."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.number * 1_000_003 + self.steps)
            yield

    def _loss(self, model: torch.nn.Module, loss: Callable[..., torch.Tensor], recipe: nn.Recipe) -> torch.Tensor:
        batch = in_type(self.made.batches[self.steps % len(self.made.batches)], TYPES[recipe.carrier])
        return loss_of(model, batch, loss)

    def exact_gradients(self) -> dict[str, Floats]:
        """The float64 gradients of the next batch at the present weights."""
        return self.gradients(nn.recipe("float64"))

    def gradients(self, recipe: nn.Recipe) -> dict[str, Floats]:
        """The gradients of the next batch at the present weights under another recipe."""
        model = copy.deepcopy(self.made.model).to(TYPES[recipe.carrier])
        model.zero_grad()
        emulation = emulate(recipe, model=model, seed=self.seed, step=self.steps, threads=self.threads)
        if emulation.scaler is not None and self._emulation.scaler is not None:
            emulation.scaler.scale = self._emulation.scaler.scale
        with self._drawn(), emulation:
            self._loss(model, self.made.loss, recipe).backward()
        return _gradients(model)

    def train_set(self) -> Evaluation:
        """Loss over all batches, in float64; what is a right answer the loss alone knows."""
        exact = nn.recipe("float64")
        model = copy.deepcopy(self.made.model).double().eval()
        losses = []
        with self._drawn(), torch.no_grad(), emulate(exact, model=model, threads=self.threads):
            for each in self.made.batches:
                batch = in_type(each, torch.float64)
                losses.append(float(loss_of(model, batch, self.made.loss)))
        return Evaluation(float(np.add.accumulate(losses)[-1]) / len(losses), math.nan)

    def test_set(self) -> Evaluation:
        """None: a PyTorch loop has the batches that it learns from."""
        return Evaluation(math.nan, math.nan)


def loss_of(model: torch.nn.Module, batch: Any, loss: Callable[..., torch.Tensor]) -> torch.Tensor:
    """``loss(model, batch)`` where the loss says that it takes a model, else ``loss(model(x), y)`` of a pair."""
    try:
        first = next(iter(inspect.signature(loss).parameters), "")
    except (TypeError, ValueError):
        first = ""
    if first == "model":
        return _one_number(loss(model, batch))
    if not (isinstance(batch, list | tuple) and len(batch) == 2):
        raise ArgumentError(
            "batches must be pairs (x, y) for loss(model(x), y); other batches need a loss(model, batch)"
        )
    return _one_number(loss(model(batch[0]), batch[1]))


def _one_number(found: Any) -> torch.Tensor:
    if isinstance(found, torch.Tensor) and found.numel() == 1:
        return found
    shown = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, torch.Tensor) else type(found).__name__
    raise ArgumentError(f"loss returned {shown}; it must return a tensor of one number, made of what the model gives")


def _gradients(model: torch.nn.Module) -> dict[str, Floats]:
    return {
        name: np.zeros(tuple(p.shape)) if p.grad is None else array_of(p.grad).copy()
        for name, p in model.named_parameters()
    }


@dataclass(frozen=True, kw_only=True)
class TorchExperiment(Experiment):
    """One drift run of a PyTorch model: `build` as `drift` takes it, the other fields as of `nf.drift.Config`.

    Its config.toml names the function by the key ``torch``.
    """

    key: ClassVar[str] = "torch"

    def trainable(self) -> TorchTrainable:  # type: ignore[override]  # another kind
        """What `build` sets up."""
        return TorchTrainable(self._function, self.seed)

    @property
    def subject(self) -> Subject:
        """What is trained, in words."""
        subject = super().subject
        return Subject(subject.data, "your PyTorch model", subject.sentence)


#: what is measured and explained, as `nf.drift.Config` has it
_OPTIONS = ("ablate", "every", "attribute", "record")


def drift(
    build: Callable[..., Any] | str,
    recipes: tuple[str, ...] = ("bf16-mixed",),
    steps: int = 100,
    seed: int = 0,
    *,
    seeds: int = 5,
    out: str | Path | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    **options: Any,
) -> Result:
    """Train a PyTorch model under several recipes, each beside its float64 twin, and measure how far each drifts.

    Parameters
    ----------
    build : callable or str
        ``build()`` or ``build(seed)`` returns ``(model, optimizer, batches, loss)``; torch's generator is seeded
        before. Batches are taken in turn: pairs (x, y) for ``loss(model(x), y)``, or anything for a
        ``loss(model, batch)`` whose first parameter is named so. A string names a function: "module:function".
    recipes : tuple of str
        Names of recipes.
    steps, seed, seeds : int
        Updates of each run, the first seed, and how many seeds from it on.
    out, overwrite, threads
        As of `nf.drift.run`.
    **options
        `ablate`, `every`, `attribute`, `record`, as of `nf.drift.Config`.

    Returns
    -------
    Result
        As `nf.drift.run` gives it: rows, summary, verdicts, page, attribution and ablations.

    Raises
    ------
    NFloatError
        If an argument cannot be, `build` cannot be imported or returns something else, or is not repeatable.

    Examples
    --------
    >>> import torch
    >>> def build():
    ...     model = torch.nn.Linear(4, 2)
    ...     batches = [(torch.randn(8, 4), torch.randint(0, 2, (8,))) for _ in range(2)]
    ...     return model, torch.optim.SGD(model.parameters(), lr=0.1), batches, torch.nn.functional.cross_entropy
    >>> result = drift(build, recipes=("bf16-pure",), steps=3, seeds=1, threads=1)
    >>> result.summary[0]["recipe"], result.summary[0]["step"]
    ('bf16-pure', 3)
    """
    for key, value in options.items():
        if key not in _OPTIONS:
            raise ArgumentError(f"{key}={value!r}: nft.drift has no such argument; {nearest_names(key, _OPTIONS)}")
    named = tuple(recipes) if isinstance(recipes, list) else recipes
    config = TorchExperiment(build=build, recipes=named, steps=steps, seed=seed, seeds=seeds, **options)
    return run(config, out=out, overwrite=overwrite, threads=threads)

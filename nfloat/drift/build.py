"""`Experiment`: a drift run of what a function of yours builds: your own model, data, optimiser and loss."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .. import nn
from ..errors import ArgumentError
from ..nn.optim import Optimizer
from .comparison import Comparison, Subject, check_integer
from .engine import EngineTrainable, Setup, data_digest


@dataclass(frozen=True, kw_only=True)
class Experiment(Comparison):
    """One drift run of your own model, data and optimiser. What all runs have in common: see `Config`.

    Parameters
    ----------
    build : callable or str
        ``build(seed)`` returns ``(model, optimizer, data)`` or ``(model, optimizer, data, loss)``: an `nf.nn` model
        with initial weights, an optimiser of its parameters, an `nn.Dataset` (``nf.nn.from_arrays`` makes one), and a
        loss (by default `nf.nn.cross_entropy`). It is called for every run, and must give equal ones for equal seeds.
        A string names one that can be imported: "module:function".
    batch : int
        Examples of a step.

    Raises
    ------
    NFloatError
        If a field cannot be, or `build` cannot be imported; when it is run, if `build` returns something else, or
        other weights when it is called twice.

    Examples
    --------
    >>> import numpy as np, nfloat as nf
    >>> def build(seed):
    ...     model = nf.nn.Sequential(nf.nn.Linear(16, 8), nf.nn.Tanh(), nf.nn.Linear(8, 10))
    ...     model.init(seed=seed)
    ...     return model, nf.nn.SGD(model.parameters(), lr=0.1), nf.nn.load_data("blobs")
    >>> result = nf.drift.run(nf.drift.Experiment(build=build, recipes=("bf16-pure",), steps=3, seeds=1))
    >>> result.summary[0]["step"]
    3
    """

    key: ClassVar[str] = "build"

    build: Any  # a function of a seed, or the name of one: see above
    batch: int = 32

    def __post_init__(self) -> None:
        check_integer("batch", self.batch, 1)
        if not callable(self.build) and not (isinstance(self.build, str) and self.build.count(":") == 1):
            raise ArgumentError(f"build={self.build!r} must be a function of a seed, or 'module:function'")
        super().__post_init__()

    def trainable(self) -> EngineTrainable:
        """What `build` sets up, tried twice from the first seed."""
        build = self._function
        first, again = _built(build, self.seed), _built(build, self.seed)
        if _digest(first) != _digest(again):
            raise ArgumentError(
                f"build={_name(self.build)} gave other weights or data when it was called twice with seed {self.seed}; "
                "what it draws must depend on the seed alone"
            )
        nn.batches(len(first.data.train_x), self.batch, 0)  # refuses a batch that is too large
        digest = hashlib.sha256((_digest(first) + _source(build)).encode()).hexdigest()
        return EngineTrainable(_Builder(build), self.batch, digest)

    @property
    def subject(self) -> Subject:
        """What is trained, in words."""
        name = _name(self.build)
        return Subject(name, "your own model", f"The model of {name} was trained for {self.steps} steps")

    @property
    def optimizer_name(self) -> str:
        """Not known before `build` is called, which reading a folder must not do."""
        return ""

    @property
    def switches(self) -> bool:
        """Not known either: nothing is said of ReLUs."""
        return False

    def table(self) -> dict[str, object]:
        """The fields, `build` by its name."""
        return {self.key: _name(self.build), **{key: value for key, value in super().table().items() if key != "build"}}

    @cached_property
    def _function(self) -> Callable[[int], Any]:
        return _imported(self.build) if isinstance(self.build, str) else self.build


class _Builder:
    """`build` as an `EngineTrainable` calls it; the generator draws nothing but batches."""

    def __init__(self, build: Callable[[int], Any]) -> None:
        self.build = build

    def __call__(self, seed: int, generator: np.random.Generator) -> Setup:
        return _built(self.build, seed)


def _built(build: Callable[[int], Any], seed: int) -> Setup:
    """What `build` returns, checked."""
    _check_takes_a_seed(build)
    made = build(seed)
    kinds = (nn.Layer, Optimizer, nn.Dataset)
    fits = isinstance(made, tuple) and len(made) in (3, 4) and all(map(isinstance, made, kinds))
    if not fits or (len(made) == 4 and not callable(made[3])):
        shown = [type(part).__name__ for part in made] if isinstance(made, tuple) else type(made).__name__
        raise ArgumentError(
            f"build={_name(build)} returned {shown}; it must return (model, optimizer, data) or "
            "(model, optimizer, data, loss): a Layer, an Optimizer, a Dataset and a function"
        )
    return Setup(*made)


def _check_takes_a_seed(build: Callable[[int], Any]) -> None:
    try:
        parameters = inspect.signature(build)
    except (TypeError, ValueError):  # of some functions that are not written in Python nothing is known
        return
    try:
        parameters.bind(0)
    except TypeError as error:
        raise ArgumentError(f"build={_name(build)} must take a seed: build(seed) ({error})") from None


def _imported(name: str) -> Callable[[int], Any]:
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArgumentError(
            f"build={name!r} cannot be imported: {error}; it must be 'module:function', the module on Python's path "
            "(for a command: or in this folder)"
        ) from None
    if not callable(found):
        raise ArgumentError(f"build={name!r} is no function")
    return found


def _name(build: Callable[[int], Any] | str) -> str:
    """ "module:function"."""
    if isinstance(build, str):
        return build
    return f"{getattr(build, '__module__', '?')}:{getattr(build, '__qualname__', repr(build))}"


def _digest(made: Setup) -> str:
    """SHA-256 of the data and of the initial weights."""
    digest = hashlib.sha256(data_digest(made.data).encode())
    for name, parameter in made.model.parameters().items():
        digest.update(f"{name} {parameter.shape} ".encode() + np.ascontiguousarray(parameter.data).tobytes())
    return digest.hexdigest()


def _source(build: Callable[[int], Any]) -> str:
    """The function's source where Python can find it: rows are not continued after it was changed."""
    try:
        return inspect.getsource(build)
    except (OSError, TypeError):
        return ""

"""`replay`: train to a step once more, stop there, and keep every tensor of that step, before and after its rounding.

What is trained is the recipe's run from the first seed, bit for bit that of the drift run; nothing is measured on the
way. `Replay.write` puts the tensors into an ``.npz`` file, which `read_replay` reads and NumPy too: of tensor number i
the arrays "i.before" and "i.after", and under "index" a JSON text that says of each the layer, the tensor's name
(``nn/precision.py``) and how it was rounded, in the order of the computation.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..errors import ArgumentError, check_callable, check_kind, nearest_names
from ..files import DAMAGED, reason
from ..nn.precision import Floats
from ..ops.threads import check_threads
from .comparison import Comparison, check_integer
from .recorder import field_of


class Stored(NamedTuple):
    """One rounding: where, how ("" where nothing was rounded), and the numbers before and after."""

    layer: str
    tensor: str
    format: str
    before: Floats
    after: Floats


@dataclass(frozen=True, repr=False)
class Replay:
    """A step of a run under a recipe: its roundings in their order, and the batch's loss."""

    recipe: str
    seed: int
    step: int
    loss: float
    tensors: tuple[Stored, ...]

    def __repr__(self) -> str:
        return f"Replay({self.recipe!r}, seed={self.seed}, step={self.step}, {len(self.tensors)} tensors)"

    def of(self, layer: str, tensor: str) -> list[Stored]:
        """The roundings of one tensor: several, where the step rounds it several times.

        Raises
        ------
        ArgumentError
            If the step has no such tensor.
        """
        found = [one for one in self.tensors if (one.layer, one.tensor) == (layer, tensor)]
        if not found:
            known = [f"{one.layer} {one.tensor}" for one in self.tensors]
            raise ArgumentError(
                f"layer={layer!r}, tensor={tensor!r}: step {self.step} has no such; "
                f"{nearest_names(f'{layer} {tensor}', dict.fromkeys(known))}"
            )
        return found

    def write(self, path: str | Path) -> Path:
        """Write the tensors into an ``.npz`` file; what was there is replaced.

        Raises
        ------
        ArgumentError
            If it cannot be written.
        """
        path = Path(path)
        if path.suffix != ".npz":
            raise ArgumentError(f"out={str(path)!r} must end in .npz")
        arrays: dict[str, Any] = {"index": np.array(self._index())}
        for place, one in enumerate(self.tensors):
            arrays |= {f"{place}.before": one.before, f"{place}.after": one.after}
        try:
            np.savez_compressed(path, **arrays)
        except OSError as error:
            raise ArgumentError(f"out={str(path)!r} cannot be written: {reason(error)}") from None
        return path

    def _index(self) -> str:
        own = {"recipe": self.recipe, "seed": self.seed, "step": self.step, "loss": self.loss}
        tensors = [{"layer": one.layer, "tensor": one.tensor, "format": one.format} for one in self.tensors]
        return json.dumps({**own, "tensors": tensors})


def replay(
    config: Comparison,
    recipe: str,
    step: int,
    *,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Train `recipe` from the configuration's first seed to `step`, and keep the tensors of that step.

    Parameters
    ----------
    config : Config or Experiment
        The run.
    recipe : str
        A recipe's name, of the run or another one.
    step : int
        The step that is kept, counted from 0: so many updates are done before it.
    threads : int, optional
        Threads of `nf.matmul`; changes no bit.
    progress : callable, optional
        ``progress(updates_done)``.

    Raises
    ------
    NFloatError
        If there is no such recipe or step, or the data cannot be used.

    Examples
    --------
    >>> import nfloat as nf
    >>> config = nf.drift.Config(data="blobs", recipes=("fp16-pure",), steps=5, width=4)
    >>> kept = nf.drift.replay(config, "fp16-pure", 2)
    >>> one = kept.of("0", "activation")[0]
    >>> one.format, one.after.shape, bool((nf.round(one.before, "float16") == one.after).all())
    ('float16', (32, 4), True)
    """
    check_kind("config", config, Comparison, "a configuration, such as nf.drift.Config()")
    check_callable("progress", progress)
    check_integer("step", step, 0)
    if step >= config.steps:
        raise ArgumentError(f"step={step} must be below the run's {config.steps} steps")
    how = nn.recipe(recipe)
    training = config.trainable().begin(how, config.seed, check_threads(threads))
    for done in range(step):
        training.step()
        if progress is not None:
            progress(done + 1)
    kept: list[Stored] = []

    def keep(layer: str, tensor: str, before: Floats, after: Floats) -> None:
        kept.append(Stored(layer, tensor, _rounding(how, layer, tensor), np.array(before), np.array(after)))

    result = training.step(keep)
    return Replay(how.name, config.seed, step, result.loss, tuple(kept))


def read_replay(path: str | Path) -> Replay:
    """The tensors of a file that `Replay.write` wrote.

    Raises
    ------
    ArgumentError
        If it cannot be read, or is no such file.
    """
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            index = json.loads(str(file["index"]))
            tensors = tuple(
                Stored(one["layer"], one["tensor"], one["format"], file[f"{place}.before"], file[f"{place}.after"])
                for place, one in enumerate(index["tensors"])
            )
        return Replay(index["recipe"], index["seed"], index["step"], index["loss"], tensors)
    except OSError as error:
        raise ArgumentError(f"path={str(path)!r} cannot be read: {reason(error)}") from None
    except DAMAGED as error:
        raise ArgumentError(f"path={str(path)!r} is not a file of a replay: {error}") from None


def _rounding(recipe: nn.Recipe, layer: str, tensor: str) -> str:
    """How a tensor is rounded, as recipes write it; of operands of some products, and sums, nothing is known here."""
    field = field_of(tensor)
    if field is None or tensor.rpartition(".")[2] == "sum":
        return ""
    own = recipe.at(layer)
    cast = own.state_cast(tensor.rpartition(".")[2]) if field == "state" else getattr(own, field)
    return "" if cast is None else str(cast)

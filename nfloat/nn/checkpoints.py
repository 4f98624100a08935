"""Checkpoints: a folder with a model's weights, and what a training needs to go on as if it had not stopped.

| file | holds |
|---|---|
| model.safetensors | the parameters (and buffers) by their names, as codes of their own formats: BF16, F8_E4M3, ...; |
| | words U8 to U64 where safetensors has no type, the format in the metadata |
| optimizer.safetensors | momenta, as ``<parameter>/<momentum>``, in the carrier's type |
| training.json | steps, seed, loss scaler, delayed scales, the optimiser's and the recipe's names, batches' generator |

A resumed run computes the same bits as one that was never interrupted: random streams depend on seed and step alone.
`restore` also reads a single safetensors file, such as a PyTorch state dict.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.safetensors import TYPES, Stored, read, write
from ..errors import ArgumentError, check_kind
from ..files import as_path, reason, replace_text
from ..formats.format import Format
from ..formats.names import get_format
from ..ops.codes import decode, encode
from ..ops.packing import pack, unpack
from ..streams import Stream
from .layers import Layer, load
from .operands import AmaxHistory
from .optim import Optimizer
from .precision import precision
from .tape import Tensor
from .train import Trainer

MODEL, OPTIMIZER, TRAINING = "model.safetensors", "optimizer.safetensors", "training.json"
_KEY = "nfloat.formats"
#: what safetensors calls a type -> the format of its numbers; NumPy's whole numbers
_FORMATS = {kind: name for name, kind in TYPES.items() if kind != "I8"} | {"F64": "float64"}
_WHOLE = {"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8",
          "BOOL": "u1"}  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    values : dict of str to ndarray
        The parameters (and buffers) by name: exact, in float32 where that holds them, else float64.
    formats : dict of str to str
        The format in which each was stored.
    momenta : dict of str to dict of str to ndarray
        By parameter, by name.
    training : dict
        What stands in ``training.json``; empty for a file that holds weights alone.

    Examples
    --------
    >>> import tempfile
    >>> from nfloat.nn import Linear
    >>> model = Linear(2, 1)
    >>> model.init(seed=0)
    >>> save(folder := tempfile.mkdtemp(), model)
    >>> found = restore(folder)
    >>> sorted(found.formats.items()), found.training
    ([('bias', 'float64'), ('weight', 'float64')], {})
    """

    values: dict[str, NDArray[Any]]
    formats: dict[str, str]
    momenta: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def generator(self) -> np.random.Generator:
        """The generator of the batches, as it stood.

        Raises
        ------
        ArgumentError
            If none was saved.
        """
        state = self.training.get("generator")
        if state is None:
            raise ArgumentError("generator: the checkpoint holds none; give it to save")
        bits = getattr(np.random, state["bit_generator"])()
        bits.state = state
        return np.random.Generator(bits)


def save(
    path: str | os.PathLike[str],
    model: Layer | Trainer,
    optimizer: Optimizer | None = None,
    *,
    generator: np.random.Generator | None = None,
) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path : path
        A folder; made where there is none, its files replaced.
    model : Layer or Trainer
        A model; or a training, with its model, optimiser, steps, seed, loss scaler and delayed scales.
    optimizer : Optimizer, optional
        With a model: the optimiser's momenta and steps.
    generator : numpy.random.Generator, optional
        Where the batches come from, as it stands now.

    Raises
    ------
    ArgumentError
        If `optimizer` is given beside a trainer, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from nfloat.nn import Linear, Sequential
    >>> model = Sequential(Linear(3, 2))
    >>> model.init(seed=0)
    >>> folder = tempfile.mkdtemp()
    >>> save(folder, model)
    >>> sorted(restore(folder).values)
    ['0.bias', '0.weight']
    """
    trainer = model if isinstance(model, Trainer) else None
    if trainer is not None and optimizer is not None:
        raise ArgumentError("optimizer: a Trainer has its own; give the model and an optimizer, or the Trainer alone")
    own = model.model if isinstance(model, Trainer) else model
    check_kind("model", own, Layer, "a layer, or a Trainer")
    if optimizer is not None:
        check_kind("optimizer", optimizer, Optimizer, "an optimiser")
    if generator is not None:
        check_kind("generator", generator, np.random.Generator, "a numpy.random.Generator")
    optimizer = trainer.optimizer if trainer is not None else optimizer
    folder = as_path(path, "path")
    try:
        _write(folder, own, optimizer, _training(trainer, optimizer, generator))
    except OSError as error:
        raise ArgumentError(f"path={str(folder)!r} cannot be written: {reason(error)}") from None


def _write(folder: Path, own: Layer, optimizer: Optimizer | None, training: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    formats: dict[str, str] = {}
    tensors = {name: _stored(name, tensor, formats) for name, tensor in _tensors(own).items()}
    write(folder / MODEL, tensors, {_KEY: json.dumps(formats)})
    if optimizer is not None:
        momenta = {f"{name}/{key}": _plain(x) for name, found in optimizer.state.items() for key, x in found.items()}
        write(folder / OPTIMIZER, momenta, {})
    replace_text(folder / TRAINING, json.dumps(training, indent=1))


def restore(
    path: str | os.PathLike[str], into: Layer | Trainer | None = None, optimizer: Optimizer | None = None
) -> Checkpoint:
    """Read a checkpoint, and put it where it belongs.

    Parameters
    ----------
    path : path
        A folder that `save` wrote, or one safetensors file with a state dict.
    into : Layer or Trainer, optional
        A model, or a training of the same recipe, which then goes on from there.
    optimizer : Optimizer, optional
        With a model: takes momenta, steps, learning rate and the other numbers.

    Returns
    -------
    Checkpoint

    Raises
    ------
    ArgumentError
        If it cannot be read, or names, optimiser or recipe are others.
    ShapeError
        If a shape is not the parameter's.

    Examples
    --------
    >>> import tempfile
    >>> from nfloat.nn import Linear
    >>> model, other = Linear(2, 1), Linear(2, 1)
    >>> model.init(seed=0)
    >>> save(folder := tempfile.mkdtemp(), model)
    >>> _ = restore(folder, into=other)
    >>> bool((other.weight.data == model.weight.data).all())
    True
    """
    found = _read(as_path(path, "path"))
    trainer = into if isinstance(into, Trainer) else None
    if trainer is not None:
        _resume(trainer, found)
        optimizer = trainer.optimizer
    if optimizer is not None:
        _resume_optimizer(optimizer, found)
    if trainer is not None:
        with precision(trainer.recipe, trainer.seed):
            load(trainer.model, found.values)
    elif into is not None:
        load(into, found.values)  # type: ignore[arg-type]
    return found


# ---------------------------------------------------------------- tensors
def _tensors(model: Layer) -> dict[str, Tensor]:
    """Parameters, and the buffers of models that have any."""
    buffers = getattr(model, "buffers", None)
    return {**model.parameters(), **(buffers() if buffers is not None else {})}


def _stored(name: str, tensor: Tensor, formats: dict[str, str]) -> Stored:
    """A parameter as the codes of its format; as float64 or float32 numbers where it has none yet."""
    fmt = tensor.format
    if fmt is None or fmt.name == tensor.data.dtype.name:
        return _plain(tensor.data)
    codes = np.asarray(encode(tensor.data, fmt))
    formats[name] = fmt.name if _is_named(fmt) else repr(fmt)
    if fmt.name in TYPES and _is_named(fmt):
        return Stored(TYPES[fmt.name], tensor.shape, pack(codes, fmt).tobytes())
    return Stored(f"U{codes.itemsize * 8}", tensor.shape, codes.astype(codes.dtype.newbyteorder("<")).tobytes())


def _plain(x: NDArray[Any]) -> Stored:
    return Stored(f"F{x.itemsize * 8}", x.shape, np.ascontiguousarray(x, x.dtype.newbyteorder("<")).tobytes())


def _is_named(fmt: Format) -> bool:
    try:
        return get_format(fmt.name) == fmt
    except ArgumentError:
        return False


def _spelled(text: str) -> Any:
    """A format from its name, or from its `repr`: a call with literal arguments."""
    if not text.startswith("Format("):
        return text
    import ast

    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    return Format(**{str(k.arg): ast.literal_eval(k.value) for k in call.keywords})


def _values(name: str, one: Stored, formats: Mapping[str, str]) -> NDArray[Any]:
    """The numbers of a tensor in a file."""
    fmt = get_format(_spelled(formats[name])) if name in formats else _format_of(name, one)
    if fmt is None:
        return np.frombuffer(one.data, _WHOLE[one.kind]).reshape(one.shape).astype(np.float64)
    if fmt.name in ("float32", "float64") and one.kind in ("F32", "F64"):
        return np.frombuffer(one.data, f"<f{one.kind[1:] and int(one.kind[1:]) // 8}").reshape(one.shape).copy()
    if one.kind in _FORMATS:
        codes = unpack(np.frombuffer(one.data, np.uint8), fmt, one.shape)
    else:
        codes = np.frombuffer(one.data, _WHOLE[one.kind]).reshape(one.shape)
    return np.asarray(decode(codes, fmt))


def _format_of(name: str, one: Stored) -> Format | None:
    if one.kind in _FORMATS:
        return get_format(_FORMATS[one.kind])
    if one.kind in _WHOLE:
        return None
    raise ArgumentError(f"tensor {name!r} has the type {one.kind}, of which the file does not say how to read it")


def _read(path: Path) -> Checkpoint:
    try:
        tensors, metadata = read(path / MODEL if path.is_dir() else path)
        formats: dict[str, str] = json.loads(metadata.get(_KEY, "{}"))
        values = {name: _values(name, one, formats) for name, one in tensors.items()}
        named = {name: formats.get(name, _FORMATS.get(one.kind, "")) for name, one in tensors.items()}
        if not path.is_dir():
            return Checkpoint(values, {name: fmt for name, fmt in named.items() if fmt})
        training = json.loads((path / TRAINING).read_text(encoding="utf-8"))
        momenta: dict[str, dict[str, NDArray[Any]]] = {}
        if (path / OPTIMIZER).exists():
            for key, one in read(path / OPTIMIZER)[0].items():
                name, _, own = key.rpartition("/")
                momenta.setdefault(name, {})[own] = _values(key, one, {})
    except (OSError, ValueError, KeyError) as error:
        raise ArgumentError(f"path={str(path)!r} is no checkpoint, nor a safetensors file: {error}") from None
    return Checkpoint(values, {name: fmt for name, fmt in named.items() if fmt}, momenta, training)


# ---------------------------------------------------------------- a training
def _training(
    trainer: Trainer | None, optimizer: Optimizer | None, generator: np.random.Generator | None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if optimizer is not None:
        found["optimizer"] = {"name": type(optimizer).__name__, **optimizer.hyperparameters()}
    if generator is not None:
        found["generator"] = generator.bit_generator.state
    if trainer is None:
        return found
    found["recipe"] = trainer.recipe.name
    found["steps"] = trainer.steps
    found["seed"] = {"seed": trainer.seed.seed, "path": list(trainer.seed.path)}
    found["scales"] = trainer.scales.entries
    if trainer.scaler is not None:
        found["scaler"] = {"scale": trainer.scaler.scale, "clean_steps": trainer.scaler.clean_steps}
    return found


def _resume(trainer: Trainer, found: Checkpoint) -> None:
    """Take over what a trainer keeps between steps."""
    known = found.training
    if "steps" not in known:
        raise ArgumentError("into: the checkpoint holds no training; restore it into a model")
    if known["recipe"] != trainer.recipe.name:
        raise ArgumentError(
            f"into: the trainer's recipe is {trainer.recipe.name!r}, the checkpoint's {known['recipe']!r}; make a "
            "trainer of that one, or restore into its model alone"
        )
    trainer.steps = int(known["steps"])
    trainer.seed = Stream(known["seed"]["seed"]).child(*known["seed"]["path"])
    trainer.scales = AmaxHistory(known["scales"])
    if trainer.scaler is not None and "scaler" in known:
        trainer.scaler.scale = float(known["scaler"]["scale"])
        trainer.scaler.clean_steps = int(known["scaler"]["clean_steps"])


def _resume_optimizer(optimizer: Optimizer, found: Checkpoint) -> None:
    known = dict(found.training.get("optimizer", {}))
    name = known.pop("name", None)
    if name != type(optimizer).__name__:
        raise ArgumentError(f"optimizer: it is {type(optimizer).__name__}, and the checkpoint holds {name}")
    unknown = set(found.momenta) - set(optimizer.parameters)
    if unknown:
        raise ArgumentError(
            f"optimizer: the checkpoint has momenta of unknown parameters: {', '.join(sorted(unknown))}"
        )
    for key, value in known.items():
        setattr(optimizer, key, tuple(value) if isinstance(value, list) else value)
    for parameter in optimizer.state:
        # copies: a step may write into them
        optimizer.state[parameter] = {key: np.array(x) for key, x in found.momenta.get(parameter, {}).items()}

"""Recipe files: a recipe as TOML, a base and the fields that are changed in it. Reading is strict.

base = "bf16-mixed"              # one of `nfloat recipes`
weights = "bfloat16:stochastic"  # any field of a recipe, written as in NAME+field=value
weight_copy = ""                 # nothing: the field is left out
loss_scaling = 1024

[states]                         # momenta by their names
v = "float32"

[layers."*.head"]                # other fields for some layers, in the place of the base's
weights = "float32"
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ... import files
from ...errors import ArgumentError, nearest_names
from .recipe import LAYER_FIELDS, Recipe

#: how the path of a recipe file ends
SUFFIX = ".toml"

_FIELDS = tuple(field.name for field in fields(Recipe) if field.name not in ("name", "source"))
_TABLES = ("states", "layers")


def split(name: str) -> tuple[str, str]:
    """The path of a file that a name begins with, and the changes behind it; of what is no file: "" and the name.

    Examples
    --------
    >>> split("mine.toml+weights=float32"), split("bf16-pure")
    (('mine.toml', '+weights=float32'), ('', 'bf16-pure'))
    """
    path, suffix, changes = name.partition(SUFFIX + "+")
    if suffix:
        return path + SUFFIX, "+" + changes
    return (name, "") if name.endswith(SUFFIX) else ("", name)


def read(path: str) -> tuple[Any, dict[str, Any]]:
    """The base of a file, and the fields that it changes.

    Raises
    ------
    ArgumentError
        If it cannot be read, is no TOML, has no base or an unknown key, or a value is neither text nor (of a loss
        scale) a number; the message starts with the path.
    """
    try:
        table = tomllib.loads(files.read_text(Path(path)))
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"recipe={path!r} cannot be read: {files.reason(error)}") from None
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"{path}: not valid TOML: {error}") from None
    if "base" not in table:
        raise ArgumentError(f"{path}: base= is missing: the named recipe of which this one is made")
    base = table.pop("base")
    _check(path, table, _FIELDS)
    changes = {key: _value(path, key, value) for key, value in table.items() if key not in _TABLES}
    states = _table(path, "states", table)
    _check_text(path, "states", states)
    layers = _table(path, "layers", table)
    for pattern, own in layers.items():
        _check(f"{path}: layers.{pattern}", _table(path, pattern, layers), LAYER_FIELDS)
        _check_text(path, f"layers.{pattern}", own)
    kept = {pattern: {key: value or None for key, value in own.items()} for pattern, own in layers.items()}
    given = {"states": states, "layers": kept}
    return base, changes | {key: given[key] for key in _TABLES if key in table}


def text(recipe: Recipe, base: Recipe) -> str:
    """A recipe as a file has it: what differs from `base`."""
    lines = [f"base = {_quoted(base.name)}"]
    changed = [key for key in _FIELDS if getattr(recipe, key) != getattr(base, key)]
    lines += [f"{key} = {_quoted(recipe.text(key))}" for key in changed if key not in _TABLES]
    if "states" in changed:
        lines += ["", "[states]", *(f"{_quoted(name)} = {_quoted(str(cast))}" for name, cast in recipe.states)]
    if "layers" in changed:
        lines += [] if recipe.layers else ["", "[layers]"]
        for pattern, _ in recipe.layers:
            only = recipe.replace(layers={at: own for at, own in recipe.layers if at == pattern})
            pairs = [part.partition("]")[2].partition("=") for part in only.text("layers").split("+") if part]
            lines += ["", f"[layers.{_quoted(pattern)}]", *(f"{key} = {_quoted(value)}" for key, _, value in pairs)]
    return "\n".join(lines) + "\n"


def _check(source: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise ArgumentError(f"{source}: unknown key {key!r}; {nearest_names(key, known)}")


def _check_text(path: str, where: str, table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if not isinstance(value, str):
            raise ArgumentError(f"{path}: {where}.{key}={value!r} must be text, as in NAME+field=value")


def _table(path: str, key: str, of: Mapping[str, Any]) -> dict[str, Any]:
    found = of.get(key, {})
    if not isinstance(found, dict):
        raise ArgumentError(f"{path}: {key}={found!r} must be a table")
    return found


def _value(path: str, key: str, value: object) -> Any:
    """A field's value; None of an empty text."""
    number = key == "loss_scaling" and isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str) and not number:
        raise ArgumentError(f"{path}: {key}={value!r} must be text, as in NAME+field=value")
    return value or None


def _quoted(value: str) -> str:
    # a JSON string is a TOML one too
    return json.dumps(value, ensure_ascii=False)

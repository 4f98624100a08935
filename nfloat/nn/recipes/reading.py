"""From a name to a recipe: `recipe`. A name is one of the list, one with changed fields, or a file.

``BASE+field=value+...`` is the recipe BASE with other fields, ``BASE+[pattern]field=value`` with other fields for some
layers; nothing behind the ``=`` leaves a field out. What ends in ``.toml`` is the path of a recipe file
(``files.py``); BASE may be one too. The recipe of a file has the name that says all of it, so that whatever is written
down by names does not depend on the file.
"""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError, NFloatError, nearest_names
from . import files
from .recipe import Recipe
from .table import recipes


def recipe(name: str | Recipe) -> Recipe:
    """The recipe of that name, of ``NAME+field=value+...`` or of a file; a `Recipe` passes through.

    Raises
    ------
    NFloatError
        If there is none, or no such field, format or rounding mode; the message lists the nearest names, and starts
        with a file's path where something in that is wrong.

    Examples
    --------
    >>> recipe("fp16-mixed").loss_scaling.initial
    65536.0
    >>> recipe("bf16-pure+forward=blocked:128:bfloat16:float32+[0]weights=float32").at("0").weights.format.name
    'float32'
    """
    if isinstance(name, Recipe):
        return name
    if isinstance(name, str):
        if name in recipes:
            return recipes[name]
        file, changed = files.split(name)
        if file:
            found = _of_file(file)
            return recipe(found.name + changed) if changed else found
        base, *changes = name.split("+")
        if changes and base in recipes:
            return recipes[base].replace(**_changed(name, "".join(f"+{change}" for change in changes)))
        name = base if changes else name
    raise ArgumentError(
        f"recipe={name!r} is not a recipe; {nearest_names(name if isinstance(name, str) else repr(name), recipes)}"
    )


def to_toml(of: Recipe | str) -> str:
    """The text of a file from which `recipe` reads this recipe again.

    Its base is the one that the name begins with, float64 where that is none of the list.

    Examples
    --------
    >>> print(to_toml("bf16-pure+update=float32"), end="")
    base = "bf16-pure"
    update = "float32"
    """
    made = recipe(of)
    return files.text(made, recipes.get(made.name.partition("+")[0], recipes["float64"]))


def _of_file(path: str) -> Recipe:
    base, changes = files.read(path)
    if not isinstance(base, str) or base not in recipes:
        raise ArgumentError(f"{path}: base={base!r} is not a named recipe; {nearest_names(str(base), recipes)}")
    try:
        return recipes[base].replace(**changes) if changes else recipes[base]
    except NFloatError as error:
        raise type(error)(f"{path}: {error}") from None


def _changed(name: str, changed: str) -> dict[str, Any]:
    """The fields that ``+field=value+...`` changes."""
    found: dict[str, Any] = {"name": name}
    layers: dict[str, dict[str, Any]] = {}
    for change in changed.split("+")[1:]:
        key, equals, value = change.partition("=")
        if not equals or key == "name":
            raise ArgumentError(f"recipe {name!r}: {change!r} must be field=value, of a field other than the name")
        if key.startswith("[") and "]" in key:
            pattern, _, key = key[1:].partition("]")
            layers.setdefault(pattern, {})[key] = value or None
        elif key == "layers":
            raise ArgumentError(f"recipe {name!r}: fields of some layers are written +[pattern]field=value")
        else:
            found[key] = value or None
    if layers:
        found["layers"] = layers
    return found

"""`Plan`: which study, with which parameters, from which seed; one frozen value, and its form on disk, ``config.toml``.

    study = "swamping"
    seed = 0

    [params]
    formats = ["bfloat16"]
    n = [1024, 2048]

Parameters left out have the study's defaults. Reading is strict (``nfloat/runs/config.py``): unknown keys, wrong types
and impossible values are errors that name the key.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, MissingExtraError, nearest_names
from ..runs import config as toml
from .study import Study

_KEYS = ("study", "seed", "params")


@dataclass(frozen=True)
class Plan:
    """What to run: a study, its parameters, a seed.

    Raises
    ------
    ArgumentError
        If the parameters are another study's, or the seed is no integer of at least 0.
    """

    study: Study
    params: Any
    seed: int = 0

    def __post_init__(self) -> None:
        if type(self.params) is not type(self.study.params):
            raise ArgumentError(f"params={self.params!r} must be parameters of the study {self.study.name!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**63:
            raise ArgumentError(f"seed={self.seed!r} must be an integer in 0..2^63-1")

    @property
    def digest(self) -> str:
        """SHA-256 of the TOML form: the name under which a run's rows may be continued."""
        return hashlib.sha256(to_toml(self).encode()).hexdigest()


def to_toml(plan: Plan) -> str:
    """The TOML text of a plan, every parameter written out."""
    lines = [f"study = {json.dumps(plan.study.name)}", f"seed = {plan.seed}", "", "[params]"]
    # a JSON number, string or list of them is a TOML one too
    lines += [f"{key} = {json.dumps(value)}" for key, value in asdict(plan.params).items()]
    return "\n".join(lines) + "\n"


def read_plan(path: Path, studies: Iterable[Study]) -> Plan:
    """The plan in a file.

    Raises
    ------
    ArgumentError
        If the file cannot be read, is no TOML, names no known study, or has an unknown key or a value of the wrong type
        or range.
    MissingExtraError
        If msgspec is not installed.
    """
    table = toml.parse(toml.read_text(path), path)
    toml.check_keys(table, _KEYS, path)
    known = {study.name: study for study in studies}
    name = table.get("study")
    if name not in known:
        raise ArgumentError(f"{path}: study={name!r} is unknown; {nearest_names(str(name), known)}")
    params = table.get("params", {})
    if not isinstance(params, dict):
        raise ArgumentError(f"{path}: params={params!r} must be a table of parameters")
    study = known[name]
    try:
        return Plan(study, change_params(study.params, params), table.get("seed", 0))
    except MissingExtraError:
        raise
    except ArgumentError as error:
        raise ArgumentError(f"{path}: {error}") from None


def change_params(params: Any, changes: dict[str, Any]) -> Any:
    """The parameters with other values, given as TOML has them; strict about keys and types.

    Raises
    ------
    ArgumentError
        If a key is unknown or a value is of the wrong type or range.
    MissingExtraError
        If msgspec is not installed.
    """
    if not changes:
        return replace(params)
    toml.check_keys(changes, [field.name for field in fields(params)], "params")
    return toml.convert({**asdict(params), **changes}, type(params), "params")


def parse_changes(assignments: Iterable[str]) -> dict[str, Any]:
    """Parameters from TOML assignments such as ``n=[1024, 2048]``.

    Raises
    ------
    ArgumentError
        If one is no TOML.

    Examples
    --------
    >>> parse_changes(["n=[1024, 2048]", 'formats=["bfloat16"]'])
    {'n': [1024, 2048], 'formats': ['bfloat16']}
    """
    changes: dict[str, Any] = {}
    for text in assignments:
        try:
            changes.update(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise ArgumentError(f"set={text!r} is no TOML assignment such as n=[1024, 2048]: {error}") from None
    return changes

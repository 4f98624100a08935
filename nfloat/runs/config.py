"""Reading ``config.toml``, strictly: unknown keys, wrong types and impossible values are errors that name the key.

What stands in it is decided by whom it configures (``drift/config.py``, ``studies/plan.py``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar

from .. import files
from ..errors import ArgumentError, MissingExtraError, check_kind, nearest_names

Kind = TypeVar("Kind")


def read_text(path: Path, argument: str = "config") -> str:
    """The text of a file.

    Raises
    ------
    ArgumentError
        If it cannot be read.
    """
    try:
        return files.read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{argument}={str(path)!r} cannot be read: {files.reason(error)}") from None


def parse(text: str, source: str | Path) -> dict[str, Any]:
    """The table that a TOML text describes.

    Raises
    ------
    ArgumentError
        If the text is no TOML; the message starts with `source`.
    """
    check_kind("text", text, str, "the text of a TOML file")
    check_kind("source", source, (str, Path), "a name or a path")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ArgumentError(f"{source}: not valid TOML: nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, and integers of thousands of digits
        raise ArgumentError(f"{source}: not valid TOML: {error}") from None


def top_keys(path: Path) -> set[str]:
    """The keys at the top of a file, by which one sees whose configuration it is; none of what is no TOML."""
    try:
        return set(tomllib.loads(files.read_text(path)))
    except (OSError, ValueError, RecursionError):
        return set()


def check_keys(table: Iterable[str], known: Collection[str], source: str | Path) -> None:
    """Refuse keys that are not known.

    Raises
    ------
    ArgumentError
        The message starts with `source`, names the key and lists the nearest ones.
    """
    for key in table:
        if key not in known:
            raise ArgumentError(f"{source}: unknown key {key!r}; {nearest_names(key, known)}")


def convert(values: dict[str, Any], kind: type[Kind], source: str | Path) -> Kind:
    """The dataclass of these values, as TOML has them.

    Raises
    ------
    ArgumentError
        If a value is of the wrong type or range; the message starts with `source`.
    MissingExtraError
        If msgspec is not installed.
    """
    try:
        import msgspec
    except ImportError:
        raise MissingExtraError("reading a configuration needs msgspec: pip install 'nfloat[studies]'") from None
    try:
        return msgspec.convert(values, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ArgumentError(f"{source}: {error}") from None

"""Golden files: recorded numbers of a format as text, one hexadecimal code each, compared bit for bit.

Text, so that a change shows in a diff; codes, so that nothing is lost in decimal. The file starts with the format and
the shape; sixteen codes a line follow. ``plugin.py`` makes the fixture `nfloat_golden` of it.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..ops.codes import decode, encode
from .asserts import assert_bits_equal, assert_representable
from .failures import format_argument

_HEAD = "nfloat golden codes"
_PER_LINE = 16


def write(path: str | os.PathLike[str], values: ArrayLike, fmt: FormatLike) -> None:
    """Record values, all of them numbers of the format; NaNs are recorded as the canonical one.

    Raises
    ------
    AssertionError
        If the format lacks one of them.
    """
    f = get_format(fmt)
    a = np.asarray(values)
    assert_representable(a, f)
    codes = np.atleast_1d(encode(a, f, overflow="saturate_finite")).ravel()
    digits = -(-f.bits // 4)
    cells = [f"{int(code):0{digits}x}" for code in codes]
    lines = [" ".join(cells[i : i + _PER_LINE]) for i in range(0, len(cells), _PER_LINE)]
    head = [
        f"# {_HEAD}",
        f"format = {format_argument(f).removeprefix('nf.')}",
        f"shape = {' '.join(map(str, a.shape))}".rstrip(),
    ]
    Path(path).write_text("\n".join([*head, *lines]) + "\n", encoding="ascii")


def read(path: str | os.PathLike[str]) -> tuple[NDArray[np.floating], Format]:
    """The recorded values and their format.

    Raises
    ------
    ArgumentError
        If the file is not a golden file.
    """
    lines = Path(path).read_text(encoding="ascii").splitlines()
    if (
        len(lines) < 3
        or lines[0] != f"# {_HEAD}"
        or not lines[1].startswith("format = ")
        or not lines[2].startswith("shape =")
    ):
        raise ArgumentError(
            f"path={str(path)!r}: not a golden file; its first line must be '# {_HEAD}', then format and shape"
        )
    f = _format(lines[1].removeprefix("format = "), str(path))
    shape = tuple(map(int, lines[2].removeprefix("shape =").split()))
    codes = [int(cell, 16) for line in lines[3:] for cell in line.split()]
    if len(codes) != int(np.prod(shape, dtype=np.int64)):
        raise ArgumentError(f"path={str(path)!r}: {len(codes)} codes do not fill the shape {shape}")
    return np.asarray(decode(np.array(codes, np.uint64).reshape(shape), f)), f


def _format(source: str, path: str) -> Format:
    """A format from its recorded name or constructor call; the call is read, not run."""
    try:
        node = ast.parse(source, mode="eval").body
        if not isinstance(node, ast.Call):
            return get_format(ast.literal_eval(node))
        return Format(**{str(word.arg): ast.literal_eval(word.value) for word in node.keywords})
    except (SyntaxError, TypeError, ValueError) as error:
        raise ArgumentError(f"path={path!r}: format {source!r} cannot be read ({error})") from None


def assert_golden(path: str | os.PathLike[str], values: ArrayLike, fmt: FormatLike, *, update: bool = False) -> None:
    """Fail unless values equal the recorded ones bit for bit; with `update`, record them instead.

    Raises
    ------
    AssertionError
        If they differ, or nothing is recorded.
    ArgumentError
        If `update` is asked for in continuous integration (the variable CI is set), where it would hide a failure.
    """
    f = get_format(fmt)
    if update:
        if os.environ.get("CI"):
            raise ArgumentError(
                "update=True: golden files are not rewritten in continuous integration (CI is set); run it at home "
                "and commit"
            )
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write(path, values, f)
        return
    if not Path(path).exists():
        raise AssertionError(
            f"{path}: no golden file; run pytest with --nfloat-update to record it, look at it, and commit it"
        )
    desired, recorded = read(path)
    if recorded != f:
        raise AssertionError(f"{path}: recorded in {recorded.name}, compared in {f.name}")
    if desired.shape != np.shape(values):
        raise AssertionError(f"{path}: recorded with shape {desired.shape}, compared with shape {np.shape(values)}")
    try:
        assert_bits_equal(values, desired, f)
    except AssertionError as error:
        raise AssertionError(
            f"{error}\nrecorded in {path}; if the change is meant, run pytest with --nfloat-update"
        ) from None

"""A text without a download: Python's own help topics, character by character.

The text is that of ``pydoc_data.topics``, topics by name, and so it depends on Python's version. What is taken of it is
known by its SHA-256: runs of one text can be compared, and `text` warns where it is not the one on record.
"""

from __future__ import annotations

import hashlib
import platform
import warnings

import numpy as np

from ...errors import ArgumentError, as_integer
from .dataset import Dataset, shuffled

#: SHA-256 of the first characters that are taken by default -> the Python that has them
KNOWN = {"617df6a6cf18e5681b23940d1526ca7c7e5dd4b7248260eedc5dec0000b1fd94": "3.11.7"}
#: characters taken by default
CHARACTERS = 12_000


class OtherTextWarning(UserWarning):
    """The help topics of this Python are not those on record."""


def text(characters: int = CHARACTERS, length: int = 32) -> Dataset:
    """Python's help topics in pieces of `length` characters: x their numbers, y those of the characters that follow.

    Characters are numbered in the order of their code points. Four fifths of the pieces are for training.

    Raises
    ------
    ArgumentError
        If there is no text, or not so much of it.

    Warns
    -----
    OtherTextWarning
        If this Python's text is another one than that on record, with which results can then not be compared.

    Examples
    --------
    >>> text(characters=10)
    Traceback (most recent call last):
    ...
    nfloat.errors.ArgumentError: characters=10 of text must be at least 33, one more than length
    """
    for key, value in (("characters", characters), ("length", length)):
        if as_integer(value) is None or value < 1:
            raise ArgumentError(f"{key}={value!r} of text must be an integer of at least 1")
    if characters <= length:
        raise ArgumentError(f"characters={characters!r} of text must be at least {length + 1}, one more than length")
    whole = _topics()
    if characters > len(whole):
        raise ArgumentError(f"characters={characters!r} of text must be at most {len(whole)}, as many as there are")
    _check(whole[:CHARACTERS])
    symbols, numbers = np.unique(np.array(list(whole[:characters])), return_inverse=True)
    assert len(symbols) < 1 << 16
    pieces = (characters - 1) // length
    x = numbers[: pieces * length].reshape(pieces, length).astype(np.int64)
    y = numbers[1 : pieces * length + 1].reshape(pieces, length).astype(np.int64)
    return shuffled(x, y, max(1, pieces * 4 // 5), "text", "text")


def _topics() -> str:
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise ArgumentError(
            "data='text' is pydoc_data.topics of the standard library, which this Python lacks"
        ) from None
    return "\n".join(topics[name] for name in sorted(topics))


def _check(start: str) -> None:
    found = hashlib.sha256(start.encode()).hexdigest()
    if found not in KNOWN:
        warnings.warn(
            f"data='text': the help topics of Python {platform.python_version()} are another text (SHA-256 "
            f"{found[:12]}...) than those on record, of Python {', '.join(sorted(set(KNOWN.values())))}; compare "
            "results with runs of the same text only",
            OtherTextWarning,
            stacklevel=3,
        )

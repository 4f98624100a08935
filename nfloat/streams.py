"""`Stream`: independent streams of random bits, derived by name.

No Numba here; the bits themselves are made in kernels.

A stream is a 63-bit key and nothing else: the same seed and names give the same bits on any machine, for any layout,
chunking and thread count, and streams of different names share none. Element i of an array uses the bits of counter i.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from .errors import SeedError, as_integer

_DOMAIN = b"nfloat.stream.1"


@dataclass(frozen=True, slots=True, init=False)
class Stream:
    """A source of random bits: a seed, and the names under which it was derived.

    Parameters
    ----------
    seed : int
        Any non-negative integer below 2^64.

    Raises
    ------
    SeedError
        If the seed is not such an integer.

    Examples
    --------
    >>> from nfloat import Stream
    >>> Stream(1).child("layer3", 7) == Stream(1).child("layer3").child(7)
    True
    >>> Stream(1).child("a").key != Stream(1).child("b").key
    True
    """

    seed: int
    path: tuple[str | int, ...]
    key: int

    def __init__(self, seed: int, _path: tuple[str | int, ...] = (), _key: int | None = None) -> None:
        number: int | None = seed
        if _key is None:
            if isinstance(seed, Stream):
                raise SeedError(f"seed={seed!r} is a Stream already; use it, or its .child(name)")
            number = as_integer(seed)
            if number is None or not 0 <= number < 2**64:
                raise SeedError(f"seed={seed!r} must be an integer in 0..2^64-1 or an nf.Stream")
            _key = _digest(b"seed", number)
        object.__setattr__(self, "seed", number)
        object.__setattr__(self, "path", _path)
        object.__setattr__(self, "key", _key)

    def child(self, *names: str | int) -> Stream:
        """The stream of this one's descendant: one level a name. Names are strings or integers (a step, an index)."""
        key = self.key
        for name in names:
            if type(name) is not int and type(name) is not str:
                return self.child(*[_plain(one) for one in names])
            key = _digest(key.to_bytes(8, "little"), name)
        return Stream(self.seed, (*self.path, *names), key)


def _plain(name: str | int) -> str | int:
    """A name as a plain string or integer: np.str_ and enums are the same name."""
    known = str.__str__(name) if isinstance(name, str) else as_integer(name)
    if known is None:
        raise SeedError(f"child name {name!r} must be a string or an integer")
    return known


#: to copy a hash takes half the time of making one
_EMPTY = hashlib.blake2b(digest_size=8, person=_DOMAIN)


def _digest(prefix: bytes, name: str | int) -> int:
    """63 bits (a signed machine word) of BLAKE2b over a parent and a name.

    The type is part of it, so that 1 and "1" differ.
    """
    word = _EMPTY.copy()
    word.update(prefix + (b"\0int:%d" % name if type(name) is int else f"\0str:{name}".encode(errors="surrogatepass")))
    return int.from_bytes(word.digest(), "little") >> 1


SeedLike: TypeAlias = int | Stream


def as_stream(seed: SeedLike | None) -> Stream:
    """The stream of a seed, or the one that is given.

    Raises
    ------
    SeedError
        If `seed` is no seed.
    """
    return seed if isinstance(seed, Stream) else Stream(seed)  # type: ignore[arg-type]


def as_key(seed: SeedLike | None) -> int:
    """The key of a seed or stream.

    Raises
    ------
    SeedError
        If `seed` is None (a stochastic operation needs one) or not a seed.
    """
    if type(seed) is int:
        return _seed_key(seed)
    if isinstance(seed, Stream):
        return seed.key
    if seed is None:
        raise SeedError(
            "seed=None: a stochastic rounding needs seed=<int> or seed=nf.Stream(...), so that the result can be "
            "reproduced"
        )
    return Stream(seed).key


@lru_cache(maxsize=1024)
def _seed_key(seed: int) -> int:
    return Stream(seed).key

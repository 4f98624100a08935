"""Data that needs nothing: `blobs`, clouds to be told apart; `regression`, a function to be found."""

from __future__ import annotations

import numpy as np

from ...errors import ArgumentError, as_integer
from ...ops.normal import standard_normal
from .. import elementary
from .dataset import Dataset, from_arrays, shuffled


def blobs(examples: int = 2000, features: int = 16, classes: int = 10, spread: float = 0.8, seed: int = 0) -> Dataset:
    """Gaussian clouds around random centres: needs no package, and is as hard as `spread` makes it.

    Centres are standard normal, points lie around them with standard deviation `spread`; classes are equally frequent.

    Examples
    --------
    >>> blobs(examples=100, features=3, classes=4).train_x.shape
    (80, 3)
    """
    for key, value in (("examples", examples), ("features", features), ("classes", classes)):
        if as_integer(value) is None or value < 1:
            raise ArgumentError(f"{key}={value!r} of blobs must be an integer of at least 1")
    generator = np.random.default_rng(seed)
    centres = standard_normal(generator, (classes, features))
    y = np.arange(examples) % classes
    x = centres[y] + spread * standard_normal(generator, (examples, features))
    return from_arrays(x.astype(np.float32), y, name="blobs")


def regression(examples: int = 1000, features: int = 8, noise: float = 0.1, seed: int = 0) -> Dataset:
    """A smooth function of standard normal numbers, with noise: y = tanh(x a) + (x b)^2 / 4 + noise.

    a and b are directions of length 1; x and y are float32.

    Examples
    --------
    >>> regression(examples=100, features=3).train_y.shape
    (80, 1)
    """
    for key, value in (("examples", examples), ("features", features)):
        if as_integer(value) is None or value < 1:
            raise ArgumentError(f"{key}={value!r} of regression must be an integer of at least 1")
    generator = np.random.default_rng(seed)
    x = standard_normal(generator, (examples, features)).astype(np.float32).astype(np.float64)
    along = []
    for _ in range(2):
        direction = standard_normal(generator, (features,))
        length = np.sqrt(elementary.sums(direction * direction))
        along.append(elementary.sums(x * (direction / length)))
    y = elementary.tanh(along[0]) + 0.25 * (along[1] * along[1]) + noise * standard_normal(generator, (examples,))
    pair = x.astype(np.float32), y.astype(np.float32)[:, np.newaxis]
    return shuffled(*pair, max(1, examples * 4 // 5), "regression", "regression")

"""`Dataset`: examples to learn from and to test on; `from_arrays` for your own, `batches` for their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ArgumentError, ShapeError, as_integer
from ...ops.arguments import as_array
from ...ops.memory import check_size
from ..losses import cross_entropy, mse
from ..precision import Floats
from ..tape import Tensor, TensorLike

#: seed of the one shuffle that makes the split
SPLIT_SEED = 123
#: a class number from here on is taken for a mistake: a model has an output for each class up to the largest
MOST_CLASSES = 1 << 20


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples to learn from and examples to test on: x (n, features), y (n,) class numbers from 0.

    x is float32 where that holds every value exactly, so that no recipe rounds data through it, else float64. A text
    has whole numbers instead, one a character: x and y (n, length), y being what follows. A regression has numbers:
    y (n, m).

    Examples
    --------
    >>> data = from_arrays([[0.0], [1.0], [0.5], [2.0], [3.0]], [0, 1, 0, 2, 2])
    >>> data.train_x.shape, data.test_x.shape, data.features, data.classes, data.loss.__name__
    ((4, 1), (1, 1), 1, 3, 'cross_entropy')
    """

    name: str
    train_x: NDArray[Any]
    train_y: NDArray[Any]
    test_x: NDArray[Any]
    test_y: NDArray[Any]
    #: "classes", "text" or "regression"
    kind: str = "classes"

    @property
    def features(self) -> int:
        """Numbers in an example; of a text, characters."""
        return self.train_x.shape[1]

    @property
    def classes(self) -> int:
        """Results that a model needs: one more than the largest class number; of a regression, numbers in y."""
        if self.kind == "regression":
            return self.train_y.shape[1]
        known = [self.train_y, self.test_y, *((self.train_x, self.test_x) if self.kind == "text" else ())]
        return 1 + max(int(values.max(initial=0)) for values in known)

    @property
    def loss(self) -> Callable[[TensorLike, ArrayLike], Tensor]:
        """What a model's results are judged by: `cross_entropy`, of a regression `mse`."""
        return mse if self.kind == "regression" else cross_entropy


def from_arrays(x: ArrayLike, y: ArrayLike, *, train: int | None = None, name: str = "data") -> Dataset:
    """A data set of your own arrays, shuffled once and split.

    Parameters
    ----------
    x : array_like
        (n, ...) finite real numbers; further axes are flattened into features.
    y : array_like
        (n,) whole numbers from 0, the classes.
    train : int, optional
        Examples for training, the rest is for testing; by default four fifths.
    name : str
        A label.

    Raises
    ------
    ArgumentError
        If x has NaN or infinities (the message names the first), or y or `train` is out of range.
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> data = from_arrays([[0.0], [1.0], [0.5], [2.0]], [0, 1, 0, 1], train=3)
    >>> data.train_x.dtype.name, sorted(data.train_x[:, 0].tolist() + data.test_x[:, 0].tolist())
    ('float32', [0.0, 0.5, 1.0, 2.0])
    """
    x, y = _check_x(x, name), _check_y(y, name)
    if len(x) != len(y):
        raise ShapeError(f"data {name!r}: x has {len(x)} examples and y has {len(y)}; they must have the same number")
    train = len(x) * 4 // 5 if train is None else train
    if as_integer(train) is None or not 1 <= train <= len(x):
        raise ArgumentError(
            f"train={train!r} of data {name!r} must be an integer in 1..{len(x)}, the number of examples"
        )
    return shuffled(x, y, train, name)


def batches(examples: int, size: int, seed: int | np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Index arrays of batches without end: each epoch a new permutation, its last, incomplete batch left out.

    Parameters
    ----------
    examples, size : int
        Number of examples, and of those in a batch.
    seed : int or numpy.random.Generator
        A generator is used and advanced.

    Raises
    ------
    ArgumentError
        If `size` is not in 1..examples.

    Examples
    --------
    >>> order = batches(5, 2, seed=0)
    >>> [len(next(order)) for _ in range(4)]
    [2, 2, 2, 2]
    """
    if (as_integer(examples) or 0) < 1:
        raise ArgumentError(f"examples={examples!r} must be an integer of at least 1")
    check_size("examples: their order", (examples,), 8)
    if as_integer(size) is None or not 1 <= size <= examples:
        raise ArgumentError(f"batch={size!r} must be an integer in 1..{examples}, the number of training examples")
    try:
        generator = np.random.default_rng(seed)
    except Exception as error:  # what an object's own methods raise
        raise ArgumentError(f"seed: {type(seed).__name__} is no seed of NumPy's generators ({error})") from None
    return _batches(examples, size, generator)


def _batches(examples: int, size: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    while True:
        order = generator.permutation(examples)
        for start in range(0, examples - size + 1, size):
            yield order[start : start + size]


def shuffled(x: NDArray[Any], y: NDArray[Any], train: int, name: str, kind: str = "classes") -> Dataset:
    """Examples shuffled once, the first `train` of them for training."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(x))
    x, y = np.ascontiguousarray(x[order]), np.ascontiguousarray(y[order])
    return Dataset(name, x[:train], y[:train], x[train:], y[train:], kind)


def _check_x(x: ArrayLike, name: str) -> Floats:
    array = as_array(x, "x")
    if array.dtype.kind not in "fiub" or array.ndim < 2 or 0 in array.shape:
        raise ShapeError(
            f"x of data {name!r}, of type {array.dtype} and shape {array.shape}, must be real numbers: (n, features)"
        )
    check_size(f"x of data {name!r}", array.shape, 24)  # its float64 form, and what is computed from that
    array = array.reshape(len(array), -1).astype(np.float64)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row, column = bad[0]
        raise ArgumentError(
            f"x of data {name!r} must be finite: x[{row}, {column}] is {array[row, column]} ({len(bad)} such in all); "
            "replace or leave out those examples"
        )
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    return narrow if np.array_equal(narrow, array) else array


def _check_y(y: ArrayLike, name: str) -> NDArray[np.int64]:
    array = as_array(y, "y")
    if array.ndim != 1 or array.dtype.kind not in "fiub":
        raise ShapeError(
            f"y of data {name!r}, of type {array.dtype} and shape {array.shape}, must be class numbers of shape (n,)"
        )
    whole = np.isfinite(array) & (array >= 0) & (array == np.floor(array)) if array.dtype.kind == "f" else array >= 0
    known = whole & (array < MOST_CLASSES)
    if not known.all():
        first = int(np.argmin(known))
        raise ArgumentError(
            f"y of data {name!r} must be whole numbers from 0 to {MOST_CLASSES - 1}, the classes: "
            f"y[{first}] is {array[first]}"
        )
    return array.astype(np.int64)

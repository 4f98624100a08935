"""Data for training.

`load_data` by name or file, `from_arrays` for your own, `batches` for the order in which they are seen.

"digits": scikit-learn's 1797 images of 8 x 8 (UCI, Alpaydin and Kaynak 1998), no download, pixels divided by 16,
shuffled once with NumPy's ``Generator(123)``, the first 1400 for training and 397 for testing. "blobs": Gaussian
clouds, needs nothing. A path ending in ``.npz`` (arrays x and y) or ``.csv`` (numbers, the class in the last
column): shuffled in the same way, four fifths for training.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, MissingExtraError, ShapeError, as_integer, nearest_names
from ..ops.normal import standard_normal
from .precision import Floats

#: seed of the one shuffle that makes the split
SPLIT_SEED = 123
#: a class number from here on is taken for a mistake: a model has an output for each class up to the largest
MOST_CLASSES = 1 << 20
#: what readers raise for files that are cut, forged or something else
_DAMAGED = (OSError, ValueError, KeyError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples to learn from and examples to test on: x (n, features), y (n,) class numbers from 0.

    x is float32 where that holds every value exactly, so that no recipe rounds data through it, else float64.
    """

    name: str
    train_x: Floats
    train_y: NDArray[np.int64]
    test_x: Floats
    test_y: NDArray[np.int64]

    @property
    def features(self) -> int:
        """Numbers in an example."""
        return self.train_x.shape[1]

    @property
    def classes(self) -> int:
        """One more than the largest class number."""
        return 1 + max(int(self.train_y.max(initial=0)), int(self.test_y.max(initial=0)))


def load_data(name: str | Path) -> Dataset:
    """The data of that name or in that file.

    Raises
    ------
    ArgumentError
        If there are none of that name, the file cannot be read, or it holds NaN, infinities or classes that are not
        whole numbers.
    ShapeError
        If x is not (n, features) and y (n,).
    MissingExtraError
        If "digits" is asked for and scikit-learn is not installed.
    """
    if str(name) == "digits":
        return digits()
    if str(name) == "blobs":
        return blobs()
    readers = {".npz": _read_npz, ".csv": _read_csv}
    path = Path(name)
    if path.suffix.lower() not in readers:
        hint = nearest_names(str(name), ("digits", "blobs"))
        raise ArgumentError(f"data={str(name)!r} is unknown; {hint}; or give the path of a file ending in .npz or .csv")
    try:
        x, y = readers[path.suffix.lower()](path)
    except ArgumentError:
        raise
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ArgumentError(f"data={str(name)!r} cannot be read: {reason}") from None
    return from_arrays(x, y, name=path.stem)


def digits() -> Dataset:
    """scikit-learn's handwritten digits: 1400 training and 397 test images of 64 pixels in [0, 1], 10 classes.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError(
            "data='digits' needs scikit-learn: pip install 'nfloat[studies]'; or use data='blobs'"
        ) from None
    x, y = load_digits(return_X_y=True)
    return from_arrays(x / 16.0, y, train=1400, name="digits")


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
    """
    x, y = _check_x(x, name), _check_y(y, name)
    if len(x) != len(y):
        raise ShapeError(f"data {name!r}: x has {len(x)} examples and y has {len(y)}; they must have the same number")
    train = len(x) * 4 // 5 if train is None else train
    if as_integer(train) is None or not 1 <= train <= len(x):
        raise ArgumentError(
            f"train={train!r} of data {name!r} must be an integer in 1..{len(x)}, the number of examples"
        )
    order = np.random.default_rng(SPLIT_SEED).permutation(len(x))
    x, y = np.ascontiguousarray(x[order]), y[order]
    return Dataset(name, x[:train], y[:train], x[train:], y[train:])


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
    if as_integer(size) is None or not 1 <= size <= examples:
        raise ArgumentError(f"batch={size!r} must be an integer in 1..{examples}, the number of training examples")
    return _batches(examples, size, np.random.default_rng(seed))


def _batches(examples: int, size: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    while True:
        order = generator.permutation(examples)
        for start in range(0, examples - size + 1, size):
            yield order[start : start + size]


def _check_x(x: ArrayLike, name: str) -> Floats:
    array = np.asarray(x)
    if array.dtype.kind not in "fiub" or array.ndim < 2 or 0 in array.shape:
        raise ShapeError(
            f"x of data {name!r}, of type {array.dtype} and shape {array.shape}, must be real numbers: (n, features)"
        )
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
    array = np.asarray(y)
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


def _read_npz(path: Path) -> tuple[Any, Any]:
    if path.exists() and not zipfile.is_zipfile(path):
        raise ArgumentError(f"data={str(path)!r} cannot be read: no .npz file, which np.savez makes, or cut short")
    with np.load(path, allow_pickle=False) as arrays:
        if "x" not in arrays or "y" not in arrays:
            raise ArgumentError(f"data={str(path)!r} holds {sorted(arrays)}; it must hold the arrays 'x' and 'y'")
        return arrays["x"], arrays["y"]


def _read_csv(path: Path) -> tuple[Any, Any]:
    table = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
    if table.shape[1] < 2:
        raise ArgumentError(
            f"data={str(path)!r} has {table.shape[1]} column; it needs numbers and the class in the last column"
        )
    return table[:, :-1], table[:, -1]

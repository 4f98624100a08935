"""Data for training: `load_data` by name or file, `from_arrays` for your own, `batches` for the order.

| file | what is there |
|---|---|
| dataset | what data are: Dataset, from_arrays, batches |
| images | "digits": scikit-learn's 1797 images of 8 x 8 (UCI, Alpaydin and Kaynak 1998), over 16; "mnist5k" |
| text | "text": Python's help topics, by character |
| synthetic | "blobs", Gaussian clouds; "regression", a noisy function |
| files | a path ending in ``.npz`` (arrays x and y) or ``.csv`` (numbers, the class in the last column) |

All are shuffled once with NumPy's ``Generator(123)``, the first so many for training. No file is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from ...errors import ArgumentError, check_kind, nearest_names
from .dataset import Dataset as Dataset
from .dataset import batches as batches
from .dataset import from_arrays as from_arrays
from .files import READERS, read_file
from .images import digits as digits
from .images import mnist5k as mnist5k
from .synthetic import blobs as blobs
from .synthetic import regression as regression
from .text import CHARACTERS as CHARACTERS
from .text import OtherTextWarning as OtherTextWarning
from .text import text as text

#: name -> how it is made
DATA: Mapping[str, Callable[[], Dataset]] = MappingProxyType(
    {"digits": digits, "mnist5k": mnist5k, "text": text, "blobs": blobs, "regression": regression}
)


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
        If a package is needed that is not installed.

    Examples
    --------
    >>> data = load_data("blobs")
    >>> data.train_x.shape, data.classes
    ((1600, 16), 10)
    """
    check_kind("name", name, (str, Path), "the name of data, or the path of a file")
    if str(name) in DATA:
        return DATA[str(name)]()
    if Path(name).suffix.lower() not in READERS:
        hint = nearest_names(str(name), DATA)
        raise ArgumentError(f"data={str(name)!r} is unknown; {hint}; or give the path of a file ending in .npz or .csv")
    return read_file(name)

"""What a call on FloatArrays would give in float64, of the same values: for whoever watches (``ops/watching.py``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..formats.catalog import FORMATS
from ..kernels.arithmetic.operations import Operation
from ..ops import arithmetic, functions
from .rounded import RoundedValues


def by_numpy(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """NumPy's function of the values; `out` and `where` are left to the watched call."""
    with np.errstate(all="ignore"):
        return function(*_values(args), **{key: _values(value) for key, value in kwargs.items() if key != "out"})


def by_nfloat(operation: Operation | str, operands: Sequence[Any]) -> Any:
    """`nf.add`, `nf.gelu`, ... of the values, rounded to float64 once."""
    name = operation.name.lower() if isinstance(operation, Operation) else operation
    function = getattr(arithmetic, name, None) or getattr(functions, name)
    return function(*_values(operands), FORMATS["float64"])


def _values(of: Any) -> Any:
    """FloatArrays as float64 arrays, inside of lists and tuples too."""
    if isinstance(of, RoundedValues):
        return np.asarray(of._values, np.float64)
    if isinstance(of, list | tuple):
        return type(of)([_values(part) for part in of])
    return of

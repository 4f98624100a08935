"""NumPy's linear algebra, Fourier transform, polynomials and convolution on FloatArrays: nfloat's algorithms.

What NumPy's functions take beyond them (modes, cut-offs, several axes) is refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..linalg.algorithms.cholesky import cholesky
from ..linalg.algorithms.fourier import fft, ifft
from ..linalg.algorithms.householder import lstsq, qr
from ..linalg.algorithms.jacobi import eigh
from ..linalg.algorithms.lu import det, inv, solve
from ..linalg.algorithms.norms import norm
from ..linalg.algorithms.polynomials import convolve, polyval


def _refuse(name: str, default: dict[str, Any], given: dict[str, Any]) -> None:
    """Refuse an argument that is not at its default.

    Raises
    ------
    ArgumentError
        Naming it.
    """
    for key, value in given.items():
        if key not in default:
            raise ArgumentError(f"np.{name}: {key}= is not defined for a FloatArray")
        if not (value is default[key] or value == default[key]):
            raise ArgumentError(f"np.{name}: {key}={value!r} is not defined for a FloatArray, only {default[key]!r}")


def _only(name: str, function: Callable[..., Any], operands: int, **default: Any) -> Callable[..., Any]:
    """NumPy's function of so many operands, whose further arguments must stay as they are."""
    keys = list(default)

    def called(*args: Any, **kwargs: Any) -> Any:
        more = dict(zip(keys, args[operands:], strict=False))
        _refuse(name, default, {**more, **{k: v for k, v in kwargs.items() if k in default}})
        return function(*args[:operands], **{k: v for k, v in kwargs.items() if k not in default})

    return called


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    found = norm(x, ord=ord, axis=axis)
    if not keepdims:
        return found
    shape = [1] * x.ndim if axis is None else [1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)]
    return found.reshape(tuple(shape))


def _fourier(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def called(a: Any, n: int | None = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
        _refuse(f"fft.{name}", {"n": None, "norm": None, "out": None}, {"n": n, "norm": norm, "out": out})
        return function(a, axis=axis)

    return called


#: NumPy's functions -> what they are on FloatArrays
LINEAR: dict[Callable[..., Any], Callable[..., Any]] = {
    np.linalg.solve: _only("linalg.solve", solve, 2),
    np.linalg.inv: _only("linalg.inv", inv, 1),
    np.linalg.det: _only("linalg.det", det, 1),
    np.linalg.cholesky: _only("linalg.cholesky", cholesky, 1, upper=False),
    np.linalg.qr: _only("linalg.qr", qr, 1, mode="reduced"),
    np.linalg.lstsq: _only("linalg.lstsq", lstsq, 2, rcond=None),
    np.linalg.eigh: _only("linalg.eigh", eigh, 1, UPLO="L"),
    np.linalg.norm: _norm,
    np.fft.fft: _fourier("fft", fft),
    np.fft.ifft: _fourier("ifft", ifft),
    np.polyval: polyval,
    np.convolve: lambda a, v, mode="full": convolve(a, v, mode=mode),
}

"""`track`: what every line of somebody's code does to its numbers, where that uses `nf.matmul` and FloatArrays.

Within ``with nf.drift.track() as seen:`` each outermost call (a product, an operator or ufunc on FloatArrays, NumPy's
functions on them) is recorded under its call site, the first line outside of nfloat and NumPy. Results do not change;
every call is computed once more in float64, of the same operands, which is what errors are against.

Contexts are `contextvars`: threads that the code begins are not seen, unless they are given the context.
"""

from __future__ import annotations

import math
import sys
from contextvars import Token
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..cards import card, table
from ..ops.watching import WATCHER, Watcher
from . import metrics

_OUTSIDE = tuple(str(Path(module.__file__ or "").parent) for module in (sys.modules["nfloat"], np))


class Site(NamedTuple):
    """Where a call stands, and what it is: "file.py:12", "add", "bfloat16"."""

    site: str
    operation: str
    format: str


class Seen(NamedTuple):
    """What all calls of one site together did."""

    calls: int
    elements: int
    #: least and greatest magnitude of the results that are neither zero nor infinite; None: there are none
    least: float | None
    greatest: float | None
    #: shares of the results: zero where the exact one is not; not finite where the exact one is
    underflow: float
    overflow: float
    nan: float
    #: ||result - exact|| / ||exact|| over all finite results; None: nothing to compare
    error: float | None


class Track:
    """A context manager that records calls; made by `track`.

    Attributes
    ----------
    seen : dict
        `Site` -> `Seen`, in the order in which sites were met.
    rows : list of dict
        The same, flat.
    """

    def __init__(self) -> None:
        self._sums: dict[Site, _Sums] = {}
        self._token: Token[Watcher | None] | None = None

    def __enter__(self) -> Track:
        self._token = WATCHER.set(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            WATCHER.reset(self._token)

    @property
    def seen(self) -> dict[Site, Seen]:
        """What was seen so far."""
        return {site: sums.seen() for site, sums in self._sums.items()}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict per site."""
        return [{**site._asdict(), **seen._asdict()} for site, seen in self.seen.items()]

    def __repr__(self) -> str:
        worst = max(self.seen.items(), key=lambda item: item[1].error or 0.0, default=None)
        said = "" if worst is None else f"; greatest error {worst[1].error or 0.0:.3g} at {worst[0].site}"
        return f"Track({len(self._sums)} sites{said})"

    def _repr_html_(self) -> str:
        head = (*Site._fields, *Seen._fields)
        cells = [[_cell(row[key]) for key in head] for row in self.rows]
        return card(f"Tracked: {len(self._sums)} call sites", (), picture=table(head, cells))

    def _watch(self, operation: str, fmt: str, result: Any, exact: Any) -> None:
        values = getattr(result, "values", result)
        if not isinstance(values, np.ndarray | np.floating) or values.dtype.kind != "f":
            return  # a question, or something else that is not rounded
        site = Site(_caller(), operation, fmt)
        self._sums.setdefault(site, _Sums()).add(np.asarray(values, np.float64), exact())


def track() -> Track:
    """Record range, underflow, overflow and error against float64 of every call site, as a context manager.

    Examples
    --------
    >>> import nfloat as nf
    >>> with nf.drift.track() as seen:
    ...     y = nf.array([1.0, 1e-8], "float16") * 0.5
    >>> row = seen.rows[0]
    >>> row["operation"], row["format"], row["elements"], row["greatest"]
    ('multiply', 'float16', 2, 0.5)
    """
    return Track()


class _Sums:
    """Counts and sums of one site."""

    def __init__(self) -> None:
        self.calls = self.elements = self.nans = self.under = self.over = self.compared = 0
        self.least, self.greatest, self.noise, self.signal = math.inf, 0.0, 0.0, 0.0

    def add(self, result: np.ndarray[Any, Any], exact: Any) -> None:
        """One call more."""
        x = np.broadcast_to(np.asarray(exact, np.float64), result.shape)
        size = np.abs(result[np.isfinite(result) & (result != 0.0)])
        self.calls, self.elements = self.calls + 1, self.elements + result.size
        self.nans += int(np.count_nonzero(np.isnan(result)))
        self.under += int(np.count_nonzero((result == 0.0) & (x != 0.0) & ~np.isnan(x)))
        self.over += int(np.count_nonzero(~np.isfinite(result) & np.isfinite(x)))
        self.least = min(self.least, float(np.min(size, initial=math.inf)))
        self.greatest = max(self.greatest, float(np.max(size, initial=0.0)))
        kept = np.isfinite(result) & np.isfinite(x)
        self.compared += int(np.count_nonzero(kept))
        self.noise = metrics.norm([self.noise, metrics.norm(result[kept] - x[kept])])
        self.signal = metrics.norm([self.signal, metrics.norm(x[kept])])

    def seen(self) -> Seen:
        """What it comes to."""
        count = max(1, self.elements)
        error = None if not self.compared or not self.signal else self.noise / self.signal
        return Seen(
            self.calls,
            self.elements,
            None if math.isinf(self.least) else self.least,
            self.greatest or None,
            self.under / count,
            self.over / count,
            self.nans / count,
            error,
        )


def _caller() -> str:
    """ "file.py:12" of the innermost frame outside of nfloat and NumPy."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_OUTSIDE):
        frame = frame.f_back
    return "?" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _cell(value: object) -> str:
    return "–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)

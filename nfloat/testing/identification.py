"""`identify`: which arithmetic turned a and b into d. Somebody's kernel, read from what it gives.

Everything in ``candidates.py`` is tried on a few elements by the plain rule, and what agrees there on all of them.
Results are compared bit for bit (a zero's sign counts, any NaN equals any). Where several arithmetics agree, these very
matrices cannot tell them apart; ``kernel_probes.py`` makes such that can.

Sources for reading hardware this way: Fasi, Higham, Mikaitis and Pranesh, PeerJ Comput. Sci. 7, 2021; Khattak and
Mikaitis, arXiv 2512.07004.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, NFloatError, ShapeError
from ..formats.format import Format
from ..formats.names import get_format
from ..formats.rounding import Rounding
from ..linalg.accumulators import Accumulator
from ..linalg.gemm.dispatch import multiply_plainly
from ..linalg.operands import matmul_operands
from ..linalg.units.matmul import unit_product
from ..linalg.units.splits import runs
from ..linalg.units.unit import Unit
from ..ops.rounding import round as round_to
from . import candidates
from .arrays import as_double
from .candidates import Candidate, accumulators, fits, matrix_units, outputs, sums
from .predict import predict_matmul

Doubles = NDArray[np.float64]
#: elements that a candidate is tried on first: lines of a and of b
_LINES = 4
#: share of equal bits there below which a candidate is left alone, and in all from which it is reported
_FIRST, _REPORTED = 0.5, 0.8
#: evidence, in bits of equal elements, that is more than chance gives the best of all that are tried
_LEAST_BITS = 20
#: most elements of d, and products, that are compared
_MOST, _MOST_PRODUCTS = 4096, 1 << 22


class Match(tuple[Accumulator | str, float]):
    """(accumulator or unit's name, share of equal bits): one arithmetic that gives the result, or nearly.

    Attributes
    ----------
    how, share
        The two parts.
    split_k, promote, split_tile, split_interleaved, inputs, output
        What comes with it, as `predict_matmul` takes them: parts of k, where their sums are added, and which k they
        take; the format that operands were rounded to, the one that the result was.

    Examples
    --------
    >>> import nfloat as nf
    >>> a, b = nf.testing.probe_inputs("float16", k=64, lines=4)
    >>> match = identify(a, b, nf.matmul(a, b, "float16"))[0]
    >>> match.how, match.share, match.split_k
    (Accumulator('float16'), 1.0, 1)
    """

    split_k: int
    promote: Format | None
    split_tile: int | None
    split_interleaved: bool
    inputs: Format | None
    output: Format | None

    def __new__(cls, candidate: Candidate, share: float, inputs: Format | None, output: Format | None) -> Match:
        how = candidate.how if isinstance(candidate.how, Accumulator) else candidate.how.name
        self = super().__new__(cls, (how, share))
        self.split_k, self.promote, self.inputs, self.output = candidate.split_k, candidate.promote, inputs, output
        self.split_tile, self.split_interleaved = candidate.tile, candidate.interleaved
        return self

    @property
    def how(self) -> Accumulator | str:
        """Who sums."""
        return self[0]

    @property
    def share(self) -> float:
        """The share of equal bits, 0 to 1."""
        return self[1]

    def predict(self, a: Any, b: Any, c: Any = None) -> NDArray[np.floating] | np.floating:
        """What this arithmetic makes of other operands."""
        return predict_matmul(
            a, b, self.how, self.split_k, self.promote, c=c, inputs=self.inputs, output=self.output,
            split_tile=self.split_tile, split_interleaved=self.split_interleaved,
        )  # fmt: skip

    def __str__(self) -> str:
        """What the kernel does, in words."""
        how = self.how if isinstance(self.how, str) else _words(self.how)
        parts = [f"in {how}"]
        if self.split_k > 1:
            parts.append(self._split_words())
        parts += [] if self.inputs is None else [f"operands rounded to {self.inputs.name}"]
        parts += [] if self.output is None else [f"the result rounded to {self.output.name}"]
        return ", ".join(parts)

    def _split_words(self) -> str:
        tiles = "" if self.split_tile in (None, 1) else f" of whole tiles of {self.split_tile}"
        dealt = ", tile by tile in turn," if self.split_interleaved else ""
        joined = "" if self.promote is None else f" in {self.promote.name}"
        return f"k cut into {self.split_k} parts{tiles}{dealt} whose sums are added in order{joined}"


def _words(acc: Accumulator) -> str:
    """An accumulator in words."""
    parts = [acc.format.name]
    orders = {
        "interleaved": f"{acc.lanes} interleaved lanes",
        "blocked": f"blocks of {acc.block} terms, added in {acc.result_format.name}",
        "sequential": "one after another",
        "pairwise": "pairwise",
        "kahan": "with Kahan's compensation",
        "exact": "rounded once, the sum exact",
    }
    parts.append(orders[acc.order.value])
    parts.append("products exact" if acc.product is None else f"products rounded to {acc.product.name}")
    parts += [] if acc.rounding.value == "nearest_even" else [f"rounded {acc.rounding.value}"]
    return ", ".join(parts)


def identify(a: Any, b: Any, d: Any, c: Any = None) -> list[Match]:
    """Which accumulators and matrix units turn a, b (and c) into d, bit for bit or nearly.

    Parameters
    ----------
    a : array_like, shape (m, k)
    b : array_like, shape (k, n)
    d : array_like, shape (m, n)
        What somebody's kernel gave for them. A few dozen elements are enough; of more than 4096 some are taken.
    c : array_like, optional
        What its sums start with.

    Returns
    -------
    list of Match
        (Accumulator or unit's name, share of equal bits), best first, the simplest first among equals (results that
        were not rounded again before others, accumulators before units); with `split_k`,
        `promote`, `inputs` and `output` beside. Empty where nothing gives four fifths of the elements: noise, a wrong
        kernel, or an arithmetic that is not known here.

    Raises
    ------
    ShapeError
        If the operands are not matrices that fit.
    ArgumentError
        If they are not real numbers.

    Examples
    --------
    >>> import nfloat as nf
    >>> a, b = nf.testing.probe_inputs("bfloat16")
    >>> d = nf.matmul(a, b, nf.Accumulator("float32", order="interleaved", lanes=8))
    >>> best = identify(a, b, d)[0]
    >>> best
    (Accumulator('float32', order='interleaved', lanes=8), 1.0)
    >>> print(best)
    in float32, 8 interleaved lanes, products exact
    """
    x, y, z, start = _operands(a, b, d, c)
    trials = [_Trial(x, y, z, start, None)]
    trials += [_Trial(x, y, z, start, f) for f in map(get_format, candidates.INPUTS) if not _held(x, y, f)]
    found: list[tuple[float, bool, int, Match]] = []
    for trial in trials:
        for alike in trial.known():
            for match in trial.matches(alike):
                found.append((-match.share, match.output is not None, len(found), match))
    return [entry[-1] for entry in sorted(found, key=lambda entry: entry[:3])]


def _held(x: Doubles, y: Doubles, fmt: Format) -> bool:
    return fits(x, fmt) and fits(y, fmt)


def _operands(a: Any, b: Any, d: Any, c: Any) -> tuple[Doubles, Doubles, Doubles, Doubles | None]:
    """Matrices of at most so many elements, evenly taken from what was given."""
    x, y, z = as_double(a, "a"), as_double(b, "b"), as_double(d, "d")
    x, y = x.reshape(1, -1) if x.ndim == 1 else x, y.reshape(-1, 1) if y.ndim == 1 else y
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[0]:
        raise ShapeError(f"a {x.shape} and b {y.shape} must be matrices (m, k) and (k, n); give one of a stack")
    shape = (x.shape[0], y.shape[1])
    if z.size != shape[0] * shape[1] or (z.ndim == 2 and z.shape != shape):
        raise ShapeError(f"d {z.shape} must have the shape of a @ b, {shape}")
    if z.size == 0 or x.shape[1] == 0:
        raise ArgumentError(f"a {x.shape}, b {y.shape}: there is nothing to tell arithmetics apart by")
    z = z.reshape(shape)
    start = None if c is None else as_double(c, "c")
    if start is not None and start.ndim and start.shape not in ((shape[1],), (1, shape[1]), (shape[0], 1), shape):
        raise ShapeError(f"c {start.shape} must have the shape of a @ b, {shape}, or be repeated to it")
    start = None if start is None else np.broadcast_to(start, shape)
    most = max(1, min(_MOST, _MOST_PRODUCTS // x.shape[1]))
    rows = _spread(shape[0], min(shape[0], max(int(most**0.5), most // shape[1])))
    columns = _spread(shape[1], max(1, most // rows.size))
    place = np.ix_(rows, columns)
    return x[rows], np.ascontiguousarray(y[:, columns]), z[place], None if start is None else start[place]


def _spread(size: int, count: int) -> NDArray[np.int64]:
    """So many of 0 .. size - 1, evenly, the ends among them."""
    return np.unique(np.linspace(0, size - 1, min(size, count)).round().astype(np.int64))


class _Trial:
    """The operands, rounded or not, and the few lines of them that every candidate is tried on first."""

    def __init__(self, x: Doubles, y: Doubles, d: Doubles, c: Doubles | None, inputs: Format | None) -> None:
        self.inputs, self.d, self.c = inputs, d, c
        self.x: Doubles = x if inputs is None else np.asarray(round_to(x, inputs))
        self.y: Doubles = y if inputs is None else np.asarray(round_to(y, inputs))
        self.outputs = outputs(d)[:2]
        self.first, self.few = (self._part(*lines) for lines in (_telling(self.x, self.y, d), (_LINES, _LINES)))
        self.whole = _Part(self.x, self.y, d, c)

    def _part(self, rows: Any, columns: Any) -> _Part:
        """Some rows and columns, or so many of them."""
        rows = _spread(self.x.shape[0], rows) if isinstance(rows, int) else rows
        columns = _spread(self.y.shape[1], columns) if isinstance(columns, int) else columns
        place = np.ix_(rows, columns)
        c = None if self.c is None else np.ascontiguousarray(self.c[place])
        return _Part(self.x[rows], np.ascontiguousarray(self.y[:, columns]), self.d[place], c)

    def known(self) -> Iterator[list[Candidate]]:
        """What is tried, those that are alike together: accumulators, then units."""
        yield from ([one] for one in accumulators(self.x.shape[1], tuple(sums(self.d))))
        yield from matrix_units(self.x, self.y, self.d)

    def matches(self, alike: list[Candidate]) -> Iterator[Match]:
        """What a candidate gives, as it is and rounded to an output, where that is near enough."""
        one, result = alike[0], alike[0].result
        last = [f for f in self.outputs if result is not None and f.precision < result.precision]
        possible = self.first.near(one, [None, *last], least=1e-9)
        possible = self.few.near(one, possible, least=_FIRST)
        for share, output in self.whole.shares(one, possible):
            if share >= _REPORTED and self._says_something(share, one, output):
                yield from (Match(candidate, share, self.inputs, output) for candidate in alike)

    def _says_something(self, share: float, candidate: Candidate, output: Format | None) -> bool:
        """Whether so many equal elements are more than chance would give one of all candidates."""
        fmt = output or candidate.result
        bits = 8 if fmt is None else fmt.precision
        return share * self.d.size * bits >= _LEAST_BITS


def _telling(x: Doubles, y: Doubles, d: Doubles) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One row and three columns: finite, not zero, and small beside their terms, so that rounding errors show most."""
    good = np.isfinite(d) & (d != 0)
    with np.errstate(all="ignore"):
        left = np.where(good, np.abs(d) / (np.abs(x) @ np.abs(y)), np.inf)
    row = int(np.argmin(np.median(left, axis=1)))
    columns = np.flatnonzero(good[row]) if good[row].any() else np.arange(d.shape[1])
    return np.array([row]), columns[_spread(columns.size, 3)]


class _Part:
    """Lines of a and of b, what came of them, and what candidates make of them."""

    def __init__(self, x: Doubles, y: Doubles, d: Doubles, c: Doubles | None) -> None:
        self._x, self._y, self._c, self._bits = x, y, c, d.view(np.int64)
        self._nan = np.isnan(d)
        self._sums: tuple[object, Doubles] = (None, d)

    def near(self, candidate: Candidate, last: list[Format | None], *, least: float) -> list[Format | None]:
        """The outputs, None for none, that bring a candidate near."""
        return [output for share, output in self.shares(candidate, last) if share >= least]

    def shares(self, candidate: Candidate, last: list[Format | None]) -> Iterator[tuple[float, Format | None]]:
        """The share of equal bits with each output."""
        if not last:
            return
        try:
            raw = self._computed(candidate)
        except NFloatError:  # operands that a unit does not take
            return
        for output in last:
            yield self._equal(raw if output is None else np.asarray(round_to(raw, output))), output

    def _equal(self, x: Doubles) -> float:
        """The share of equal bits."""
        same = x.view(np.int64) == self._bits
        return float(np.count_nonzero(same | (self._nan & np.isnan(x)))) / same.size

    def _computed(self, candidate: Candidate) -> Doubles:
        """What a candidate gives, in float64."""
        if candidate.split_k == 1:
            return _product(candidate.how, self._x, self._y, self._c)
        parts, shape, result = self._split_sums(candidate), self._bits.shape, candidate.result
        start = None if self._c is None else self._c.reshape(-1, 1)
        mode = candidate.how.rounding if isinstance(candidate.how, Accumulator) else Rounding.NEAREST_EVEN
        assert result is not None  # sums of integers are no candidates
        joined = Accumulator(result, rounding=mode)  # added in order: a sum of one row for each element
        return _product(joined, parts, np.ones((parts.shape[1], 1)), start).reshape(shape)

    def _split_sums(self, candidate: Candidate) -> Doubles:
        """Element by part, the sums of the runs of k; the last are kept, for another format to add them in."""
        how = candidate.how
        cut = (candidate.split_k, candidate.tile or candidates.tile_of(how), candidate.interleaved)
        if self._sums[0] != (how, cut):
            x, y = self._x, self._y
            sums = [_product(how, np.ascontiguousarray(x[:, k]), y[k], None) for k in runs(x.shape[1], *cut)]
            self._sums = ((how, cut), np.stack([part.ravel() for part in sums], axis=1))
        return self._sums[1]


def _product(how: Accumulator | Unit, x: Doubles, y: Doubles, c: Doubles | None) -> Doubles:
    """Of accumulators by the plain rule, which compiles nothing for each."""
    if isinstance(how, Unit):
        given = matmul_operands(x, y, c, None)
        return np.asarray(unit_product(given, how, (None, None), 1), np.float64)
    out = np.empty((x.shape[0], y.shape[1]))
    multiply_plainly(x, y, c, out, how, 0)
    return out

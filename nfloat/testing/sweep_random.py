"""The sweep of formats at random.

Every function that goes element by element, in formats that nobody thought of, bit for bit.

`sweep_number(seed, k)` draws format k (``random_formats.py``) and compares round, encode, decode, pack and casts
(`sweep_codes`), arithmetic, FloatArrays and folds (`sweep_operations`) and elementary functions (`sweep_functions`)
with exact results (``exact_cut.py``, ``exact_results.py``): in every rounding mode, under the format's own policy and
another one, from both carriers, and in arrays of lengths and contents that reach each path. What differs is written
down as a line of Python that does it again.

``nfloat check --formats-at-random N`` runs it as long as one likes, the test suite on a few formats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RepresentationError
from ..floatarray.array import array
from ..formats.format import Format
from ..formats.rounding import Overflow, Rounding
from ..ops import codes, packing
from ..ops.approximations import APPROXIMATIONS
from ..ops.leading_bits import leading_bits
from ..ops.rounding import round as round_public
from ..streams import Stream
from .exact_cut import CANCELLED, Cuts, Result, cut_numbers, cut_results, round_cuts
from .exact_results import EXACT, as_operand, exact_result
from .grid import Floats, codes_of, stream_words
from .oracle import decode_exact
from .random_calls import Found, Way, carriers, inputs, kinds_of, number_source, places_of, ways_of, with_dimensions
from .random_formats import random_format
from .sweep import Report, differs

#: FloatArray has these as ufuncs of NumPy
_UFUNCS = ("add", "subtract", "multiply", "divide", "sqrt", "reciprocal", "hypot", "remainder", "fmod")
AREAS = ("codes", "operations", "functions")


# ------------------------------------------------------------------ round, encode, decode, pack, casts
def sweep_codes(fmt: Format, rng: np.random.Generator, report: Found, count: int = 1000) -> None:
    """Round and encode of both carriers, decode of special and random codes, pack and unpack, casts between formats."""
    for values in carriers(inputs(fmt, rng, count)):
        wide = values.astype(np.float64)
        cuts, kinds = cut_numbers(wide, fmt), kinds_of(np.abs(wide), fmt)
        report.inputs += values.size
        for way in ways_of("nf.round", fmt, rng):
            places = places_of(rng, kinds)
            exact = _exact(cuts.take(places), way)
            x = with_dimensions(rng, (values[places],))
            report.check(way, x, way.call(x), exact)
            _check_codes(report, way, values[places], exact)
    _check_decode(fmt, rng, report)
    _check_cast(fmt, rng, report)


def _exact(cuts: Cuts, way: Way) -> Floats:
    words = stream_words(Stream(way.seed).key, cuts.low.size) if way.mode.is_stochastic else None
    return round_cuts(cuts, way.format, way.mode, way.overflow, way.random_bits, words)


def _check_codes(report: Found, way: Way, x: NDArray[np.floating], exact: Floats) -> None:
    """encode, and decode of what it gives; a NaN without code must be refused."""
    fmt, missing = way.format, np.isnan(exact)
    encode = Way("nf.encode", *(getattr(way, key) for key in ("format", "mode", "overflow", "random_bits", "seed")))
    if missing.any() and not fmt.has_nan:
        try:
            encode.call((x,))
            report.check(encode, (x,), np.zeros(x.size), np.where(missing, np.nan, 0.0))
        except RepresentationError:
            pass
        ordinary = 0.0 if fmt.has_zero else fmt.max
        if not fmt.has_zero and not fmt.fits_float32:
            return
        x, exact = np.where(missing, x.dtype.type(ordinary), x), np.where(missing, ordinary, exact)
    wanted = codes_of(exact, fmt)
    report.check(encode, (x,), encode.call((x,)), wanted)
    back = wanted.astype(codes.code_dtype(fmt))
    report.check(_decode(fmt), (back,), np.asarray(codes.decode(back, fmt)), exact)


def _decode(fmt: Format) -> Way:
    return Way("(lambda c, f, _: nf.decode(c, f))", fmt, Rounding.NEAREST_EVEN)


def _check_decode(fmt: Format, rng: np.random.Generator, report: Found) -> None:
    ends = [
        0,
        2 ** (fmt.precision - 1),
        fmt.max_code,
        2 ** (fmt.bits - fmt.signed),
        2**fmt.bits,
        fmt.max_code + 2 ** (fmt.bits - 1),
    ]
    some = {(end + k) % 2**fmt.bits for end in ends for k in range(-3, 4)}
    some |= {int.from_bytes(rng.bytes(8)) % n for n in (2**fmt.bits, fmt.max_code + 1) for _ in range(60)}
    if fmt.signed:
        some |= {code ^ (1 << (fmt.bits - 1)) for code in some}
    pool = np.array(sorted(some), np.uint64)
    values = np.array([decode_exact(int(code), fmt) for code in pool])
    kinds = [k for k in (np.arange(pool.size), np.flatnonzero(np.isfinite(values))) if k.size]
    for places in (np.arange(pool.size), *(places_of(rng, kinds) for _ in range(3))):
        c, exact = pool[places].astype(codes.code_dtype(fmt)), values[places]
        got = np.asarray(codes.decode(c, fmt))
        report.check(_decode(fmt), (c,), got, exact)
        kind = Way("(lambda c, f, _: np.array([nf.decode(c, f).itemsize]))", fmt, Rounding.NEAREST_EVEN)
        report.check(kind, (c[:1],), np.array([got.itemsize]), np.array([4 if fmt.fits_float32 else 8]))
        report.check(
            Way("(lambda c, f, _: nf.unpack(nf.pack(c, f), f, c.size))", fmt, Rounding.NEAREST_EVEN),
            (c,),
            packing.unpack(packing.pack(c, fmt), fmt, c.size),
            c,
        )
        few = c[:9]
        packed = sum(int(code) << (i * fmt.bits) for i, code in enumerate(few)).to_bytes(
            -(-few.size * fmt.bits // 8), "little"
        )
        text = f"(lambda c, f, _: nf.pack({few.tolist()}, f))"
        whole = np.frombuffer(packed, np.uint8)
        report.check(Way(text, fmt, Rounding.NEAREST_EVEN), (whole,), packing.pack(few, fmt), whole)
        if fmt.flushes_input or fmt.flushes_output:
            continue
        there = ~np.isnan(exact)
        again = Way("nf.encode", fmt, Rounding.NEAREST_EVEN, Overflow.SATURATE_FINITE)
        report.check(again, (exact[there],), again.call((exact[there],)), c[there])


def _check_cast(fmt: Format, rng: np.random.Generator, report: Found) -> None:
    other = random_format(Random(int(rng.integers(2**62))))
    x = _members(other, rng, 300)
    here = array(x, other)
    exact = round_cuts(cut_numbers(np.asarray(here.values, np.float64), fmt), fmt, Rounding.NEAREST_EVEN, None)
    if np.isnan(exact).any() and not fmt.has_nan:
        return
    report.check(
        Way(f"(lambda x, f, _: nf.array(x, nf.{other!r}).astype(f).values)", fmt, Rounding.NEAREST_EVEN),
        (x,),
        here.astype(fmt).values,
        exact,
    )


# ------------------------------------------------------------------ arithmetic
def _members(fmt: Format, rng: np.random.Generator, count: int) -> Floats:
    """Numbers of a format, special ones among them."""
    x = inputs(fmt, rng, count)
    x = x[rng.integers(0, x.size, count)]
    x = np.array(round_public(x[np.isfinite(x)], fmt, overflow="saturate_finite"), np.float64)
    few = rng.integers(0, x.size, (2, 3))
    if fmt.has_nan:
        x[few[0]] = np.nan
    if fmt.has_inf:
        x[few[1]] = rng.choice([np.inf, -np.inf] if fmt.signed else [np.inf], 3)
    return x


def _operands(fmt: Format, rng: np.random.Generator, arity: int, count: int, members: bool) -> tuple[Floats, ...]:
    """Rows of operands.

    Unrelated ones, ones that nearly cancel, products and quotients about both ends of the range.
    """
    draw = _members if members else inputs
    x, y, z = (rng.permutation(np.resize(draw(fmt, rng, count), count)) for _ in range(3))
    third, span = count // 3, fmt.precision + 3
    with np.errstate(all="ignore"):
        y[:third] = -x[:third] * (1 + rng.integers(-2, 3, third) * 2.0 ** -rng.integers(1, 53, third))
        far = slice(third, third + third // 2)
        y[far] = x[far] * 2.0 ** -rng.integers(0, span, third // 2) * (1 + rng.integers(0, 3, third // 2) / 2)
        ends = slice(third + third // 2, 2 * third)
        target = rng.choice([fmt.max, 2.0**fmt.emin, fmt.smallest_subnormal], y[ends].size) * rng.uniform(
            0.2, 2.5, y[ends].size
        )
        y[ends] = np.where(rng.random(y[ends].size) < 0.5, target / x[ends], x[ends] / target)
        z[::2] = (-x * y * (1 + rng.integers(-1, 2, count) * 2.0 ** -rng.integers(1, 60, count)))[::2]
        if members:
            x, y, z = (np.array(round_public(a, fmt, overflow="saturate_finite"), np.float64) for a in (x, y, z))
            if not fmt.has_nan:
                x, y, z = (np.where(np.isnan(a), fmt.max, a) for a in (x, y, z))
    return (x, y, z)[:arity]


def sweep_operations(fmt: Format, rng: np.random.Generator, report: Found, count: int = 60) -> None:
    """Every operation on numbers of the format and on any, from both carriers and in FloatArrays; folds."""
    for name, (arity, _) in EXACT.items():
        members = bool(rng.random() < 0.6)
        pool = _operands(fmt, rng, arity, count, members)
        if rng.random() < 0.5:
            pool = tuple(carriers(a)[1].astype(np.float64) for a in pool)
        _sweep_pool(
            fmt,
            rng,
            report,
            name,
            pool,
            [exact_result(name, fmt, *row) for row in zip(*(a.tolist() for a in pool), strict=True)],
            members,
        )
    _check_folds(fmt, rng, report)


def _sweep_pool(
    fmt: Format,
    rng: np.random.Generator,
    report: Found,
    name: str,
    pool: tuple[Floats, ...],
    results: list[Result],
    members: bool,
) -> None:
    """An operation or function on operands whose exact results are known."""
    cuts = cut_results(results, fmt)
    size = np.abs(np.array([_size(z) for z in results]))
    report.inputs = report.inputs + len(results)
    kinds = kinds_of(size, fmt)
    single = [
        a
        for a in (tuple(carriers(a)[1] for a in pool),)
        if all(not differs(b.astype(np.float64), c).any() for b, c in zip(a, pool, strict=True))
    ]
    given = [pool, *single]
    for way in ways_of(f"nf.{name}", fmt, rng):
        places = places_of(rng, kinds)
        operands = tuple(a[places] for a in given[rng.integers(len(given))])
        exact = _exact(cuts.take(places), way)
        shaped = with_dimensions(rng, operands)
        report.check(way, shaped, way.call(shaped), exact)
        if members and name in _UFUNCS and not way.mode.is_stochastic and _are_members(operands, fmt):
            report.check(_in_float_arrays(way, name), operands, _in_float_arrays(way, name).call(operands), exact)


def _size(z: Result) -> float:
    """About how large a result is."""
    if not isinstance(z, tuple):
        return 0.0 if z is CANCELLED else z
    _, n, q, _ = z
    cut = max(n.bit_length() - 53, 0)
    return math.inf if n.bit_length() + q > 1024 else math.ldexp(n >> cut, max(q + cut, -2000))


def _are_members(operands: tuple[NDArray[Any], ...], fmt: Format) -> bool:
    return all(
        not differs(np.asarray(round_public(a, fmt, overflow="saturate_finite")), a).any() for a in operands
    ) and (fmt.has_nan or not any(np.isnan(a).any() for a in operands))


def _in_float_arrays(way: Way, name: str) -> Way:
    """The same by NumPy's ufunc on FloatArrays."""
    policy = f"'{way.overflow}'" if way.overflow else None
    member = f"nf.array(v, a[-2], overflow='saturate_finite').replace(rounding=a[-1], overflow={policy})"
    text = f"(lambda *a, **k: np.{name}(*({member} for v in a[:-2])).values)"

    def call(*arguments: Any, **_: Any) -> NDArray[Any]:
        *operands, fmt, mode = arguments
        members = (
            array(v, fmt, overflow="saturate_finite").replace(rounding=mode, overflow=way.overflow) for v in operands
        )
        return getattr(np, name)(*members).values

    return Way(text, way.format, way.mode, function=call)


def _check_folds(fmt: Format, rng: np.random.Generator, report: Found) -> None:
    """Partial sums and products, each step rounded."""
    x = _members(fmt, rng, 24)
    if rng.random() < 0.5:  # without the special ones, after which there is nothing to see
        x = x[np.isfinite(x)]
    for name in ("add", "multiply"):
        mode = list(Rounding)[rng.integers(7)]
        steps = [x[0]]
        for value in x[1:].tolist():
            steps.append(
                float(
                    round_cuts(cut_results([exact_result(name, fmt, float(steps[-1]), value)], fmt), fmt, mode, None)[0]
                )
            )
        if not fmt.has_nan and np.isnan(steps).any():
            continue
        a = array(x, fmt, overflow="saturate_finite").replace(rounding=mode, overflow=None)
        numbers = ", ".join(map(number_source, x.tolist()))
        text = f"(nf.array([{numbers}], f, overflow='saturate_finite').replace(rounding=mode, overflow=None)).values"
        ufunc = getattr(np, name)
        report.check(
            Way(f"(lambda x, f, mode: np.{name}.accumulate{text})", fmt, mode),
            (x,),
            ufunc.accumulate(a).values,
            np.array(steps),
        )
        report.check(
            Way(f"(lambda x, f, mode: np.{name}.reduce{text})", fmt, mode),
            (x[-1],),
            np.asarray(ufunc.reduce(a).values),
            np.array(steps[-1:]),
        )


# ------------------------------------------------------------------ elementary functions
def certain_result(name: str, *x: float) -> Result | None:
    """A function to 128 bits by ``ops/leading_bits.py``, whose last resort it is.

    None for arguments with special results, NaN apart.
    """
    if any(math.isnan(a) for a in x):
        return (False, 1, 0, False) if name == "power" and (x[0] == 1 or x[1] == 0) else math.nan
    if (
        any(a == 0 or math.isinf(a) for a in x)
        or (name == "log1p" and x[0] == -1)
        or (name == "power" and abs(x[0]) == 1)
    ):
        return None
    outside = {
        "log": x[0] < 0,
        "log2": x[0] < 0,
        "log10": x[0] < 0,
        "log1p": x[0] < -1,
        "arcsin": abs(x[0]) > 1,
        "arccos": abs(x[0]) > 1,
    }
    if outside.get(name) or (name == "power" and x[0] < 0 and x[1] != math.floor(x[1])):
        return math.nan
    if x[0] == 1 and name in ("log", "log2", "log10", "arccos"):
        return 0.0
    z = leading_bits(name, *x)
    return z.negative, z.N, z.q, z.more


def sweep_functions(
    fmt: Format,
    rng: np.random.Generator,
    report: Found,
    count: int = 40,
    *,
    number: int = 3,
    exact: Callable[..., Result | None] = certain_result,
) -> None:
    """Some elementary functions on numbers of the format and on any; `exact` gives their results."""
    for name in rng.choice(list(APPROXIMATIONS), number, replace=False):
        pool = _operands(fmt, rng, 2 if name in ("power", "arctan2") else 1, count, bool(rng.random() < 0.5))
        if rng.random() < 0.5:  # arguments whose results are ordinary
            with np.errstate(all="ignore"):
                pool = tuple(np.ldexp(np.frexp(a)[0], rng.integers(-6, 6, a.size)) for a in pool)
        if rng.random() < 0.5:
            pool = tuple(carriers(a)[1].astype(np.float64) for a in pool)
        rows = [tuple(as_operand(v, fmt) for v in row) for row in zip(*(a.tolist() for a in pool), strict=True)]
        results = [exact(str(name), *row) for row in rows]
        known = [i for i, z in enumerate(results) if z is not None]
        if known:
            _sweep_pool(
                fmt, rng, report, str(name), tuple(a[known] for a in pool), [z for z in results if z is not None], False
            )


def sweep_number(
    seed: int, k: int, areas: tuple[str, ...] = AREAS, accept: Callable[[Format], bool] | None = None
) -> dict[str, Report]:
    """Format k of a seed: a report for each area."""
    fmt, sweeps = (
        random_format(Random(f"{seed} {k}"), accept=accept),
        {"codes": sweep_codes, "operations": sweep_operations, "functions": sweep_functions},
    )
    reports: dict[str, Report] = {}
    for area in areas:
        report = Found(fmt)
        report.number = f"seed {seed}, format {k}"
        with np.errstate(all="ignore"):
            sweeps[area](fmt, np.random.default_rng([seed, k, AREAS.index(area)]), report)
        reports[area] = report
    return reports

"""The error of every order of summation, from the magnitudes of its terms alone: what `matmul_bound` puts together.

With t_k the exact product a_k b_k, S = sum |t_k|, T = |c| + S, n the number of sums and R(x) one rounding to a format,

    |R(x) - x| <= u max(|x|, w)     u = 2^-p to nearest, 2^(1-p) in other modes; w = 2^emin: gaps end to shrink there

product rounded   the terms are off by e = u' S + k u' w' in all; T + e then stands for T
sequential        to nearest: min(n u (T + w), T + u w), for any n; else ((1 + u)^n - 1) T + n u w (1 + u)^n
pairwise          ((1 + u)^d - 1) T + n u w (1 + u)^d with d = ceil(log2 k) + 1 (c is added last)
blocked           sequential for the blocks (n = block), then for the block sums, with their error added to T
interleaved       sequential for the lanes (n = ceil(k / L)), then pairwise for their sums, with their error added to T
kahan             about (4 u + 6 n u^2) T; `_kahan` has the constants
exact             u max(|c + sum t_k|, w)

Sequential, to nearest: a sum s + t rounded from a number s of the format is off by at most |t|, since s itself is that
near. So the error is at most T + u w (where c is no number of the format, the first sum may be off by
|t_1| + u max(|c|, w)). Beside that, it is at most E_k = k u (T_k + w) after k sums, by induction: let D = T_{k-1} + w.
If |t_k| <= u D, the new error is at most |t_k|, and E_{k-1} + u D = k u D. Else it is at most
u (T_k + w + (k-1) u D) <= u (T_k + w + (k-1) |t_k|), and (k-1) u (D + |t_k|) + u (T_k + w) = k u (T_k + w).
This is Jeannerod and Rump's argument; it needs no t of the format, so it holds for fused products.

Errors at random, of mean zero: (1 + u)^n - 1 becomes exp((L sqrt(n) u + n u^2) / (1 - u)) - 1, but for a chance of
2 exp(-L^2 / 2) for each of the partial products of (1 + error) that a sum has. That is a theorem for stochastic
rounding (Connolly, Higham and Mary) and a model for nearest (Higham and Mary), which fails where sums stagnate.
Directed modes, kahan and exact have no such bound here.

Sources: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. 2002, 3.1, 4.2-4.3; Jeannerod and Rump, SIAM
J. Matrix Anal. Appl. 34, 2013; Blanchard, Higham and Mary, SIAM J. Sci. Comput. 42, 2020; Higham and Mary, ibid. 41,
2019; Connolly, Higham and Mary, ibid. 43, 2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format, LowestBinade
from ..kernels.gemm.orders import Order, unknown_order
from ..ops.functions import exp, expm1, log1p
from .accumulators import Accumulator

Floats = NDArray[np.float64]

#: where exp is taken as infinite
_LARGEST_EXPONENT = 700.0


class Step(NamedTuple):
    """One rounding: |R(x) - x| <= u max(|x|, w), for |x| up to `top`.

    `near`: never farther from x than any number of the format. `bias`: what the mean of many roundings may be off by,
    in gaps; None where they are not random.
    """

    u: float
    w: float
    top: float
    near: bool
    bias: float | None

    def growth(self, n: int, deviations: float | None = None) -> float:
        """(1 + u)^n - 1; with `deviations` (L of the module) its counterpart for errors at random, where they are."""
        always = _expm1(n * _log1p(self.u))
        if deviations is None or self.bias is None or self.u == 1:
            return always
        exponent = (deviations * math.sqrt(n) * self.u + n * self.u * self.u + n * self.u * self.bias) / (1 - self.u)
        return min(always, _expm1(exponent))

    def __str__(self) -> str:
        return f"u = {power_of_two(self.u)}, w = {power_of_two(self.w)}"


class Terms(NamedTuple):
    """What an order needs of the terms: S, T, a bound on |c + sum t_k|, their number, and whether c is not zero."""

    s: Floats
    t: Floats
    exact: Floats
    k: int
    with_c: bool


class Part(NamedTuple):
    """A bound, infinite where a sum may lie beyond the format, and its formula."""

    error: Floats
    formula: str


def step_of(fmt: Format, acc: Accumulator) -> Step:
    """The constants of one rounding to a format by an accumulator's mode.

    Examples
    --------
    >>> import nfloat as nf
    >>> step = step_of(nf.float16, nf.Accumulator("float32"))
    >>> step.u == 2.0**-11, step.w == 2.0**-14, step.top
    (True, True, 65504.0)
    """
    nearest = acc.rounding.is_nearest
    u = 2.0 ** (-fmt.precision if nearest else 1 - fmt.precision)
    gradual = fmt.lowest_binade is LowestBinade.SUBNORMAL and not fmt.flushes_input and not fmt.flushes_output
    # without subnormals a number below the least one may be off by all of that
    w = 2.0**fmt.emin if gradual else fmt.smallest_normal / u
    top = min(fmt.max, -fmt.min) if fmt.signed and fmt.has_zero else 0.0
    bias = 0.0 if nearest else 2.0 ** -(acc.random_bits or 32) if acc.rounding.facts.unbiased else None
    return Step(u, w, top, nearest and gradual, bias)


def errs_at_random(acc: Accumulator) -> bool:
    """Whether rounding errors may be taken as random of mean zero, where orders have such a bound."""
    mean_zero = acc.rounding.facts.unbiased or acc.rounding.is_nearest
    return mean_zero and acc.order not in (Order.KAHAN, Order.EXACT)


def sum_bound(acc: Accumulator, terms: Terms, deviations: float | None) -> Part:
    """The error of adding the terms as `acc` says."""
    if acc.order not in _ORDERS:
        raise unknown_order(acc.order, "linalg/bound_orders.py")
    return _ORDERS[acc.order](acc, step_of(acc.format, acc), terms, deviations)


def _sequential(acc: Accumulator, step: Step, x: Terms, deviations: float | None) -> Part:
    error, text = _one_by_one(step, x.k, x.t, deviations)
    return Part(_unless_overflow(error, x.t, step), f"{text}, n = {x.k}, {step}")


def _one_by_one(step: Step, n: int, total: Floats, deviations: float | None) -> Part:
    """n sums in a row; `total` bounds the sum of all magnitudes."""
    growth = step.growth(n, deviations)
    error = _spread(growth, step, n, total)
    text = "g T + n u w (1 + g), " + _growth_text("n", step, deviations)
    if not step.near:
        return Part(error, text)
    always = np.minimum(n * step.u * (total + step.w), total + step.u * step.w)
    if deviations is None:
        return Part(always, "min(n u (T + w), T + u w)")
    return Part(np.minimum(always, error), f"min(n u (T + w), T + u w, {text})")


def _spread(growth: float, step: Step, n: int, total: Floats) -> Floats:
    return growth * total + n * step.u * step.w * (1 + growth)


def _growth_text(n: str, step: Step, deviations: float | None) -> str:
    if deviations is None or step.bias is None:
        return f"g = (1 + u)^{n} - 1"
    return f"g = exp((L sqrt({n}) u + {n} u^2) / (1 - u)) - 1, L = {deviations:.3g}"


def _pairwise(acc: Accumulator, step: Step, x: Terms, deviations: float | None) -> Part:
    # adding no c to a sum that is on the grid already is exact
    depth = max((x.k - 1).bit_length() + (x.with_c or x.k == 1), 1)
    error = _spread(step.growth(depth, deviations), step, x.k, x.t)
    text = f"g T + n u w (1 + g), {_growth_text('d', step, deviations)}, d = {depth}, n = {x.k}, {step}"
    return Part(_unless_overflow(error, x.t, step), text)


def _blocked(acc: Accumulator, step: Step, x: Terms, deviations: float | None) -> Part:
    length = min(acc.terms, x.k)
    blocks = -(-x.k // length)
    # w counts once for each block
    inner, text = _one_by_one(step._replace(w=step.w * blocks), length, x.s, deviations)
    inner = _unless_overflow(inner, x.s, step)
    second = step_of(acc.result_format, acc)
    outer, second_text = _one_by_one(second, blocks, x.t + inner, deviations)
    outer = _unless_overflow(outer, x.t + inner, second)
    first = f"e = {text}, n = {length}, {step} (w for each of {blocks} blocks)"
    return Part(inner + outer, f"{first}; plus {second_text}, with T + e for T, n = {blocks}, {second}")


def _interleaved(acc: Accumulator, step: Step, x: Terms, deviations: float | None) -> Part:
    lanes = min(acc.terms, x.k)  # the others are zero, and adding that is exact, as is adding no c
    length = -(-x.k // lanes)
    # w counts once for each lane
    inner, text = _one_by_one(step._replace(w=step.w * lanes), length, x.s, deviations)
    inner = _unless_overflow(inner, x.s, step)
    depth, sums = (lanes - 1).bit_length() + x.with_c, lanes - 1 + x.with_c
    total = x.t + inner
    outer = _unless_overflow(_spread(step.growth(depth, deviations), step, sums, total), total, step)
    first = f"e = {text}, n = {length}, {step} (w for each of {lanes} lanes)"
    second = f"g T + n u w (1 + g), {_growth_text('d', step, deviations)}, d = {depth}, n = {sums}"
    return Part(inner + outer, f"{first}; plus {second}, with T + e for T")


def _kahan(acc: Accumulator, step: Step, x: Terms, deviations: float | None) -> Part:
    """Compensated summation with all four operations rounded in any mode, subtractions not assumed exact.

    z = s - e is what the sum stands for, X = T + |z - sum t|. A rounding of y = t - e is off by at most u (|t| + |e|),
    the new s by at most u X, and e = (s' - s) - y by what follows from these. So |e| <= f X + h u w, and in a step X
    grows by at most tau |t| + rho X + nu u w.
    """
    u = step.u
    room = 1 - u * (1 + u) * (1 + u)
    f = 2 * u * (1 + u) * (1 + u) / room
    h = (2 * (1 + u) * (1 + u) + 1) / room
    tau = u + u * (1 + u) * (1 + u)
    rho = u * f + u * (1 + u) * (1 + u) * f + u * u * (1 + u) + u * u
    nu = u * h + u * (1 + u) * (1 + u) * h + 2 * u * (1 + u) + 2 * u + 3
    formula = (
        f"(1 + f) (1 - r)^-n ((1 + g) T + n v u w) - T + h u w, n = {x.k}, {step}, "
        f"f = {f:.3g}, g = {tau:.3g}, h = {h:.3g}, r = {rho:.3g}, v = {nu:.3g}"
    )
    exponent = -x.k * _log1p(-rho) if room > 0 and rho < 1 else math.inf
    if exponent > _LARGEST_EXPONENT:
        return Part(np.full_like(x.t, np.inf), formula)
    # (1 + f) (1 + tau) (1 - rho)^-k - 1, without cancellation
    growth = _expm1(exponent + _log1p(f) + _log1p(tau))
    error = growth * x.t + ((1 + f) * _exp(exponent) * x.k * nu + h) * u * step.w
    return Part(_unless_overflow(error, 2 * x.t + error, step), formula)


def _exact(acc: Accumulator, step: Step, x: Terms, deviations: float | None) -> Part:
    error = step.u * np.maximum(x.exact, step.w)
    return Part(_unless_overflow(error, x.exact, step), f"u max(|c + sum t|, w), {step}")


_ORDERS: Mapping[Order, Callable[[Accumulator, Step, Terms, float | None], Part]] = MappingProxyType(
    {
        Order.SEQUENTIAL: _sequential,
        Order.PAIRWISE: _pairwise,
        Order.BLOCKED: _blocked,
        Order.KAHAN: _kahan,
        Order.EXACT: _exact,
        Order.INTERLEAVED: _interleaved,
    }
)

#: who proved what
SOURCES = MappingProxyType(
    {
        Order.SEQUENTIAL: "Higham, ASNA, 3.1 and 4.2; Jeannerod and Rump 2013",
        Order.PAIRWISE: "Higham, ASNA, 4.2",
        Order.BLOCKED: "Blanchard, Higham and Mary 2020; Higham, ASNA, 4.2",
        Order.KAHAN: "Higham, ASNA, 4.3, here with explicit constants",
        Order.EXACT: "one rounding",
        Order.INTERLEAVED: "Higham, ASNA, 4.2",
    }
)
SOURCE_AT_RANDOM = "Higham and Mary 2019; Connolly, Higham and Mary 2021"


def _unless_overflow(error: Floats, magnitude: Floats, step: Step) -> Floats:
    """The error, infinite where a sum before its last rounding may lie beyond the format."""
    return np.where(magnitude + error > step.top, np.inf, error)


# bounds are printed and end in rows: correctly rounded, so that they do not depend on a C library
@lru_cache(maxsize=256)
def _exp(exponent: float) -> float:
    return float(exp(exponent, "float64"))


@lru_cache(maxsize=256)
def _expm1(exponent: float) -> float:
    return float(expm1(exponent, "float64")) if exponent < _LARGEST_EXPONENT else math.inf


@lru_cache(maxsize=256)
def _log1p(x: float) -> float:
    return float(log1p(x, "float64"))


def power_of_two(value: float) -> str:
    """A power of two as one, anything else in three digits.

    Examples
    --------
    >>> power_of_two(2.0**-11), power_of_two(0.3)
    ('2^-11', '0.3')
    """
    mantissa, exponent = math.frexp(value)
    return f"2^{exponent - 1}" if mantissa == 0.5 else f"{value:.3g}"

"""`Check`: a figure that a study must reproduce: measured, expected, how far it may be off, and who says so.

Made by `exactly`, `within`, `between`, `at_most` and `at_least`, so that the words and the limits cannot disagree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: the source of figures that no publication has: they were first computed by an independent model in float64 that
#: rounds explicitly, and shares no code with nfloat
MODEL = "float64 model"


@dataclass(frozen=True)
class Check:
    """A measured figure and the closed interval in which it must lie; NaN lies in none.

    Attributes
    ----------
    figure : str
        What was measured, in a few words.
    measured : float
    low, high : float
        The interval; ``low == high`` where the figure is exact.
    expected : str
        The interval in words.
    source : str
        Who says so.
    """

    figure: str
    measured: float
    low: float
    high: float
    expected: str
    source: str

    @property
    def ok(self) -> bool:
        """Whether the figure lies where it must."""
        return self.low <= self.measured <= self.high

    @property
    def measured_text(self) -> str:
        """The measured figure: all digits where it must be exact, four elsewhere."""
        return shown(self.measured, exact=self.low == self.high)


def exactly(figure: str, measured: float, value: float, source: str) -> Check:
    """A figure that must be `value` to the bit.

    Examples
    --------
    >>> check = exactly("sum of ones", 2048.0, 2048, "counting")
    >>> check.ok, check.expected
    (True, '2048')
    """
    return Check(figure, float(measured), float(value), float(value), shown(float(value), exact=True), source)


def within(
    figure: str, measured: float, value: float, source: str, *, relative: float = 0.0, absolute: float = 0.0
) -> Check:
    """A figure that may be off by `absolute` and by the share `relative` of the value.

    Examples
    --------
    >>> within("ratio", 8.03, 8.0, "2^3", relative=0.01).expected
    '8 ± 1 %'
    """
    off = absolute + relative * abs(value)
    far = f"{100 * relative:g} %" if relative else shown(absolute)
    return Check(figure, float(measured), value - off, value + off, f"{shown(value)} ± {far}", source)


def between(figure: str, measured: float, low: float, high: float, source: str) -> Check:
    """A figure that must lie in the closed interval from `low` to `high`."""
    return Check(figure, float(measured), low, high, f"{shown(low)} to {shown(high)}", source)


def at_most(figure: str, measured: float, value: float, source: str) -> Check:
    """A figure that must not be greater than `value`.

    Examples
    --------
    >>> at_most("error / bound", math.nan, 1.0, "theorem").ok
    False
    """
    return Check(figure, float(measured), -math.inf, value, f"≤ {shown(value)}", source)


def at_least(figure: str, measured: float, value: float, source: str) -> Check:
    """A figure that must not be less than `value`."""
    return Check(figure, float(measured), value, math.inf, f"≥ {shown(value)}", source)


def shown(value: float, *, exact: bool = False) -> str:
    """A number in a few characters: four digits, or all of them; whole numbers without a point.

    Examples
    --------
    >>> shown(7.0859375), shown(7.0859375, exact=True), shown(16777216.0, exact=True), shown(7.8e-5)
    ('7.086', '7.0859375', '16777216', '7.8e-05')
    """
    if exact:
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(float(value))
    return f"{value:.4g}"

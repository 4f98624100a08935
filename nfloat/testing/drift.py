"""`assert_drift`: a training or inference run stays within a budget.

The budget itself, and what breaks it, is told by the result (`breaches` of ``nfloat/drift/budget.py``, which
``nfloat drift --fail-on`` and its budget file use too): this room does not look into that one.
"""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError


def assert_drift(result: Any, loss_gap: float | None = 0.01, **budget: Any) -> None:
    """Fail unless every recipe of a drift run keeps within a budget.

    Parameters
    ----------
    result : Result
        Of `nf.drift.run`, or anything with its `breaches` method.
    loss_gap : float, optional
        The most by which the training loss may exceed float64's, relatively, in the mean over all seeds. None: no such
        limit.
    budget
        The other fields of `nf.drift.Budget`: fail_on, path_ratio, overflow, underflow, stagnation, skipped, trouble,
        recipes.

    Raises
    ------
    AssertionError
        A line per recipe and limit that is broken, with the number and the limit.
    ArgumentError
        If the result is none, or the budget has no such field.

    Examples
    --------
    >>> import nfloat as nf
    >>> config = nf.drift.Config(data="blobs", recipes=("float32",), steps=20, width=4, ablate="none")
    >>> assert_drift(nf.drift.run(config), loss_gap=0.01)
    """
    __tracebackhide__ = True
    if not callable(getattr(result, "breaches", None)):
        raise ArgumentError(f"result: {type(result).__name__} is not the Result of a drift run (nf.drift.run)")
    found = result.breaches(loss_gap=loss_gap, **budget)
    if found:
        raise AssertionError("\n".join([f"{len(found)} limits of the budget are broken:", *map(str, found)]))

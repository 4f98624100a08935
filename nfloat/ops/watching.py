"""Who watches what is computed: asked by products and FloatArrays, set by whoever records (``drift/tracking.py``).

Nothing here changes a result. A watched call is told once, by its outermost name: while it computes, nobody watches.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeAlias

#: called as (operation, format, result, exact): `exact` gives the same in float64, of the same operands
Watcher: TypeAlias = Callable[[str, str, Any, Callable[[], Any]], None]

#: who watches in this thread; None: nobody
WATCHER: ContextVar[Watcher | None] = ContextVar("nfloat.watcher", default=None)


def watched(operation: str, fmt: str, compute: Callable[[], Any], exact: Callable[[], Any]) -> Any:
    """What `compute` gives, told to the watcher, if there is one.

    Examples
    --------
    >>> watched("add", "bfloat16", lambda: 1.0, lambda: 1.001)
    1.0
    """
    watcher = WATCHER.get()
    token = WATCHER.set(None)
    try:
        result = compute()
        if watcher is not None and result is not NotImplemented:
            watcher(operation, fmt, result, exact)
    finally:
        WATCHER.reset(token)
    return result

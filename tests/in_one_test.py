"""Many small cases in one test: for those of which each takes less time than a test of its own takes to be reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import Any

import pytest


def in_one_test(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Any], Any]:
    """`pytest.mark.parametrize` within the test: all cases, the failure of the first that fails, and a list of them.

    What such a test asks of pytest (fixtures, other parameters) all cases share.
    """
    names = tuple(name.strip() for name in names.split(",")) if isinstance(names, str) else names
    rows = [dict(zip(names, case if len(names) > 1 else (case,), strict=True)) for case in cases]
    assert rows, f"no cases of {names}"

    def decorate(test: Any) -> Any:
        @wraps(test)
        def together(**shared: Any) -> None:
            first, failed = None, []
            for row in rows:
                try:
                    test(**row, **shared)
                except (Exception, pytest.fail.Exception) as error:
                    first = first or error
                    failed.append(f"{row}: {type(error).__name__}: {str(error).partition(chr(10))[0]}")
            if first is not None:
                first.add_note(
                    "\n".join([f"{len(failed)} of {len(rows)} cases fail, of which this is the first:", *failed])
                )
                raise first

        asked = signature(test)
        own = [p for name, p in asked.parameters.items() if name not in names]
        together.__signature__ = asked.replace(parameters=own)  # type: ignore[attr-defined]
        return together

    return decorate

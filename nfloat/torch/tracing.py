"""What was rounded where: a row per operation, module, role, format and accumulator, with calls and elements."""

from __future__ import annotations

from typing import Any


class Trace:
    """Counts roundings, sums and what stays in the carrier."""

    def __init__(self) -> None:
        #: the operation that is running, and how its row computes it
        self.operation, self.how = "", ""
        self._rows: dict[tuple[str, str, str, str, str, str], list[int]] = {}

    def rounded(self, layer: str, tensor: str, fmt: str, mode: str, elements: int) -> None:
        """One tensor that the recipe stores in a format, or one product or sum (the `tracer` of a precision)."""
        shown = fmt if mode in ("nearest_even", "exact") else f"{fmt}:{mode}"
        summed = tensor == "sum" or tensor.endswith(".sum")
        self.count(layer, tensor, "" if summed else shown, shown if summed else "", elements)

    def count(self, layer: str, role: str, fmt: str, accumulator: str, elements: int) -> None:
        """Add one call to a row."""
        key = self.operation, layer, role, fmt, accumulator, self.how
        row = self._rows.get(key)
        if row is None:
            self._rows[key] = [1, elements]
        else:
            row[0] += 1
            row[1] += elements

    def rows(self) -> list[dict[str, Any]]:
        """The rows, in the order in which they first came."""
        keys = ("operation", "module", "role", "format", "accumulator", "how")
        return [
            {**dict(zip(keys, key, strict=True)), "calls": calls, "elements": elements}
            for key, (calls, elements) in self._rows.items()
        ]

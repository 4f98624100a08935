"""What was rounded where: a row per operation, module, role, format and accumulator, with calls and elements."""

from __future__ import annotations

from typing import Any

#: modes that a row does not name
NEAREST = ("nearest_even", "exact")


class Trace:
    """Counts roundings, sums and what stays in the carrier."""

    def __init__(self) -> None:
        #: the operation that is running, and how its row computes it
        self.operation, self.how = "", ""
        self._rows: dict[tuple[str, str, str, str, str, str], list[int]] = {}
        #: (tensor, format, mode) -> format and accumulator as rows have them
        self._shown: dict[tuple[str, str, str], tuple[str, str]] = {}

    def rounded(self, layer: str, tensor: str, fmt: str, mode: str, elements: int) -> list[int]:
        """Count one tensor that is stored in a format, one product or sum (the `tracer` of a precision); its row."""
        shown = self._shown.get((tensor, fmt, mode))
        if shown is None:
            text = fmt if mode in NEAREST else f"{fmt}:{mode}"
            summed = tensor == "sum" or tensor.endswith(".sum")
            shown = self._shown[tensor, fmt, mode] = ("", text) if summed else (text, "")
        return self.count(layer, tensor, *shown, elements)

    def count(self, layer: str, role: str, fmt: str, accumulator: str, elements: int) -> list[int]:
        """Add one call to a row, and give it."""
        row = self._rows.get((self.operation, layer, role, fmt, accumulator, self.how))
        if row is None:
            row = self.row(layer, role, fmt, accumulator)
        row[0] += 1
        row[1] += elements
        return row

    def row(self, layer: str, role: str, fmt: str, accumulator: str) -> list[int]:
        """The calls and the elements of a row, of the operation that is running, for whoever adds to them."""
        key = self.operation, layer, role, fmt, accumulator, self.how
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = [0, 0]
        return row

    def rows(self) -> list[dict[str, Any]]:
        """The rows, in the order in which they first came."""
        keys = ("operation", "module", "role", "format", "accumulator", "how")
        return [
            {**dict(zip(keys, key, strict=True)), "calls": calls, "elements": elements}
            for key, (calls, elements) in self._rows.items()
            if calls
        ]

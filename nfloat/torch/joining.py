"""Linear layers in one product each, rows in the order of the batch: what PyTorch splits or reorders on its way down.

An input that is not contiguous would come as a product and a sum apart; a layer of several heads lays its sequences
side by side, so that sums over rows (the gradients of its weights) would run in another order than in `nfloat.nn`.
Both are the same linear map; written over rows (batch, length) each is one operation, bias included.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from .places import Places

#: the place of that weight among the arguments after the queries
_PACKED = 4


class Joining:
    """Stands in the place of two of torch's functions while an emulation runs."""

    def __init__(self, places: Places) -> None:
        self._is_here = places.is_here
        self._linear: Any = None
        self._attend: Any = None
        #: length and batch of the queries of the attention that is running
        self._rows: tuple[int, int] | None = None
        #: its weight for queries, keys and values in one, whose result torch makes contiguous itself
        self._packed: Any = None

    def start(self) -> None:
        """Take their places."""
        self._linear, self._attend = functional.linear, functional.multi_head_attention_forward
        functional.linear, functional.multi_head_attention_forward = self._joined, self._attending

    def stop(self) -> None:
        """Give them back."""
        functional.linear, functional.multi_head_attention_forward = self._linear, self._attend

    def _attending(self, query: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if not self._is_here():
            return self._attend(query, *args, **kwargs)
        before = self._rows, self._packed
        self._rows = None if query.dim() != 3 else (query.shape[0], query.shape[1])
        self._packed = args[_PACKED] if len(args) > _PACKED else kwargs.get("in_proj_weight")
        try:
            return self._attend(query, *args, **kwargs)
        finally:
            self._rows, self._packed = before

    def _joined(self, input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> Any:
        if not self._is_here():
            return self._linear(input, weight, bias)
        if self._rows is not None:
            return self._by_batch(input, weight, bias, *self._rows)
        if input.dim() > 2 and not input.is_contiguous():
            return self._linear(input.reshape(-1, input.shape[-1]), weight, bias).view(*input.shape[:-1], -1)
        return self._linear(input, weight, bias)

    def _by_batch(self, x: torch.Tensor, weight: torch.Tensor, bias: Any, length: int, batch: int) -> Any:
        """Of sequences side by side, (length, batch, ...) or its rows, as rows of one sequence after the other."""
        flat = x.dim() == 2
        if flat and x.shape[0] != length * batch:
            return self._linear(x, weight, bias)
        side = x.view(length, batch, -1) if flat else x
        rows = side.transpose(0, 1).reshape(-1, x.shape[-1])
        y = self._linear(rows, weight, bias).view(side.shape[1], side.shape[0], -1).transpose(0, 1)
        if weight is self._packed:
            return y
        return y.contiguous().view(x.shape[0], -1) if flat else y.contiguous()

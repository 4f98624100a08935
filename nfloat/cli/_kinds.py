"""Whose run a configuration is: those of PyTorch models need their room, which is imported only for them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path


def prepare(config: Path) -> None:
    """Import what reads this file, if it names a PyTorch model.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """
    from ..runs.config import top_keys

    if "torch" in top_keys(config):
        import_module("nfloat.torch")

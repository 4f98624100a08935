"""Whose run a configuration is: those of PyTorch models need their room, which is imported only for them."""

from __future__ import annotations

from pathlib import Path


def prepare(config: Path) -> type | None:
    """Import what reads this file, if it names a PyTorch model; returns its class, or None.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """
    from ..runs.config import top_keys

    if "torch" in top_keys(config):
        from ..torch.drift import TorchExperiment

        return TorchExperiment
    return None

"""`Setting`: what ``training.py`` and ``verdict.py`` have in common: data, model, training, one recipe."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """A training; the fields are those of ``nf.drift.Config``, which checks them, with one recipe."""

    data: str = "digits"
    model: str = "mlp"
    width: int = 64
    depth: int = 1
    activation: str = "relu"
    recipe: str = "bf16-mixed"
    optimizer: str = "sgd"
    lr: float = 0.02
    batch: int = 32
    steps: int = 430
    seed: int = 0

"""The names of PyTorch's side: each has an example, and the reference, built without PyTorch, tells of it."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
import nfloat.torch as nft

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "training.md"


def test_each_has_an_example():
    assert [name for name in nft.__all__ if ">>>" not in (getattr(nft, name).__doc__ or "")] == []


def test_the_reference_tells_of_them_by_hand():
    assert set(re.findall(r"`nfloat\.torch\.(\w+)`", REFERENCE.read_text(encoding="utf-8"))) == set(nft.__all__)

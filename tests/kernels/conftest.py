"""Fixtures of the kernels' tests."""

import pytest
from house_copy import copied


@pytest.fixture
def copy(tmp_path):
    """A copy of the package that may be edited."""
    return copied(tmp_path / "house")

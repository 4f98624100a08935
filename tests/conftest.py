"""What holds for all tests."""

import pytest

from nfloat.linalg import threads


@pytest.fixture(autouse=True)
def threads_for_little_work(monkeypatch):
    """A second thread where it does not pay as well.

    The products of tests are small, and bits must not depend on the number.
    """
    monkeypatch.setattr(threads, "WORK_PER_THREAD", 1000)

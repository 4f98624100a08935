"""Fixtures that several rooms ask for."""

import pytest

from nfloat.ops import threads


@pytest.fixture
def threads_for_little_work(monkeypatch):
    """A second thread where it does not pay: the products of tests are small, and bits must not depend on the number.

    For modules that compare numbers of threads: ``pytestmark = pytest.mark.usefixtures("threads_for_little_work")``.
    """
    monkeypatch.setattr(threads, "WORK_PER_THREAD", 1000)

"""Odd objects in the place of arguments: an NFloatError or a result, nothing else, no hang (``odd_calls.py``)."""

import pytest
from odd_calls import calls, findings


@pytest.mark.parametrize("seed", range(2))
def test_nothing_else_is_raised_and_nothing_hangs(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of what is odd is a good path
    assert [str(finding) for finding in findings(150, 1000 + seed)] == []


def test_every_function_works_as_it_stands_there():
    for call in calls():
        call.function(**call.arguments)

"""Each seeded bug is caught at default settings, the right version passes; and what a guessed tolerance says."""

import warnings

import numpy as np
import pytest
from seeded_bugs import BUGS


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_right_one_passes_and_the_wrong_one_does_not(bug):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right, wrong = bug.right(), bug.wrong()
    bug.check(right)
    with pytest.raises(AssertionError):
        bug.check(wrong)


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.rtol is not None], ids=lambda bug: bug.name)
def test_what_a_tolerance_of_a_hundredth_says(bug):
    """The column of the table: True where it sees nothing."""
    right, wrong = (np.asarray(x(), np.float64) for x in (bug.right, bug.wrong))
    if right.ndim == 2 and right.shape[0] > 1000:
        right, wrong = right.mean(axis=0), wrong.mean(axis=0)
    with np.errstate(all="ignore"):
        try:
            np.testing.assert_allclose(wrong, right, rtol=1e-2)
            sees_nothing = True
        except AssertionError:
            sees_nothing = False
    assert sees_nothing == bug.rtol


def test_there_are_enough_of_them():
    assert len(BUGS) >= 24 and len({bug.name for bug in BUGS}) == len(BUGS)

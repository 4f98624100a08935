"""This machine computes what every machine computes: the digests on record.

(``bench/same_bits.py``: other settings.)
"""

import pytest
from digests import differing, known, named


def test_the_record_is_of_these_digests():
    names = [name for name, _ in named()]
    assert len(names) == len(set(names)) >= 100
    assert list(known()) == names


@pytest.mark.parametrize("prefix", sorted({name.split()[0] for name, _ in named()}))
def test_equal_to_the_record(prefix):
    assert differing([prefix]) == [], (
        "a result has changed; if it was meant to: python tests/digests/digests.py --write"
    )

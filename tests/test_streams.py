"""Streams: derived by name, the same on every machine, independent of each other."""

import pickle

import numpy as np
import pytest

import nfloat as nf
from nfloat.streams import as_key


def test_keys_are_the_same_on_every_machine_and_version():
    """Results saved with a seed must come out again: these keys never change."""
    assert nf.Stream(0).key == 0x7204847361A6D049
    assert nf.Stream(1).key == 0x0F8F6BD8BC978D74
    assert nf.Stream(1).child("layer3", 7).key == 0x5681EC5B58BA44D1


def test_children_are_derived_level_by_level():
    s = nf.Stream(5)
    assert s.child("a", 1) == s.child("a").child(1)
    assert s.child() == s
    assert s.child("a").seed == 5 and s.child("a").path == ("a",)


def test_names_of_different_kind_or_order_give_different_streams():
    s = nf.Stream(5)
    streams = [
        s,
        s.child("1"),
        s.child(1),
        s.child(-1),
        s.child("a", "b"),
        s.child("b", "a"),
        s.child("ab"),
        s.child("a"),
        s.child(""),
        s.child("", ""),
        nf.Stream(6),
    ]
    assert len({stream.key for stream in streams}) == len(streams)


def test_numpys_names_are_names():
    s = nf.Stream(5)
    assert s.child(np.str_("a"), np.int64(3)) == s.child("a", 3)


@pytest.mark.parametrize("name", [1.5, None, ("a",), b"a", True])
def test_bad_names(name):
    with pytest.raises(nf.SeedError, match="child name"):
        nf.Stream(5).child(name)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "1", None, True])
def test_bad_seeds(seed):
    with pytest.raises(nf.SeedError, match="seed="):
        nf.Stream(seed)


def test_streams_are_values():
    s = nf.Stream(5).child("a")
    assert pickle.loads(pickle.dumps(s)) == s and hash(s) == hash(nf.Stream(5).child("a"))
    with pytest.raises(AttributeError):
        s.key = 0
    assert as_key(nf.Stream(5)) == as_key(5)


def test_ten_thousand_children_have_different_keys():
    keys = {nf.Stream(seed).child(name, step).key for seed in range(10) for name in ("w", "b") for step in range(500)}
    assert len(keys) == 10_000


def test_what_is_no_seed_or_name():
    for seed in (np.array([1, 2]), np.array(1.5), nf.Stream(1)):
        with pytest.raises(nf.SeedError, match="seed="):
            nf.Stream(seed)
    with pytest.raises(nf.SeedError, match="child name"):
        nf.Stream(1).child(np.array([1, 2]))
    assert nf.Stream(1).child("\ud800") != nf.Stream(1).child("\ud801")

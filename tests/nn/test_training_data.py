"""Data: the digits' split, synthetic clouds, own arrays and files, batches, and what is refused."""

import itertools
import zipfile

import numpy as np
import pytest

from nfloat.errors import ArgumentError, NFloatError, ShapeError
from nfloat.nn import batches, from_arrays, load_data
from nfloat.nn.data import blobs, images


@pytest.mark.parametrize("file", [images._DIGITS, "no such file"])
def test_digits(file, monkeypatch):
    """Read from scikit-learn's own file, or by it where that lies elsewhere."""
    from sklearn.datasets import load_digits

    monkeypatch.setattr(images, "_DIGITS", file)
    d = load_data("digits")
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(123).permutation(1797)
    assert (d.name, d.features, d.classes) == ("digits", 64, 10)
    assert d.train_x.shape == (1400, 64) and d.test_x.shape == (397, 64)
    assert d.train_x.dtype == np.float32
    assert np.array_equal(d.train_x, x[order[:1400]] / 16) and np.array_equal(d.test_x, x[order[1400:]] / 16)
    assert np.array_equal(d.train_y, y[order[:1400]]) and np.array_equal(d.test_y, y[order[1400:]])


def test_blobs_are_reproducible_and_balanced():
    one, other = load_data("blobs"), blobs()
    assert np.array_equal(one.train_x, other.train_x)
    assert np.bincount(np.concatenate([one.train_y, one.test_y])).tolist() == [200] * 10
    assert not np.array_equal(blobs(seed=1).train_x, other.train_x)


def test_own_arrays():
    x = np.arange(60.0).reshape(10, 2, 3)
    d = from_arrays(x, np.arange(10) % 2, train=7)
    assert d.train_x.shape == (7, 6) and d.test_x.shape == (3, 6)
    assert d.train_x.dtype == np.float32
    # float64 values that float32 does not hold are not rounded through it
    assert from_arrays(x + 1e-12, np.arange(10)).train_x.dtype == np.float64
    assert from_arrays(x, [float(i) for i in range(10)]).train_y.dtype == np.int64


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_is_not_finite(bad):
    x = np.ones((5, 3))
    x[2, 1] = bad
    with pytest.raises(ArgumentError, match=r"x\[2, 1\] is (nan|inf) \(1 such in all\)"):
        from_arrays(x, np.zeros(5))


@pytest.mark.parametrize(
    "x, y, error",
    [
        (np.ones((4, 2)), np.zeros(3), ShapeError),
        (np.ones(4), np.zeros(4), ShapeError),
        (np.ones((0, 2)), np.zeros(0), ShapeError),
        ([["a"]], [0], ShapeError),
        (np.ones((2, 2)), [0.5, 1], ArgumentError),
        (np.ones((2, 2)), [-1, 1], ArgumentError),
        (np.ones((2, 2)), [np.nan, 1], ArgumentError),
        (np.ones((2, 2)), ["a", "b"], ShapeError),
    ],
)
def test_arrays_that_do_not_fit(x, y, error):
    with pytest.raises(error, match="'data'"):
        from_arrays(x, y)


def test_files(tmp_path):
    x, y = np.random.default_rng(0).integers(0, 9, (20, 3)) / 4, np.arange(20) % 3
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    np.savetxt(tmp_path / "mine.csv", np.column_stack([x, y]), delimiter=",")
    one, other = load_data(tmp_path / "mine.npz"), load_data(str(tmp_path / "mine.csv"))
    assert np.array_equal(one.train_x, other.train_x) and np.array_equal(one.test_y, other.test_y)
    assert one.name == "mine" and len(one.train_x) == 16


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("digit", None, "did you mean 'digits'"),
        ("none.npz", None, "cannot be read"),
        ("none.csv", None, "cannot be read"),
        ("thin.csv", b"1\n2\n", "1 column"),
        ("bad.npz", b"not an archive", "cannot be read"),
        ("bad.csv", b"1,2\n3,four\n", "cannot be read"),
        ("nan.csv", b"1,nan,0\n1,2,1\n", r"x\[0, 1\] is nan"),
    ],
)
def test_files_that_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NFloatError, match=message):
        load_data(name if name == "digit" else path)


def test_an_archive_without_the_arrays(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(ArgumentError, match=r"holds \['a'\]"):
        load_data(tmp_path / "other.npz")


def test_batches_are_permutations_without_their_last_incomplete_part():
    order = list(itertools.islice(batches(10, 3, seed=0), 6))
    rng = np.random.default_rng(0)
    for epoch in range(2):
        assert np.array_equal(np.concatenate(order[3 * epoch : 3 * epoch + 3]), rng.permutation(10)[:9])


@pytest.mark.parametrize("size", [0, 11, 2.5, True])
def test_batches_that_cannot_be(size):
    with pytest.raises(ArgumentError, match="batch="):
        batches(10, size, seed=0)


@pytest.mark.parametrize("train", [0, 11, 2.5])
def test_splits_that_cannot_be(train):
    with pytest.raises(ArgumentError, match="train="):
        from_arrays(np.ones((10, 2)), np.zeros(10), train=train)


def test_sizes_of_clouds_that_cannot_be():
    with pytest.raises(ArgumentError, match="classes=0"):
        blobs(classes=0)


@pytest.mark.parametrize("label", [np.uint64(2**64 - 1), 2.0**63, 10**12, 2**20], ids=str)
def test_class_numbers_that_no_model_has_an_output_for(label):
    with pytest.raises(ArgumentError, match=r"must be whole numbers from 0 to 1048575, the classes: y\[1\] is "):
        from_arrays(np.ones((2, 3)), np.array([0, label]))


def forged(path):
    """An .npz whose header claims 10^12 numbers."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1), }"
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", array + b"\0" * 80)
        archive.writestr("y.npy", array)


def cut(path):
    np.savez(path, x=np.ones((50, 4)), y=np.zeros(50))
    path.write_bytes(path.read_bytes()[:300])


def bits_changed(path):
    np.savez_compressed(path, x=np.arange(4000.0).reshape(1000, 4), y=np.zeros(1000))
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(b ^ 255 for b in data[200:260])
    path.write_bytes(bytes(data))


def an_npy(path):
    with path.open("wb") as file:
        np.save(file, np.ones((3, 3)))


def text(path):
    path.write_text("x,y\n1,2\n")


@pytest.mark.parametrize(
    "damage", [forged, cut, bits_changed, an_npy, text, lambda p: p.write_bytes(b""), lambda p: p.mkdir()]
)
def test_files_that_are_not_what_their_name_says(tmp_path, damage):
    damage(tmp_path / "data.npz")
    with pytest.raises(ArgumentError, match=r"data='.*data.npz' cannot be read: "):
        load_data(tmp_path / "data.npz")

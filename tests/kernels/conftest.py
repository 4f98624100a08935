"""Fixtures of the kernels' tests."""

import filecmp
import shutil

import pytest
from house_copy import PACKAGE, copied, run


@pytest.fixture
def copy(tmp_path):
    """A copy of the package that may be edited."""
    return copied(tmp_path / "house")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """A copy of the package, the cache in which a process compiled it, and what that process said."""
    folder = tmp_path_factory.mktemp("compiled")
    house = copied(folder / "house")
    return house, folder / "cache", run(house, folder / "cache")


@pytest.fixture
def house(compiled):
    """The copy that is compiled already, and may be edited: a cache knows the folder that it is for."""
    folder, _, _ = compiled
    yield folder
    for path in (folder / "nfloat").rglob("*.py"):
        source = PACKAGE / path.relative_to(folder / "nfloat")
        if not filecmp.cmp(source, path, shallow=False):
            shutil.copy2(source, path)  # with its time, which Numba looks at


@pytest.fixture
def cache(compiled, tmp_path):
    """A cache of one's own for `house`, as the first process left it."""
    return shutil.copytree(compiled[1], tmp_path / "cache")

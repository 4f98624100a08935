"""The pytest plugin: marker, fixtures, options, and what a user's mistake looks like.

Its tests run within this process (``run``), and in one of their own (``apart``) where that is what matters.
"""

import fnmatch
import importlib
import pkgutil
from functools import partial

import pytest

import nfloat as nf
from nfloat.kernels.jit import cache_root

pytest_plugins = ["pytester"]


OPTIONS = ("-p", "no:cacheprovider", "--strict-markers", "-v")


@pytest.fixture(scope="module")
def everything_imported():
    """A run within this process forgets the modules that it imports, and a second import of Numba's parts fails.

    Gives the folder of compiled kernels: a run has a home of its own, where it would compile them all once more.
    """
    for found in pkgutil.walk_packages(nf.__path__, "nfloat."):
        if not found.name.startswith(("nfloat.torch", "nfloat.__main__")):
            importlib.import_module(found.name)
    nf.encode(nf.round([0.1], "bfloat16"), "bfloat16")
    return cache_root()


@pytest.fixture
def run(pytester, monkeypatch, everything_imported):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("NFLOAT_CACHE_DIR", str(everything_imported))

    def run(source, *options, start=pytester.runpytest_inprocess, **more):
        pytester.makepyfile(test_user=source, **more)
        return start(*OPTIONS, *options)

    return run


@pytest.fixture
def apart(run, pytester):
    return partial(run, start=pytester.runpytest_subprocess)


def test_formats_and_roundings_of_the_marker(run):
    result = run("""
        import pytest, nfloat as nf

        @pytest.mark.nfloat(formats=["bf16", "e6m9"], roundings="directed")
        def test_both(nfloat_format, nfloat_rounding):
            assert isinstance(nfloat_format, nf.Format)
            assert nf.round(1.0, nfloat_format, nfloat_rounding) == 1.0

        @pytest.mark.nfloat(formats="float16")
        class TestInAClass:
            def test_one(self, nfloat_format, nfloat_rounding):
                assert (nfloat_format.name, nfloat_rounding) == ("float16", "nearest_even")
    """)
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(["*test_both*e6m9*toward_negative* PASSED*"])


def test_without_a_marker_every_named_format(run):
    result = run("""
        def test_it(nfloat_format):
            assert nfloat_format.bits > 0
    """)
    result.assert_outcomes(passed=len(nf.FORMATS))


#: a marker, whether the test takes the fixtures, and what is said
MISTAKES = {
    "name": ('formats="flaot16"', True, "*flaot16*did you mean*float16*"),
    "mode": ('roundings="nearest_evn"', True, "*nearest_evn*"),
    "key": ('format="float16"', True, "*the marker is nfloat*"),
    "position": ('"float16"', True, "*the marker is nfloat*"),
    "type": ("formats=3", True, "*nfloat marker*"),
    "no_format": ('formats="float16"', False, "*formats=..., and the test does not take the fixture nfloat_format*"),
    "no_rounding": ('roundings="directed"', False, "*the test does not take the fixture nfloat_rounding*"),
    "nothing": ("", False, "*the marker is nfloat*"),
}


def test_mistakes_in_the_marker(run):
    """Also a marker that says something to a test that does not take it: it would be ignored in silence."""
    sources = {
        f"test_{name}": f"""
            import pytest

            @pytest.mark.nfloat({marker})
            def test_it({"nfloat_format, nfloat_rounding" if takes else ""}):
                pass
        """
        for name, (marker, takes, _) in MISTAKES.items()
    }
    result = run("def test_right(): pass", "--continue-on-collection-errors", **sources)
    result.assert_outcomes(passed=1, errors=len(MISTAKES))
    for name, (_, _, message) in MISTAKES.items():
        shown = [line for line in result.stdout.lines if f"test_{name}.py" in line]
        assert any(fnmatch.fnmatch(line, message) for line in shown), (name, shown)


SEED = """
    import nfloat as nf

    def test_a(nfloat_seed):
        print("KEY", nfloat_seed.key)

    def test_b(nfloat_seed):
        print("KEY", nfloat_seed.key)
"""


def keys(result):
    return [line.split("KEY")[1].split()[0] for line in result.stdout.lines if "KEY" in line]


def test_seeds_are_each_tests_own_and_vary_with_the_option(run):
    first, other = run(SEED, "-s"), run(SEED, "-s", "--nfloat-seed", "7")
    assert keys(first) == [str(nf.Stream(0).child(f"test_user.py::test_{name}").key) for name in "ab"]
    assert keys(other) == [str(nf.Stream(7).child(f"test_user.py::test_{name}").key) for name in "ab"]
    other.stdout.fnmatch_lines(["nfloat: *seed 7"])


GOLDEN = """
    import nfloat as nf

    def test_it(nfloat_golden):
        nfloat_golden(nf.round([0.1, 0.2, {third}], "bfloat16"), "bfloat16")
        nfloat_golden([1.0], "float16", name="more")
"""


def test_golden(run, pytester, monkeypatch):
    source = GOLDEN.format(third=0.3)
    run(source, "--nfloat-update").assert_outcomes(passed=1)
    assert sorted(p.name for p in (pytester.path / "golden" / "test_user").iterdir()) == [
        "test_it-more.txt",
        "test_it.txt",
    ]
    changed = GOLDEN.format(third=0.45)  # of another length: Python looks at that and at whole seconds
    again = run(source, test_new=source.replace("test_it", "test_not_there"))
    again.assert_outcomes(passed=1, failed=1)
    again.stdout.fnmatch_lines(["*no golden file*--nfloat-update*"])
    monkeypatch.setenv("CI", "1")
    result = run(changed)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*1 of 3 elements*"])
    refused = run(source, "--nfloat-update")
    refused.assert_outcomes(failed=2)
    refused.stdout.fnmatch_lines(["*continuous integration*"])


def test_who_does_not_use_it_pays_nothing(apart):
    source = """
        import sys

        def test_it():
            assert not {"numba", "nfloat.testing.asserts", "nfloat.ops"} & set(sys.modules)

        def test_nor_does_pytest_rewrite_its_modules():
            import nfloat.files
            assert "assertion" not in type(nfloat.files.__spec__.loader).__module__
    """
    apart(source).assert_outcomes(passed=2)


def test_under_xdist(apart):
    result = apart(
        """
        import pytest, nfloat as nf

        @pytest.mark.nfloat(formats="ieee")
        def test_it(nfloat_format, nfloat_seed, nfloat_golden):
            nfloat_golden([1.0], nfloat_format)
    """,
        "-n",
        "2",
        "--nfloat-update",
    )
    result.assert_outcomes(passed=3)


def test_a_failure_shows_what_it_says_and_no_more(apart):
    result = apart(
        """
        import numpy as np, nfloat as nf

        def test_it():
            nf.testing.assert_matmul(np.zeros((2, 2)), np.eye(2), np.eye(2), "float16")
    """,
    )
    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    assert "actual is zero throughout" in shown and "reproduce: " in shown
    assert "def _predicted" not in shown and "products.py" not in shown
    assert len(shown.splitlines()) < 45


def test_help_and_markers_are_documented(run, pytester):
    run("def test_it(): pass").assert_outcomes(passed=1)
    assert "--nfloat-seed" in pytester.runpytest_inprocess("--help").stdout.str()
    assert "@pytest.mark.nfloat(formats=" in pytester.runpytest_inprocess("--markers").stdout.str()

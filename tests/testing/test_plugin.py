"""The pytest plugin, in processes of its own: marker, fixtures, options, and what a user's mistake looks like."""

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.delenv("CI", raising=False)

    def run(source, *options):
        pytester.makepyfile(test_user=source)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers", "-v", *options)

    return run


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
    import nfloat as nf

    result.assert_outcomes(passed=len(nf.FORMATS))


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('formats="flaot16"', "flaot16*did you mean*float16"),
        ('roundings="nearest_evn"', "nearest_evn"),
        ('format="float16"', "the marker is nfloat"),
        ('"float16"', "the marker is nfloat"),
        ("formats=3", "nfloat marker"),
    ],
)
def test_mistakes_in_the_marker(run, marker, message):
    result = run(f"""
        import pytest

        @pytest.mark.nfloat({marker})
        def test_it(nfloat_format, nfloat_rounding):
            pass
    """)
    assert result.ret != 0
    result.stdout.fnmatch_lines([f"*{message}*"])


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
    first, again, other = run(SEED, "-s"), run(SEED, "-s"), run(SEED, "-s", "--nfloat-seed", "7")
    assert len(set(keys(first))) == 2
    assert keys(first) == keys(again)
    assert not set(keys(first)) & set(keys(other))
    other.stdout.fnmatch_lines(["nfloat: *seed 7"])


GOLDEN = """
    import nfloat as nf

    def test_it(nfloat_golden):
        nfloat_golden(nf.round([0.1, 0.2, {third}], "bfloat16"), "bfloat16")
        nfloat_golden([1.0], "float16", name="more")
"""


def test_golden(run, pytester):
    source = GOLDEN.format(third=0.3)
    missing = run(source)
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*no golden file*--nfloat-update*"])
    run(source, "--nfloat-update").assert_outcomes(passed=1)
    assert sorted(p.name for p in (pytester.path / "golden" / "test_user").iterdir()) == [
        "test_it-more.txt",
        "test_it.txt",
    ]
    run(source).assert_outcomes(passed=1)
    changed = run(GOLDEN.format(third=0.4))
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(["*1 of 3 elements*"])


def test_golden_is_not_updated_in_ci(run, monkeypatch):
    monkeypatch.setenv("CI", "1")
    result = run(GOLDEN.format(third=0.3), "--nfloat-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*continuous integration*"])


def test_who_does_not_use_it_pays_nothing(run):
    result = run("""
        import sys

        def test_it():
            assert not {"numba", "nfloat.testing.asserts", "nfloat.ops"} & set(sys.modules)
    """)
    result.assert_outcomes(passed=1)


def test_help_and_markers_are_documented(run, pytester):
    run("def test_it(): pass").assert_outcomes(passed=1)
    assert "--nfloat-seed" in pytester.runpytest_subprocess("--help").stdout.str()
    assert "@pytest.mark.nfloat(formats=" in pytester.runpytest_subprocess("--markers").stdout.str()

"""The pytest plugin: option, marker, fixtures. Wiring only; pytest loads it by itself where nfloat is installed.

``@pytest.mark.nfloat(formats="fp8", roundings="nearest")`` runs a test once per format and mode that it takes as
`nfloat_format`, `nfloat_rounding` (``selection.py`` says which words there are). `nfloat_seed` is a stream of the
test's own, derived from ``--nfloat-seed`` (0) and the test's name; `nfloat_golden` compares with recorded codes
(``golden.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..formats.format import Format
    from ..formats.rounding import Rounding
    from ..streams import Stream

_MARKER = (
    "nfloat(formats='all', roundings='nearest_even'): "
    "run once per format (nfloat_format) and rounding mode (nfloat_rounding)"
)
_KEYS = ("formats", "roundings")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """--nfloat-seed, --nfloat-update."""
    _leave_as_written(pluginmanager)
    group = parser.getgroup("nfloat", "number formats")
    group.addoption(
        "--nfloat-seed", type=int, default=0, metavar="N", help="seed of the nfloat_seed streams (default: 0)"
    )
    group.addoption(
        "--nfloat-update", action="store_true", help="record golden files (nfloat_golden) instead of comparing"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that --strict-markers works."""
    config.addinivalue_line("markers", _MARKER)


def pytest_report_header(config: pytest.Config) -> str:
    """Versions and seed: what a failure needs to be reproduced."""
    return f"nfloat: {version('nfloat')}, numba {version('numba')}, seed {config.getoption('--nfloat-seed')}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise nfloat_format and nfloat_rounding as the marker says; refuse what it says to nobody."""
    _check_used(metafunc)
    if "nfloat_format" in metafunc.fixturenames:
        from .selection import select_formats

        chosen = _chosen(metafunc, "formats", "all", select_formats)
        metafunc.parametrize("nfloat_format", chosen, ids=[fmt.name for fmt in chosen])
    if "nfloat_rounding" in metafunc.fixturenames:
        from .selection import select_roundings

        modes = _chosen(metafunc, "roundings", "nearest_even", select_roundings)
        metafunc.parametrize("nfloat_rounding", modes, ids=[mode.value for mode in modes])


def _check_used(metafunc: pytest.Metafunc) -> None:
    """A marker on the test itself whose fixture the test does not take would be ignored in silence."""
    for marker in getattr(metafunc.definition, "own_markers", ()):
        if marker.name != "nfloat":
            continue
        unknown = marker.args or set(marker.kwargs) - set(_KEYS)
        for key, fixture in zip(_KEYS, ("nfloat_format", "nfloat_rounding"), strict=True):
            if not unknown and key in marker.kwargs and fixture not in metafunc.fixturenames:
                raise pytest.UsageError(
                    f"{metafunc.definition.nodeid}: the marker says {key}=..., and the test does not take the fixture "
                    f"{fixture}; add it to the arguments"
                )
        if unknown or not marker.kwargs:
            raise pytest.UsageError(f"{metafunc.definition.nodeid}: the marker is {_MARKER.split(':')[0]}")


def _chosen(metafunc: pytest.Metafunc, key: str, default: str, select: Callable[[Any], list[Any]]) -> list[Any]:
    from ..errors import NFloatError

    marker = metafunc.definition.get_closest_marker("nfloat")
    if marker is not None and (marker.args or set(marker.kwargs) - set(_KEYS)):
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: the marker is {_MARKER.split(':')[0]}")
    try:
        return select(marker.kwargs.get(key, default) if marker is not None else default)
    except (NFloatError, TypeError) as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: nfloat marker, {error}") from None


def _leave_as_written(pluginmanager: pytest.PytestPluginManager) -> None:
    """No rewriting of the asserts in nfloat's own modules, which pytest does to all of a plugin's distribution.

    There is nothing in them to explain, and it takes seconds in each process of a cold CI. pytest has no public way to
    say so; one that keeps its list elsewhere rewrites them as before.
    """
    hook = getattr(pluginmanager, "rewrite_hook", None)
    for names in ("_must_rewrite", "_marked_for_rewrite_cache"):
        known = getattr(hook, names, None)
        if isinstance(known, (set, dict)):
            for name in [name for name in known if name.partition(".")[0] == "nfloat"]:
                known.remove(name) if isinstance(known, set) else known.pop(name)


@pytest.fixture
def nfloat_format(request: pytest.FixtureRequest) -> Format:
    """The format that the test runs with (given by the marker)."""
    return request.param


@pytest.fixture
def nfloat_rounding(request: pytest.FixtureRequest) -> Rounding:
    """The rounding mode that the test runs with (given by the marker)."""
    return request.param


@pytest.fixture
def nfloat_seed(request: pytest.FixtureRequest) -> Stream:
    """A stream of random bits of this test's own; --nfloat-seed varies it."""
    from ..streams import Stream

    return Stream(request.config.getoption("--nfloat-seed")).child(request.node.nodeid)


@pytest.fixture
def nfloat_golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``nfloat_golden(values, fmt, name="")``: values against a file.

    The file is golden/<module>/<test>[-name].txt beside the test's.
    """
    from .golden import assert_golden

    def check(values: Any, fmt: Any, name: str = "") -> None:
        __tracebackhide__ = True
        stem = "".join(c if c.isalnum() or c in "-._" else "_" for c in request.node.name)
        folder = Path(request.path).parent / "golden" / Path(request.path).stem
        path = folder / f"{stem}{'-' + name if name else ''}.txt"
        assert_golden(path, values, fmt, update=request.config.getoption("--nfloat-update"))

    return check

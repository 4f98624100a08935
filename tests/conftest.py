"""Fixtures that several rooms ask for."""

import importlib
import pkgutil
import signal
from collections import Counter

import pytest

import nfloat.report
from nfloat.ops import threads

# a script starts what stands before "&" with SIGINT ignored, and processes inherit that: tests of Ctrl-C would
# wait for ever
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def threads_for_little_work(monkeypatch):
    """A second thread where it does not pay: the products of tests are small, and bits must not depend on the number.

    For modules that compare numbers of threads: ``pytestmark = pytest.mark.usefixtures("threads_for_little_work")``.
    """
    monkeypatch.setattr(threads, "WORK_PER_THREAD", 1000)


@pytest.fixture
def no_pictures(monkeypatch):
    """Pages with their words, tables and numbers, and an empty element where a picture is.

    Drawing takes most of a small run's time. Pictures are looked at in ``tests/report``, ``tests/pictures`` and
    ``tests/drift/test_drift_page.py``.
    """
    for found in pkgutil.iter_modules(nfloat.report.__path__):
        module = importlib.import_module(f"nfloat.report.{found.name}")
        if hasattr(module, "to_svg"):
            monkeypatch.setattr(module, "to_svg", lambda slug, size, draw: f'<svg aria-label="{slug}"></svg>')


#: files of processes that compile, long statistics and whole trainings: what a look at a change can do without
_LONG = {
    "test_cache.py", "test_cache_files.py", "test_kernels_of_other_processes.py", "test_matmul_cpus.py",
    "test_round_cpus.py", "test_rng.py", "test_plugin.py", "test_process.py", "test_published_figures.py",
    "test_every_study.py", "test_notebooks.py", "test_ci_project.py", "test_experiment.py", "test_drift_page.py",
    "test_products_at_random.py", "test_interruption.py", "test_lint.py", "test_duplicates.py", "test_sweep.py",
    "test_sweep_command.py", "test_round_properties.py", "test_matmul_kernels.py", "test_identification.py",
    "test_in_a_browser.py", "test_formats_at_random.py", "test_strategies.py", "test_build.py", "test_search.py",
    "test_explorer.py", "test_uncompiled.py", "test_interruption_elementwise.py", "test_unit_operands.py",
    "test_dask.py", "test_turns.py",
}  # fmt: skip
#: cases of one test that are kept
_KEPT = 2


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="two cases of each test, and no file that takes long")


def pytest_collection_modifyitems(config, items):
    """--quick: in less than a minute and a half, most of what a change could break."""
    if not config.getoption("--quick"):
        return
    kept, seen = [], Counter()
    for item in items:
        name = item.nodeid.partition("[")[0]
        seen[name] += 1
        if item.path.name not in _LONG and seen[name] <= _KEPT:
            kept.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept

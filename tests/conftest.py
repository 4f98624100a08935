"""Fixtures that several rooms ask for."""

import gc
import importlib
import itertools
import pkgutil
import re
import signal
import subprocess
from pathlib import Path
from random import Random

import pytest
from _pytest.runner import runtestprotocol  # what pytest runs a test with; reruns of tests are built on it too

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
    "test_ablation.py", "test_after_a_run.py", "test_against_torch.py", "test_arithmetic_pairs.py",
    "test_attribution.py", "test_blocks_at_scale.py", "test_blocks_edges.py", "test_build.py", "test_cache.py",
    "test_cache_files.py", "test_cards.py", "test_ci_project.py", "test_dask.py", "test_drift.py", "test_drift_page.py",
    "test_ensemble.py", "test_estimate.py", "test_every_study.py", "test_experiment.py", "test_explorer.py",
    "test_folder_and_export.py", "test_formats_at_random.py", "test_gate.py", "test_gpu_products.py",
    "test_identification.py", "test_in_a_browser.py", "test_inference.py", "test_interruption.py",
    "test_interruption_elementwise.py", "test_kernels_of_other_processes.py", "test_known_causes.py",
    "test_lost_accuracy.py", "test_matmul_cpus.py", "test_matmul_kernels.py", "test_matmul_published.py",
    "test_matmul_ranges.py", "test_memory_of_a_step.py", "test_notebooks.py", "test_odd_calls.py",
    "test_optimizers_against_pytorch.py", "test_panels.py", "test_plugin.py", "test_process.py",
    "test_products_at_random.py", "test_published_figures.py", "test_rng.py", "test_round_cpus.py",
    "test_round_properties.py", "test_search.py", "test_search_command.py", "test_several.py", "test_signatures.py",
    "test_strategies.py", "test_study.py", "test_sums_at_random.py", "test_sweep.py", "test_sweep_command.py",
    "test_tasks_and_page.py", "test_torch_books.py", "test_torch_coming_from.py", "test_torch_drift.py",
    "test_torch_equal_inputs.py", "test_torch_loops.py", "test_turns.py", "test_uncompiled.py", "test_unit_operands.py",
    "test_units_record.py",
}  # fmt: skip


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="two cases of each test, no long file, no policy")
    parser.addoption("--cases", type=int, metavar="N", help="at most N cases of each test")
    parser.addoption("--whole", action="store_true", help="all cases of sweeps that are sampled otherwise")
    parser.addoption("--draw", metavar="WORD", help="which cases are sampled (by default: the commit's own)")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "sampled(n): n cases, one of each n-th part, others in each commit, unless --whole"
    )
    config.option.draw = config.option.draw or _commit()  # which xdist hands to its workers
    config.addinivalue_line("markers", "of_each: every case is of another part of nfloat, so --quick takes all")


def pytest_terminal_summary(terminalreporter, config):
    if terminalreporter.stats.get("failed") and not config.getoption("--whole"):
        terminalreporter.write_line(f"the same cases of sampled tests again: --draw {config.option.draw}")


def _commit():
    """This checkout's commit; where there is none, always the same word."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "any"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests stay with one worker, and those of two rooms: what they share is made once.

    A run, its page; all sources as trees (tests/policy), a compiled copy of the package (tests/kernels).
    """
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            room = next((room for room in ("tests/policy", "tests/kernels") if nodeid.startswith(f"{room}/")), None)
            return room or super()._split_scope(nodeid)

    config.option.loadscopereorder = False  # most tests first would leave the longest files for the end
    return ByFile(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """A worker sends the result of a test: that it starts, is set up and torn down says nothing where it passes.

    Thousands of tests of a few milliseconds each take as long to report in full as to run.
    """
    if not hasattr(item.config, "workerinput") or item.config.getoption("durations"):
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Thousands of tests stay until the end: nobody looks for garbage among them, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def whole(request):
    """Whether sweeps within a test go through all they have, as --whole asks."""
    return request.config.getoption("--whole")


def pytest_ignore_collect(collection_path, config):
    """--quick: files that take long, and the rules of the house, are not even read."""
    left_out = collection_path.name in _LONG or collection_path.name == "policy"
    return True if left_out and config.getoption("--quick") else None


def pytest_collection_modifyitems(config, items):
    """Samples of long sweeps; --cases, and --quick's two: in a minute, most of what a change could break."""
    cases, named = {}, _named()
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    kept = set()
    for alike in cases.values():
        mark = alike[0].get_closest_marker("sampled")
        if mark is not None and not config.getoption("--whole"):
            drawn = _drawn(alike, *mark.args, f"{config.option.draw} {alike[0].nodeid}")
            alike = [item for item in alike if item in drawn or item.nodeid in named]
        quick = config.getoption("--quick") and alike[0].get_closest_marker("of_each") is None
        limit = config.getoption("--cases") or (2 if quick else len(alike))
        kept.update(_spread(alike, limit))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def _named():
    """The cases that alone see a mutation: no sample is without them."""
    tables = (Path(__file__).parent / "mutations").glob("*.toml")
    return {case for path in tables for case in re.findall(r'"(tests/[^"]*\[[^"]*)"', path.read_text())}


def _drawn(items, count, word):
    """So many of them, one of each part, which a word decides; all where there are no more."""
    if len(items) <= count:
        return items
    ends, random = [len(items) * i // count for i in range(count + 1)], Random(word)
    return [items[random.randrange(*part)] for part in itertools.pairwise(ends)]


def _spread(items, count):
    """So many of them, evenly, the first and the last among them; all where there are no more."""
    if len(items) <= count:
        return items
    if count < 2:
        return items[:count]
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]

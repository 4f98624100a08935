"""The list of mutations: each is one, in a place that exists, with tests that exist.

And no room of arithmetic is without any.

(Whether the tests see them is what ``tests/mutations/run.py`` finds out: it takes too long for every run.)
"""

import ast
import runpy
from collections import Counter
from pathlib import Path

import nfloat

REPOSITORY = Path(nfloat.__file__).parents[1]
SCRIPT = REPOSITORY / "tests" / "mutations" / "run.py"
MUTATIONS = runpy.run_path(str(SCRIPT))["load"]()
#: names of operations and orders, files of compiled code, what a CPU has, sizes of tiles: nothing that computes
WITHOUT_ARITHMETIC = {
    "__init__.py", "operations.py", "orders.py", "cache_files.py", "inlined.py", "machine.py", "outlined.py",
    "shapes.py", "turns.py",
}  # fmt: skip
MUST_HAVE = (
    "gemm/route.py",
    "gemm/candidate.py",
    "gemm/direct.py",
    "gemm/constants.py",
    "gemm/dispatch.py",
    "gemm/facts.py",
    "bound_orders.py",
)


def test_there_are_at_least_sixty_under_names_of_their_own():
    assert len(MUTATIONS) >= 60
    assert [name for name, count in Counter(m.name for m in MUTATIONS).items() if count > 1] == []


def test_each_changes_one_place():
    for mutation in MUTATIONS:
        text = (REPOSITORY / mutation.file).read_text()
        count = text.count(mutation.old)
        assert count == 1, f"{mutation.name}: `old` occurs {count} times in {mutation.file}"
        assert mutation.new != mutation.old, mutation.name
        assert mutation.why and mutation.tests, mutation.name
        ast.parse(text.replace(mutation.old, mutation.new), mutation.name)


def test_the_tests_that_are_named_exist():
    for mutation in MUTATIONS:
        for test in mutation.tests:
            file, _, function = test.partition("[")[0].partition("::")
            path = REPOSITORY / file
            assert path.exists(), f"{mutation.name}: {file}"
            assert not function or f"def {function}(" in path.read_text(), f"{mutation.name}: {test}"


def test_every_room_of_arithmetic_has_some():
    changed = {m.file for m in MUTATIONS}
    kernels = [p for p in (REPOSITORY / "nfloat/kernels").rglob("*.py") if p.name not in WITHOUT_ARITHMETIC]
    assert {p.relative_to(REPOSITORY).as_posix() for p in kernels} - changed == set()
    assert {f"nfloat/linalg/{name}" for name in MUST_HAVE} - changed == set()

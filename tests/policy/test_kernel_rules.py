"""The kernel rules that a machine can check, and what no file may hold.

(``test_house.py``: who may call the compiler.)
"""

import ast
import importlib
import re
from pathlib import Path

from parsed import nodes, tree

import nfloat
from nfloat.kernels.jit import KERNELS as REGISTERED

ROOT = Path(nfloat.__file__).parent
REPOSITORY = ROOT.parent
FILES = sorted(ROOT.rglob("*.py"))
KERNELS = [path for path in FILES if path.is_relative_to(ROOT / "kernels")]


def place(path):
    """A kernel file as its module's name within kernels/."""
    return ".".join(path.relative_to(ROOT / "kernels").with_suffix("").parts)


def decorators(node):
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        yield target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def test_the_compiler_has_numpys_division_and_no_lock():
    text = (ROOT / "kernels" / "jit.py").read_text()
    calls = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "njit"
    ]
    assert calls and all(
        any(k.arg == "error_model" and k.value.value == "numpy" for k in call.keywords) for call in calls
    )
    assert any(k.arg == "nogil" and k.value.value is True for call in calls for k in call.keywords)


def test_no_kernel_is_a_closure():
    """A kernel or device function inside another function closes over it, and never hits the cache."""
    for path in KERNELS:
        for outer in nodes(path):
            if isinstance(outer, ast.FunctionDef):
                for inner in ast.walk(outer):
                    if isinstance(inner, ast.FunctionDef) and inner is not outer:
                        assert not {"kernel", "device", "routine"} & set(decorators(inner)), (
                            f"{path.name}:{inner.lineno} {inner.name}"
                        )


def test_every_kernel_declares_its_signatures_and_says_what_it_does():
    for path in KERNELS:
        if path.stem != "__init__":
            importlib.import_module(f"nfloat.kernels.{place(path)}")
    declared = 0
    for path in KERNELS:
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and "kernel" in set(decorators(node)):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"
                if (
                    "possible=" in ast.unparse(node.decorator_list[0])
                    and f"{place(path)}.{node.name}" not in REGISTERED
                ):
                    continue  # not on this CPU
                declared += 1
                assert f"{place(path)}.{node.name}" in REGISTERED
    assert declared == len(REGISTERED)
    assert all(signatures for _, signatures in REGISTERED.values())


def test_the_rules_are_written_down():
    assert (ROOT / "kernels" / "README.md").read_text().count("\n") > 10


#: tests that need something a checkout need not have (recorded outputs of GPUs, an extra), and say so
MAY_SKIP = {
    "test_units_record.py", "test_units_golden.py", "test_units_live.py", "test_notebooks.py", "test_against_torch.py",
    "test_dask.py", "test_networks.py", "test_numerics.py", "test_checkpoints.py",
    "test_optimizers_against_pytorch.py", "test_surface.py", "test_in_a_browser.py", "test_explorer.py",
    "test_loading.py", "test_torch.py",
}  # fmt: skip


def _may_skip(path):
    """Files that are named, and those of an extra that the tests do not need."""
    return path.name in MAY_SKIP or path.parent == REPOSITORY / "tests" / "pytorch"


def test_nothing_unfinished_and_nothing_skipped():
    unfinished = re.compile(
        r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"]) + r")\b"
    )
    skipped = re.compile("|".join(["mark.ski" + "p", "pytest.ski" + "p", "importor" + "skip", "xf" + "ail"]))
    for folder in ("nfloat", "tests", "bench", "examples"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            text = path.read_text()
            found = unfinished.search(text) or (not _may_skip(path) and skipped.search(text)) or None
            assert found is None, f"{path.relative_to(REPOSITORY)}: {found.group()}"

"""No logic stands twice: runs of six or more lines of code that are the same in two places.

Left out, because they are alike on purpose: docstrings, comments, imports, and signatures. The keywords of `round` are
written out in every public function, so that `help`, completion and the type checker see them.
"""

import ast
from itertools import combinations
from pathlib import Path

from parsed import nodes

ROOT = Path(__file__).resolve().parents[2]
RUN = 6
#: pairs of files that may share a run -> why
EXPLAINED = {
    (
        "bench/test_networks.py",
        "tests/nn/test_against_torch.py",
    ): "PyTorch's form of a model: a bench runs without the tests",
    (
        "nfloat/ops/codes.py",
        "nfloat/ops/rounding.py",
    ): "the shortest way for a plain array: a call costs a tenth",
    ("nfloat/kernels/blocks/pieces.py",) * 2: "one walk over pieces, three kernels: none takes another as argument",
    ("nfloat/kernels/blocks/rule.py",) * 2: "one walk over blocks, three kernels: none takes another as argument",
    ("nfloat/kernels/units/pack.py",) * 2: "one walk, two kernels: none takes another as argument",
}


def left_out(path):
    """Lines of docstrings, imports and signatures."""
    for node in nodes(path):
        if isinstance(node, (ast.Import, ast.ImportFrom)) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            yield from range(node.lineno, node.end_lineno + 1)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from range(node.lineno, node.body[0].lineno)


def code(path):
    """(number, line) of the lines that say something."""
    skipped = set(left_out(path))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if number not in skipped and any(c.isalnum() for c in line) and not line.startswith("#"):
            yield number, line


def runs():
    """(file, line) of both places of each longest run that stands twice."""
    places = {}
    for path in sorted(p for folder in ("nfloat", "tests", "bench") for p in (ROOT / folder).rglob("*.py")):
        lines = list(code(path))
        for i in range(len(lines) - RUN + 1):
            window = tuple(line for _, line in lines[i : i + RUN])
            places.setdefault(window, []).append((path.relative_to(ROOT).as_posix(), i, lines[i][0]))
    pairs = {((a, i), (b, j)): (m, n) for found in places.values() for (a, i, m), (b, j, n) in combinations(found, 2)}
    return [
        (f"{a}:{m}", f"{b}:{n}")
        for ((a, i), (b, j)), (m, n) in pairs.items()
        if ((a, i - 1), (b, j - 1)) not in pairs and not (a == b and abs(i - j) < RUN)
    ]


def test_what_stands_twice_is_explained():
    found = [pair for pair in runs() if tuple(place.partition(":")[0] for place in pair) not in EXPLAINED]
    assert found == []
    assert len(EXPLAINED) < 15

"""Nothing that a row, a loss or a page depends on is computed by what chooses its own last bits.

NumPy's exp, log, tanh and powers choose a vector library by the CPU, its sums and products an order; Python's `math`
and `**` are the C library's; its `sum` adds floats otherwise from 3.12 on; NumPy's normal deviates call the C library.
What may be used instead: `nf`'s own functions, sums and products (correctly rounded, or in a stated order),
``nn/elementary.py``, ``ops/normal.py``, `math.fsum`, `statistics.fmean`, `median` and `stdev` (exact, rounded once),
and everything that IEEE 754 rounds in one way only: +, -, *, /, sqrt. What is used all the same stands in
`REACHES_NO_ROW`, with the reason.
"""

import ast
from pathlib import Path

import pytest
from parsed import tree

import nfloat

ROOT = Path(nfloat.__file__).parent
ROOMS = ("nn", "drift", "studies", "report", "sweep/tasks")
FILES = sorted([path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
               + [ROOT / "linalg" / "bounds.py", ROOT / "linalg" / "bound_orders.py",
                  ROOT / "ops" / "normal.py", ROOT / "sweep" / "aggregate.py"])  # fmt: skip

FUNCTIONS = {
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2", "sin", "cos", "tan", "sinc",
    "sinh", "cosh",
    "tanh", "arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh", "power", "float_power", "cbrt",
    "hypot", "i0",
    "logspace", "geomspace", "angle", "erf",
}  # fmt: skip
SUMS = {
    "sum", "nansum", "mean", "nanmean", "average", "std", "nanstd", "var", "nanvar", "median", "nanmedian", "quantile",
    "nanquantile",
    "percentile", "nanpercentile", "prod", "nanprod", "cumprod", "dot", "vdot", "inner", "matmul", "tensordot",
    "einsum", "trace",
    "convolve", "correlate", "corrcoef", "cov", "polyfit", "polyval", "interp", "trapezoid", "histogram", "norm",
    "reduce", "reduceat",
    "linalg", "fft", "polynomial", "ma",
}  # fmt: skip
DRAWS = {"normal", "standard_normal", "lognormal", "exponential", "standard_exponential", "gamma", "standard_gamma",
         "beta", "chisquare",
         "laplace", "logistic", "gumbel", "poisson", "binomial", "multivariate_normal", "vonmises", "weibull",
         "rayleigh", "pareto",
         "power", "standard_t", "standard_cauchy", "geometric", "negative_binomial", "triangular", "dirichlet",
         "zipf"}  # fmt: skip
#: what is equal everywhere in `math` (fsum is exact, sqrt IEEE 754's) and in `statistics`
MATH = {"sqrt", "fsum", "prod", "isfinite", "isinf", "isnan", "inf", "nan", "pi", "e", "floor", "ceil", "trunc",
        "ldexp", "frexp",
        "copysign", "gcd", "comb", "isqrt", "nextafter", "ulp"}  # fmt: skip
STATISTICS = {"fmean", "median", "stdev"}
#: nfloat's own names: their functions are nfloat's
OWN = {"nf", "nn", "metrics", "elementary", "in_rows", "centre"}

#: (file, expression) -> why it is no danger
REACHES_NO_ROW = {
    (
        "studies/measurements.py",
        "sum((1 for _ in self.plan.study.cells(self.plan.params)))",
    ): "counts, in whole numbers",
    ("studies/stagnation.py", "cell.sum"): "the name of a sum",
    ("drift/inference.py", "from scipy import special"): "quantiles, rounded to nine digits at once",
    ("nn/models/sequences.py", "self.norm"): "a layer",
    ("nn/ops/op.py", "p.inner"): "a number that the recipe rounds on an operation's way",
    ("nn/precision.py", "self.matmul"): "nf.matmul in the recipe's accumulator",
    ("nn/ops/windows.py", "p.matmul"): "nf.matmul in the recipe's accumulator",
    ("nn/losses.py", "np.maximum.reduce"): "the greatest of whole numbers",
    ("ops/normal.py", "np.exp"): "where its last bits would decide, nf.exp does",
    ("nn/elementary.py", "np.add.accumulate"): "a running sum has one order, since every partial sum is a result",
}


def chosen_by_the_machine(tree):
    """Every expression whose last bit the machine, NumPy or Python's version may choose."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("sum", "pow"):
            yield node
        elif isinstance(node, ast.Attribute):
            if suspect(node):
                yield node
        elif isinstance(node, (ast.BinOp, ast.AugAssign)):
            base = getattr(node, "left", None)
            two = isinstance(base, ast.Constant) and base.value in (2, 2.0)  # powers of two are exact
            if isinstance(node.op, ast.MatMult) or (isinstance(node.op, ast.Pow) and not two):
                yield node
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "math",
            "numpy",
            "scipy",
            "statistics",
            "cmath",
        ):
            if {alias.name for alias in node.names} - {"ArrayLike", "NDArray", "prod"}:
                yield node
        elif isinstance(node, ast.Import) and any(
            alias.name.split(".")[0] in ("scipy", "cmath") for alias in node.names
        ):
            yield node


def suspect(node):
    """Whether an attribute is one of NumPy's, `math`'s or an array's that choose."""
    owner = ast.unparse(node.value)
    if owner in OWN:
        return False
    if owner in ("math", "statistics"):
        return node.attr not in (MATH if owner == "math" else STATISTICS)
    if owner.startswith("np.") or owner == "np":
        return node.attr in FUNCTIONS | SUMS | {"accumulate"}
    return node.attr in SUMS - {"linalg", "fft", "polynomial", "ma"} or node.attr in DRAWS


def test_nothing_chooses_its_own_bits():
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        found = {ast.unparse(node) for node in chosen_by_the_machine(tree(path))}
        allowed = {expression for file, expression in REACHES_NO_ROW if file == name}
        assert found - allowed == set(), f"{name}: use nf's own functions, nn/elementary.py, ops/normal.py or math.fsum"
        assert allowed <= found, f"{name}: no longer there; take it from REACHES_NO_ROW"


@pytest.mark.parametrize("text", ["np.exp(x)", "x.sum()", "x.mean(axis=1)", "a @ b", "beta**t", "math.log(x)",
                                  "sum(values)", "pow(x, 2)",
                                  "np.linalg.norm(x)", "np.add.reduce(x)", "generator.standard_normal(3)",
                                  "from math import exp",
                                  "statistics.mean(x)", "np.einsum('i,i', x, y)", "import scipy.special",
                                  "x.dot(y)"])  # fmt: skip
def test_it_sees(text):
    assert list(chosen_by_the_machine(ast.parse(text)))


@pytest.mark.parametrize("text", ["np.sqrt(x)", "2.0**k", "math.fsum(x)", "nf.exp(x, 'float64')", "nf.sum(x, acc)",
                                  "x.max()",
                                  "elementary.exp(x)", "np.count_nonzero(x)", "statistics.fmean(x)"])  # fmt: skip
def test_it_lets_pass(text):
    assert not list(chosen_by_the_machine(ast.parse(text)))

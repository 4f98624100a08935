"""For testing numerics.

Assertions with failures one can act on, bounds, exact oracles, hypothesis strategies, a pytest plugin.

For users' tests: ``asserts`` (values and codes), ``unbiased`` (stochastic rounding), ``products`` (matrices; with
``likely``, the bound of errors at random), ``bounds`` (sums, norms, softmax, layer norm, by ``intervals``), ``drift``
(training runs), ``predict``, ``identification`` with ``candidates``, and ``kernel_probes`` (somebody else's kernel),
``golden`` (recorded codes), ``strategies`` (needs hypothesis), ``plugin`` (needs pytest; pytest loads it by itself).

How nfloat proves itself: ``oracle`` (the exact
definitions, one number at a time), ``grid`` (the same for arrays), ``probes`` (inputs that find errors), ``families``
and ``sweep`` (what ``nfloat check`` runs), ``random_formats`` and ``sweep_random`` (the same for formats that nobody
thought of, with arithmetic and functions, against ``exact_results`` and ``exact_cut``). Everything is loaded on first
use; nothing in nfloat imports this package, ``nfloat check`` and ``nfloat identify`` apart.

Others of its parts: ``arrays`` (what assertions take), ``failures`` and ``product_reports`` (what a failed one says),
``selection`` (what the pytest marker may say), ``sweep_arithmetic``,
``random_calls``, ``gemm_oracle`` (the model of products), ``random_products`` and
``sweep_products`` (products at random, what ``nfloat check --products`` runs), ``block_oracle`` (the rational model of
block formats) and ``sweep_blocks`` (``nfloat check --blocks``), ``recordings`` (``nfloat check --units``).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_LAZY = {
    **dict.fromkeys(("assert_ulp", "assert_representable", "assert_bits_equal", "ulp"), "asserts"),
    **dict.fromkeys(("assert_allclose_bound", "error_bound"), "bounds"),
    **dict.fromkeys(("Match", "identify"), "identification"),
    "assert_unbiased": "unbiased",
    "assert_drift": "drift",
    "assert_matmul": "products",
    "matmul_bound": "products",
    "predict_matmul": "predict",
    "probe_inputs": "kernel_probes",
    "unpacked": "failures",
    **dict.fromkeys(("round_exact", "decode_exact", "code_exact"), "oracle"),
    **{module: module for module in ("families", "golden", "grid", "oracle", "probes", "strategies", "sweep")},
}
__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'nfloat.testing' has no attribute {name!r}")
    module = import_module(f".{_LAZY[name]}", __name__)
    value = module if _LAZY[name] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})

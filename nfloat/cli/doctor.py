"""``nfloat doctor``: what nfloat finds on this machine, for a bug report or a slow first call."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys

import click

from ._output import json_option, print_json

PACKAGES = (
    "nfloat",
    "numpy",
    "numba",
    "llvmlite",
    "scipy",
    "ml_dtypes",
    "click",
    "scikit-learn",
    "msgspec",
    "rich",
    "matplotlib",
    "jinja2",
)

#: what to look for among the CPU's features: they decide which instructions the kernels compile to
FEATURES = ("avx2", "fma", "f16c", "avx512f", "avx512bf16", "avx512fp16", "amx-bf16", "neon", "fullfp16", "bf16")


@click.command(name="doctor")
@click.option(
    "--cache-key", is_flag=True, help="Print the key of compiled code alone: what a CI system's cache goes by."
)
@json_option
def command(cache_key: bool, as_json: bool) -> None:
    """Show versions, CPU features and the paths that products take on it, the cache of compiled code, and threads.

    Ends with exit code 1 if something makes nfloat slow or unusable here (no writable cache).

    In continuous integration, keep the folder NFLOAT_CACHE_DIR between jobs, under the key that --cache-key prints: it
    changes with nfloat's kernels, the versions of Numba and Python, and the CPU, and so does the code.

    \b
    Examples:
      nfloat doctor --json
      echo "key=$(nfloat doctor --cache-key)" >> "$GITHUB_OUTPUT"
    """
    if cache_key:
        from ..kernels import jit

        key = f"nfloat-{jit.source_digest()}"
        if as_json:
            print_json({"cache_key": key})
        else:
            click.echo(key)
        return
    facts = {**_python(), **_compiler()}
    if as_json:
        print_json(facts)
    else:
        for key, value in facts.items():
            click.echo(f"{key:<10} {_text(value)}")
    if facts["cache"] is None and os.environ.get("NFLOAT_CACHE") != "0":
        click.echo(
            "nfloat: no writable cache: every process compiles anew; set NFLOAT_CACHE_DIR to a folder of yours",
            err=True,
        )
        raise click.exceptions.Exit(1)


def _python() -> dict[str, object]:
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def _compiler() -> dict[str, object]:
    from ..kernels import jit, machine
    from ..kernels.cache_files import damaged

    cpu, *flags = jit.cpu_features().split(" ", 1)
    present = set(flags[0].split(",")) if flags else set()
    cache = jit.CACHE_DIR
    return {
        "cpu": cpu,
        "machine": machine.HERE.name,
        "paths": machine.paths(),
        "features": [name for name in FEATURES if f"+{name}" in present],
        "cache": None if cache is None else str(cache),
        "compiled": 0 if cache is None else sum(1 for _ in cache.rglob("*.nbc")),
        "damaged": 0 if cache is None else sum(1 for _ in damaged(cache)),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item or 'missing'}" for key, item in value.items())
    return " ".join(value) if isinstance(value, list) else str(value)

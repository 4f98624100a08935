"""``nfloat warmup``: compile everything once, so that no later call has to."""

from __future__ import annotations

import importlib
import pkgutil
import time

import click

from ._output import json_option, print_json


@click.command(name="warmup")
@json_option
def command(as_json: bool) -> None:
    """Compile every kernel, or load it from the cache, and say how long each took.

    Run it once per machine, before a job fans out over processes. A line per kernel goes to stderr.

    \b
    Example:
      nfloat warmup
    """
    from .. import kernels
    from ..kernels import jit

    for module in pkgutil.walk_packages(
        kernels.__path__, f"{kernels.__name__}."
    ):  # importing them fills the list of kernels
        importlib.import_module(module.name)

    start, seconds = time.perf_counter(), {}
    for name, taken in jit.warm_up():
        seconds[name] = taken
        click.echo(f"[{len(seconds)}/{len(jit.KERNELS)}] {name}: {taken:.2f} s", err=True)
    total = time.perf_counter() - start
    where = str(jit.CACHE_DIR) if jit.CACHE_DIR is not None else None
    if as_json:
        print_json({"kernels": seconds, "seconds": total, "cache": where})
    else:
        kept = f"kept in {where}" if where else "not kept: no writable cache, so every process compiles for itself"
        click.echo(f"{len(seconds)} kernels in {total:.1f} s, {kept}")

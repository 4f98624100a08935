"""``nfloat warmup``: compile everything once, so that no later call has to."""

from __future__ import annotations

import importlib
import pkgutil
import time

import click

from ._output import json_option, print_json


@click.command(name="warmup")
@click.argument("names", nargs=-1)
@json_option
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Compile every kernel, or those whose names begin with one of NAMES, or load them from the cache.

    Run it once per machine, before a job fans out over processes. A line per kernel goes to stderr. NAMES are rooms
    (rounding, arithmetic, blocks, gemm, units) or kernels of them (rounding.arrays.round_plain).

    \b
    Examples:
      nfloat warmup
      nfloat warmup rounding gemm.plain
    """
    from .. import kernels
    from ..kernels import jit

    for module in pkgutil.walk_packages(
        kernels.__path__, f"{kernels.__name__}."
    ):  # importing them fills the list of kernels
        importlib.import_module(module.name)
    chosen = _chosen(names, list(jit.KERNELS))

    start, seconds = time.perf_counter(), {}
    for name, taken in jit.warm_up(chosen):
        seconds[name] = taken
        click.echo(f"[{len(seconds)}/{len(chosen)}] {name}: {taken:.2f} s", err=True)
    total = time.perf_counter() - start
    where = str(jit.CACHE_DIR) if jit.CACHE_DIR is not None else None
    if as_json:
        print_json({"kernels": seconds, "seconds": total, "cache": where})
    else:
        kept = f"kept in {where}" if where else "not kept: no writable cache, so every process compiles for itself"
        click.echo(f"{len(seconds)} kernels in {total:.1f} s, {kept}")


def _chosen(names: tuple[str, ...], known: list[str]) -> list[str]:
    """The kernels that are one of the names, or in the room of one."""
    from ..errors import ArgumentError, nearest_names

    rooms = sorted({".".join(name.split(".")[:n]) for name in known for n in (1, 2)})
    for name in names:
        if name not in known and name not in rooms:
            raise ArgumentError(f"names={name!r} is no kernel and no room of kernels; {nearest_names(name, rooms)}")
    return [one for one in known if not names or any(one == name or one.startswith(f"{name}.") for name in names)]

"""``nfloat identify``: which accumulator or matrix unit somebody's kernel used, from what it gave; inputs for that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

import click

from ..errors import ArgumentError
from ..formats.names import get_format
from ._errors import Exit
from ._output import json_option, print_json, print_table

if TYPE_CHECKING:
    from ..formats.format import Format
    from ..testing.identification import Match

#: matches that are shown in a table
_SHOWN = 8


@click.command(name="identify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--inputs", help="A format: a and b hold its codes, or, with --probe, what the kernel multiplies.")
@click.option("--output", help="A format: d (and c) hold its codes.")
@click.option("--probe", is_flag=True, help="Write inputs to FILE instead: a and b, to run the kernel on.")
@click.option("--k", type=click.IntRange(min=1), default=256, show_default=True, help="With --probe: terms of a sum.")
@json_option
def command(file: Path, inputs: str | None, output: str | None, probe: bool, k: int, as_json: bool) -> None:
    """Say how the kernel accumulates that turned a and b (and c) of FILE.npz into d.

    FILE.npz holds matrices a (m, k), b (k, n), d (m, n), and c if the sums start with one: as numbers, or as codes (of
    formats that NumPy cannot save) named by --inputs and --output. Everything that nfloat models is tried, bit for bit:
    formats, orders, lanes, blocks, split-K, rounded products and results, matrix units. Ends with exit code 1 if
    nothing comes near.

    First, on the machine with the kernel: write inputs that tell accumulators apart, run the kernel on them, add d.

    \b
    Examples:
      nfloat identify probe.npz --probe --inputs bf16
      nfloat identify result.npz
      nfloat identify result.npz --inputs bf16 --output bf16 --json
    """
    if probe:
        _write(file, inputs or "bfloat16", k, as_json)
        return
    from ..testing.identification import identify

    matches = identify(*_operands(file, inputs, output))
    if as_json:
        print_json([_facts(match) for match in matches])
    elif not matches:
        click.echo("none: noise, a wrong kernel, or an arithmetic that nfloat does not know")
    else:
        _show(matches)
    if not matches:
        raise click.exceptions.Exit(Exit.CHECK_FAILED)


def _write(file: Path, inputs: str, k: int, as_json: bool) -> None:
    """The inputs, as numbers that float32 or float64 holds."""
    import numpy as np

    from ..testing.kernel_probes import probe_inputs

    a, b = probe_inputs(inputs, k)
    with file.open("wb") as target:
        np.savez(target, a=a, b=b)
    if as_json:
        print_json({"file": str(file), "inputs": inputs, "a": a.shape, "b": b.shape})
    else:
        click.echo(
            f"{file}: a {a.shape} and b {b.shape}, numbers of {inputs}; run the kernel on them, and save a, b and d"
        )


def _operands(file: Path, inputs: str | None, output: str | None) -> list[Any]:
    """a, b, d and c of a file, decoded where they are codes."""

    import numpy as np

    from ..files import DAMAGED
    from ..testing.arrays import as_values

    try:
        with open(file, "rb") as opened:
            if not is_zipfile(opened):
                raise ArgumentError(
                    f"file={str(file)!r} is no .npz file of arrays; np.savez(FILE, a=a, b=b, d=d) is one"
                )
            opened.seek(0)
            with np.load(opened, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
    except DAMAGED as error:
        raise ArgumentError(f"file={str(file)!r} is no .npz file of arrays ({error})") from None
    missing = [name for name in "abd" if name not in arrays]
    if missing:
        raise ArgumentError(f"file={str(file)!r} lacks {', '.join(missing)}; it has {', '.join(arrays) or 'nothing'}")
    of_inputs = None if inputs is None else get_format(inputs, "--inputs")
    of_output = None if output is None else get_format(output, "--output")
    formats = {"a": of_inputs, "b": of_inputs, "c": of_output, "d": of_output}
    codes = {name: _codes(array, name, formats.get(name)) for name, array in arrays.items()}
    return [
        None if name not in codes else as_values(codes[name], name, formats[name], codes=formats[name] is not None)
        for name in "abdc"
    ]


def _codes(array: Any, name: str, fmt: Format | None) -> Any:
    """An array as it was saved; of ml_dtypes' NumPy saves the bytes alone, which are codes."""
    if array.dtype.kind != "V":
        return array
    if fmt is None:
        option = "--inputs" if name in "ab" else "--output"
        raise ArgumentError(
            f"{name}: bytes without a dtype, as NumPy saves ml_dtypes arrays; say their format by {option}"
        )
    return array.view(f"u{array.dtype.itemsize}")


def _facts(match: Match) -> dict[str, object]:
    more = {key: getattr(match, key) for key in ("promote", "inputs", "output")}
    formats = {key: None if value is None else value.name for key, value in more.items()}
    split = {key: getattr(match, key) for key in ("split_k", "split_tile", "split_interleaved")}
    return {"how": str(match.how), "share": match.share, **split, **formats, "words": str(match)}


def _show(matches: list[Match]) -> None:
    """The best in a sentence, the others in a table."""
    best = [match for match in matches if match.share == matches[0].share]
    how_near = "bit for bit" if best[0].share == 1.0 else f"{100 * best[0].share:.3g} % of the elements"
    click.echo(f"your kernel accumulates {best[0]} ({how_near})")
    if len(best) > 1:
        click.echo(f"{len(best) - 1} more give the same: these matrices cannot tell them apart (see --probe)")
    if len(matches) > 1:
        rows = [{"equal": f"{100 * m.share:.4g} %", "arithmetic": str(m)} for m in matches[1 : 1 + _SHOWN]]
        click.echo()
        print_table(rows, ("equal", "arithmetic"), right=("equal",))

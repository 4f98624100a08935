"""``nfloat units``: the modelled matrix instructions, their numbers, and how well these are known. Compiles nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._output import json_option, print_json, print_table

if TYPE_CHECKING:
    from ..linalg.units.unit import Unit


@click.command(name="units")
@click.argument("words", nargs=-1)
@json_option
def command(words: tuple[str, ...], as_json: bool) -> None:
    """List the matrix instructions that nfloat models bit by bit, or those whose name contains all the WORDS.

    The column "known" says how well the numbers are: A reproduced on recorded or live hardware outputs, B two
    independent sources agree, C one source only, D inferred. With --json each entry also has the vendor's spelling, the
    source and notes. A name with options, such as nvidia.hopper.wgmma.e4m3.f32@promote=128, is shown as it is.

    \b
    Examples:
      nfloat units
      nfloat units hopper e4m3
      nfloat units nvidia.ada.mma.e4m3_e5m2.f32 --json
    """
    from ..errors import NFloatError, nearest_names
    from ..linalg.units.names import units

    found = [unit for name, unit in units.items() if all(word.lower() in name for word in words)]
    if not found and len(words) == 1 and words[0] in units:
        found = [units[words[0]]]
    if not found:
        parts = {part for name in units for part in name.split(".")}
        wrong = next((word for word in words if not any(word.lower() in name for name in units)), words[0])
        raise NFloatError(f"no unit's name contains {' and '.join(map(repr, words))}; {nearest_names(wrong, parts)}")
    if as_json:
        print_json([_entry(unit) for unit in found])
        return
    rows = [
        {"name": u.name, "a": u.a, "b": u.b, "result": u.output, "known": u.confidence, "rule": u.rule} for u in found
    ]
    print_table(rows, ("name", "a", "b", "result", "known", "rule"))


def _entry(unit: Unit) -> dict[str, object]:
    from ..linalg.units.unit import CONFIDENCE

    keys = ("name", "instruction", "a", "b", "output", "rule", "confidence", "source", "note")
    entry: dict[str, object] = {key: getattr(unit, key) for key in keys}
    return {**entry, "confidence_means": CONFIDENCE[unit.confidence], "mixes_with": list(unit.mixes)}

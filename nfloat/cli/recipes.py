"""``nfloat recipes``: what a training step rounds where, for each named recipe or one of your own. Compiles nothing."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import click

from ._output import json_option, print_json, print_table

if TYPE_CHECKING:
    from ..nn.recipes import Recipe


@click.command(name="recipes")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def command(names: tuple[str, ...], as_json: bool) -> None:
    """List the recipes that `nfloat drift --recipes` and `nf.nn.precision` take, or picture and fields of those named.

    NAME+field=value changes a field: a format, or format:rounding, where a tensor is rounded; a format or a matrix
    instruction for the sums of products (forward, backward) and of biases (sums); nothing after = leaves it out.

    \b
    Examples:
      nfloat recipes
      nfloat recipes bf16-mixed fp16-mixed
      nfloat recipes bf16-pure+weights=float8_e4m3fn:stochastic
      nfloat recipes bf16-mixed+forward=nvidia.hopper.mma.bf16.f32 --json
    """
    from .. import nn
    from ..nn.recipes import recipes
    from ..nn.recipes.flow import flow_text

    found = [nn.recipe(name) for name in names] or list(recipes.values())
    described = [_fields(recipe) for recipe in found]
    if as_json:
        print_json(described)
    elif not names:
        columns = ("name", "weights", "activations", "gemm_inputs", "forward", "source")
        print_table([{**item, "source": _short(str(item["source"]))} for item in described], columns)
    else:
        for recipe in found:
            click.echo(f"{recipe.name}\n\n{flow_text(recipe)}\n")
        keys = [key for key in described[0] if key not in ("name", "source")]
        heads = [f"{item['name']} " for item in described]  # a field is called name too
        rows = [{"field": key, **{h: item[key] for h, item in zip(heads, described, strict=True)}} for key in keys]
        print_table(rows, ("field", *heads))
        for recipe in found:
            click.echo(f"\n{recipe.name}: {recipe.source or 'no source'}")


def _fields(recipe: Recipe) -> dict[str, object]:
    """Every field as it is written in NAME+field=value; None: nothing is rounded there."""
    own = ("name", "source")
    return {f.name: getattr(recipe, f.name) if f.name in own else recipe.text(f.name) or None for f in fields(recipe)}


def _short(source: str) -> str:
    return source if len(source) <= 60 else source[:57] + "..."

"""The options by which a command says what is trained and where to, and the configuration that they describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._kinds import prepare

if TYPE_CHECKING:
    from ..drift.comparison import Comparison

_OPTIONS = (
    click.option(
        "--data",
        help="digits, mnist5k, text, blobs, regression, or a .npz (arrays x, y) or .csv (class in the last "
        "column) file.  [default: digits]",
    ),
    click.option("--build", help="Your own: module:function (here or on Python's path), as of nf.drift.Experiment."),
    click.option("--model", help="The model: mlp, cnn, resnet, transformer or lstm.  [default: mlp]"),
    click.option("--width", type=int, help="Units of a hidden layer.  [default: 64]"),
    click.option("--depth", type=int, help="Hidden layers.  [default: 1]"),
    click.option(
        "--activation", help="Between layers: relu, leaky_relu, tanh, sigmoid, silu or gelu.  [default: relu]"
    ),
    click.option(
        "--recipes",
        help="Comma-separated names of `nfloat recipes`; NAME+field=value changes one; files of recipes.  "
        "[default: eight of them]",
    ),
    click.option("--steps", type=int, help="Updates of each run.  [default: 1290]"),
    click.option("--seed", type=int, help="Drives initial weights, batches, stochastic rounding.  [default: 0]"),
    click.option(
        "--seeds", type=int, help="So many seeds from that one on; verdicts are of all of them.  [default: 5]"
    ),
    click.option(
        "--optimizer",
        help="sgd, momentum, rmsprop, lion, adam or adamw; NAME+field=value changes one, as adam+betas=0.9:0.95, and "
        "+cosine=STEPS, +warm_up=STEPS or +step_decay=EVERY:FACTOR move its rate.  [default: sgd]",
    ),
    click.option("--lr", type=float, help="Learning rate.  [default: 0.02]"),
    click.option(
        "--loss",
        help="cross_entropy, mse, l1 or bce_with_logits; NAME+field=value changes one, as "
        "cross_entropy+label_smoothing=0.1.  [default: that of the data]",
    ),
    click.option("--batch", type=int, help="Examples of a step.  [default: 32]"),
)


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, in the order in which help lists them."""
    return _with(_OPTIONS, command)


def _with(options: Sequence[Callable[..., Any]], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def _at_least_one(context: click.Context, _: click.Parameter, threads: int | None) -> int | None:
    if threads is not None and threads < 1:
        raise click.UsageError(f"threads={threads} must be at least 1", context)
    return threads


threads_option = click.option(
    "--threads", type=int, callback=_at_least_one, help="Threads of a matrix product; changes no bit."
)


def folder_options(out: str, config: str, run: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options of a command that trains into a folder: whose `config` it may take, which other `run` it may replace."""
    options = (
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            help=f"Take all this from {config}; other options go over it.",
        ),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            default=Path(out),
            show_default=True,
            help="Folder for the results.",
        ),
        click.option("--overwrite", is_flag=True, help=f"Replace what another {run} left in that folder."),
        threads_option,
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        return _with(options, command)

    return add


def configured(config_file: Path | None, options: dict[str, Any]) -> Comparison:
    """The configuration that file and options describe; an option that was not given changes nothing."""
    from ..drift import Config, Experiment
    from ..drift.config import read_config

    given = given_of(options)
    if "torch" in given:
        from ..torch.drift import TorchExperiment

        given["build"] = given.pop("torch")
        _refuse_unknown(TorchExperiment, given)
        if config_file is None:
            return TorchExperiment(**given)
    if config_file is None:
        _refuse_unknown(Experiment if "build" in given else Config, given)
        return Experiment(**given) if "build" in given else Config(**given)
    prepare(config_file)
    return changed(read_config(config_file), given)


def changed(config: Comparison, given: dict[str, Any]) -> Comparison:
    """A configuration with what was given over it."""
    _refuse_unknown(type(config), given)
    return config.replace(**given)


def given_of(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, recipes and patterns as tuples."""
    given = {key: value for key, value in options.items() if value is not None}
    if "record" in given:
        given["record"] = tuple(filter(None, map(str.strip, given["record"].split(","))))
    if "recipes" in given:
        given["recipes"] = recipe_names(given["recipes"])
    return given


def recipe_names(text: str) -> tuple[str, ...]:
    """Names between commas; one that a list of momenta holds ends no name.

    Examples
    --------
    >>> recipe_names("tf32, bf16-pure+states=m=float32,v=bfloat16")
    ('tf32', 'bf16-pure+states=m=float32,v=bfloat16')
    """
    found: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, _ = part.partition("=")
        if found and equals and "+" not in name:
            found[-1] += f",{part}"
        else:
            found.append(part)
    return tuple(found)


def _refuse_unknown(kind: type[Comparison], given: dict[str, Any]) -> None:
    """Refuse options that say what is trained, where something else says it."""
    known = {field.name for field in fields(kind)}
    for key in given:
        if key not in known:
            what = "--build brings its own" if "build" in known else "the configuration has a model and data of its own"
            raise click.UsageError(f"--{key} does not go with this run: {what}", click.get_current_context())

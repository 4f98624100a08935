"""``nfloat``: the group of commands, each loaded when it is asked for.

``nfloat --help`` must answer at once, so commands are found by file name and import what they need inside their body:
no Numba and no matplotlib is loaded before a command runs.

Exit codes, the same for every command: 0 fine, 1 a check failed, 2 wrong usage or input, 3 incomplete (interrupted).
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import click

from ._errors import run_group


class LazyGroup(click.Group):
    """A group whose commands are the modules of this folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in alphabetical order."""
        package = importlib.import_module(__package__)
        names = (module.name for module in pkgutil.iter_modules(package.__path__))
        return sorted(name for name in names if name != "main" and not name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a name, or None."""
        if name not in self.list_commands(ctx):
            return None
        return importlib.import_module(f"{__package__}.{name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown command lists the near ones."""
        from ..errors import nearest_names

        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}; {nearest_names(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nfloat", message="nfloat %(version)s")
def group() -> None:
    """Number formats on an ordinary CPU: what they hold, how they round, and the drift they cause in training.

    Every command has --help with an example, and --json. Results go to stdout, progress to stderr.

    \b
    Start here:
      nfloat drift --out out            train under eight recipes, then open out/report.html
      nfloat explain 0.1 --format bf16  what a number becomes, bit by bit
      nfloat formats                    every named format

    Exit codes: 0 fine, 1 a check failed, 2 wrong usage or input, 3 incomplete (interrupted).
    """


def main(args: Sequence[str] | None = None) -> None:
    """The entry point of the console script; always ends the process with one of the exit codes.

    A function of one's own (``--torch module:function``) may lie in the folder where the command is given, as for
    ``python -m``; that folder comes last on Python's path, so that no file there takes a library's place.
    """
    sys.path.append("")
    code = run_group(group, args)
    # CPython remembers an interruption that passed through exec of a text, as in a module imported late, even where it
    # was answered, and ``python -m`` would end by SIGINT instead; the next such exec makes it forget
    exec("")
    sys.exit(code)


if __name__ == "__main__":
    main()

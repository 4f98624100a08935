"""How a command ends: one clear line on stderr and the right exit code, never a traceback for a user's mistake.

A mistake is an `NFloatError` (wrong value), a click error (wrong usage) or an `OSError` (a file). Anything else is a
bug of nfloat and keeps its traceback.
"""

from __future__ import annotations

import enum
import os
import re
import sys
from collections.abc import Sequence

import click

from ..errors import NFloatError


class Exit(enum.IntEnum):
    """The exit codes of every command."""

    FINE = 0
    CHECK_FAILED = 1
    USAGE = 2
    INCOMPLETE = 3


class Incomplete(Exception):  # noqa: N818 - no error: the run can go on
    """A command was interrupted; its text says what is there and how to go on."""


def run_group(group: click.Group, args: Sequence[str] | None) -> int:
    """Run the command that `args` (default: the process's) name, and give the exit code."""
    try:
        result = group.main(args=None if args is None else list(args), prog_name="nfloat", standalone_mode=False)
        if sys.stdout is None:  # closed by whoever started this: what was to be printed is lost
            return _say("standard output is closed", Exit.USAGE)
        sys.stdout.flush()  # now, where it can be answered, and not at the interpreter's end
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return Exit.FINE
    except click.ClickException as error:
        return _say(_usage(error), Exit.USAGE)
    except NFloatError as error:
        return _say(_as_written(str(error), group, sys.argv[1:] if args is None else args), Exit.USAGE)
    except Incomplete as error:
        return _say(str(error), Exit.INCOMPLETE)
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted", Exit.INCOMPLETE)
    except (SystemExit, BrokenPipeError):  # no command ends the process itself: this is click's way to say the same
        return _reader_gone()
    except OSError as error:
        _drop_what_cannot_be_written()
        return _say(f"{error.filename or 'standard output'}: {error.strerror or error}", Exit.USAGE)
    return result if isinstance(result, int) else Exit.FINE


#: an argument at the head of a message, as every NFloatError names it
_ARGUMENT = re.compile(r"(\w+)(?=[=:])")
#: arguments of Python that a command line has under another name
_OTHER_NAMES = {
    "fmt": ("format", "names", "formats"),
    "recipe": ("recipes", "names"),
    "study": ("name",),
    "build": ("torch",),
}


def _as_written(text: str, group: click.Group, args: Sequence[str]) -> str:
    """A message in the words of the command line: the option (or argument) in the place of Python's argument."""
    found = _ARGUMENT.match(text)
    command = _command(group, args)
    if found is None or command is None:
        return text
    names = {found.group(1), *_OTHER_NAMES.get(found.group(1), ())}
    written = {word.partition("=")[0] for word in args}
    for parameter in sorted(command.params, key=lambda p: written.isdisjoint(p.opts)):  # first what was given
        own = {parameter.name, *(option.lstrip("-").replace("-", "_") for option in parameter.opts)}
        if names & own:
            option = isinstance(parameter, click.Option)
            shown = max(parameter.opts, key=len) if option else parameter.human_readable_name
            return shown.strip("[].") + text[found.end() :]
    return text


def _command(group: click.Group, args: Sequence[str]) -> click.Command | None:
    """The command that these words name, or None."""
    command: click.Command | None = group
    for word in args:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(click.Context(command), word)
    return command


def _reader_gone() -> int:
    """The reader (head, less) has seen enough: no mistake; keep Python from complaining again at its end."""
    sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    os.dup2(sys.stdout.fileno(), 1)
    return Exit.FINE


def _drop_what_cannot_be_written() -> None:
    """Text that is kept for a full disk: Python would try again at its end, and have an exit code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        _reader_gone()


def _usage(error: click.ClickException) -> str:
    """The error in one line, with where to look it up."""
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return f"{text} (see: {context.command_path} --help)" if context else text


def _say(text: str, code: Exit) -> int:
    click.echo(f"nfloat: {' '.join(text.split())}", err=True)
    return int(code)

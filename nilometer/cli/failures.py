"""Errors as messages on stderr and exit codes."""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click

from domain.errors import InternalError, NilometerError
from nilometer.errors import LedgerWarning

OK: Final = 0
NOT_IN_FULL: Final = 1
"""Not granted in full; violated; or different, where the question was whether anything differs."""
UNREADABLE: Final = 2
"""Wrong usage, or input that cannot be read."""
UNDECIDED: Final = 3
"""Unknown, where that counts as a failure."""
INTERNAL: Final = 70
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""As shells report a program that wrote to a pipe without a reader."""


class Mistyped(click.UsageError):
    """Wrong usage, with a hint."""

    def __init__(self, message: str, *, hint: str, context: click.Context | None = None) -> None:
        super().__init__(message, context)
        self.hint = hint


class Interrupted(Exception):
    """The user stopped the work. The message says what was kept, the hint how to go on."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


_recorded_in: list[str] = []
"""The ledgers in which this command recorded something, if its answer cannot be written."""


def remember_recorded(url: str) -> None:
    """Remembers that something was recorded: what fails afterwards does not undo it, and must say so."""
    _recorded_in.append(url)


def say(kind: str, message: str, hint: str = "") -> None:
    """Writes a message to stderr, without passwords and control characters; the hint stands on a line of its own.

    A line of a message that is indented, such as the line of a policy that cannot be read, stays a line of its own.
    """
    from nilometer.cli.escaping import escape_controls  # not needed to start
    from nilometer.storage.urls import mask_texts

    lines = [f"{kind}: {message}"] + ([f"hint: {hint}"] if hint else [])
    shown = ("\n  ".join(map(escape_controls, mask_texts(line).split("\n  "))) for line in lines)
    click.echo("\n".join(shown), err=True)


def name_stdout(error: OSError) -> None:
    """Names stdout as the place of an error of the system that names none."""
    error.filename = error.filename or "stdout"


@contextmanager
def naming_stdout() -> Generator[None]:
    """Does so with what is raised within."""
    try:
        yield
    except OSError as error:
        name_stdout(error)
        raise


def run_guarded(run: Callable[[], object]) -> int:
    """Runs a command and returns its exit code; every exception and every warning of a ledger becomes a message."""
    _recorded_in.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("always", LedgerWarning)
        show_other = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, LedgerWarning):
                say("warning", str(message))
            else:
                show_other(message, category, *place, **more)

        warnings.showwarning = show
        code = _run_guarded(run)
    _give_up_stdout()
    return code


def _run_guarded(run: Callable[[], object]) -> int:
    try:
        code = run()
        with naming_stdout():
            sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message(), err=True)
        return UNREADABLE
    except click.ClickException as error:
        say("error", _sentence(error), _usage_hint(error))
        return UNREADABLE
    except NilometerError as error:
        say("error", error.message, error.hint)
        return UNREADABLE
    except Interrupted as stopped:
        say("interrupted", str(stopped), stopped.hint)
        return INTERRUPTED
    except (KeyboardInterrupt, click.Abort):
        say("interrupted", "the rest was not started, and changed nothing")
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except UnicodeEncodeError as error:
        if not _has_bytes(str(error.object)):
            raise
        # A file or folder may have such a name, nothing else: of a path, or the name of a stream, only that part is.
        typed = next(part for part in str(error.object).split("/") if _has_bytes(part))
        shown = typed.encode(errors="surrogateescape").decode(errors="backslashreplace")
        say("error", f"'{shown}' is not UTF-8", "type it again, or set the encoding of the terminal to UTF-8")
        return UNREADABLE
    except OSError as error:
        problem = _describe(error)
        if _recorded_in:
            say("error", f"{problem}; what was asked is recorded in {_recorded_in[-1]}", "see it: nilo log")
        else:
            say("error", problem, _WAYS_OUT.get(error.errno or 0, ""))
        return UNREADABLE
    except Exception as error:
        _report_bug(f": {error}" if isinstance(error, InternalError) else "")
        return INTERNAL


def _has_bytes(text: str) -> bool:
    """Whether a text has what Python puts in the place of bytes that are no UTF-8, as an argument may have them."""
    return any("\udc80" <= character <= "\udcff" for character in text)


_ROOM: Final = "make room and try again"
FULL: Final[Mapping[int, str]] = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "write it where files may be larger; a shell may limit them: ulimit -f",
}
"""There is no room left, none for this user, or none in one file; and what to do."""
_WAYS_OUT: Final = {
    **FULL,
    errno.EROFS: "name a place that can be written",
    errno.EACCES: "ask its owner, or name another place",
    errno.EPERM: "ask its owner, or name another place",
}


def _describe(error: OSError) -> str:
    """What failed, with its place."""
    problem = str(error.strerror or error)
    if error.filename:
        return f"{error.filename}: {problem}"
    if isinstance(error, FileNotFoundError):  # only ``os.getcwd`` names no file
        return "the current folder does not exist any more"
    try:
        sys.stdout.flush()
    except OSError:  # what could not be written is still there
        return f"stdout: {problem}"
    return problem


def _give_up_stdout() -> None:
    """Lets what cannot be written go nowhere: else Python reports an error at exit, with an exit code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_CLICKS_NUMBER: Final = re.compile(r"is not a valid integer( range)?$")


def _sentence(error: click.ClickException) -> str:
    if isinstance(error, click.BadParameter) and error.ctx is not None and error.param is not None:
        is_variable = error.ctx.get_parameter_source(error.param.name or "") is click.core.ParameterSource.ENVIRONMENT
        error.param_hint = f"the variable {error.param.envvar}" if is_variable else error.param_hint
    message = error.message if isinstance(error, click.NoSuchOption) else error.format_message()
    message = _CLICKS_NUMBER.sub("is not a whole number", message.rstrip("."))
    return message if message[:2].isupper() else message[:1].lower() + message[1:]  # SIZE stays as it is


def _usage_hint(error: click.ClickException) -> str:
    if isinstance(error, Mistyped):
        return error.hint
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        from nilometer.suggesting import find_nearest

        known = {name.lstrip("-"): name for name in error.possibilities}
        near = find_nearest(error.option_name.lstrip("-"), known)  # what all have, the dashes, is no likeness
        if near is not None:
            return f"did you mean {known[near]}?"
    if isinstance(error, click.BadOptionUsage) and error.ctx is None:
        return "write its value after it; --help says what it takes"
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{context.command_path} --help" if context is not None else ""


def _report_bug(found: str) -> None:
    """Reports an exception that is not expected, with where it is found; ``found`` is what is known of it."""
    import traceback

    hint = "please report this with the traceback; NILO_DEBUG=1 shows the traceback here"
    if os.environ.get("NILO_DEBUG"):
        traceback.print_exc()
        say("internal error", f"this is a bug in Nilometer{found}", "please report this with the traceback above")
        return
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="nilo-", suffix=".traceback.txt", delete=False, encoding="utf-8"
        ) as file:
            traceback.print_exc(file=file)
        place = f"; its traceback is in {file.name}"
    except OSError:
        place = ""
    say("internal error", f"this is a bug in Nilometer{found}{place}", hint)

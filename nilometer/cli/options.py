"""Options of many commands. They may stand before or after the command's name; the later one counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from domain.errors import InputError
from nilometer.cli.failures import Mistyped
from nilometer.cli.session import ALL_FORMATS, DEFAULT_LEDGER, FORMATS, Session

_ENVIRONMENT = click.core.ParameterSource.ENVIRONMENT

F = TypeVar("F", bound=Callable[..., Any])


def _keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Puts an option into the session."""
    given, name = context.find_root().ensure_object(Session).given, str(parameter.name)
    if value is None:
        _check_kept(parameter, given.get(name))
        return
    if context.get_parameter_source(name) is _ENVIRONMENT and name in given:
        return
    if name == "ledger" and not value and context.get_parameter_source(name) is not _ENVIRONMENT:
        raise Mistyped("--ledger is empty", hint="name a ledger, or leave --ledger out", context=context)
    if name in ("actor", "via", "reason", "correlation"):
        from nilometer.ledger.values import check_text

        try:
            check_text(value)
        except InputError as error:
            raise Mistyped(f"--{name} {error.message}", hint=error.hint, context=context) from None
    given[name] = value


def _check_kept(parameter: click.Parameter, kept: str | None) -> None:
    """Raises if the command does not have the format that stood before its name."""
    if isinstance(parameter.type, click.Choice) and kept is not None and kept not in parameter.type.choices:
        raise click.BadParameter(f"{kept!r} is not one of {', '.join(map(repr, parameter.type.choices))}.")


def _option(name: str, **settings: Any) -> Callable[[F], F]:
    return click.option(name, expose_value=False, callback=_keep, **settings)


_HELP: Final = "human (default on a terminal), plain (default in a pipe)"


def common_options(function: F) -> F:
    """The options that every command has."""
    return _common(function, FORMATS, f"{_HELP} or json.  [NILO_FORMAT]")


def reporting_options(function: F) -> F:
    """The options that every command has, with the formats that other tools show findings in."""
    return _common(
        function, (*FORMATS, "sarif", "github"), f"{_HELP}, json, sarif or github (workflow commands).  [NILO_FORMAT]"
    )


def table_options(function: F) -> F:
    """The options that every command has, with the format of tables."""
    return _common(function, (*FORMATS, "csv"), f"{_HELP}, json or csv.  [NILO_FORMAT]")


def outermost_options(function: F) -> F:
    """The options before the command's name; a command refuses a format that it does not have."""
    return _common(function, ALL_FORMATS, f"{_HELP} or json; some commands have more.  [NILO_FORMAT]")


def _common(function: F, formats: Sequence[str], help: str) -> F:
    function = _option("--format", type=click.Choice(formats), envvar="NILO_FORMAT", help=help)(function)
    return _option(
        "--ledger",
        metavar="URL",
        envvar="NILO_LEDGER",
        help=f"The ledger: sqlite:///FILE or postgresql://USER@HOST/DB; default {DEFAULT_LEDGER}.  [NILO_LEDGER]",
    )(function)


def ahead_option(function: F) -> F:
    """The option that a time far ahead of the clock is meant."""
    help = "A time over a day ahead of this machine's clock is meant."
    return click.option("--at-ahead", is_flag=True, help=help)(function)


def asking_options(function: F) -> F:
    """The options of commands that write: who asks, with which tool, and why."""
    ticket, who = "What ties changes together, such as a ticket.", "Who makes the request; default you.  [NILO_ACTOR]"
    function = _option("--correlation", metavar="TEXT", help=ticket)(function)
    function = _option("--reason", metavar="TEXT", help="Why it is requested.")(function)
    function = _option("--via", metavar="TOOL", help="The tool that is used; default nilo.")(function)
    return _option("--actor", metavar="NAME", envvar="NILO_ACTOR", help=who)(function)

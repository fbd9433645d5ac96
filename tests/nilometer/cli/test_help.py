"""Help: of every command, with examples that can be typed."""

from __future__ import annotations

import shlex

import click
import pytest

from nilometer.cli.app import SECTIONS, nilo
from nilometer.cli.writing.do_arguments import SHAPES
from tests.nilometer.cli.calling import Desk

EVERY = [(name,) for name in nilo.list_commands(click.Context(nilo))] + [("do", name) for name in SHAPES]


def examples(text: str, command: str) -> list[str]:
    """The calls of a command in its help; of a pipe the part that calls it."""
    _, _, tail = text.partition("Examples:")
    parts = [part.strip() for line in tail.splitlines() for part in line.split("|")]
    return [part for part in parts if part.startswith(f"{command} ") or part == command]


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_command_says_what_it_does_with_two_examples_that_parse(desk: Desk, command: tuple[str, ...]) -> None:
    result = desk.call(*command, "--help", env={"COLUMNS": "200"})
    assert result.code == 0
    found = examples(result.out, f"nilo {' '.join(command)}")
    assert len(found) == 2, result.out
    for example in found:
        parse(shlex.split(example)[1:])


def test_the_commands_are_listed_under_headings(desk: Desk) -> None:
    called = desk.call("--help")
    headings = [line.rstrip(":") for line in called.out.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == ["Options", *SECTIONS]
    lines = called.out.split("Record changes:")[1].splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert listed == nilo.list_commands(click.Context(nilo))


def test_without_arguments_the_help_is_shown_on_stderr_with_exit_code_2(desk: Desk) -> None:
    called = desk.call()
    assert (called.code, called.out) == (2, "")
    assert called.err == desk.call("--help").out


def test_a_shell_completes_the_names_of_the_commands(desk: Desk) -> None:
    words = {"_NILO_COMPLETE": "bash_complete", "COMP_WORDS": "nilo im", "COMP_CWORD": "1"}
    assert desk.process(env=words).out.split() == ["plain,import-hyperv", "plain,import-qemu", "plain,import"]


def parse(args: list[str]) -> None:
    """Parses a command line as ``nilo`` does, without running it. Raises ``UsageError``."""
    command: click.Command = nilo
    context = nilo.make_context("nilo", list(args))
    while isinstance(command, click.Group):
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        if not rest and command.invoke_without_command:
            return
        name, found, rest = command.resolve_command(context, list(rest))
        assert found is not None
        command = found
        context = found.make_context(name, rest, parent=context)


def test_a_wrong_variable_is_named_and_no_option_that_nobody_gave(desk: Desk) -> None:
    result = desk.call("view", env={"NILO_FORMAT": "xml"})
    assert (result.code, result.err.partition(" is not one of")[0]) == (
        2, "error: invalid value for the variable NILO_FORMAT: 'xml'",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["veiw"], "did you mean view?"),
        (["do", "add-memroy", "web01", "1GiB"], "did you mean add-memory?"),
        (["view", "--positon", "3"], "did you mean --position?"),
        (["frobnicate"], "nilo --help lists the commands"),
        (["do", "add-memory", "web01"], "nilo do add-memory --help"),
        (["view", "--position", "minus"], "nilo view --help"),
        (["do", "add-memory", "web01", "-4GiB"], "a size is 0 or more bytes, such as 4GiB"),
        (["--format", "xml", "view"], "nilo --help"),
        (["prove", "--list"], "nilo prove --help"),
        (["export", "-o"], "write its value after it; --help says what it takes"),
    ],
)
def test_wrong_usage_is_told_with_a_hint_and_exit_code_2(desk: Desk, args: list[str], hint: str) -> None:
    result = desk.call(*args)
    assert (result.code, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert first.startswith("error: ")
    assert second == f"hint: {hint}"

"""Help: of every command, with examples that can be typed."""

from __future__ import annotations

import shlex

import click
import pytest

from nilometer.cli.app import COMMANDS, nilo
from nilometer.cli.writing.do_arguments import SHAPES
from tests.nilometer.cli.calling import Desk

EVERY = [(name,) for name in COMMANDS] + [("do", name) for name in SHAPES]


def examples(text: str, command: str) -> list[str]:
    """The calls of a command in its help; of a pipe the part that calls it."""
    _, _, tail = text.partition("Examples:")
    parts = [part.strip() for line in tail.splitlines() for part in line.split("|")]
    return [part for part in parts if part.startswith(f"{command} ") or part == command]


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_command_says_what_it_does_with_two_examples_that_parse(desk: Desk, command: tuple[str, ...]) -> None:
    said = desk.call(*command, "--help", env={"COLUMNS": "200"})
    assert said.code == 0
    found = examples(said.out, f"nilo {' '.join(command)}")
    assert len(found) == 2, said.out
    for example in found:
        parse(shlex.split(example)[1:])


def parse(args: list[str]) -> None:
    """Parses a command line as ``nilo`` does, without running it. Raises ``UsageError``."""
    command: click.Command = nilo
    context = nilo.make_context("nilo", list(args))
    while isinstance(command, click.Group):
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        name, found, rest = command.resolve_command(context, list(rest))
        assert found is not None
        command = found
        context = found.make_context(name, rest, parent=context)


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
    ],
)
def test_wrong_usage_is_told_with_a_hint_and_exit_code_2(desk: Desk, args: list[str], hint: str) -> None:
    said = desk.call(*args)
    assert (said.code, said.out) == (2, "")
    first, second = said.err.splitlines()
    assert first.startswith("error: ")
    assert second == f"hint: {hint}"

"""``nilo policy``: its commands, each loaded when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from nilometer.cli.groups import LazyGroup
from nilometer.cli.options import common_options

_COMMANDS: Final = {
    "check": "Check a file of policies: consistent, enforced where, what they would have changed.",
    "adopt": "Adopt policies: every command is decided by them, too.",
    "list": "List the policies that are adopted, and who breaks them.",
    "retire": "Retire adopted policies.",
    "test": "Ask the policies of a file about the examples beside it.",
}


class PolicyGroup(LazyGroup):
    """The commands about policies."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads a command; ``None`` if there is none of this name."""
        if cmd_name not in _COMMANDS:
            return None
        loaded: click.Command = import_module(f"nilometer.cli.policies.{cmd_name}").command
        return loaded


@click.group(
    "policy",
    cls=PolicyGroup,
    sections={"Commands": {name: ("", purpose) for name, purpose in _COMMANDS.items()}},
    short_help="Policies of your own: check, adopt and retire them.",
)
@common_options
def command() -> None:
    """Policies of your own: sentences over VMs and hosts, in the subset of Python that the rules are written in.

    \b
    Examples:
      nilo policy check policies.py
      nilo policy adopt policies.py --reason "CHG-2041"
    """

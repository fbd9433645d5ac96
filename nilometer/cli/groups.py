"""Groups of commands: listed in sections, loaded when they are called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from nilometer.cli.failures import Mistyped

Sections = Mapping[str, Mapping[str, tuple[str, str]]]
"""Commands under their headings, each by its name: its module in ``nilometer.cli``, and what it does."""


class LazyGroup(click.Group):
    """A group that lists its commands in sections, without loading them."""

    def __init__(self, *args: Any, sections: Sections, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.sections = sections
        self.modules = {name: module for section in sections.values() for name, (module, _) in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the sections."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads a command; ``None`` if there is none of this name."""
        if cmd_name not in self.modules:
            return None
        command: click.Command = import_module(f"nilometer.cli.{self.modules[cmd_name]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command; suggests one if it is mistyped."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            from nilometer.suggesting import did_you_mean

            hint = did_you_mean(args[0], known, f"{ctx.command_path} --help lists the commands")
            raise Mistyped(f"{args[0]!r} is not a command of {ctx.command_path}", hint=hint, context=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the sections, all with columns of the same width."""
        width = max(map(len, self.modules))
        for heading, section in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), purpose) for name, (_, purpose) in section.items()])

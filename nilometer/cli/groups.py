"""A group of commands that are loaded when they are called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from nilometer.cli.failures import Mistyped


class LazyGroup(click.Group):
    """A group that knows its commands by ``name: (module of nilometer.cli, what it does)``."""

    def __init__(self, *args: Any, modules: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order in which one needs them."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, loaded now."""
        if cmd_name not in self.modules:
            return None
        command: click.Command = import_module(f"nilometer.cli.{self.modules[cmd_name][0]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with a suggestion for a mistyped command."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            from nilometer.suggesting import did_you_mean

            hint = did_you_mean(args[0], known, f"{ctx.command_path} --help lists the commands")
            raise Mistyped(f"{args[0]!r} is not a command of {ctx.command_path}", hint=hint, context=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in self.modules.items()])

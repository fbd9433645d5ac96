"""What a call of ``nilo`` was told about itself: which ledger, which format, who asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import click

from domain.errors import InputError

if TYPE_CHECKING:
    from nilometer.ledger.ledger import Ledger

Format = Literal["human", "plain", "json", "sarif", "github"]
FORMATS: Final = ("human", "plain", "json")
"""Those that every command has."""
ALL_FORMATS: Final = (*FORMATS, "sarif", "github")
DEFAULT_LEDGER: Final = "sqlite:///nilometer.db"


@dataclass(slots=True)
class Session:
    """Options that every command has; ``None`` where nothing was said."""

    ledger: str | None = None
    format: Format | None = None
    actor: str | None = None
    via: str | None = None
    reason: str | None = None
    correlation: str | None = None

    @property
    def url(self) -> str:
        """The ledger that is meant."""
        return self.ledger or DEFAULT_LEDGER

    def form(self) -> Format:
        """The format that is meant: ``human`` on a terminal, else ``plain``."""
        return self.format or ("human" if sys.stdout.isatty() else "plain")

    @contextmanager
    def reading(self) -> Generator[Ledger]:
        """The ledger, opened to read; there must be one."""
        from nilometer.ledger.ledger import Ledger

        with Ledger.open(self.url, read_only=True) as ledger:
            yield ledger

    @contextmanager
    def reading_if_any(self) -> Generator[Ledger | None]:
        """The ledger, opened to read; ``None`` if there is none."""
        from nilometer.errors import NoLedger
        from nilometer.ledger.ledger import Ledger

        try:
            ledger = Ledger.open(self.url, read_only=True)
        except NoLedger:
            yield None
            return
        with ledger:
            yield ledger

    @contextmanager
    def writing(self, *, create: bool = True) -> Generator[Ledger]:
        """The ledger, opened to write; with ``create`` it is made if there is none."""
        from nilometer.ledger.ledger import Ledger

        with Ledger.open(self.url, create=create) as ledger:
            yield ledger

    def who(self) -> str:
        """Who asks: what was said, or the user of the operating system."""
        return self.actor or os_user()

    def tool(self) -> str:
        """With which tool: what was said, or ``nilo``."""
        return self.via or "nilo"


def os_user() -> str:
    """The name of the user of this process. Raises ``InputError`` if the system has none."""
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):
        name = str(os.getuid()) if hasattr(os, "getuid") else ""
    if not name.strip():
        raise InputError("who asks is not known", hint="say it: --actor NAME, or NILO_ACTOR=NAME")
    return name


def session() -> Session:
    """The session of the command that runs."""
    return click.get_current_context().find_root().ensure_object(Session)


def typed_time(text: str) -> str:
    """A time that somebody typed, as it is kept inside; says how it was understood if it named no zone."""
    from nilometer.cli.failures import say
    from nilometer.times import parse_typed

    moment = parse_typed(text)
    if moment.understood is not None:
        say("note", f"{text} is read as {moment.understood}")
    return moment.text

"""One call of ``nilo``: which ledger, which format, who asks, with which tool."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, cast

import click

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.times import Clock, system_clock

if TYPE_CHECKING:
    from datetime import tzinfo

    from nilometer.ledger.ledger import Ledger
    from nilometer.ledger.reader import LedgerReader
    from nilometer.seal.tables import SealedHead

Format = Literal["human", "plain", "json", "sarif", "github", "csv"]
FORMATS: Final = ("human", "plain", "json")
"""The formats that every command has."""
ALL_FORMATS: Final = (*FORMATS, "sarif", "github", "csv")
DEFAULT_LEDGER: Final = "sqlite:///nilometer.db"


@dataclass(slots=True)
class Session:
    """The options that every command has, with their defaults."""

    given: dict[str, str] = field(default_factory=dict[str, str])
    """The options that were typed or stood in the environment, by name."""
    clock: Clock = system_clock
    """Gives the time now."""

    @property
    def url(self) -> str:
        """The ledger's URL."""
        return self.given.get("ledger") or DEFAULT_LEDGER

    @property
    def format(self) -> Format:
        """The format of the output: by default ``human`` on a terminal, else ``plain``."""
        return cast("Format | None", self.given.get("format")) or ("human" if sys.stdout.isatty() else "plain")

    @property
    def actor(self) -> str:
        """Who asks: by default the user of the operating system. Raises ``InputError`` if the system has none."""
        return self.given.get("actor") or os_user()

    @property
    def actor_if_any(self) -> str:
        """Who asks; empty if the system has no user."""
        try:
            return self.actor
        except InputError:
            return ""

    @property
    def via(self) -> str:
        """The tool: by default ``nilo``."""
        return self.given.get("via") or "nilo"

    @property
    def reason(self) -> str | None:
        """Why, if it was given."""
        return self.given.get("reason")

    @property
    def correlation(self) -> str | None:
        """What ties changes together, if it was given."""
        return self.given.get("correlation")

    @contextmanager
    def reading(self) -> Generator[LedgerReader]:
        """The ledger, opened to read. Raises ``NoLedger`` if there is none."""
        from nilometer.ledger.reader import open_reader

        with open_reader(self.url) as ledger:
            yield ledger

    def read_seal(self) -> SealedHead | None:
        """Up to where the ledger is sealed, as it is stored: only nilo verify checks that."""
        from nilometer.ledger.reader import open_store
        from nilometer.seal.tables import read_seal

        with closing(open_store(self.url)) as store:
            return read_seal(store)

    @contextmanager
    def reading_if_any(self) -> Generator[Ledger | None]:
        """The ledger, opened to read; ``None`` if there is none."""
        from nilometer.errors import NoLedger
        from nilometer.ledger.ledger import Ledger

        try:
            ledger = Ledger.open(self.url, read_only=True, clock=self.clock)
        except NoLedger:
            yield None
            return
        with ledger:
            yield ledger

    @contextmanager
    def writing(self, *, create: bool = True) -> Generator[Ledger]:
        """The ledger, opened to write; with ``create`` it is made if there is none, and removed if it stays empty.

        What fails when it is closed is a note on stderr: the answers are given, and true.
        """
        from nilometer.cli.failures import remember_recorded, say
        from nilometer.ledger.ledger import Ledger
        from nilometer.ledger.making import removed_if_empty

        with removed_if_empty(self.url) if create else nullcontext():
            ledger = Ledger.open(self.url, create=create, clock=self.clock)
            try:
                with ledger:
                    yield ledger
            finally:
                if ledger.has_recorded:
                    remember_recorded(ledger.url)
                for warning in ledger.warnings:
                    say("note", warning.message, warning.hint)


def os_user() -> str:
    """The name of the user of this process. Raises ``InputError`` if the system has none."""
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):
        name = str(os.getuid()) if hasattr(os, "getuid") else ""
    if not name.strip():
        raise InputError(
            "the system does not say who the user is", hint="name the user: --actor NAME, or NILO_ACTOR=NAME"
        )
    return name


def current_session() -> Session:
    """The session of the command that runs."""
    return click.get_current_context().find_root().ensure_object(Session)


def read_typed_time(text: str, *, end: bool = False, zone: tzinfo | None = None) -> UtcTime:
    """A typed time, as it is kept inside; with ``end`` a day alone means its last moment.

    It is of ``zone`` if it names none, by default the machine's.

    Notes on stderr how it was read, if it names no zone.
    """
    from nilometer.cli.failures import say
    from nilometer.times import current_time
    from nilometer.typed_times import parse_typed_time

    moment = parse_typed_time(text, now=current_time(current_session().clock), end=end, zone=zone)
    if moment.understood is not None:
        say("note", f"{text} is read as {moment.understood}")
    return moment.text

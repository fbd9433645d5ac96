"""Errors of ledgers: one class for each thing that the user can do about it."""

from __future__ import annotations

from domain.errors import NilometerError
from domain.identifiers import StreamName


def install_hint(extras: str) -> str:
    """The hint for what an extra of Nilometer brings, or several with commas between, where it is not installed."""
    in_checkout = "make scale, then .spark/bin/python" if extras == "spark" else "make extras"
    return f"pip install 'nilometer[{extras}]'; in a checkout of Nilometer: {in_checkout}"


class LedgerWarning(UserWarning):
    """Something beside the events of a ledger is not as it should be. It was not used, or it was mended."""


class LedgerError(NilometerError):
    """A ledger cannot be opened, read or written. Only if the message says so, nothing was recorded."""

    answers: tuple[object, ...] = ()
    """Results and input errors of the requests, of several that were made together, that were answered before."""


class UnreadableEvent(NilometerError):
    """A stored event cannot be read: of an unknown kind or version, or not in its shape. It may have been changed.

    Its place is known: ``position`` is 0 where the event was looked for on its stream.
    """

    stream: StreamName = StreamName("")
    version: int = 0
    position: int = 0
    why: str = ""

    @classmethod
    def at(cls, stream: str, version: int, position: int, why: str, hint: str = "") -> UnreadableEvent:
        """The error of one event, with its place and the reason."""
        place = f"event {stream}/{version}" + (f" at position {position}" if position else "")
        error = cls(f"{place} cannot be read: {why}", hint=hint or "nilo repair says what can be mended")
        error.stream, error.version, error.position, error.why = StreamName(stream), version, position, why
        return error

    @property
    def id(self) -> str:
        """The permanent name of the event: its stream and its version there."""
        return f"{self.stream}/{self.version}"


class NoLedger(LedgerError, FileNotFoundError):
    """There is no ledger at this place. Record something to make one, or name another place."""

    def __str__(self) -> str:
        return self.message


class NotALedger(LedgerError, ValueError):
    """There is a database, but it is no ledger, or has an unknown version: it was not touched."""


class LedgerBusy(LedgerError, TimeoutError):
    """Other processes kept the ledger locked, or kept writing first. Try again."""

    def __str__(self) -> str:
        return self.message


class LedgerReadOnly(LedgerError, PermissionError):
    """The ledger may not be written by this user, or not even be read: the message says which."""

    def __str__(self) -> str:
        return self.message


class LedgerFull(LedgerError, OSError):
    """There is no space left in the database, or beside it."""

    def __str__(self) -> str:
        return self.message


class LedgerUnreachable(LedgerError, ConnectionError):
    """The database server does not answer, or refuses the connection."""

    def __str__(self) -> str:
        return self.message


class CommitUncertain(LedgerUnreachable):
    """The connection was lost when the events were committed: they may be recorded, or not.

    Make the same request again with the same key: what was recorded is not recorded twice.
    """

    keys: tuple[str, ...] = ()
    """The keys of the requests whose answer is not known, in their order."""

"""Errors of ledgers: what was wrong with the database, told apart so that one knows what to do."""

from __future__ import annotations

from domain.errors import NilometerError


class LedgerError(NilometerError):
    """A ledger cannot be opened, read or written."""


class NoLedger(LedgerError, FileNotFoundError):
    """There is no ledger where one was expected. Record something to make one, or name another place."""

    def __str__(self) -> str:
        return self.message


class NotALedger(LedgerError, ValueError):
    """There is a database, but it is not one of ours, or of a version that we do not know: it was not touched."""


class LedgerBusy(LedgerError, TimeoutError):
    """Others kept the ledger locked, or kept winning the race for it. Try again."""

    def __str__(self) -> str:
        return self.message


class LedgerReadOnly(LedgerError, PermissionError):
    """The ledger can be read but not written by this user."""

    def __str__(self) -> str:
        return self.message


class LedgerFull(LedgerError, OSError):
    """There is no room for what was to be recorded: nothing of it was."""

    def __str__(self) -> str:
        return self.message


class LedgerUnreachable(LedgerError, ConnectionError):
    """The database server does not answer, or refuses us."""

    def __str__(self) -> str:
        return self.message

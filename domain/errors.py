"""The errors that people meet: each says what, why, and what to type instead."""

from __future__ import annotations


class NilometerError(Exception):
    """The root of every error that is not a bug. ``str(error)`` says what and why.

    ``hint`` is something to do or to type, or empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(NilometerError, ValueError):
    """The input cannot be read, or names something that is not there: nothing was recorded."""


class UnknownVm(InputError):
    """No VM has this id. Check the spelling, or define it first."""

    def __init__(self, vm: str, *, hint: str = "") -> None:
        super().__init__(f"there is no VM {vm!r}", hint=hint)
        self.vm = vm


class UnknownHost(InputError):
    """No host has this id. Check the spelling, or register it first."""

    def __init__(self, host: str, *, hint: str = "") -> None:
        super().__init__(f"there is no host {host!r}", hint=hint)
        self.host = host


class InternalError(Exception):
    """A bug in Nilometer itself. Please report it, with what is printed above."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

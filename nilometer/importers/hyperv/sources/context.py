"""What is known beside a file of a Hyper-V host: where it was collected, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from domain.errors import InputError

PassOver = Callable[[InputError], None]
"""Is told what cannot be read; then the next is read. Where there is none, the first such thing ends the reading."""


@dataclass(frozen=True, slots=True)
class Context:
    """What to assume where a file does not say it."""

    host: str | None = None
    """The host that a file is of."""
    at: str | None = None
    """When a file was collected, in the form of ``nilometer.times``."""
    zone: str | None = None
    """The zone of local times: ``Europe/Berlin``, ``+01:00`` or ``UTC``."""


def tell(error: InputError, pass_over: PassOver | None) -> None:
    """Tells what cannot be read, and goes on; where nobody is told, raises it."""
    if pass_over is None:
        raise error
    pass_over(error)


_ANY_HOST: Final = frozenset({"", ".", "localhost", "127.0.0.1", "[::1]"})


def host_name(text: str | None) -> str | None:
    """A host's name in lower case, as Windows does not tell cases apart; ``None`` for what every host is called."""
    name = (text or "").strip().lower()
    return None if name in _ANY_HOST else name

"""What is known beside a file of a Hyper-V host: where it was collected, when, and which VM has which name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    by_name: Mapping[str, str] = field(default_factory=dict[str, str])
    """The VmId of each VM by its name, for files that know only names."""


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


class Names:
    """Finds the VmId of a VM by its name as performance counters write it.

    Counters write a VM's name as the instance of an object, in which ``(`` and ``)`` are brackets, and ``#``, ``/`` and
    ``\\\\`` are underscores; programs that read them may have put it in lower case.
    """

    def __init__(self, by_name: Mapping[str, str]) -> None:
        self._ids: dict[str, set[str]] = {}
        for name, id in by_name.items():
            self._ids.setdefault(_instance(name), set()).add(id)
        self._found: dict[str, str | None] = {}

    def vm_id(self, instance: str) -> str | None:
        """The only VM that can be meant; ``None`` if none or several can."""
        if instance not in self._found:
            ids = self._ids.get(_instance(instance), set[str]())
            self._found[instance] = next(iter(ids)) if len(ids) == 1 else None
        return self._found[instance]


_AS_INSTANCE: Final = str.maketrans("()#/\\", "[]___")


def _instance(name: str) -> str:
    return name.translate(_AS_INSTANCE).casefold()

"""Parts of an event: what stands in its data, as terms and as texts that are copied from other places of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, leaves

Path = tuple[str, ...]
"""Where something stands in the data of an event."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is the same in all events of this form."""

    text: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A text that the event itself claims, such as the id of the host that was read."""

    path: Path


@dataclass(frozen=True, slots=True)
class FromStream:
    """The id of the VM or host that the event is about."""


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """The version of a host's stream that was read."""

    place: Path
    """Where the event says what was read of the host."""


@dataclass(frozen=True, slots=True)
class VersionBefore:
    """The version of the event's own stream before it."""


@dataclass(frozen=True, slots=True)
class Nullable:
    """Something that is null unless a condition holds."""

    condition: Term
    part: Part


Copied = Text | Claimed | FromStream | ReadVersion | VersionBefore
Part = Mapping[str, "Part"] | Term | SymbolicRecord | Copied | Nullable | None
"""Something that stands in an event; ``None`` is null."""

HOST_READ: Final[Path] = ("evidence", "host")
DESTINATION_READ: Final[Path] = ("evidence", "destination")


def id_in(place: Path) -> Claimed:
    """The id of the host that was read, where a place says what was read of it."""
    return Claimed((*place, "id"))


def terms_of(part: Part) -> Iterator[Term]:
    """The terms that a part is made of."""
    match part:
        case Term():
            yield part
        case SymbolicRecord():
            yield from (term for _, term in leaves(part))
        case Nullable():
            yield part.condition
            yield from terms_of(part.part)
        case Mapping():
            for inner in part.values():
                yield from terms_of(inner)
        case _:
            pass

"""VMs are shown by name where their id is a GUID, which nobody knows by heart; ``--ids`` shows the ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from domain.identifiers import vm_stream
from domain.observed.vm import ObservedVm
from nilometer.cli.session import current_session

if TYPE_CHECKING:
    from nilometer.ledger.reader import LedgerReader
    from projections.fleet import Fleet

_GUID: Final = re.compile(r"(?<![:\w.-])(?:[\w-]+\.)*?\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
"""The id that Hyper-V gives a VM, with the prefix that an import may put before it. A ledger's id is a URN."""
_WITHIN_GUID: Final = re.compile(r"-[0-9a-f]{4}-")
"""What every GUID has: most texts have none, which is seen in a tenth of the time."""
_LENGTHS: Final = (8, 13, 18, 23, 36)
"""How much of a GUID is shown: its first part, or as many parts as tell VMs of one name apart."""

F = TypeVar("F", bound=Callable[..., Any])


def ids_option(function: F) -> F:
    """The option ``--ids``, kept in the session."""

    def keep(context: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked:
            current_session().given["ids"] = "shown"

    return click.option(
        "--ids",
        is_flag=True,
        expose_value=False,
        callback=keep,
        help="Show the ids of VMs, also where they have names.",
    )(function)


class VmNames:
    """The names of a ledger's VMs. They are read when the first GUID is to be shown."""

    def __init__(self, ledger: LedgerReader, fleet: Fleet | None = None) -> None:
        self._ledger = ledger
        self._given = fleet
        self._found: dict[str, str] = {}

    def put_in(self, text: str) -> str:
        """Returns a text for people with the names of VMs in place of their GUIDs."""
        if _WITHIN_GUID.search(text) is None or current_session().given.get("ids"):
            return text
        return _GUID.sub(self._name, text)

    def _name(self, match: re.Match[str]) -> str:
        text = match[0]
        if text not in self._found:
            self._found[text] = self._find(text)
        return self._found[text]

    def _find(self, text: str) -> str:
        """Finds the name of an id; before it may stand what is no prefix, such as the ``vms.`` of a path."""
        parts = text.split(".")
        for first in range(len(parts)):
            id = ".".join(parts[first:])
            name = self._name_of(id)
            if name != id:
                return ".".join([*parts[:first], name])
        return text

    def _name_of(self, id: str) -> str:
        name = self._names.get(id)
        if name is None:
            tracked = self._ledger.views.load(vm_stream(id))  # it may be gone from the fleet
            name = tracked.subject.name if tracked is not None and isinstance(tracked.subject, ObservedVm) else id
        if name == id:
            return id
        return f"{name} ({self._shorten(id, name)})" if self._counts[name.casefold()] > 1 else name

    def _shorten(self, id: str, name: str) -> str:
        """As much of an id as no other VM of this name has: the beginning of its GUID, or all of it."""
        alike = {id, *self._ids.get(name.casefold(), ())}
        for length in _LENGTHS:
            if len({_guid_of(one)[:length] for one in alike}) == len(alike):
                return _guid_of(id)[:length]
        return id

    @cached_property
    def _names(self) -> Mapping[str, str]:
        fleet = self._ledger.views.fleet() if self._given is None else self._given
        return {id: tracked.subject.name for id, tracked in fleet.vms.items()}

    @cached_property
    def _ids(self) -> Mapping[str, Sequence[str]]:
        """The ids of the VMs of each name, in any case."""
        ids: dict[str, list[str]] = {}
        for id, name in self._names.items():
            ids.setdefault(name.casefold(), []).append(id)
        return ids

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(
            [*map(str.casefold, self._names.values()), *(id for id, name in self._names.items() if id != name)]
        )


def _guid_of(id: str) -> str:
    """The GUID of an id, without the prefix that an import put before it."""
    return id.rpartition(".")[2]

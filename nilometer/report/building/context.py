"""What all pages of a report share: the clock, which VMs and hosts have a page, and the names of anchors."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from domain.identifiers import StreamName, UtcTime, split_stream
from nilometer.messages.sizes import UNKNOWN, Unit, common_unit, format_rounded, format_sizes
from nilometer.report.clocks import Clock24
from nilometer.report.collected import Collected
from nilometer.report.data import Reference
from rules.wording import UNITS

UnitName = Literal["MiB", "GiB", "TiB"]
NARROW: Final = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Context:
    """What all pages share."""

    collected: Collected
    clock: Clock24
    at: UtcTime
    """The moment that the report is of."""
    paged_vms: Collection[str]
    """The VMs that have a page."""
    paged_hosts: Collection[str]
    findings_of: Mapping[int, Sequence[Reference]] = field(default_factory=dict[int, Sequence[Reference]])
    """The findings about each event, by its position."""
    listed: Collection[int] = ()
    """The positions of the events that stand in a table: the others have no anchor."""

    def name_of(self, vm: str) -> str:
        """What people call a VM: its name where its id is only a GUID."""
        tracked = self.collected.fleet.vms.get(vm)
        name = vm if tracked is None else tracked.subject.name
        return vm if vm.endswith(name) else name

    def vm(self, vm: str) -> Reference:
        """A VM, with its page."""
        return Reference(self.name_of(vm), f"#{vm_anchor(vm)}" if vm in self.paged_vms else None)

    def host(self, host: str) -> Reference:
        """A host, with its page."""
        return Reference(host, f"#{host_anchor(host)}" if host in self.paged_hosts else None)

    def subject(self, stream: StreamName | str) -> Reference:
        """What a stream is about, with its page."""
        kind, id = split_stream(stream)
        if kind == "vm":
            return self.vm(id)
        return self.host(id) if kind == "host" else Reference(stream)

    def event(self, position: int) -> Reference:
        """An event, with its place in a table, if it has one."""
        return Reference(f"#{position}", f"#e{position}" if position in self.listed else None)


def vm_anchor(vm: str) -> str:
    """The anchor of a VM's page."""
    return f"vm-{_anchor(vm)}"


def host_anchor(host: str) -> str:
    """The anchor of a host's page."""
    return f"host-{_anchor(host)}"


def rule_reference(rule: str) -> Reference:
    """A rule, with its row."""
    return Reference(rule, f"#r-{rule}")


def _anchor(id: str) -> str:
    """An id as a part of an anchor: all but letters, digits, dots and dashes is written out."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in ".-") else f"_{ord(letter):x}_" for letter in id
    )


def unit_of(sizes: Iterable[int | None]) -> Unit:
    """The one unit of a picture or table: that in which all are exact, unless a figure were too long to be read."""
    known = [size for size in sizes if size]
    unit = common_unit(known)
    larger = [other for other in reversed(UNITS) if other.power > unit.power]
    while larger and any(abs(size) >> unit.power >= TOO_LONG for size in known):
        unit = larger.pop(0)
    return unit


TOO_LONG: Final = 1_000_000
"""Nobody reads a figure of seven digits: it is rounded to two decimals of a larger unit."""


_UNIT_NAMES: Final[dict[str, UnitName]] = {"MiB": "MiB", "GiB": "GiB", "TiB": "TiB"}


def unit_name(unit: Unit) -> UnitName:
    """The name of a unit, at most TiB."""
    return _UNIT_NAMES.get(unit.name, "TiB")


def shown(size: int | None, unit: Unit | None = None) -> str:
    """A size with its unit, and spaces that do not break; or ``unknown``."""
    if size is None:
        return UNKNOWN
    return spaced(format_rounded(size, unit or unit_of([size])))


def shown_together(*sizes: int | None) -> list[str]:
    """Sizes of one sentence, which people compare: each as ``shown`` gives it, all in one unit."""
    unit = unit_of(sizes)
    return [shown(size, unit) for size in sizes]


def bare(size: int | None, unit: Unit) -> str:
    """A size in a table whose foot names the unit."""
    return UNKNOWN if size is None else spaced(format_sizes([size], unit)[0]).partition("\N{NO-BREAK SPACE}")[0]


def spaced(words: str) -> str:
    """A size with narrow spaces in figures of five digits and more, and none that breaks before its unit."""
    figure, _, unit = words.partition(" ")
    whole, point, rest = figure.partition(".")
    digits = whole.lstrip("~-")
    if len(digits) > 4 and digits.isdecimal():
        whole = whole.replace(digits, f"{int(digits):,}".replace(",", NARROW))
    return f"{whole}{point}{rest}\N{NO-BREAK SPACE}{unit}" if unit else f"{whole}{point}{rest}"


def signed(amount: int | None, unit: Unit | None = None) -> str:
    """An amount with its sign: ``+256 MiB``, ``−128 MiB``."""
    if amount is None:
        return "amount not recorded"
    return f"{'+' if amount >= 0 else chr(0x2212)}{shown(abs(amount), unit)}"


def counted_events(count: int) -> str:
    """``1 event``, ``12 345 events``."""
    return f"{counted(count)} event{'' if count == 1 else 's'}"


def counted(count: int) -> str:
    """A number as it is shown: ``172``, ``12 345``."""
    return f"{count:,}".replace(",", NARROW) if count > 9999 else str(count)


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV. A text that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return text.getvalue()


def _harmless(cell: object) -> object:
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell

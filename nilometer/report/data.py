"""What the pages of a report show, as plain records: all texts are made, nothing is looked up. Sizes are bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nilometer.messages.sizes import Unit
from nilometer.report.series import Chart, ComparedMoment, ComparedSubject, RequestState, TimeSpan

VerdictWord = Literal["holds", "violated", "unknown", "not judged"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A word that may lead somewhere in the page; without ``href`` it is only a word."""

    words: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class PagePart:
    """Facts about one history that a report covers."""

    name: str
    """The ledger, or the file, as it was named."""
    source: str
    """The ledger that the history names as its own."""
    span: str
    events: int
    files: tuple[str, ...]
    """The files that were imported into it, or that it was read from, with their digests."""


@dataclass(frozen=True, slots=True)
class VerdictBlock:
    """The verdict, before anything else: what was judged, and what could not be decided."""

    word: VerdictWord
    sentence: str
    more: str
    """The rest of the sentence: what was not decided and how many remarks there are."""
    covers: str
    not_decided: tuple[Reference, ...]
    rules: str
    histories: tuple[PagePart, ...]
    violations: tuple[FindingItem, ...] = ()


@dataclass(frozen=True, slots=True)
class StateFigure:
    """A figure of a state."""

    path: str
    words: str
    size: int | None
    """``None`` if it is no size: no bar is drawn of it."""
    is_assumed: bool = False
    """Nobody measured it."""


@dataclass(frozen=True, slots=True)
class StatePanel:
    """One of two states that stand side by side, with bars of one scale."""

    word: str
    """``holds``, ``violated``, ``before``."""
    rest: str
    """What follows the word in the panel's heading."""
    figures: tuple[StateFigure, ...]


@dataclass(frozen=True, slots=True)
class FindingItem:
    """A finding."""

    anchor: str
    """``f11``."""
    id: str
    """The same in later reports of the same history."""
    verdict: Literal["violated", "unknown", "remark"]
    rule: Reference
    event: Reference | None
    time: str
    subject: Reference
    message: str
    count: int
    follows: Reference | None
    let: tuple[tuple[str, str], ...]
    then: str
    states: tuple[StatePanel, ...] = ()
    """With values of the figures that are not known: a state in which the rule holds, and one in which it does not."""
    collect: str = ""
    """What would decide it."""


@dataclass(frozen=True, slots=True)
class EventItem:
    """A row of a table of events."""

    position: int
    time: str
    says: str
    who: str
    flags: tuple[Reference, ...]
    """The findings about it."""
    cells: tuple[str, ...]
    """The figures after it, as they are shown; none if it shares its instant with the next."""
    changed: tuple[bool, ...]
    """Which of them changed."""


@dataclass(frozen=True, slots=True)
class EventTable:
    """The events of one VM or host."""

    columns: tuple[str, ...]
    rows: tuple[EventItem, ...]
    left_out: int
    unit: str
    csv: str
    """All rows as CSV, sizes in bytes."""
    file: str
    """What the CSV is called when it is kept."""


@dataclass(frozen=True, slots=True)
class VmPage:
    """One VM."""

    anchor: str
    name: str
    heading: str
    facts: tuple[Reference, ...]
    chart: Chart | None
    empty: str
    """What stands where the chart would be, if there is none."""
    requests_left_out: int
    notices: tuple[Notice, ...]
    table: EventTable
    thinned: str
    """What the chart leaves out; empty if that is nothing."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that could not be checked, and what to do about it."""

    rule: Reference
    message: str
    finding: Reference


@dataclass(frozen=True, slots=True)
class BookStep:
    """The cells of a VM in its host's book from a moment on; none where it is not on the host."""

    index: int
    """Of the moment, among those of the chart."""
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BookRow:
    """What one VM holds of its host."""

    vm: Reference
    power: str
    held: str
    visible: str
    in_use: str
    updated: str
    is_here: bool = True
    """Of one that was on the host before, ``False``: it is shown at the moments at which it was."""
    steps: tuple[BookStep, ...] = ()
    """None where the book is known at the last moment alone."""

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in its row, after its name."""
        return self.power, self.held, self.visible, self.in_use, self.updated


@dataclass(frozen=True, slots=True)
class HostPage:
    """One host."""

    anchor: str
    name: str
    facts: tuple[Reference, ...]
    chart: Chart | None
    empty: str
    at: str
    sentence: str
    """The equation of the host: ``1280 MiB = 0 MiB reserve + 1152 MiB held by VMs + 128 MiB free``."""
    note: str
    event: Reference
    """The last event of the host, or of a VM on it."""
    short: tuple[tuple[Reference, str], ...]
    book: tuple[BookRow, ...]
    together: tuple[str, str]
    """What the VMs hold together, and of what."""
    unit: str
    table: EventTable
    thinned: str


@dataclass(frozen=True, slots=True)
class FleetNumber:
    """One of the five numbers of the fleet."""

    value: str
    label: str
    detail: str
    state: Literal["fine", "warn", "unknown"]


@dataclass(frozen=True, slots=True)
class FleetHost:
    """A row of the table of hosts."""

    host: Reference
    strip: Chart | None
    empty: str
    free: str
    state: str
    state_is: Literal["short", "full", "unknown", "fine"]
    vms: int
    updated: str


@dataclass(frozen=True, slots=True)
class FleetItem:
    """A VM in one of the fleet's lists."""

    vms: tuple[Reference, ...]
    text: str
    muted: str
    event: Reference | None = None


@dataclass(frozen=True, slots=True)
class AskedItem:
    """A row of the table of requests."""

    time: str
    vm: Reference
    amount: str
    state: RequestState
    says: str
    who: str
    event: Reference


@dataclass(frozen=True, slots=True)
class FleetPage:
    """All hosts and VMs at one moment."""

    facts: str
    at: str
    numbers: tuple[FleetNumber, ...]
    strips: str
    """What the strips of hosts cover."""
    hosts: tuple[FleetHost, ...]
    short: tuple[FleetItem, ...]
    over: tuple[FleetItem, ...]
    changed: tuple[FleetItem, ...]
    unmeasured: tuple[FleetItem, ...]
    asked_title: str
    asked: tuple[AskedItem, ...]
    asked_count: int
    asked_are_all: bool = True
    """Whether so many were made that day; else more were, which are not kept."""
    unwatched: tuple[TimeSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule: what it forbids, whether it is proved, and how it fared in this history."""

    name: str
    sentence: str
    source: str
    proved: str
    """What is known of its proof."""
    proved_is: Literal["proved", "refuted", "unknown", "not a theorem"]
    here: tuple[tuple[str, Literal["fine", "warn", "bad", "muted"]], ...]


@dataclass(frozen=True, slots=True)
class Refutation:
    """A rule that was refuted: a state, and a command after which it is broken."""

    rule: Reference
    obligation: str
    says: str
    """What is answered, and what the rule says of it."""
    states: tuple[StatePanel, ...]


@dataclass(frozen=True, slots=True)
class RulesPage:
    """All rules, in their groups."""

    summary: str
    refuted: tuple[Refutation, ...]
    groups: tuple[tuple[str, tuple[RuleRow, ...]], ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """What is new since a time: short enough for a mail."""

    span: str
    requests: tuple[AskedItem, ...]
    """Those that were not granted in full, or that nobody is named for; the newest first."""
    requests_count: int
    """How many requests there were."""
    newest_only: str
    """That more were made, which are not kept; empty if that is not so."""
    left_out: int
    """How many of those to show are left out."""
    findings: tuple[FindingItem, ...]
    """Violations, and what could not be decided, about events since then."""


@dataclass(frozen=True, slots=True)
class ReportPages:
    """A whole report."""

    title: str
    made: str
    tool: str
    zone: str
    verdict: VerdictBlock
    fleet: FleetPage
    hosts: tuple[HostPage, ...]
    vms: tuple[VmPage, ...]
    vms_left_out: int
    findings: tuple[FindingItem, ...]
    findings_left_out: int
    rules: RulesPage
    compared: tuple[ComparedSubject, ...]
    moments: tuple[ComparedMoment, ...]
    first_pinned: int
    """The place in ``moments`` that is compared first with the last one: a day before it, or the beginning."""
    unit: Unit
    """The unit of the comparison."""
    digest: Digest | None = None
    """What is new since a time, if that was asked for."""
    notes: tuple[str, ...] = ()
    """What could not be read, and what was left out of the whole."""

"""The hosts and VMs of a ledger: remembered between commands, and brought up to date from their streams.

What is remembered may be behind what other programs have recorded. That is harmless where something is then written,
because a version can be written only once; a refusal is believed only after ``refresh``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from domain.aggregates import GroupAggregate, HistoryError, HostAggregate, VmAggregate
from domain.changes import apply_to_vm, host_figures, vm_figures
from domain.commands import Command
from domain.deciding.enforced import EnforcedPolicy
from domain.deciding.reads import Reads, load
from domain.envelope import Envelope
from domain.errors import InputError, UnknownHost, UnknownVm
from domain.events import Decided, Event, HostEvent, VmEvent
from domain.identifiers import StreamName, UtcTime, group_stream, host_stream, vm_id, vm_stream
from domain.policy_events import GroupChanged, GroupClosed, GroupEvent
from domain.state import Group, Vm
from nilometer.ledger.policies import PolicySet, read_policy_set
from nilometer.storage.application import LedgerApplication
from nilometer.storage.recorder import LedgerRecorder
from nilometer.storage.store import Database
from nilometer.views.folding import cannot_follow
from nilometer.views.tables import EventsMissing, damaged
from nilometer.views.views import Views
from projections.advancing import advance
from projections.fleet import Fleet
from projections.tracked import AnyTracked, TrackedHost, TrackedVm

REMEMBERED: Final = 20_000
"""When so many hosts and VMs are remembered, all are forgotten: memory stays flat, however many there are."""


class _NotRememberedError(Exception):
    """What is loaded is not in memory: it is loaded again, in a transaction."""


class BookMissingError(Exception):
    """The group of an adopted policy has no book: who adopted the policy knew none."""


@dataclass(slots=True)
class _Book:
    """The book of a group, and when a command last changed it; empty if none did since it was opened."""

    group: GroupAggregate
    as_of: UtcTime


class Repository:
    """A ``domain.deciding.reads.Aggregates`` on a ledger."""

    def __init__(self, recorder: LedgerRecorder, application: LedgerApplication, views: Views) -> None:
        self._recorder = recorder
        self._application = application
        self._views = views
        self._known: dict[str, AnyTracked] = {}
        """Hosts and VMs, removed or not, by the names of their streams."""
        self._books: dict[str, _Book] = {}
        """The books of groups, by the names of their streams."""
        self._transactions = 0
        self._read_in: dict[str, int] = {}
        """In which transaction each stream was last read, of those since the unit of work began."""
        self._transaction: ExitStack | None = None
        """The transaction in which what one command reads is fetched; ``None`` while memory alone is asked."""
        self._db: Database | None = None
        self._find_stored: Callable[[str], AnyTracked | None]
        self._policies: PolicySet | None = None
        """The policies that are adopted; ``None`` until they are read."""

    def begin(self) -> None:
        """Begins a unit of work. If too much is remembered, all is forgotten."""
        self._read_in.clear()
        if len(self._known) >= REMEMBERED:
            self._known.clear()

    # Loading

    def load(self, command: Command) -> Reads:
        """Loads what a command reads; what is not remembered is fetched in one transaction. Raises ``InputError``."""
        reads = self._load_remembered(command)
        if reads is not None:
            return reads
        self._transactions += 1
        with ExitStack() as self._transaction:
            try:
                return load(command, self)
            finally:
                self._transaction, self._db = None, None

    def _load_remembered(self, command: Command) -> Reads | None:
        try:
            return load(command, self)
        except _NotRememberedError:
            return None

    def vm(self, id: str) -> VmAggregate:
        """The decided VM with this id. Raises ``UnknownVm``, or ``InputError`` if a hypervisor decides about it."""
        stream = vm_stream(id)
        return decided_vm(id, self._known.get(stream) or self._fetch(stream))

    def host(self, id: str) -> HostAggregate:
        """The decided host with this id. Raises ``UnknownHost``, or ``InputError`` if a hypervisor decides about it."""
        stream = host_stream(id)
        return decided_host(id, self._known.get(stream) or self._fetch(stream))

    def is_taken(self, stream: StreamName) -> bool:
        """Whether a stream of this name ever began."""
        return stream in self._known or self._application.has_begun(self._open(), stream)

    def count_vms(self, host: str) -> int:
        """How many VMs, running or not, are on a host."""
        self._leave_transaction()
        return count_on(self._views.fleet(), host)

    def fleet(self) -> Fleet:
        """All hosts and VMs, as they are stored."""
        return self._views.fleet()

    def vms_on(self, host: str) -> list[VmAggregate]:
        """The decided VMs that are on a host, as they are stored: whoever reads them expects the ledger's position."""
        self._leave_transaction()
        return decided_on(self._views.fleet(), host)

    def all_vms(self) -> list[VmAggregate]:
        """All decided VMs, as they are stored: whoever reads them expects the ledger's position."""
        self._leave_transaction()
        return decided_vms(self._views.fleet())

    def group(self, policy: EnforcedPolicy) -> GroupAggregate:
        """The book of the group of a policy. Raises ``BookMissingError``."""
        stream = group_stream(policy.group)
        book = self._books.get(stream)
        if book is None:
            book = self._books[stream] = self._read_book(self._open(), policy.group)
            self._read_in[stream] = self._transactions
        return book.group

    def _read_book(self, db: Database, group: str) -> _Book:
        """The book as its last event leaves it: that has the total."""
        last = self._application.last_in(db, group_stream(group))
        if last is None or isinstance(last.event, GroupClosed):
            raise BookMissingError(group)
        event = last.event
        if not isinstance(event, GroupEvent):
            raise HistoryError(f"event {last.id}: {event.KIND} cannot stand on this stream")
        as_of = last.metadata.happened if isinstance(event, GroupChanged) else UtcTime("")
        return _Book(GroupAggregate(id=group, state=Group(event.after.held), version=last.version), as_of)

    @property
    def policies(self) -> tuple[EnforcedPolicy, ...]:
        """The policies that are adopted, as they were when they were last read."""
        if self._policies is None:
            self._policies = read_policy_set(partial(self._application.stream_in, self._open()))
        return self._policies.enforced

    def policy_set(self) -> PolicySet:
        """The policies that are adopted, read now if they are not remembered."""
        if self._policies is None:
            with self._recorder.transaction(write=False) as db:
                self._policies = read_policy_set(partial(self._application.stream_in, db))
        return self._policies

    def refresh_policies(self) -> bool:
        """Reads which policies are adopted anew, if any are; returns whether others are adopted now."""
        before = self.policy_set()
        if not before.adopted:
            return False
        self._policies = None
        if self.policy_set().version == before.version:
            return False
        self._books.clear()
        return True

    def forget_policies(self) -> None:
        """Forgets which policies are adopted, and the books: they are read when a command is next decided."""
        self._policies = None
        self._books.clear()

    def _leave_transaction(self) -> None:
        """Ends the transaction that is open: the views read in transactions of their own.

        To read all VMs may take long, and PostgreSQL ends what is idle in a transaction for so long.
        """
        if self._transaction is not None:
            self._transaction.close()
            self._db = None

    def _fetch(self, stream: StreamName) -> AnyTracked | None:
        db = self._open()
        stored = self._find_stored(stream)
        states: dict[str, AnyTracked] = {}
        after = 0
        if stored is not None:
            newest = self._application.stream_in(db, stream, stored.subject.version - 1)
            if agrees(stored, self._last_of(stream, stored, newest)):
                states[stream], after = stored, stored.subject.version
            else:
                self._views.report_damage(damaged(f"what is stored of {stream} is not what its last event says"))
        for envelope in self._application.stream_in(db, stream, after):
            try:
                advance(states, envelope)
            except HistoryError as error:
                raise cannot_follow(envelope, error) from None
        self._known |= states
        self._read_in[stream] = self._transactions
        return states.get(stream)

    @staticmethod
    def _last_of(stream: str, stored: AnyTracked, newest: Iterator[Envelope[Event]]) -> Envelope[Event]:
        """The event of which the stored state is. Raises ``EventsMissing`` if there is none."""
        try:
            return next(newest)
        except StopIteration:
            raise EventsMissing(
                f"the views have {stream} at version {stored.subject.version}, and the ledger has no such event; "
                "nothing was recorded",
                hint="restore it (nilo restore BACKUP), or accept what is left: nilo replay --repair",
            ) from None

    def _open(self) -> Database:
        if self._transaction is None:
            raise _NotRememberedError
        if self._db is None:
            self._db = self._transaction.enter_context(self._recorder.transaction(write=False))
            self._find_stored = self._views.finder(self._db)
        return self._db

    # What is remembered

    def as_of(self, streams: Iterable[str]) -> UtcTime:
        """When the latest event of these streams happened; empty if none did."""
        latest = UtcTime("")
        for stream in streams:
            tracked = self._known.get(stream) or self._books.get(stream)
            if tracked is not None and tracked.as_of > latest:
                latest = tracked.as_of
        return latest

    def version(self, stream: str) -> int:
        """The version of a stream that is remembered; 0 if it is not."""
        tracked = self._known.get(stream)
        if tracked is not None:
            return tracked.subject.version
        book = self._books.get(stream)
        return 0 if book is None else book.group.version

    def apply(self, envelope: Envelope[Event], after: Vm | None = None) -> None:
        """Applies an event to what is remembered. ``after`` is the VM after it, if it was decided just now."""
        tracked, event = self._known.get(envelope.stream), envelope.event
        if isinstance(event, GroupChanged):
            book = self._books[envelope.stream]
            book.group.state, book.group.version = Group(event.after.held), envelope.version
            book.as_of = max(book.as_of, envelope.metadata.happened)
        elif after is None or tracked is None or not isinstance(event, VmEvent):
            advance(self._known, envelope)
        elif isinstance(tracked.subject, VmAggregate):
            apply_to_vm(tracked.subject, event, after)
            tracked.as_of = max(tracked.as_of, envelope.metadata.happened)

    def refresh(self, streams: Iterable[str], written: Collection[str] = ()) -> bool:
        """Brings those of the streams that are remembered up to date, all in one transaction.

        Those that are ``written``, and not committed yet, stay as they are. Nothing is read if they were all read in
        one transaction since the unit of work began: what is decided on them was true at one moment. Of two
        transactions it need not be: a VM may know a newer state of its host. Returns whether anything had been
        recorded that was not remembered.
        """
        known = [stream for stream in streams if stream in self._known or stream in self._books]
        remembered = [stream for stream in known if stream not in written]
        transactions = {self._read_in.get(stream) for stream in known}
        if not remembered or (len(transactions) == 1 and None not in transactions):
            return False
        news = False
        self._transactions += 1
        with self._recorder.transaction(write=False) as db:
            for stream in remembered:
                if stream in self._books:
                    news = self._refresh_book(db, stream) or news
                    continue
                for envelope in self._application.stream_in(db, stream, self.version(stream)):
                    advance(self._known, envelope)
                    news = True
        self._read_in |= dict.fromkeys(remembered, self._transactions)
        return news

    def _refresh_book(self, db: Database, stream: str) -> bool:
        """Reads a book anew. Returns whether it was changed, or closed: then other policies are adopted, too."""
        before = self._books.pop(stream)
        try:
            book = self._books[stream] = self._read_book(db, before.group.id)
        except BookMissingError:
            self._policies = None
            return True
        return book.group.version != before.group.version

    def forget(self, streams: Iterable[str]) -> None:
        """Forgets these streams: they are fetched when they are next named."""
        for stream in streams:
            self._known.pop(stream, None)
            self._books.pop(stream, None)


def count_on(fleet: Fleet, host: str) -> int:
    """How many VMs are on a host. Raises the error of a VM of which that is not known."""
    _check_all_known(fleet)
    return len(fleet.on(host))


def decided_on(fleet: Fleet, host: str) -> list[VmAggregate]:
    """The decided VMs that are on a host. Raises the error of a VM of which that is not known."""
    _check_all_known(fleet)
    subjects = [fleet.vms[id].subject for id in sorted(fleet.on(host))]
    return [subject for subject in subjects if isinstance(subject, VmAggregate)]


def decided_vms(fleet: Fleet) -> list[VmAggregate]:
    """All decided VMs. Raises the error of a VM of which the state is not known."""
    _check_all_known(fleet)
    subjects = [fleet.vms[id].subject for id in sorted(fleet.vms)]
    return [subject for subject in subjects if isinstance(subject, VmAggregate)]


def _check_all_known(fleet: Fleet) -> None:
    for stream, error in fleet.ended.items():
        if vm_id(stream) is not None:
            raise error


def agrees(tracked: AnyTracked, last: Envelope[Event]) -> bool:
    """Whether a stored state has the figures that its last event carries, and a host's book adds up to them."""
    subject, event = tracked.subject, last.event
    if isinstance(subject, VmAggregate):
        return isinstance(event, VmEvent) and vm_figures(subject.state) == event.after
    if isinstance(subject, HostAggregate):
        figures = host_figures(subject.state)
        return isinstance(event, HostEvent) and figures == event.after and sum(subject.book.values()) == figures.held
    return not isinstance(event, Decided)  # of observed hosts and VMs only what kind they are is read


def decided_vm(id: str, tracked: TrackedVm | TrackedHost | None) -> VmAggregate:
    """The aggregate of a decided VM. Raises ``InputError`` if it is not there, or observed."""
    if tracked is None or tracked.subject.removed:
        raise UnknownVm(id, hint=_removed("vm", id) if tracked else "")
    if not isinstance(tracked.subject, VmAggregate):
        raise _observed("VM", id)
    return tracked.subject


def decided_host(id: str, tracked: TrackedVm | TrackedHost | None) -> HostAggregate:
    """The aggregate of a decided host. Raises ``InputError`` if it is not there, or observed."""
    if tracked is None or tracked.subject.removed:
        raise UnknownHost(id, hint=_removed("host", id) if tracked else "")
    if not isinstance(tracked.subject, HostAggregate):
        raise _observed("host", id)
    return tracked.subject


def _observed(kind: str, id: str) -> InputError:
    return InputError(
        f"the {kind} {id!r} is observed: a hypervisor decides about it, and Nilometer only records what it did",
        hint="to record what another tool did: nilo record",
    )


def _removed(kind: str, id: str) -> str:
    return f"it was removed; its history stays: nilo log --{kind} {id}"

"""The ledger: decides commands, records events and observations, and reads them back.

Every command is one atomic write. Two programs that decide on the same state cannot both write: the loser decides again
on the state that the winner left, after a random pause.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final

from domain.envelope import Metadata
from domain.errors import InputError, NilometerError
from domain.identifiers import POLICIES, policy_stream
from domain.policy_events import PolicyAdopted, PolicyRetired
from nilometer.errors import CommitUncertain, LedgerBusy, LedgerError
from nilometer.ledger.adopting import (
    Adoption,
    PreparedAdoption,
    ask_adoption,
    policy_metadata,
    prepare_adoption,
    retirements,
    write_change,
)
from nilometer.ledger.books import BookChanges, entries_of, plan_books, write_books
from nilometer.ledger.observations import ObservationWriter
from nilometer.ledger.policies import PolicySet
from nilometer.ledger.reader import LedgerReader, postgres_recorder
from nilometer.ledger.repository import Repository
from nilometer.ledger.requests import Observation, Request, Result
from nilometer.ledger.unit_of_work import UnitOfWork
from nilometer.ledger.validating import check_authors, check_observations, check_requests
from nilometer.storage.application import LedgerApplication
from nilometer.storage.reader import StoredRow
from nilometer.storage.recorder import ExpectedVersions, IntegrityError, LedgerRecorder, StaleRead, StoredEvent
from nilometer.storage.store import LOCK_TIMEOUT, Database
from nilometer.storage.urls import SQLiteLocation, parse_url
from nilometer.times import Clock, current_time, system_clock
from nilometer.views.folding import fold
from projections.fleet import Fleet

if TYPE_CHECKING:
    from rules.policies.policy import Policy

TRIES: Final = 60
"""How often a commit is tried before the ledger counts as busy."""

LONGEST_TIMEOUT: Final = 1_000_000
"""Seconds that one may wait for another writer."""

PAUSE: Final = 0.002
PAUSE_MOST: Final = 0.25
"""Seconds. After the n-th lost race a random time up to ``PAUSE`` doubled n times passes, but no more than this."""


class Ledger(LedgerReader):
    """A ledger that is open. Use it as a context manager: at its end the stored views are brought up to date.

    Who calls ``close`` alone leaves them as they are.

    What fails at that end raises nothing, because the answers stay true: it stands in ``warnings``.

    One object is for one thread; any number of programs may have the same ledger open.
    """

    def __init__(
        self, recorder: LedgerRecorder, url: str, *, read_only: bool = False, clock: Clock = system_clock
    ) -> None:
        super().__init__(recorder, url)
        self.read_only = read_only
        self.clock = clock
        """Gives the time now, for whatever is recorded here."""
        self._recorder = recorder
        self._application = LedgerApplication(recorder)
        self._repository = Repository(recorder, self._application, self.views)
        self._observed = ObservationWriter(self._application, clock)
        self._wrote = False
        self.has_recorded = False
        """Whether anything was recorded since it was opened."""
        self.warnings: list[LedgerError] = []
        """What failed when the ledger was closed, after everything was answered: none of it concerns the events."""

    @classmethod
    def open(
        cls,
        url: str,
        *,
        create: bool = False,
        read_only: bool = False,
        durable: bool = True,
        lock_timeout: float = LOCK_TIMEOUT,
        clock: Clock = system_clock,
    ) -> Ledger:
        """Opens the ledger at ``url``, ``sqlite:///path/to/file.db`` or ``postgresql://user@host/database``.

        With ``create`` it is made if there is none. ``durable=False`` lets the operating system decide when a commit
        reaches the disk: faster, and safe against a crash of the program, but not of the machine. ``lock_timeout`` is
        how many seconds to wait for another writer. ``clock`` gives the time now, with its zone; by default it is the
        clock of this machine. Raises a ``LedgerError`` that says what is wrong, or
        ``InputError`` for an unreadable URL.
        """
        location = parse_url(url)
        given: object = lock_timeout
        if type(given) not in (int, float) or not 0 <= lock_timeout <= LONGEST_TIMEOUT:
            hint = f"write a number up to {LONGEST_TIMEOUT:,}"
            raise InputError("lock_timeout is not a number of seconds", hint=hint)
        recorder: LedgerRecorder
        if isinstance(location, SQLiteLocation):
            from nilometer.storage.sqlite.recorder import SQLiteLedgerRecorder

            synchronous = "FULL" if durable else "NORMAL"
            recorder = SQLiteLedgerRecorder.open(
                location,
                create=create,
                read_only=read_only,
                synchronous=synchronous,
                lock_timeout=lock_timeout,
                clock=clock,
            )
        else:
            recorder = postgres_recorder().open(
                location, create=create, read_only=read_only, durable=durable, lock_timeout=lock_timeout, clock=clock
            )
        return cls(recorder, str(location), read_only=read_only, clock=clock)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for finish in (self.catch_up, self.close):
            try:
                finish()
            except Exception as failed:  # what was answered stays true, whatever fails after it
                self.warnings.append(_after_the_answers(failed))

    @property
    def recorder(self) -> LedgerRecorder:
        """The events, receipts and views as they are stored."""
        return self._recorder

    def catch_up(self) -> None:
        """Brings the stored views up to date with what was recorded here."""
        if self._wrote or (self.views.damaged and not self.read_only):
            self.views.catch_up()
            self._wrote = False

    # Writing

    def execute(self, request: Request) -> Result:
        """Decides a command and records the decision, in one atomic write.

        Raises ``InputError`` if it cannot be decided: nothing was recorded then.
        """
        (answer,) = self.execute_all([request])
        if isinstance(answer, InputError):
            raise answer
        return answer

    def execute_all(self, requests: Sequence[Request], *, keep_going: bool = False) -> list[Result | InputError]:
        """Decides commands one after the other and records them in one commit: much faster than one by one.

        A request that cannot be decided gives an ``InputError`` among the answers. Unless ``keep_going`` it is the last
        of them, and no later request is decided. When this returns, what it returns is on disk.

        A ``LedgerError`` has the ``answers`` to the requests that were recorded before it, in their order. A
        ``CommitUncertain`` has the keys under which the others may have been recorded.
        """
        keyed = [
            (request, (isinstance(request, Request) and request.key) or os.urandom(16).hex())
            for request in check_requests(requests, keep_going=keep_going)
        ]
        given_keys = [key for request, key in keyed if isinstance(request, Request) and request.key is not None]
        answers: list[Result | InputError] = []
        for lost in range(TRIES):
            # After a lost race fresh keys are looked up too: the answer to a commit may have been lost.
            keys = [key for _, key in keyed] if lost else given_keys
            unit = UnitOfWork(self._application, self._repository, self.clock)
            try:
                unit.execute(keyed, self._application.receipts(keys), keep_going=keep_going)
            except IntegrityError:
                unit.undo()
                answers += unit.answers  # a unit of work may take several commits, and these took place
                keyed = keyed[len(unit.answers) :]
                self._pause(lost)
            except LedgerError as error:
                unit.undo()
                answers += unit.answers
                _add_answers(error, answers, [key for _, key in keyed[len(unit.answers) :]])
                raise
            except BaseException:
                unit.undo()
                raise
            else:
                return answers + unit.answers
            finally:
                self._note_written(unit.wrote)
        busy = _lost()
        _add_answers(busy, answers, [])
        raise busy

    def record(
        self, observations: Sequence[Observation], *, actor: str, via: str, at_ahead: bool = False
    ) -> list[tuple[int, ...]]:
        """Records what was observed, all of it in one commit, and returns the positions of each observation.

        An observation whose key was recorded before is not recorded again, and has no positions. Raises ``InputError``
        for an observation of a host or VM that Nilometer decides about, and unless ``at_ahead`` says that it is meant,
        for one of a time over a day ahead of the ledger's clock: nothing was recorded then.
        """
        self._check_views()
        observations = check_observations(observations, actor=actor, via=via)
        for lost in range(TRIES):
            try:
                positions = self._observed.record(observations, actor=actor, via=via, at_ahead=at_ahead)
            except IntegrityError:
                self._pause(lost)
            else:
                self._note_written(any(positions))
                return positions
        raise _lost()

    # Policies

    def adopt_policy(
        self,
        policies: str | Sequence[Policy],
        *,
        actor: str,
        via: str,
        reason: str | None = None,
        correlation: str | None = None,
        from_now: bool = False,
    ) -> Adoption:
        """Adopts policies: from then on every command is decided by the rules and by them. All are adopted, or none.

        ``policies`` is the text of a file of policies, or what was read from one. They are refused, and nothing is
        recorded, if one of them is wrong or if a VM or host breaks it; ``from_now`` adopts them all the same, and then
        only steps are granted that do not make it worse. Raises ``InputError`` for a text that is no policy.
        """
        check_authors(actor=actor, via=via, reason=reason, correlation=correlation)
        if isinstance(policies, str):
            from rules.policies.reading import read_policies

            policies = read_policies(policies, "policies.py")
        adopted, fleet = self.policy_set(), self.views.fleet()
        prepared = prepare_adoption(policies, adopted, from_now=from_now)
        for lost in range(TRIES):
            if self.version(POLICIES) != adopted.version:
                adopted = self.policy_set()
                prepared = prepare_adoption(policies, adopted, from_now=from_now)
            fold(fleet, self.read_all(fleet.position))
            adoption = ask_adoption(prepared, fleet, from_now=from_now)
            if adoption.refusal is not None or not prepared.events:
                return adoption
            events = [
                (name, replace(event, broken=tuple(breaker.recorded for breaker in adoption.broken.get(name, ()))))
                for name, event in prepared.events
            ]
            metadata = policy_metadata(
                adopted, actor=actor, via=via, reason=reason, correlation=correlation, now=current_time(self.clock)
            )
            confirm = partial(self._confirm_adoption, prepared, fleet, from_now=from_now)
            books = prepared.books
            try:
                positions = self._write_policies(events, adopted, metadata, confirm, books, fleet)
                return replace(adoption, positions=positions)
            except IntegrityError:
                self._pause(lost)
        raise _lost()

    def _confirm_adoption(self, prepared: PreparedAdoption, fleet: Fleet, db: Database, *, from_now: bool) -> None:
        """Raises ``StaleRead`` if what others wrote meanwhile breaks a policy, or changes what a group holds.

        None of them writes now.
        """
        held = [entries_of(policy, fleet) for policy in prepared.books.opened]
        fold(fleet, self._application.all_in(db, fleet.position))
        if not from_now and ask_adoption(prepared, fleet, from_now=False).broken:
            raise StaleRead("a policy is broken now")
        if held != [entries_of(policy, fleet) for policy in prepared.books.opened]:
            raise StaleRead("a group holds another amount now")

    def retire_policy(
        self,
        names: str | Sequence[str],
        *,
        actor: str,
        via: str,
        reason: str | None = None,
        correlation: str | None = None,
    ) -> tuple[int, ...]:
        """Retires adopted policies: commands are decided without them from then on. Returns the events' positions.

        Raises ``InputError`` for a name that no adopted policy has.
        """
        check_authors(actor=actor, via=via, reason=reason, correlation=correlation)
        for lost in range(TRIES):
            adopted = self.policy_set()
            events = retirements([names] if isinstance(names, str) else names, adopted)
            metadata = policy_metadata(
                adopted, actor=actor, via=via, reason=reason, correlation=correlation, now=current_time(self.clock)
            )
            try:
                books = plan_books(adopted, [name for name, _ in events])
                closed = BookChanges(closed=books.closed)  # nothing is adopted: a book that lacks is opened when needed
                return self._write_policies(events, adopted, metadata, None, closed, Fleet())
            except IntegrityError:
                self._pause(lost)
        raise _lost()

    def _write_policies(
        self,
        events: Sequence[tuple[str, PolicyAdopted | PolicyRetired]],
        adopted: PolicySet,
        metadata: Metadata,
        confirm: Callable[[Database], None] | None,
        books: BookChanges,
        fleet: Fleet,
    ) -> tuple[int, ...]:
        versions = {name: self.version(policy_stream(name)) for name, _ in events}
        write = partial(write_books, books, fleet, self._application.last_event)
        change = write_change(events, adopted, versions, metadata, confirm, write)
        positions = self._application.put(change.envelopes, (), change.expected)
        self._repository.forget_policies()
        self._note_written(True)
        return positions

    def append_raw(self, rows: Sequence[StoredRow], *, id: str) -> None:
        """Appends events of the ledger ``id`` as they are stored there, in one commit, at the same positions.

        An empty ledger takes that id; one with events must have it. Raises ``LedgerError`` if the rows do not follow.
        """
        self._check_views()
        if self.position == 0:
            self._recorder.adopt(id)
            self.id = id
        if self.id != id:
            raise LedgerError(
                f"the ledger already has another history: its id is {self.id}, that of the events is {id}",
                hint="import into a new ledger: --ledger sqlite:///new.db",
            )
        if not rows:
            return
        events = [
            StoredEvent(originator_id=row.stream, originator_version=row.version, topic=row.topic, state=row.body)
            for row in rows
        ]
        try:
            positions = self._recorder.record(events, expected=ExpectedVersions({}, rows[0].position - 1))
        except IntegrityError:
            position = rows[0].position
            raise LedgerError(f"the event at position {position} does not follow: another program wrote") from None
        self._note_written(True)
        assert list(positions) == [row.position for row in rows]

    def _note_written(self, anything: bool) -> None:
        self._wrote = self._wrote or anything
        self.has_recorded = self.has_recorded or anything

    def _check_views(self) -> None:
        """Raises ``EventsMissing``, before the first write that reads no views, if they are ahead of the events."""
        if not self._wrote:
            self.views.check()

    @staticmethod
    def _pause(lost: int) -> None:
        time.sleep(random.uniform(0, min(PAUSE_MOST, PAUSE * 2**lost)))


def _add_answers(error: LedgerError, answers: Sequence[Result | InputError], keys: Sequence[str]) -> None:
    """Adds to an error what was answered before it, and the keys to ask again with where an answer is not known."""
    if isinstance(error, CommitUncertain):
        error.keys = tuple(keys)
        shown = f"key={keys[0]!r}" if len(keys) == 1 else f"the keys {', '.join(map(repr, keys[:3]))}…"
        error.hint = f"ask again with {shown}: what was recorded before is not recorded twice"
    recorded = sum(isinstance(answer, Result) for answer in answers)
    if recorded:
        error.answers = tuple(answers)
        what = error.message.removesuffix("; nothing was recorded")
        rest = "" if isinstance(error, CommitUncertain) else ", the others were not recorded"
        before = "the first request was" if recorded == 1 else f"the first {recorded} requests were"
        error.message = f"{what}; {before} answered before{rest}"
        error.args = (error.message,)


def _after_the_answers(failed: Exception) -> LedgerError:
    """What failed when a ledger was closed, as a remark on it."""
    why = failed.message if isinstance(failed, NilometerError) else f"{type(failed).__name__}: {failed}"
    why = why.removesuffix("; nothing was recorded")
    return LedgerError(
        f"everything answered so far is recorded, but the stored views were not brought up to date: {why}",
        hint="nothing is lost: the next command that records something does it",
    )


def _lost() -> LedgerBusy:
    return LedgerBusy("other programs kept changing this ledger first; nothing was recorded", hint="try again")

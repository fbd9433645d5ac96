"""The ledger: decides commands, records events and observations, and reads them back.

Every command is one atomic write. Two programs that decide on the same state cannot both write: the loser decides again
on the state that the winner left, after a random pause.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final

from domain.errors import InputError
from nilometer.errors import LedgerBusy, LedgerError
from nilometer.ledger.observations import ObservationWriter
from nilometer.ledger.reader import LedgerReader, postgres_recorder
from nilometer.ledger.repository import Repository
from nilometer.ledger.requests import Observation, Request, Result
from nilometer.ledger.unit_of_work import UnitOfWork
from nilometer.ledger.validating import check_observations, check_requests
from nilometer.storage.application import LedgerApplication
from nilometer.storage.reader import StoredRow
from nilometer.storage.recorder import ExpectedVersions, IntegrityError, LedgerRecorder, StoredEvent
from nilometer.storage.store import LOCK_TIMEOUT
from nilometer.storage.urls import SQLiteLocation, parse_url

TRIES: Final = 60
"""How often a commit is tried before the ledger counts as busy."""

PAUSE: Final = 0.002
PAUSE_MOST: Final = 0.25
"""Seconds. After the n-th lost race a random time up to ``PAUSE`` doubled n times passes, but no more than this."""


class Ledger(LedgerReader):
    """A ledger that is open. Use it as a context manager: at its end the stored views are brought up to date.

    One object is for one thread; any number of programs may have the same ledger open.
    """

    def __init__(self, recorder: LedgerRecorder, url: str, *, read_only: bool = False) -> None:
        super().__init__(recorder, url)
        self.read_only = read_only
        self._recorder = recorder
        self._application = LedgerApplication(recorder)
        self._repository = Repository(recorder, self._application, self.views)
        self._observed = ObservationWriter(self._application)
        self._wrote = False

    @classmethod
    def open(
        cls,
        url: str,
        *,
        create: bool = False,
        read_only: bool = False,
        durable: bool = True,
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> Ledger:
        """Opens the ledger at ``url``, ``sqlite:///path/to/file.db`` or ``postgresql://user@host/database``.

        With ``create`` it is made if there is none. ``durable=False`` lets the operating system decide when a commit
        reaches the disk: faster, and safe against a crash of the program, but not of the machine. ``lock_timeout`` is
        how many seconds to wait for another writer. Raises a ``LedgerError`` that says what is wrong, or
        ``InputError`` for an unreadable URL.
        """
        location = parse_url(url)
        recorder: LedgerRecorder
        if isinstance(location, SQLiteLocation):
            from nilometer.storage.sqlite.recorder import SQLiteLedgerRecorder

            synchronous = "FULL" if durable else "NORMAL"
            recorder = SQLiteLedgerRecorder.open(
                location, create=create, read_only=read_only, synchronous=synchronous, lock_timeout=lock_timeout
            )
        else:
            recorder = postgres_recorder().open(
                location, create=create, read_only=read_only, durable=durable, lock_timeout=lock_timeout
            )
        return cls(recorder, str(location), read_only=read_only)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.catch_up()
        except LedgerError:
            if error is None:
                raise
        finally:
            self.close()

    def close(self) -> None:
        """Closes the database, without bringing the stored views up to date."""
        self._application.close()
        self._recorder.close()

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
            unit = UnitOfWork(self._application, self._repository, self._application.receipts(keys))
            try:
                unit.execute(keyed, keep_going=keep_going)
            except IntegrityError:
                unit.undo()
                answers += unit.answers  # a unit of work may take several commits, and these took place
                keyed = keyed[len(unit.answers) :]
                self._pause(lost)
            except BaseException:
                unit.undo()
                raise
            else:
                return answers + unit.answers
            finally:
                self._wrote = self._wrote or unit.wrote
        raise _lost()

    def record(self, observations: Sequence[Observation], *, actor: str, via: str) -> list[tuple[int, ...]]:
        """Records what was observed, all of it in one commit, and returns the positions of each observation.

        An observation whose key was recorded before is not recorded again, and has no positions. Raises ``InputError``
        for an observation of a host or VM that Nilometer decides about: nothing was recorded then.
        """
        self._check_views()
        observations = check_observations(observations, actor=actor, via=via)
        for lost in range(TRIES):
            try:
                positions = self._observed.record(observations, actor=actor, via=via)
            except IntegrityError:
                self._pause(lost)
            else:
                self._wrote = self._wrote or any(positions)
                return positions
        raise _lost()

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
        self._wrote = True
        assert list(positions) == [row.position for row in rows]

    def _check_views(self) -> None:
        """Raises ``EventsMissing``, before the first write that reads no views, if they are ahead of the events."""
        if not self._wrote:
            self.views.check()

    @staticmethod
    def _pause(lost: int) -> None:
        time.sleep(random.uniform(0, min(PAUSE_MOST, PAUSE * 2**lost)))


def _lost() -> LedgerBusy:
    return LedgerBusy("other programs kept changing this ledger first; nothing was recorded", hint="try again")

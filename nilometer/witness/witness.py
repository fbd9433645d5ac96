"""What a witness answers: c2sp.org/tlog-witness@v1.0.0, and its state, which is one SQLite file beside its key.

To check a checkpoint against the newest one that was signed and to store it is one transaction: else a slow request
could put an older checkpoint in the place of a newer one, and two histories would be signed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.seal.keys import read_key_file
from nilometer.seal.text_files import parse_file
from nilometer.tlog.checkpoints import SignedTreeHead, TreeHead, parse_checkpoint
from nilometer.tlog.encoding import decode_lines, parse_hash, parse_number
from nilometer.tlog.errors import ProofError, SignatureError, TlogError
from nilometer.tlog.merkle import EMPTY_ROOT, check_consistency
from nilometer.tlog.notes import LARGEST_NOTE, Algorithm, NoteSignature, VerifierKey
from nilometer.tlog.policies import parse_policy
from nilometer.tlog.signatures import Signer, verify_signatures

MOST_HASHES: Final = 63
LARGEST_REQUEST: Final = LARGEST_NOTE + 4096
KEY, POLICY, STATE, HELD = "witness.key", "policy", "state.db", "held.db"
"""The files of a witness, which belong together: a key with an older state could sign two histories."""
WAIT_SECONDS: Final = 30.0
TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"
_TABLE: Final = "CREATE TABLE IF NOT EXISTS heads (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL)"


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """What is answered: an HTTP status and a body."""

    status: int
    body: bytes
    content_type: str = TEXT


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to sign a checkpoint."""

    old: int
    """The size of the newest checkpoint that the witness signed, as the log believes."""
    proof: tuple[bytes, ...]
    checkpoint: SignedTreeHead


def parse_request(raw: bytes) -> AddCheckpoint:
    """Reads the body of ``add-checkpoint``. Raises ``TlogError``."""
    head, blank, note = raw.partition(b"\n\n")
    lines = decode_lines(head, "the request").split("\n")
    if not blank or not lines[0].startswith("old "):
        raise TlogError("the request begins with a line such as: old 20852014")
    if len(lines) > 1 + MOST_HASHES:
        raise TlogError(f"the request has {len(lines) - 1} hashes; {MOST_HASHES} are the most")
    return AddCheckpoint(
        old=parse_number(lines[0].removeprefix("old "), "the old size"),
        proof=tuple(parse_hash(line, "a hash of the proof") for line in lines[1:]),
        checkpoint=parse_checkpoint(note),
    )


class Witness:
    """A witness in its folder."""

    def __init__(self, folder: Path, now: Callable[[], UtcTime]) -> None:
        """Raises ``InputError`` if the folder has no key for a witness or no policy, or names no log."""
        self._signers: list[Signer] = read_key_file(folder / KEY)
        if any(signer.key.algorithm is Algorithm.ED25519 for signer in self._signers):
            raise InputError(f"the key in {folder / KEY} is one of a log", hint="nilo key new NAME -o FILE --witness")
        hint = "write the lines: log VERIFIER-KEY, and: quorum none"
        policy = parse_file(str(folder / POLICY), parse_policy, "a policy", hint)
        self._logs: dict[str, list[VerifierKey]] = {}
        for key in policy.logs:
            self._logs.setdefault(key.name, []).append(key)
        if not self._logs:
            raise InputError(f"{folder / POLICY} names no log", hint="write a line: log VERIFIER-KEY")
        self._state = folder / STATE
        self._now = now
        try:
            with closing(self._connect()) as connection:
                connection.execute(_TABLE)
        except sqlite3.Error as error:
            hint = (
                "it is what this witness signed last: put back the newest copy of the whole folder, or make a new key"
            )
            raise InputError(f"{self._state} cannot be read or written: {error}", hint=hint) from None

    @contextmanager
    def hold(self) -> Generator[None]:
        """Holds the folder, so that no other witness runs in it. Raises ``InputError`` if one does.

        What holds it is a lock on a database without tables: the system releases it however the process ends.
        """
        with closing(sqlite3.connect(self._state.with_name(HELD), isolation_level=None, timeout=0)) as connection:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                raise InputError(
                    f"another witness runs in {self._state.parent}; nothing was started",
                    hint="end that one first; a witness of another name has a folder of its own",
                ) from None
            yield

    @property
    def name(self) -> str:
        """The name that it signs as."""
        return self._signers[0].key.name

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """Its verifier keys."""
        return tuple(signer.key for signer in self._signers)

    @property
    def origins(self) -> tuple[str, ...]:
        """The logs that it signs for."""
        return tuple(self._logs)

    def add_checkpoint(self, raw: bytes) -> WitnessAnswer:
        """Answers a request to sign a checkpoint."""
        try:
            request = parse_request(raw)
        except TlogError as error:
            return _say(400, error.message)
        head = request.checkpoint.head
        keys = self._logs.get(head.origin)
        if keys is None:
            return _say(404, f"{head.origin} is not known here")
        try:
            signed = verify_signatures(request.checkpoint, keys)
        except SignatureError as error:
            return _say(403, error.message)
        if not signed:
            return _say(403, "no key that is known here signed it")
        if request.old > head.size:
            return _say(400, "the old size is larger than the new one")
        try:
            with closing(self._connect()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                answer = self._add(connection, request, {key.id for key in keys})
                connection.execute("COMMIT" if answer.status == 200 else "ROLLBACK")
        except (sqlite3.Error, TlogError) as error:
            return _say(500, f"what was signed last cannot be read or written here, so nothing was signed: {error}")
        return answer

    def _add(self, connection: sqlite3.Connection, request: AddCheckpoint, known: set[bytes]) -> WitnessAnswer:
        head = request.checkpoint.head
        row = connection.execute("SELECT size, note FROM heads WHERE origin = ?", (head.origin,)).fetchone()
        size, root = (0, EMPTY_ROOT) if row is None else _signed_last(row[0], row[1])
        if request.old != size or (size == head.size and root != head.root and size):
            return WitnessAnswer(409, f"{size}\n".encode(), SIZE)
        try:
            check_consistency(size, head.size, request.proof, root, head.root)
        except ProofError as error:
            return _say(422, error.message)
        lines = self._sign(head)
        kept = tuple(line for line in request.checkpoint.signatures if line.key_id in known)
        note = SignedTreeHead(head, (*kept, *lines))
        connection.execute(
            "INSERT INTO heads VALUES (?, ?, ?) "
            "ON CONFLICT (origin) DO UPDATE SET size = excluded.size, note = excluded.note",
            (head.origin, head.size, bytes(note)),
        )
        return WitnessAnswer(200, "".join(map(str, lines)).encode())

    def _sign(self, head: TreeHead) -> tuple[NoteSignature, ...]:
        time = int(datetime.fromisoformat(self._now()).timestamp())
        return tuple(signer.sign_head(head, time) for signer in self._signers)

    def newest(self, origin_hash: str) -> WitnessAnswer:
        """The newest checkpoint that was signed of a log, which is named by the SHA-256 of its origin."""
        for origin in self._logs:
            if sha256(origin.encode()).hexdigest() == origin_hash:
                try:
                    with closing(self._connect()) as connection:
                        row = connection.execute("SELECT size, note FROM heads WHERE origin = ?", (origin,)).fetchone()
                    if row is not None:
                        _signed_last(*row)
                        return WitnessAnswer(200, row[1])
                except (sqlite3.Error, TlogError) as error:  # that nothing was signed would be untrue
                    return _say(500, f"what was signed last cannot be read here: {error}")
        return _say(404, "no checkpoint of this log was signed here")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._state, isolation_level=None, timeout=WAIT_SECONDS)
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _signed_last(size: object, note: object) -> tuple[int, bytes]:
    """The size and the root of what was signed last. Raises ``TlogError`` if it was changed."""
    head = parse_checkpoint(note if isinstance(note, bytes) else b"").head
    if head.size != size:
        raise TlogError(f"the checkpoint has {head.size} events, and is stored as one of {size}")
    return head.size, head.root


def _say(status: int, message: str) -> WitnessAnswer:
    return WitnessAnswer(status, f"{message}\n".encode())

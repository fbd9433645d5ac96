"""What one has to know to repeat an audit: what was judged, by which rules, when, by whom, and within which limits."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from domain.errors import InputError
from nilometer.audit.result import Audit
from nilometer.history.opening import is_parquet, open_history
from nilometer.seal.tables import SealedHead, describe_seal
from nilometer.textio.databases import open_bytes
from nilometer.textio.texts import ByteStream
from nilometer.times import Clock, current_time
from rules.judging.fingerprint import rules_digest
from rules.policies.policy import Policy

LIMITS: Final = (
    "The verdict is about the events that were read: an end that was cut off does not show without a seal.",
    "Nor do whole commands that were left out or invented together with all that follows from them.",
    "Names, times, users and reasons that were rewritten everywhere alike do not show.",
    "What a hypervisor did is judged by what was measured: a rule that needs other figures is unknown, not kept.",
)


class HashedStream:
    """A file that is read, and the digest of its bytes."""

    def __init__(self, stream: ByteStream) -> None:
        self._read = getattr(stream, "read1", stream.read)
        self._digest = hashlib.sha256()
        self.size = 0
        self.ended = False

    def read(self, size: int, /) -> bytes:
        """Reads at most so many bytes; a pipe gives what it has."""
        data: bytes = self._read(size)
        self._digest.update(data)
        self.size += len(data)
        self.ended = not data
        return data

    def read_digest(self) -> str:
        """The SHA-256 of what was read."""
        return self._digest.hexdigest()


class FileDigests:
    """The sizes and digests of the files that were read to their end, by their names. A file must not change then."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, str]] = {}

    @contextmanager
    def open(self, name: str) -> Generator[ByteStream]:
        """A file to read, ``-`` for stdin, as ``open_history`` opens it."""
        with open_history(name) as stream:
            digested = HashedStream(stream)
            yield digested
            if digested.ended and name != "-":
                self._note(name, digested.size, digested.read_digest())
            elif digested.ended and name not in self.files:  # what was read first is all of it
                self.files[name] = digested.size, digested.read_digest()

    def find(self, name: str) -> tuple[int, str] | None:
        """The size and the digest of a file; ``None`` if it could not be read to its end."""
        if name not in self.files:
            self.confirm(name)
        return self.files.get(name)

    def confirm(self, name: str) -> None:
        """Reads a file once more, but Parquet. Raises ``InputError`` if it is another than before."""
        if Path(name).is_file() and not is_parquet(name):
            with open_bytes(Path(name)) as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                self._note(name, stream.seek(0, os.SEEK_END), digest)

    def _note(self, name: str, size: int, digest: str) -> None:
        if self.files.setdefault(name, (size, digest)) != (size, digest):
            raise InputError(f"{name}: it changed while it was judged", hint="judge it again, or a copy of it")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was judged, by which rules, when and by whom."""

    files: Mapping[str, tuple[int, str] | None]
    """The size in bytes and the SHA-256 of each file."""
    begun: str
    ended: str
    actor: str
    """The user who ran the audit."""
    machine: str
    tool: str
    rules: str
    """The SHA-256 of the rules, over their terms."""
    sealed: SealedHead | None = None
    """Up to where the ledger that was judged says that it is sealed. Only nilo verify checks that."""
    policies: Sequence[Policy] = ()
    """The policies of the user's own that were asked too."""


def trace_audit(
    digests: FileDigests,
    files: Iterable[str],
    begun: str,
    actor: str,
    clock: Clock,
    sealed: SealedHead | None = None,
    policies: Sequence[Policy] = (),
) -> Provenance:
    """The provenance of an audit that ends now."""
    return Provenance(
        files={"stdin" if file == "-" else file: digests.find(file) for file in files},
        begun=begun,
        ended=current_time(clock),
        actor=actor,
        machine=platform.node(),
        tool=f"nilometer {version('nilometer')}",
        rules=rules_digest(),
        sealed=sealed,
        policies=policies,
    )


def _digest_of(policy: Policy) -> str:
    """The SHA-256 of a policy's text."""
    return hashlib.sha256(policy.text.encode()).hexdigest()


def provenance_document(audit: Audit, provenance: Provenance) -> dict[str, Any]:
    """The provenance of an audit as JSON."""
    return {
        "tool": provenance.tool,
        "rules_sha256": provenance.rules,
        "begun": provenance.begun,
        "ended": provenance.ended,
        "actor": provenance.actor,
        "machine": provenance.machine,
        "histories": [
            {
                "ledger": source,
                "first": {"position": first[0], "time": first[1], "subject": first[2]},
                "last": {"position": last[0], "time": last[1], "subject": last[2]},
            }
            for source, (first, last) in audit.spans.items()
        ],
        "files": [
            {"name": name, "bytes": None if found is None else found[0], "sha256": None if found is None else found[1]}
            for name, found in provenance.files.items()
        ],
        "policies": [
            {"name": policy.name, "place": policy.place, "sha256": _digest_of(policy)} for policy in provenance.policies
        ],
        "sealed": describe_seal(provenance.sealed),
        "limits": list(LIMITS),
    }


def describe_provenance(audit: Audit, provenance: Provenance) -> Iterable[str]:
    """The provenance of an audit for people, line by line."""
    for source, (first, last) in audit.spans.items():
        missing = "" if first[0] == 1 else f"; the events before #{first[0]} were not given"
        yield f"ledger {source}: from #{first[0]} ({first[1]}) to #{last[0]} ({last[1]}){missing}"
    for name, found in provenance.files.items():
        yield f"file {name}: " + ("not read to its end" if found is None else f"{found[0]:,} bytes, SHA-256 {found[1]}")
    yield f"judged from {provenance.begun} to {provenance.ended} by {provenance.actor} on {provenance.machine}"
    yield f"with {provenance.tool}, rules with SHA-256 {provenance.rules}"
    for policy in provenance.policies:
        yield f"policy {policy.name} ({policy.place}), its text with SHA-256 {_digest_of(policy)}"
    if provenance.sealed is not None:
        head = provenance.sealed
        yield f"sealed up to #{head.position} as {head.origin} ({head.sealed}); whether that holds: nilo verify"
    yield from LIMITS

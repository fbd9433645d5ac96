"""The list of the files of a Parquet export, which grows as they are written: what it does not name is not there.

Its first line says of which ledger the export is and up to where it goes, then a line is a run of events: the files
that hold them. The last line says that it is complete. A line that was cut off is none. To grow, the list is replaced
at once by one that goes further, and is not complete: so to grow is to go on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from domain.errors import InputError
from nilometer.history.columns import SCHEMA_VERSION
from nilometer.textio.durable import replace_file, sync_file, sync_folder

T = TypeVar("T")

NAME: Final = "_nilometer.jsonl"
"""Engines take no file for data whose name begins so."""
FORMAT: Final = "nilometer-parquet"
MOST_BUCKETS: Final = 16
_BINARY: Final[int] = getattr(os, "O_BINARY", 0)
"""What Windows has to be told of a file that is no text."""
EXPORT_AGAIN: Final = "copy it again, or export the ledger again: nilo export --as parquet -o DIR"
_HINT: Final = "make the export again, into a new folder: nilo export --as parquet -o DIR"


_BUCKET: Final = "group="


def bucket_name(number: int) -> str:
    """The name of the folders with a bucket."""
    return f"{_BUCKET}{number:02}"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file of an export, and what it must hold."""

    path: str
    """Within the folder, with ``/``."""
    first: int
    """The position of its first event."""
    last: int
    events: int
    sha256: str
    """Of its history lines."""
    file_sha256: str = ""
    """Of the file itself; empty in exports with columns of version 1."""

    @property
    def bucket(self) -> str:
        """The bucket that it is in, as its path says."""
        return next((part for part in self.path.split("/") if part.startswith(_BUCKET)), "")


@dataclass(slots=True)
class Manifest:
    """What is written of an export so far."""

    folder: Path
    ledger: str
    """The id of the ledger."""
    last: int
    """The position of the last event that it is to hold."""
    buckets: int
    """How many parts each day is divided into, along groups of hosts and VMs."""
    schema: int = SCHEMA_VERSION
    """The version of the columns."""
    runs: list[tuple[ExportFile, ...]] = field(default_factory=list[tuple[ExportFile, ...]])
    """The events in order: all of one run come before all of the next."""
    is_complete: bool = False
    grown: tuple[int, ...] = ()
    """The positions up to which it was complete before it grew."""
    joined: tuple[tuple[int, int], ...] = ()
    """Pairs of buckets that belong together, since events connect what is in them."""

    @property
    def written(self) -> int:
        """The position up to which events are written."""
        return max((file.last for file in self.runs[-1]), default=0) if self.runs else 0

    @property
    def events(self) -> int:
        """How many events are written."""
        return sum(file.events for run in self.runs for file in run)

    def create(self) -> None:
        """Writes the first line. Raises ``FileExistsError`` if there is a manifest."""
        with create_private(self.folder / NAME) as stream:
            _write(stream, self._head())
        sync_folder(self.folder)

    def grow(self, last: int, joined: Sequence[tuple[int, int]]) -> None:
        """Says that the export is to go on to a position, and which buckets belong together then."""
        self.grown, self.last, self.joined, self.is_complete = (*self.grown, self.last), last, tuple(joined), False
        hidden = self.folder / f".{NAME}"
        hidden.unlink(missing_ok=True)
        with create_private(hidden) as stream:
            _write(stream, self._head(), *map(_run_document, self.runs))
        replace_file(hidden, self.folder / NAME)

    def _head(self) -> dict[str, Any]:
        head = {
            "format": FORMAT,
            "schema": self.schema,
            "ledger": self.ledger,
            "last": self.last,
            "buckets": self.buckets,
        }
        return head | ({"grown": self.grown, "joined": self.joined} if self.grown else {})

    def add_run(self, files: Sequence[ExportFile]) -> None:
        """Adds the files of a run, which are complete."""
        _append(self.folder / NAME, _run_document(files))
        self.runs.append(tuple(files))

    def complete(self) -> None:
        """Says that nothing is missing any more."""
        _append(self.folder / NAME, {"complete": True, "events": self.events})
        self.is_complete = True


def _run_document(files: Sequence[ExportFile]) -> dict[str, Any]:
    return {"files": [asdict(file) for file in files]}


def _append(path: Path, document: dict[str, Any]) -> None:
    with path.open("ab") as stream:
        _write(stream, document)


def _write(stream: BinaryIO, *documents: dict[str, Any]) -> None:
    stream.write(b"".join(json.dumps(document, separators=(",", ":")).encode() + b"\n" for document in documents))
    sync_file(stream)


def create_private(path: Path) -> BinaryIO:
    """A new file that is its owner's alone: what a history holds is nobody else's business."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL | _BINARY, 0o600), "wb")


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Reads the list of an export's files. Raises ``InputError`` if it is damaged or of another version."""
    return parse_manifest((folder / NAME).read_bytes(), folder)


def parse_manifest(content: bytes, folder: Path) -> Manifest:
    """The list from its bytes. Raises ``InputError`` as ``read_manifest`` does."""
    path = folder / NAME
    whole = _without_torn_line(content, path)
    try:
        lines: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        head, rest = lines[0], lines[1:]
        if head["format"] != FORMAT:
            raise ValueError
        schema = _typed(head["schema"], int)
        if not 1 <= schema <= SCHEMA_VERSION:
            raise InputError(
                f"{path}: the export has columns of version {schema}; this Nilometer reads 1 to {SCHEMA_VERSION}",
                hint="read it with the version of Nilometer that wrote it, or export the ledger again",
            )
        manifest = Manifest(
            folder=folder,
            ledger=_typed(head["ledger"], str),
            last=_typed(head["last"], int),
            buckets=_typed(head["buckets"], int),
            schema=schema,
            grown=tuple(_typed(end, int) for end in head.get("grown", ())),
            joined=tuple((_typed(one, int), _typed(other, int)) for one, other in head.get("joined", ())),
        )
        if not 1 <= manifest.buckets <= MOST_BUCKETS:
            raise ValueError
        for document in rest:
            if manifest.is_complete:
                raise ValueError  # nothing comes behind the last line
            if "files" in document:
                run = tuple(_read_file(file, schema) for file in document["files"])
                if not run:
                    raise ValueError
                manifest.runs.append(run)
            elif document["complete"] is not True:
                raise ValueError
            elif _typed(document["events"], int) != manifest.events:
                raise InputError(
                    f"{path}: it names files with {manifest.events} events, and {document['events']} were written",
                    hint=_HINT,
                )
            else:
                manifest.is_complete = True
    except InputError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise _damaged(path) from None
    return manifest


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: this list of the export's files is damaged", hint=_HINT)


_BEGINNINGS: Final = (b'{"format":"%b",' % FORMAT.encode(), b'{"files":[', b'{"complete":true,')
"""How lines begin."""


def _without_torn_line(content: bytes, path: Path) -> bytes:
    """The list without a line that was being written when the writing was killed.

    Raises ``InputError`` if what stands in its place is no beginning of a line: it is somebody else's.
    """
    torn = content[content.rfind(b"\n") + 1 :]
    if torn and not any(torn.startswith(beginning[: len(torn)]) for beginning in _BEGINNINGS):
        raise _damaged(path)
    return content.removesuffix(torn)


def drop_torn_line(folder: Path) -> None:
    """Cuts off a line that was being written when the writing was killed. Raises ``InputError`` for another one."""
    path = folder / NAME
    content = path.read_bytes()
    whole = _without_torn_line(content, path)
    if whole != content:
        with path.open("r+b") as stream:
            stream.truncate(len(whole))


def _read_file(document: dict[str, object], schema: int) -> ExportFile:
    return ExportFile(
        path=_typed(document["path"], str),
        first=_typed(document["first"], int),
        last=_typed(document["last"], int),
        events=_typed(document["events"], int),
        sha256=_typed(document["sha256"], str),
        file_sha256="" if schema == 1 else _typed(document["file_sha256"], str),
    )


def _typed(value: object, type: type[T]) -> T:
    if not isinstance(value, type) or isinstance(value, bool):
        raise TypeError
    return value

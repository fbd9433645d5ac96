"""The two files of each change that the collector's module records: what was about to be changed, and how it ended.

An operator writes both, and the next poll takes them into the spool with their owners. Days end between the two, and a
change that was interrupted has no second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.observed.words import UNKNOWN_ACTOR
from domain.shapes import parse_size
from nilometer.importers.hyperv.readings import ChangeReading, JobReading
from nilometer.importers.hyperv.sources.values import (
    LONGEST_TEXT,
    Json,
    as_object,
    drop_impossible_size,
    read_guid,
    read_number,
    read_text,
    read_time,
)
from nilometer.importers.run import ImportCounts
from nilometer.textio.strict_json import parse_strict_json

BEGUN: Final = "change-begun"
END: Final = "change"
WAITING: Final = "waiting"
"""The kind of a line that stands for a file in ``changes``, which no poll has taken in."""
ADMINISTRATORS: Final = "S-1-5-32-544"
"""The group's name is localized."""
_SERVICES: Final = frozenset({"S-1-5-18", "S-1-5-19", "S-1-5-20"})
"""SYSTEM, and the two accounts for services."""
_STARTUP_BYTES: Final = re.compile(r"-(?:Memory)?StartupBytes[\s:]+([0-9]+(?:[KMGTP]B)?)(?![\w.])", re.IGNORECASE)
LONGEST_NAME: Final = 256
"""Of a VM or an account."""
_POWERSHELL: Final = "powershell"


class Owner(NamedTuple):
    """Who made a file, as the host saw it."""

    sid: str | None
    name: str | None

    @property
    def is_service(self) -> bool:
        """Whether it is a computer or a service: somebody acts through it."""
        return self.sid in _SERVICES or is_service_name(self.name)

    def __str__(self) -> str:
        return self.name or self.sid or "an unknown account"


def is_service_name(name: str | None) -> bool:
    """Whether an account's name is that of a computer, a managed service or the system."""
    return name is not None and (name.endswith("$") or name.casefold().startswith("nt authority\\"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFile:
    """One of the two files."""

    content: Json
    digest: bytes
    place: str
    host: str
    """The host whose spool has it."""
    seen_at: UtcTime | None
    """When the host took it in; ``None`` while it lies in ``changes``."""
    latest: UtcTime | None
    """When it was there: it cannot have been made after that."""
    owner: Owner | None

    @property
    def id(self) -> str:
        """Of the change."""
        return read_guid(self.content, "id", self.place) or ""

    @property
    def time(self) -> UtcTime:
        """When it was made, as it says, and at the latest when it was there."""
        time = read_time(self.content, "time", self.place) or UtcTime("")
        return time if self.latest is None else min(time, self.latest)


class CompletedChange(NamedTuple):
    """A change, and what identifies it wherever its files stand."""

    reading: ChangeReading
    identity: bytes


@dataclass(slots=True)
class ChangePairs:
    """The files of changes that were read so far. Each id is of one change: other files with it are remarks."""

    begun: dict[str, ChangeFile] = field(default_factory=dict[str, ChangeFile])
    ends: dict[str, ChangeFile] = field(default_factory=dict[str, ChangeFile])
    _waiting: dict[str, ImportCounts] = field(default_factory=dict[str, ImportCounts])
    """For each end that was read before its beginning, the counts of its file."""

    def add(self, file: ChangeFile, counts: ImportCounts) -> bool:
        """Keeps a file; returns whether both files of its change are there now, for the first time."""
        here, other = (self.begun, self.ends) if file.content.get("kind") == BEGUN else (self.ends, self.begun)
        known = here.get(file.id)
        if known is not None:
            if known.digest != file.digest:
                note = f"{file.place}: the id {file.id} is that of another change: the file is passed over"
                counts.add_remark("id used twice", note)
            return False
        here[file.id] = file
        if file.id in other:
            self._waiting.pop(file.id, None)
            return True
        if here is self.ends:
            self._waiting[file.id] = counts
        return False

    def note_ends_alone(self) -> None:
        """All files were read: notes the ends whose beginning is in none of them."""
        for id, counts in self._waiting.items():
            note = f"{self.ends[id].place}: the end of a change whose beginning is in none of the files"
            counts.add_remark("end without its beginning", note)
        self._waiting = {}

    def is_open(self, id: str) -> bool:
        """Whether only the first file of a change was read."""
        return id in self.begun and id not in self.ends

    def build_begun(self, id: str) -> CompletedChange:
        """A change of which only the first file was read."""
        begun = self.begun[id]
        reading = _build(begun, None, _describe_writer(begun, None, None))
        return CompletedChange(reading, b"change begun " + begun.digest)

    def build(self, id: str, jobs: Iterable[JobReading], moved_to: str | None, counts: ImportCounts) -> CompletedChange:
        """A change with both files. ``jobs`` are those of the poll that was the first to show it."""
        begun, end = self.begun[id], self.ends[id]
        writer = _describe_writer(begun, end, _find_other_owner(begun, end, jobs))
        if writer.remark is not None:
            counts.add_remark("told by another", f"{end.place}: {writer.remark}")
        reading = _build(begun, end, writer, moved_to)
        return CompletedChange(reading, b"change " + begun.digest + end.digest)


def read_change_file(record: Json, place: str, counts: ImportCounts) -> ChangeFile | None:
    """The file that a line of a spool took in; ``None`` for one that is no change's, which is a remark.

    Raises ``InputError`` for a line that lacks what each has.
    """
    host, name = read_text(record, "host", place), read_text(record, "file", place) or "a file"
    if host is None:
        raise InputError(f"{place}: a file of a change lacks its host", hint="was the line edited by hand?")
    text, owner = record.get("content"), _read_owner(record, place)
    if not isinstance(text, str):
        who = "" if owner is None else f", written by {owner}"
        note = f"{place}: {name[:80]}{who} was not a change's: {str(record.get('error'))[:200]}"
        counts.add_remark("no change", note)
        return None
    try:
        content = as_object(parse_strict_json(text.encode(), f"{place}: {name[:80]}"), place)
        file = ChangeFile(
            content=content,
            digest=sha256(text.encode()).digest(),
            place=place,
            host=host,
            seen_at=None if record.get("kind") == WAITING else read_time(record, "time", place),
            latest=read_time(record, "time", place),
            owner=owner,
        )
        _check(file)
    except InputError as error:
        counts.add_remark("no change", f"{error.message}: the file is passed over")
        return None
    return file


def _read_owner(record: Json, place: str) -> Owner | None:
    owner = record.get("owner")
    if not isinstance(owner, dict):
        return None
    known = cast("Json", owner)
    return Owner(read_text(known, "sid", place), read_text(known, "name", place))


def _check(file: ChangeFile) -> None:
    """Raises ``InputError`` for what is no change of this host."""
    kind, place, content = file.content.get("kind"), file.place, file.content
    if content.get("schema") != 2 or kind not in (BEGUN, END):
        raise InputError(f"{place}: is a {kind!r}, and no change")
    if not file.id or not file.time:
        raise InputError(f"{place}: a change lacks its id or its time")
    host = read_text(content, "host", place)
    if host is None or host.casefold() != file.host.casefold():
        raise InputError(f"{place}: is a change of {host}, in the spool of {file.host}")
    if kind == BEGUN and (not read_guid(content, "vm", place) or not read_text(content, "user", place)):
        raise InputError(f"{place}: a change lacks its VM or user")
    for key in ("user", "name", "connected_user"):  # whoever wrote it may have written anything
        text = read_text(content, key, place)
        if text is not None and (len(text) > LONGEST_NAME or not text.isprintable() or not text.strip()):
            raise InputError(f"{place}: {key} is {text[:60]!r}, and no name")


def find_size(command: str | None) -> int | None:
    """The startup memory that a command asks for, in bytes, if it stands in it as a number."""
    found = None if command is None else _STARTUP_BYTES.search(command)
    return None if found is None else parse_size(found[1].upper())


class _Writer(NamedTuple):
    """Who made a change, as it is recorded."""

    actor: str
    via: str
    remark: str | None


def _describe_writer(begun: ChangeFile, end: ChangeFile | None, job_owner: str | None) -> _Writer:
    """Who made a change: whom its files name, and who wrote them."""
    user = read_text(begun.content, "user", begun.place) or UNKNOWN_ACTOR
    name = read_text(begun.content, "name", begun.place) or "a VM"
    files = [begun] if end is None else [begun, end]
    owners = list(dict.fromkeys(file.owner for file in files))
    others = [owner for owner in owners if owner is not None and _is_another(owner, user)]
    actor, via, remark = user, f"{_POWERSHELL} (the host saw who wrote it)", None
    if is_service_name(user):
        actor, via = UNKNOWN_ACTOR, f"{_POWERSHELL} through {user}"
    elif any(file.seen_at is None for file in files):
        via = f"{_POWERSHELL} (the host has not seen this)"
    elif others:
        if all(owner.is_service for owner in others):
            via = f"{_POWERSHELL} through {others[0]}, as told"
        else:
            actor, via = f"{user} (as told, written by {others[0]})", _POWERSHELL
            remark = f"a change of {name} is told as made by {user}, and was written by {others[0]}"
    elif any(owner is None for owner in owners):
        via = f"{_POWERSHELL} (who wrote it is not known)"
    elif any(owner is not None and owner.sid == ADMINISTRATORS for owner in owners):
        via = f"{_POWERSHELL} (written by an administrator)"
    elif any(owner is not None and owner.name is None for owner in owners):
        via = f"{_POWERSHELL} (written by {owners[0]})"
    if remark is None and job_owner is not None and actor == user:
        actor = f"{user} (as told, the host's job names {job_owner})"
        remark = f"a change of {name} is told as made by {user}, and the host's job names {job_owner}"
    connected = read_text(begun.content, "connected_user", begun.place)
    if connected is not None and connected.casefold() != user.casefold():
        via = f"{via}, connected as {connected}"
    return _Writer(actor, via, remark)


def _is_another(owner: Owner, user: str) -> bool:
    """Whether a file's owner is known to be another account than the user whom it names."""
    return owner.sid != ADMINISTRATORS and owner.name is not None and owner.name.casefold() != user.casefold()


def _find_other_owner(begun: ChangeFile, end: ChangeFile, jobs: Iterable[JobReading]) -> str | None:
    """Whom the host's jobs name for the time of a change, if none of them names its user."""
    user = (read_text(begun.content, "user", begun.place) or "").casefold()
    vm = read_guid(begun.content, "vm", begun.place)
    owners = [
        job.owner
        for job in jobs
        if job.vm_id == vm and begun.time <= job.at <= end.time and job.owner and not is_service_name(job.owner)
    ]
    return owners[0] if owners and user not in [owner.casefold() for owner in owners] else None


def _build(begun: ChangeFile, end: ChangeFile | None, writer: _Writer, moved_to: str | None = None) -> ChangeReading:
    content, place, uncounted = begun.content, (end or begun).place, ImportCounts()

    def size(file: ChangeFile, group: str, key: str) -> int | None:
        figures = file.content.get(group)
        if not isinstance(figures, dict):
            return None
        try:
            number = read_number(cast("Json", figures), key, file.place, uncounted)
        except InputError:  # whatever else is wrong in it, that it was made is not lost
            return None
        return drop_impossible_size(number, key, file.place, uncounted)

    command, before, after = _cut(content.get("command")), size(begun, "before", "assigned"), None
    requested, error, remark = None, None, None
    if end is not None:
        outcome = end.content.get("outcome")
        after, requested = size(end, "after", "assigned"), size(end, "after", "startup")
        error = _join_errors(end) or ("the error was not recorded" if outcome == "failed" else None)
        unchanged = requested == size(begun, "before", "startup")
        if outcome != "returned" and unchanged:  # refused: only the command shows the size requested
            requested = find_size(command) if outcome == "failed" else None
        remark = "interrupted" if outcome == "interrupted" else None
        if after is None:
            result = "its result is not known" if moved_to is None else f"moved to {moved_to}"
            remark = ", ".join(filter(None, (remark, result)))
    return ChangeReading(
        at=begun.time if end is None else end.time,
        since=begun.time if end is None else min(begun.time, end.time),
        record=place,
        host=begun.host,
        vm_id=read_guid(content, "vm", place) or "",
        name=read_text(content, "name", place),
        user=writer.actor,
        before=before,
        after=after,
        requested=requested,
        command=command,
        reason=_cut(content.get("reason")),
        ticket=_cut(content.get("ticket")),
        error=error,
        id=begun.id,
        via=writer.via,
        remark=remark,
        contradiction=writer.remark,
        is_begun=end is None,
    )


def _cut(value: object) -> str | None:
    """A text that whoever wrote it may have made as long as they liked."""
    return value[:LONGEST_TEXT].replace("\0", "\ufffd") if isinstance(value, str) and value else None


def _join_errors(end: ChangeFile) -> str | None:
    """The messages of the errors, each once."""
    errors = end.content.get("errors")
    messages: list[str] = []
    for error in cast("list[object]", errors) if isinstance(errors, list) else []:
        message = cast("Json", error).get("message") if isinstance(error, dict) else None
        if isinstance(message, str) and message and message not in messages:
            messages.append(message[:2000])
    return "; ".join(messages[:10]) or None

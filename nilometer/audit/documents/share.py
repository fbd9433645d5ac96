"""A share of an audit as JSON, as ``nilometer/schemas/audit-share.json`` describes it, written and read.

It holds all that the audit of the whole needs of this part: every figure of its findings, and what is only counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.observed.polls import Gap
from nilometer.audit.documents.finding import Json, read_coverage, read_finding, write_coverage, write_watched
from nilometer.audit.documents.schema import find_problem, published_schema
from nilometer.audit.result import MOST_FINDINGS, Audit, SourcedFinding
from nilometer.textio.digests import digest_of, with_digest
from nilometer.textio.files import check_name, open_input
from nilometer.textio.strict_json import parse_strict_json
from nilometer.textio.texts import read_text
from projections.watching import WatchedHost
from rules.catalogue import predicate_named
from rules.judging.findings import Question, Verdict
from rules.judging.unknowns import certain, question_about

FORMAT: Final = 2
"""The version of these documents: the first that has a digest of itself. Those of version 1 are read too."""
_HINT: Final = "join what this prints: nilo audit --share K/N FILE"
_BEGINNING: Final = '{"share":{'


@dataclass(frozen=True, slots=True)
class ShareOrigin:
    """What a share was judged of, and by what: all shares of one audit have it alike."""

    shares: int
    """How many shares there are."""
    tool: str
    """The program and its version."""
    rules: str
    """The SHA-256 of the rules, over their terms."""
    ledger: str
    """As ``urn:uuid:…``."""
    digests: tuple[tuple[int, str], ...]
    """The size and the SHA-256 of each file that was read, in order; none of a ledger."""
    position: int
    """The position of the last event of the history, in whatever share."""
    events: int
    groups: int
    undivided: str
    """Why all of it is judged by share 1; empty if it can be divided."""


@dataclass(frozen=True, slots=True)
class Share:
    """One share of an audit, judged."""

    name: str
    """The file that it was read from."""
    number: int
    origin: ShareOrigin
    audit: Audit
    source: str
    """The ledger that was judged; empty if files were."""
    files: Mapping[str, tuple[int, str]]
    """The sizes and the SHA-256 of the files that were judged."""
    begun: str
    ended: str
    sealed: Json | None
    unreadable: tuple[tuple[str, str], ...]
    """The messages and hints of what could not be read and was skipped."""
    unreadable_count: int
    absent: tuple[str, ...] = ()
    """The hosts that its events name, and of which the history has no event, if it read only its own buckets."""

    @property
    def events(self) -> int:
        """The number of events that it judged."""
        return self.audit.coverage.events


def write_share(share: Share) -> Json:
    """A share as JSON."""
    return with_digest(_write_document(share))


def _write_document(share: Share) -> Json:
    audit, origin = share.audit, share.origin
    return {
        "share": {"format": FORMAT, "number": share.number, "of": origin.shares},
        "tool": origin.tool,
        "rules_sha256": origin.rules,
        "history": {
            "ledger": origin.ledger,
            "position": origin.position,
            "events": origin.events,
            "groups": origin.groups,
            "undivided": origin.undivided or None,
            "files": [{"name": name, "bytes": size, "sha256": digest} for name, (size, digest) in share.files.items()],
        },
        "source": share.source or None,
        "begun": share.begun,
        "ended": share.ended,
        "sealed": share.sealed,
        "events": share.events,
        "absent": list(share.absent),
        "spans": [{"ledger": source, "first": first, "last": last} for source, (first, last) in audit.spans.items()],
        "findings": [_write_finding(sourced) for sourced in audit.kept_findings],
        "counts": {verdict.value: count for verdict, count in audit.counts.items()},
        "consequence_count": audit.consequence_count,
        "consequences": [
            {"ledger": source, "position": position, "count": count}
            for (source, position), count in audit.consequences.items()
        ],
        "checked": [write_coverage(rule, coverage) for rule, coverage in sorted(audit.coverage.rules.items())],
        "watched": [write_watched(host, host.gaps_between()) for host in audit.watching],
        "unreadable": [{"message": message, "hint": hint} for message, hint in share.unreadable],
        "unreadable_count": share.unreadable_count,
    }


def read_share(file: str) -> Share:
    """Reads a share from a file, ``-`` for stdin; packed with gzip, or in UTF-16 as PowerShell writes it, too.

    Raises ``InputError`` for what is none, is cut off, has another format, or a value that is none of its field.
    """
    name = "stdin" if file == "-" else file
    if Path(check_name(file)).is_dir():
        raise InputError(f"{file}: this is a folder", hint=f"name the shares in it: {quote(file)}/*.json")
    with open_input(file) as stream:
        text = b"".join(read_text(stream, name)).decode(errors="replace")
    return parse_share(text, name)


def parse_share(text: str, name: str) -> Share:
    """A share from its text. Raises as ``read_share`` does."""
    if not text.strip():
        raise InputError(f"{name}: it is empty: its share was not judged to the end", hint=_HINT)
    document = _parse(text, name)
    head = cast("Json", document).get("share") if isinstance(document, dict) else None
    if not isinstance(head, dict):
        raise InputError(f"{name}: it is not a share of an audit", hint=_HINT)
    return _read_document(_checked(cast("Json", document), name), name)


def _parse(text: str, name: str) -> object:
    """The text as strict JSON. Raises ``InputError``."""
    try:
        return parse_strict_json(text.encode(), name)
    except InputError as error:
        problem, hint = error.message, _HINT
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        problem = f"{name}: it is not a share of an audit"
        if _BEGINNING.startswith("".join(text[:100].split())[: len(_BEGINNING)]):
            problem, hint = f"{name}: it was cut off", "judge this share again, or fetch it again"
    raise InputError(problem, hint=hint)


def _checked(document: Json, name: str) -> Json:
    """A share that is what its schema says, and was not changed. Raises ``InputError``."""
    written = document["share"].get("format")
    if type(written) is int and not 1 <= written <= FORMAT:
        why = f"its format is {written:,}, and this program reads 1 to {FORMAT}"
        raise InputError(f"{name}: {why}", hint="judge and join all shares with one version of Nilometer")
    digest = digest_of(document)
    if written == FORMAT and document.get("digest") != digest:
        raise InputError(f"{name}: something in it was changed: it is not a whole share", hint=_HINT)
    asked = document
    if written == 1 and "digest" not in document:  # all else is as in format 2
        asked = {**document, "share": {**document["share"], "format": FORMAT}, "digest": digest}
    problem = find_problem(asked, published_schema("audit-share")) or _contradiction(document)
    if problem is not None:
        raise InputError(f"{name}: {problem}", hint=_HINT)
    return document


def _contradiction(document: Json) -> str | None:
    """What two figures of a share contradict each other in."""
    if document["share"]["number"] > document["share"]["of"]:
        return "share.number is over share.of"
    kept, count = len(document["unreadable"]), document["unreadable_count"]
    return "unreadable_count is not the number of what is unreadable" if min(count, MOST_FINDINGS) != kept else None


def _read_document(document: Json, name: str) -> Share:
    history = document["history"]
    files = {str(file["name"]): (int(file["bytes"]), str(file["sha256"])) for file in history["files"]}
    audit = Audit(minor=True)
    audit.coverage.events = int(document["events"])
    for checked in document["checked"]:
        audit.coverage.rules[checked["rule"]] = read_coverage(checked)
    for span in document["spans"]:
        audit.spans[span["ledger"]] = tuple(span["first"]), tuple(span["last"])
    audit.counts = Counter({Verdict(verdict): int(count) for verdict, count in document["counts"].items()})
    audit.consequence_count = int(document["consequence_count"])
    for cause in document["consequences"]:
        audit.consequences[cause["ledger"], cause["position"]] = int(cause["count"])
    for index, found in enumerate(document["findings"]):
        try:
            audit.keep(_read_sourced(found))
        except ValueError as error:
            raise InputError(f"{name}: findings[{index}].about.{error}", hint=_HINT) from None
    for host in document["watched"]:
        audit.watching.add(_read_watched(host))
    return Share(
        name=name,
        number=int(document["share"]["number"]),
        origin=ShareOrigin(
            shares=int(document["share"]["of"]),
            tool=str(document["tool"]),
            rules=str(document["rules_sha256"]),
            ledger=str(history["ledger"]),
            digests=tuple(sorted(files.values())),
            position=int(history["position"]),
            events=int(history["events"]),
            groups=int(history["groups"]),
            undivided=history["undivided"] or "",
        ),
        audit=audit,
        source=document["source"] or "",
        files=files,
        begun=str(document["begun"]),
        ended=str(document["ended"]),
        sealed=document["sealed"],
        unreadable=tuple((str(error["message"]), str(error["hint"])) for error in document["unreadable"]),
        unreadable_count=int(document["unreadable_count"]),
        absent=tuple(map(str, document["absent"])),
    )


def _read_watched(host: Json) -> WatchedHost:
    gaps = [Gap(since=UtcTime(gap["since"]), until=UtcTime(gap["until"])) for gap in host["gaps"]]
    return WatchedHost(
        host=host["host"],
        since=host["since"],
        until=host["until"],
        gaps={(gap.since, gap.until): gap for gap in gaps},
    )


# Findings


def _write_finding(sourced: SourcedFinding) -> Json:
    finding = sourced.finding
    at = finding.at
    return {
        "ledger": sourced.source,
        "rule": finding.rule,
        "verdict": finding.verdict.value,
        "subject": at.stream,
        "position": at.position,
        "time": at.happened,
        "place": at.place,
        "record": at.record,
        "why": finding.why,
        "expected": dict(finding.expected),
        "found": dict(finding.found),
        "let": dict(finding.let),
        "then": finding.then,
        "follows": finding.follows,
        "about": None if finding.about is None else _write_question(finding.about),
        "count": finding.count,
        "positions": list(finding.positions),
        "shared": finding.shared,
    }


def _write_question(question: Question) -> Json:
    question = certain(question)
    known = {path: value.value if isinstance(value, StrEnum) else value for path, value in question.known.items()}
    return {"statement": question.statement.__name__, "known": known}


def _read_sourced(found: Json) -> SourcedFinding:
    about = found["about"]
    finding = replace(
        read_finding(found, found["place"], found["why"]),
        about=None if about is None else _read_question(about["statement"], about["known"]),
        shared=bool(found["shared"]),
    )
    return SourcedFinding(finding, cast("str", found["ledger"]))


def _read_question(name: str, known: Mapping[str, int | str | bool]) -> Question:
    statement = predicate_named(name)
    if statement is None:
        raise ValueError("statement is none that this program has")
    return question_about(statement, known)

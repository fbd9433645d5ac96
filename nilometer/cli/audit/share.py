"""``nilo audit --share`` and ``--join``: one share of an audit as JSON, and one report of all shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote

from domain.errors import InputError, NilometerError
from nilometer.audit.documents.share import Share, read_share, write_share
from nilometer.audit.partitioning.buckets import open_bucketed
from nilometer.audit.partitioning.grouping import Grouping
from nilometer.audit.partitioning.parallel import survey_history
from nilometer.audit.partitioning.shares import (
    ShareNumber,
    check_shares,
    describe_division,
    join_shares,
    judge_share,
    trace_share,
)
from nilometer.audit.provenance import FileDigests, trace_audit
from nilometer.audit.result import Audit
from nilometer.audit.sources import EventSource, FileSource, LedgerSource
from nilometer.cli.audit.result import AuditReport, SkippedInput
from nilometer.cli.failures import OK, UNREADABLE, say
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import source_uri
from nilometer.history.opening import is_parquet
from nilometer.ledger.reader import LedgerReader
from nilometer.seal.tables import SealedHead, describe_seal
from nilometer.times import current_time
from rules.judging.scope import EVERYTHING

JudgeWhole = Callable[[Audit], None]


def share_files(
    out: Output,
    session: Session,
    share: ShareNumber,
    files: Sequence[str],
    judge_whole: Callable[[Audit, FileDigests], None],
) -> int:
    """Writes one share of the audit of some files, which have one history together."""
    for file in files:
        path = Path(file)
        if path.is_dir() and not is_parquet(file):
            raise InputError(f"{file}: this is a folder", hint=f"name the files in it: {quote(file)}/*.jsonl")
        if file == "-" or (path.exists() and not path.is_file() and not is_parquet(file)):
            name = "stdin" if file == "-" else file
            raise InputError(f"{name}: a share reads its input twice", hint="write it to a file, and name that")
        if not path.exists():
            raise InputError(f"{file}: No such file or directory", hint="nilo export -o FILE writes one")
    begun, digests = current_time(session.clock), FileDigests()
    bucketed = open_bucketed(files[0], share.of) if len(files) == 1 else None
    source = bucketed or FileSource(files, digests.open)
    grouping = survey_history(source) if isinstance(source, FileSource) else source.survey()
    audit = _judge(source, grouping, share, lambda audit: judge_whole(audit, digests))
    if bucketed is None:
        for file in files:
            digests.confirm(file)
        known = {file: digests.files[file] for file in files}
    else:
        known = bucketed.files
    made = Share(
        name="",
        number=share.number,
        origin=trace_share(grouping, share.of, known.values()),
        audit=audit,
        source="",
        files=known,
        begun=begun,
        ended=current_time(session.clock),
        sealed=None,
        unreadable=(),
        unreadable_count=0,
        absent=() if bucketed is None else tuple(sorted(bucketed.absent)),
    )
    out.write_document(write_share(made))
    return OK


def share_ledger(
    out: Output,
    session: Session,
    share: ShareNumber,
    ledger: LedgerReader,
    upto: int | None,
    judge_whole: JudgeWhole,
    skipped: SkippedInput,
) -> int:
    """Writes one share of the audit of a ledger, up to a position."""
    last = ledger.position
    if upto is not None and upto > last:
        raise InputError(f"the ledger has {last:,} events, not {upto:,}", hint="give a position that it has come to")
    begun, position = current_time(session.clock), last if upto is None else upto
    try:
        source = LedgerSource(session.url, position)
        grouping = survey_history(source)
        audit = _judge(source, grouping, share, judge_whole)
    except UnreadableEvent as error:
        hint = "judge the ledger in one piece, without --share: that skips what cannot be read, and says so"
        raise InputError(error.message, hint=hint) from None
    made = Share(
        name="",
        number=share.number,
        origin=trace_share(grouping, share.of, ledger=source_uri(ledger.id), position=position),
        audit=audit,
        source=ledger.url,
        files={},
        begun=begun,
        ended=current_time(session.clock),
        sealed=describe_seal(session.read_seal()),
        unreadable=tuple((error.message, error.hint) for error in skipped.errors),
        unreadable_count=skipped.count,
    )
    out.write_document(write_share(made))
    skipped.print()
    return UNREADABLE if skipped.count else OK


def _judge(history: EventSource, grouping: Grouping, share: ShareNumber, judge_whole: JudgeWhole) -> Audit:
    note = describe_division(grouping, share.of)
    if note:
        say("note", note)
    with Progress("judging", unit="events") as progress:
        return judge_share(history, grouping, share, judge_whole, progress.update)


def join_reports(
    session: Session, files: Sequence[str], *, minor: bool, strict: bool, required: frozenset[str]
) -> AuditReport:
    """The report of an audit whose shares are in some files. Raises ``InputError`` if one is missing."""
    if not files:
        raise InputError("no share is named", hint="nilo audit --join share-*.json")
    shares = sorted(map(read_share, files), key=lambda share: (share.number, share.name))
    first = shares[0]
    sources = [first.source] if first.source else list(first.files)
    return report_shares(session, shares, minor=minor, strict=strict, required=required, sources=sources)


def report_shares(
    session: Session,
    shares: Sequence[Share],
    *,
    minor: bool,
    strict: bool,
    required: frozenset[str],
    sources: Sequence[str],
) -> AuditReport:
    """The report of an audit of which these are all shares. Raises ``InputError`` if they are not."""
    check_shares(shares)
    first, skipped = shares[0], SkippedInput()
    for share in shares:
        for message, hint in share.unreadable:
            skipped(NilometerError(message, hint=hint))
        skipped.count += share.unreadable_count - len(share.unreadable)
    audit = join_shares(shares, minor=minor)
    provenance = trace_audit(
        FileDigests(), (), min(share.begun for share in shares), session.actor_if_any, session.clock
    )
    return AuditReport(
        audit=audit,
        skipped=skipped,
        sources=sources,
        scope=EVERYTHING,
        strict=strict,
        required=required,
        provenance=replace(
            provenance,
            files=first.files,
            ended=max(share.ended for share in shares),
            sealed=_read_sealed(first.sealed),
        ),
    )


def _read_sealed(document: dict[str, object] | None) -> SealedHead | None:
    if document is None:
        return None
    return SealedHead(
        number=0,
        origin=str(document["origin"]),
        size=int(str(document["size"])),
        position=int(str(document["position"])),
        sealed=str(document["sealed"]),
        note=b"",
    )

"""``nilo audit``: judges a history, every event against every rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from nilometer.cli.failures import Mistyped, say
from nilometer.cli.options import reporting_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import current_session
from nilometer.cli.vm_names import VmNames, ids_option
from nilometer.errors import UnreadableEvent
from nilometer.ledger.reader import check_database

if TYPE_CHECKING:
    from nilometer.audit.partitioning.buckets import BucketSource
    from nilometer.audit.partitioning.parallel import Partition
    from nilometer.audit.provenance import FileDigests
    from nilometer.audit.result import Audit
    from nilometer.audit.sources import EventSource, FileSource, HistorySource
    from nilometer.cli.audit.result import AuditReport, SkippedInput
    from nilometer.ledger.reader import LedgerReader
    from rules.judging.scope import Scope
    from rules.policies.policy import Policy


@click.command("audit", short_help="Judge a history: every event against every rule.")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--since", metavar="TIME", help="Only events at this time or later.")
@click.option("--until", metavar="TIME", help="Only events at this time or earlier.")
@click.option("--vm", "vms", metavar="VM", multiple=True, help="Only this VM. Can be repeated.")
@click.option(
    "--host", "hosts", metavar="HOST", multiple=True, help="Only this host, and VMs while on it. Can be repeated."
)
@click.option("--rule", "rules", metavar="RULE", multiple=True, help="Only this rule. Can be repeated.")
@click.option("--strict", is_flag=True, help="Exit with 3 if any verdict is unknown.")
@click.option(
    "--require",
    "required",
    metavar="RULE",
    multiple=True,
    help="Exit with 3 if this rule is unknown. Can be repeated.",
)
@click.option("--keep-going", is_flag=True, help="Skip lines that cannot be read; the exit code is then 2.")
@click.option("--all", "minor", is_flag=True, help="Also show remarks, and findings that only follow from others.")
@click.option("--cores", metavar="N", type=click.IntRange(1), default=1, help="The number of processes; default 1.")
@click.option("--share", "share_text", metavar="K/N", help="Judge only the K-th of N shares, and print it as JSON.")
@click.option(
    "--position", metavar="N", type=click.IntRange(1), help="With --share, judge a ledger only up to this position."
)
@click.option("--join", "is_joined", is_flag=True, help="Join shares: each FILE is one, and all of them are needed.")
@click.option(
    "--sieve", "is_sieved", is_flag=True, help="Judge an export as Parquet faster: clean hosts are sieved out."
)
@click.option("--policies", "policy_file", metavar="FILE", help="Judge by the policies of this file too.")
@click.option("--follow", is_flag=True, help="Judge a ledger, then each new event in it, until Ctrl-C.")
@ids_option
@reporting_options
def command(
    files: tuple[str, ...],
    since: str | None,
    until: str | None,
    vms: tuple[str, ...],
    hosts: tuple[str, ...],
    rules: tuple[str, ...],
    strict: bool,
    required: tuple[str, ...],
    keep_going: bool,
    minor: bool,
    cores: int,
    share_text: str | None,
    position: int | None,
    is_joined: bool,
    is_sieved: bool,
    policy_file: str | None,
    follow: bool,
) -> int:
    """Judge every event of a history against every rule. A FILE is an export (`-` is stdin); without one, the ledger.
    audit answers: was it done by the rules? Whether it is what was written, nilo verify says.

    Holds: every event keeps each rule that applies to it. Violated (exit 1): an event breaks a rule, whatever the
    unknown figures are. Unknown: the verdict depends on figures that were not measured, or there is nothing to check.
    Exit 2: the input, or an event of the ledger, cannot be read.

    A share of a large history is judged alone, anywhere: its exit code is 0 whatever it finds. Joined, all shares come
    to the verdict and the exit code of the whole.

    \b
    Examples:
      nilo audit history.jsonl --strict --format sarif
      nilo audit --join share-1.json share-2.json
    """
    from nilometer.audit.policies import open_policies
    from nilometer.audit.provenance import FileDigests, trace_audit
    from nilometer.audit.result import Audit
    from nilometer.audit.rules import require_rule
    from nilometer.audit.sources import LedgerSource
    from nilometer.cli.audit.choice import AuditOptions
    from nilometer.cli.audit.result import AuditReport, SkippedInput
    from nilometer.times import current_time

    session = current_session()
    out = Output(session.format)
    options = AuditOptions(since=since, until=until, vms=vms, hosts=hosts, rules=rules)
    required_rules = frozenset(require_rule(rule) for rule in required)
    selecting = {"--since": since, "--until": until, "--vm": vms, "--host": hosts, "--rule": rules}
    others: Mapping[str, object] = {
        **selecting,
        "--keep-going": keep_going,
        "--policies": policy_file,
        "--follow": follow,
    }
    if is_joined:
        of_others = {"--share": share_text, "--position": position, "--sieve": is_sieved, "--cores": cores > 1}
        _refuse("--join", {**others, **of_others})
        from nilometer.cli.audit.share import join_reports

        return show_audit(
            out, join_reports(session, files, minor=minor or out.json, strict=strict, required=required_rules)
        )
    if share_text is not None:
        of_the_join = {"--strict": strict, "--require": required, "--all": minor}
        _refuse("--share", {**others, **of_the_join, "--sieve": is_sieved, "--cores": cores > 1})
        return _write_share(out, share_text, files, position)
    if position is not None:
        raise Mistyped("--position is for --share", hint="nilo audit --share 1/2 --position 1000")
    if is_sieved:
        _refuse("--sieve", others, _WHY_NOT_SIEVED)
    audit = Audit(minor=minor or out.json)
    skipped = SkippedInput()
    # One damaged event of a ledger does not keep the others from being judged; a file may be no history at all.
    on_error = skipped if keep_going or not files else None

    policies = () if policy_file is None else open_policies(policy_file)
    begun, digests = current_time(session.clock), FileDigests()

    def report(scope: Scope, sources: Sequence[str], judged: Sequence[str] = files) -> AuditReport:
        return AuditReport(
            audit=audit,
            skipped=skipped,
            sources=sources,
            scope=scope,
            strict=strict,
            required=required_rules,
            provenance=trace_audit(
                digests,
                judged,
                begun,
                session.actor_if_any,
                session.clock,
                None if files else session.read_seal(),
                policies,
            ),
        )

    if is_sieved:
        from nilometer.cli.audit.sieve import check_sieved, judge_sieved

        folder, scope = check_sieved(files), options.scope_of_files()

        def judge_whole(audit: Audit) -> None:
            file = _single_file(files) if cores > 1 else None
            if not _judge_in_parallel(audit, file, scope, policies, cores):
                _judge_files(audit, files, scope, policies, FileDigests(), None)

        return show_audit(out, report(scope, files, judge_sieved(audit, folder, digests, judge_whole, cores)))
    if files:
        if follow:
            raise Mistyped("--follow judges a ledger, not files", hint="leave FILE out")
        scope = options.scope_of_files()
        judged: Sequence[str] = files
        file = _single_file(files) if cores > 1 and not keep_going else None
        buckets = None if cores == 1 or keep_going or policies else _buckets_of(files, cores)
        if file is not None:
            digests.find(files[0])
        if buckets is not None and _judge_buckets(audit, buckets, scope, cores):
            digests.files.update(buckets.files)
            judged = list(buckets.files)
        elif _judge_in_parallel(audit, file, scope, policies, cores):
            digests.confirm(files[0])
        else:
            _judge_files(audit, files, scope, policies, digests, on_error)
        if not skipped.count:  # else the VM or host may be in a line that could not be read
            options.check(audit.streams)
        return show_audit(out, report(scope, ["stdin" if file == "-" else file for file in files], judged))
    check_database(session.url)
    with session.reading() as ledger:
        out.name = VmNames(ledger).put_in
        scope = options.scope_of_ledger(ledger)
        if follow:
            from nilometer.audit.policies import make_judge
            from nilometer.cli.audit.follow import follow_ledger

            follow_ledger(out, audit, ledger, make_judge(policies, scope), on_error)
        else:
            source = LedgerSource(session.url, ledger.position)
            try:
                is_judged = cores > 1 and not keep_going and _judge_in_parallel(audit, source, scope, policies, cores)
            except UnreadableEvent:
                is_judged = False
            if not is_judged:
                _judge_ledger(audit, ledger, scope, policies, on_error)
        return show_audit(out, report(scope, [ledger.url]), findings_shown=follow)


_WHY_NOT: Final = {
    "--policies": "a policy is judged on the whole history",
    "--cores": "start as many shares as there are cores",
    "--follow": "a share is of a history that has ended",
    "--keep-going": "a line that is skipped leaves a gap in the whole",
    "--strict": "give it when the shares are joined",
    "--require": "give it when the shares are joined",
    "--all": "a share has all findings; give it when the shares are joined",
}
_WHY_NOT_SIEVED: Final = {
    "--policies": "the sieve knows no policies",
    "--follow": "it reads an export",
    "--keep-going": "it reads what nilo export wrote, and nothing of that is skipped",
}


def _refuse(option: str, others: Mapping[str, object], why_not: Mapping[str, str] | None = None) -> None:
    """Raises ``Mistyped`` if one of the other options was given."""
    for other, given in others.items():
        if given:
            reasons = _WHY_NOT if why_not is None else why_not
            default = "a share is a part of the whole audit" if why_not is None else "it judges a whole history"
            why = reasons.get(other, default)
            raise Mistyped(f"{option} and {other} do not go together: {why}", hint=f"leave {other} out")


def _write_share(out: Output, text: str, files: Sequence[str], position: int | None) -> int:
    """Judges one share, and writes it as JSON."""
    from nilometer.audit.partitioning.shares import parse_share_number
    from nilometer.cli.audit.result import SkippedInput
    from nilometer.cli.audit.share import share_files, share_ledger
    from rules.judging.scope import EVERYTHING

    session, share, skipped = current_session(), parse_share_number(text), SkippedInput()
    if out.format in ("sarif", "github"):
        raise Mistyped(f"a share is JSON, not {out.format}", hint=f"join the shares with --format {out.format}")
    if files:
        if position is not None:
            raise Mistyped("--position is for a ledger, not for files", hint="leave --position out")

        def judge_files(audit: Audit, digests: FileDigests) -> None:
            _judge_files(audit, files, EVERYTHING, (), digests, None)

        return share_files(out, session, share, files, judge_files)
    check_database(session.url)
    with session.reading() as ledger:

        def judge_ledger(audit: Audit) -> None:
            _judge_ledger(audit, ledger, EVERYTHING, (), skipped, position)

        return share_ledger(out, session, share, ledger, position, judge_ledger, skipped)


def _single_file(files: Sequence[str]) -> FileSource | None:
    """The file, if there is only one and several processes can read it."""
    from nilometer.audit.sources import FileSource
    from nilometer.history.opening import is_parquet

    is_shareable = len(files) == 1 and Path(files[0]).is_file() and not is_parquet(files[0])
    return FileSource(files) if is_shareable else None


def _buckets_of(files: Sequence[str], cores: int) -> BucketSource | None:
    """The buckets of an export, if that is all there is: each process reads its own."""
    from nilometer.audit.partitioning.buckets import open_bucketed

    return open_bucketed(files[0], cores) if len(files) == 1 else None


def _judge_buckets(audit: Audit, buckets: BucketSource, scope: Scope, cores: int) -> bool:
    """Judges an export in several processes, if it can be divided; returns whether it was judged."""
    from nilometer.audit.partitioning.parallel import partition_groups

    partition = partition_groups(buckets.survey(), cores, on_undivided=_note_one_process)
    return partition is not None and _judge_parts(audit, buckets, partition, scope, ())


def _note_one_process(why: str) -> None:
    say("note", f"one process judges all of it: {why}")


def _judge_in_parallel(
    audit: Audit, history: HistorySource | None, scope: Scope, policies: Sequence[Policy], cores: int
) -> bool:
    """Judges a history in several processes, if it can be divided; returns whether it was judged."""
    if history is None:
        return False
    from nilometer.audit.partitioning.parallel import partition_history

    partition = partition_history(history, cores, policies, on_undivided=_note_one_process)
    return partition is not None and _judge_parts(audit, history, partition, scope, policies)


def _judge_parts(
    audit: Audit, history: EventSource, partition: Partition, scope: Scope, policies: Sequence[Policy]
) -> bool:
    from nilometer.audit.partitioning.parallel import judge_in_parallel

    with Progress("judging", partition.events, "events") as progress:
        judge_in_parallel(audit, history, partition, scope, progress.update, policies)
    return True


def _judge_files(
    audit: Audit,
    files: Sequence[str],
    scope: Scope,
    policies: Sequence[Policy],
    digests: FileDigests,
    on_error: SkippedInput | None,
) -> None:
    from nilometer.audit.histories import histories
    from nilometer.audit.policies import make_judge

    with Progress("judging", unit="events") as progress:
        for history in histories(files, digests.open, on_error):
            judge = make_judge(policies, scope)
            audit.judge(history.events, judge, history.source, progress.update)
            audit.finish(judge, history.source, history.conflicts)


def _judge_ledger(
    audit: Audit,
    ledger: LedgerReader,
    scope: Scope,
    policies: Sequence[Policy],
    on_error: SkippedInput | None,
    upto: int | None = None,
) -> None:
    from nilometer.audit.policies import make_judge
    from nilometer.audit.stored import ledger_events
    from nilometer.history.cloudevents import source_uri

    judge, source, last = make_judge(policies, scope), source_uri(ledger.id), upto or ledger.position
    with Progress("judging", last, "events") as progress:
        audit.judge(ledger_events(ledger, upto=last, on_error=on_error), judge, source, progress.update)
    audit.finish(judge, source)


def show_audit(out: Output, report: AuditReport, *, findings_shown: bool = False) -> int:
    """Shows an audit in the format that was asked for; returns the exit code."""
    report.skipped.print()
    match out.format:
        case "json":
            from nilometer.cli.audit.document import audit_document

            out.write_document(audit_document(report))
        case "sarif":
            from nilometer.cli.audit.sarif import sarif_document

            out.write_document(sarif_document(report))
        case "github":
            from nilometer.cli.audit.github import workflow_commands

            for line in workflow_commands(report):
                out.write_line(line)
        case _:
            from nilometer.cli.audit.page import show_report

            show_report(out, report, findings_shown=findings_shown)
    return report.code

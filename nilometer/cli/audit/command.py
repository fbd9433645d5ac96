"""``nilo audit``: judges a history, every event against every rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nilometer.cli.failures import Mistyped
from nilometer.cli.options import reporting_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import current_session
from nilometer.textio.files import open_input

if TYPE_CHECKING:
    from nilometer.audit.result import Audit
    from nilometer.audit.sources import FileSource
    from nilometer.audit.sources import Source as JudgedSource
    from nilometer.cli.audit.result import PassedOver, Result
    from nilometer.ledger.ledger import Ledger
    from rules.judging.scope import Scope


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
@click.option("--follow", is_flag=True, help="Judge a ledger, then each new event in it, until Ctrl-C.")
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
    follow: bool,
) -> int:
    """Judge every event of a history against every rule. A FILE is an export (`-` is stdin); without one, the ledger.

    Holds: every event keeps every rule. Violated (exit 1): an event breaks a rule, whatever the unknown figures are.
    Unknown: the verdict depends on figures that were not measured. Exit 2: the input cannot be read. See docs/audit.md.

    \b
    Examples:
      nilo audit
      nilo audit history.jsonl --strict --format sarif
    """
    from nilometer.audit.result import Audit
    from nilometer.audit.rules import known
    from nilometer.audit.sources import LedgerSource
    from nilometer.cli.audit.choice import Choice
    from nilometer.cli.audit.result import PassedOver, Result

    session = current_session()
    out = Output(session.format)
    choice = Choice(since, until, vms, hosts, rules)
    must = frozenset(known(rule) for rule in required)
    audit = Audit(minor=minor or out.json)
    passed_over = PassedOver()

    def result(scope: Scope, sources: Sequence[str]) -> Result:
        return Result(audit, passed_over, sources, scope, strict, must)

    if files:
        if follow:
            raise Mistyped("--follow waits for what is recorded in a ledger, not in files", hint="leave FILE out")
        scope = choice.of_files()
        if not (cores > 1 and not keep_going and _in_shares(audit, _file(files), scope, cores)):
            _judge_files(audit, files, scope, passed_over if keep_going else None)
        if not passed_over.count:  # else what is missing may stand where nothing could be read
            choice.check(audit.streams)
        return _show(out, result(scope, ["stdin" if file == "-" else file for file in files]))
    with session.reading() as ledger:
        scope = choice.of_ledger(ledger)
        if follow:
            from nilometer.cli.audit.follow import follow as watch

            watch(out, audit, ledger, scope, passed_over if keep_going else None)
        else:
            whole = LedgerSource(session.url, ledger.position)
            if not (cores > 1 and not keep_going and _in_shares(audit, whole, scope, cores)):
                _judge_ledger(audit, ledger, scope, passed_over if keep_going else None)
        return _show(out, result(scope, [ledger.url]), already=follow)


def _file(files: Sequence[str]) -> FileSource | None:
    """The one file that several processes can read, if it is one."""
    from nilometer.audit.sources import FileSource

    return FileSource(files[0]) if len(files) == 1 and Path(files[0]).is_file() else None


def _in_shares(audit: Audit, history: JudgedSource | None, scope: Scope, cores: int) -> bool:
    """Has a history judged by several processes, if it is one that they can share."""
    if history is None:
        return False
    from nilometer.audit.parallel import judge_in_shares, shares_of

    shares = shares_of(history, cores)
    if shares is None:
        return False
    with Progress("judging", shares.events, "events") as progress:
        judge_in_shares(audit, history, shares, scope, progress.update)
    return True


def _judge_files(audit: Audit, files: Sequence[str], scope: Scope, pass_over: PassedOver | None) -> None:
    from nilometer.audit.reading import histories
    from rules.judging.judge import Judge

    with Progress("judging", unit="events") as progress:
        for history in histories(files, open_input, pass_over):
            judge = Judge(scope)
            audit.judge(history.events, judge, history.source, progress.update)
            audit.finish(judge, history.source)


def _judge_ledger(audit: Audit, ledger: Ledger, scope: Scope, pass_over: PassedOver | None) -> None:
    from nilometer.audit.reading import read_ledger
    from nilometer.history.cloudevents import source_uri
    from rules.judging.judge import Judge

    judge, source, last = Judge(scope), source_uri(ledger.id), ledger.position
    with Progress("judging", last, "events") as progress:
        audit.judge(read_ledger(ledger, upto=last, pass_over=pass_over), judge, source, progress.update)
    audit.finish(judge, source)


def _show(out: Output, result: Result, *, already: bool = False) -> int:
    result.unreadable.tell()
    match out.format:
        case "json":
            from nilometer.cli.audit.document import audit_document

            out.write_document(audit_document(result))
        case "sarif":
            from nilometer.cli.audit.sarif import sarif_document

            out.write_document(sarif_document(result))
        case "github":
            from nilometer.cli.audit.github import workflow_commands

            for line in workflow_commands(result):
                out.write_line(line)
        case _:
            from nilometer.cli.audit.page import show

            show(out, result, already=already)
    return result.code

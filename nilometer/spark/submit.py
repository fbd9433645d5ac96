"""What ``spark-submit`` runs: ``nilo audit`` on Spark, with its options, its output and its exit codes, and ``replay``.

spark-submit $(python -m nilometer.spark.submit --path) audit history.jsonl --format json
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NoReturn

import click

from nilometer.audit.partitioning.shares import describe_division
from nilometer.audit.rules import require_rule
from nilometer.cli.audit.command import show_audit
from nilometer.cli.audit.share import report_shares
from nilometer.cli.failures import OK, run_guarded, say
from nilometer.cli.options import common_options, reporting_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.spark.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Judge or replay an export of any size on Spark."""


@commands.command("audit")
@click.argument("source")
@click.option("--strict", is_flag=True, help="Exit with 3 if any verdict is unknown.")
@click.option("--require", "required", metavar="RULE", multiple=True, help="Exit with 3 if this rule is unknown.")
@click.option("--all", "minor", is_flag=True, help="Also show remarks, and findings that only follow from others.")
@reporting_options
def audit_command(source: str, strict: bool, required: tuple[str, ...], minor: bool) -> int:
    """Judge every event of an export against every rule, as nilo audit does.

    \b
    Examples:
      spark-submit submit.py audit history.jsonl
      spark-submit submit.py audit "exports/*.jsonl.gz" --strict --format json
    """
    session = current_session()
    out, rules = Output(session.format), frozenset(map(require_rule, required))
    spark = _open_session()
    from nilometer.spark.judging import judge_history

    shares, history = judge_history(spark, source)
    note = describe_division(history.grouping, history.parts)
    if note:
        say("note", note.replace("share 1 judges", "one task judges"))
    report = report_shares(session, shares, minor=minor or out.json, strict=strict, required=rules, sources=[source])
    return show_audit(out, report)


@commands.command("replay")
@click.argument("source")
@click.option("-o", "--output", metavar="DIR", required=True, help="The folder for the table, as Parquet.")
@common_options
def replay_command(source: str, output: str) -> int:
    """Write the view of every VM and host at the end of an export as a table.

    \b
    Examples:
      spark-submit submit.py replay history.jsonl -o views
      spark-submit submit.py replay "exports/*.jsonl.gz" -o views
    """
    spark = _open_session()
    from pyspark.errors import AnalysisException

    from domain.errors import InputError
    from nilometer.spark.replaying import replay

    try:
        replay(spark, source).coalesce(1).write.parquet(output)
    except AnalysisException as error:
        raise InputError(f"{output}: {str(error).splitlines()[0]}", hint="name a folder that does not exist") from None
    return OK


def _open_session() -> SparkSession:
    """The session, which logs nothing unless ``spark.log.level`` is set: what is wrong, the error and its hint say.

    Otherwise Spark's own account of it, with the stack, stands around them.
    """
    spark = open_session()  # which says what is not installed
    if spark.conf.get(_LOG_LEVEL, None) is None:
        spark.sparkContext.setLogLevel("OFF")
    return spark


_LOG_LEVEL: Final = "spark.log.level"


def main() -> NoReturn:
    """Runs the command that the arguments name, and leaves the process with its exit code."""
    if sys.argv[1:] == ["--path"]:
        click.echo(__file__)
        raise SystemExit(OK)
    raise SystemExit(run_guarded(_run))


def _run() -> object:
    with commands.make_context("nilometer.spark.submit", sys.argv[1:]) as context:
        return commands.invoke(context)


if __name__ == "__main__":
    main()

"""``nilo export``: the history, for other programs and other ledgers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from nilometer.cli.failures import OK, Interrupted, Mistyped, say
from nilometer.cli.files import open_output
from nilometer.cli.options import common_options
from nilometer.cli.output import Progress
from nilometer.cli.session import current_session
from nilometer.messages.sizes import plural

if TYPE_CHECKING:
    from nilometer.storage.reader import StoredRow

Lines = Callable[["Iterable[StoredRow]", int], Iterator[bytes]]
"""Makes lines of the stored events behind a position."""


@click.command("export")
@click.option(
    "-o",
    "file",
    metavar="FILE",
    help="The file to write; it appears when it is complete. Default stdout. For parquet, a folder.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(("cloudevents", "parquet", "ocsf", "ecs", "cef")),
    default="cloudevents",
    help="The format; default cloudevents.",
)
@click.option("--after", metavar="POSITION", type=click.IntRange(0), default=0, help="Only events behind this one.")
@click.option("--follow", is_flag=True, help="Then write each new event, until Ctrl-C.")
@common_options
def command(file: str | None, form: str, after: int, follow: bool) -> int:
    """Write the history as CloudEvents 1.0, one JSON object per line. After an import it exports to the same bytes.

    As parquet it is a folder of typed columns, which nilo audit and nilo import read too. For a SIEM
    it is OCSF, ECS or CEF, an event a line.

    \b
    Examples:
      nilo export -o history.jsonl
      nilo export --as ocsf --follow
    """
    from nilometer.storage.reader import LAST_POSITION

    if after > LAST_POSITION:
        raise Mistyped(f"--after: there is no position {after}", hint="see the last: nilo log -n 1")
    if form == "parquet":
        if follow or after:
            raise Mistyped("--follow and --after are for lines, not for parquet", hint="leave them out")
        return _export_parquet(file)
    if follow:
        if file not in (None, "-"):
            hint = f"append its output to the file: nilo export --as {form} --follow >> {quote(str(file))}"
            raise Mistyped("--follow writes to stdout, not to a file", hint=hint)
        return _follow(form, after)
    with current_session().reading() as ledger, open_output(file) as stream:
        last, lines, count = ledger.position, _lines_of(form, ledger.id), 0
        with Progress("exporting", max(last - after, 0), "events") as progress:
            for count, line in enumerate(lines(ledger.rows(_begin(form, after), last), after), start=1):
                stream.write(line)
                progress.update(count)
    if after and after >= last:
        say("note", f"no event comes after position {after}: the ledger ends at {last}")
    if file not in (None, "-"):
        say("note", f"{plural(count, 'event')} in {file}")
    return OK


def _lines_of(form: str, ledger: str) -> Lines:
    if form == "cloudevents":
        from nilometer.history.cloudevents import write_lines

        return lambda rows, _: write_lines(rows, ledger)
    from nilometer.siem.forms import FormWriter

    return FormWriter(form, ledger).lines


def _begin(form: str, after: int) -> int:
    """Where to begin to read: events for SIEMs have names that earlier ones gave."""
    return after if form == "cloudevents" else 0


def _follow(form: str, after: int) -> int:
    """Writes the events behind a position, and then each new one."""
    from nilometer.cli.following import wait_for_more
    from nilometer.cli.interrupts import interruptible

    with current_session().reading() as ledger, open_output(None) as stream:
        lines, position = _lines_of(form, ledger.id), _begin(form, after)
        with interruptible() as check_interrupt, suppress(KeyboardInterrupt):
            if after > (ends := ledger.position):
                say("note", f"the ledger ends at {ends}: events up to position {after} are left out when they come")
            while True:
                last = ledger.position
                for line in lines(ledger.rows(position, last), after):
                    stream.write(line)
                    check_interrupt()  # never within a line
                stream.flush()
                position = max(position, last)
                wait_for_more()
                check_interrupt()
    return OK


def _export_parquet(folder: str | None) -> int:
    if folder in (None, "-"):
        raise Mistyped("--as parquet writes a folder", hint="name a new one: nilo export --as parquet -o DIR")
    from nilometer.history.parquet.installed import require_pyarrow
    from nilometer.textio.files import check_name

    path = Path(check_name(str(folder)))
    require_pyarrow()
    from nilometer.history.parquet.dividing import count_buckets
    from nilometer.history.parquet.writing import write_export

    with current_session().reading() as ledger:
        last = ledger.position
        try:
            with Progress("dividing", last, "events") as counting, Progress("exporting", last, "events") as progress:
                manifest = write_export(ledger, path, progress.update, counting.update)
        except KeyboardInterrupt:
            what = f"{folder} is not complete, and nothing reads it as if it were"
            raise Interrupted(what, hint=f"to go on: nilo export --as parquet -o {quote(str(folder))}") from None
        newer = f"; the ledger has come to position {last} since it was begun" if last > manifest.last else ""
    files = sum(map(len, manifest.runs))
    say("note", f"{plural(manifest.events, 'event')} in {plural(files, 'file')} in {folder}{newer}")
    anew = count_buckets(manifest.last)
    if manifest.grown and anew > 2 * manifest.buckets:
        kept = plural(manifest.buckets, "bucket")
        say("note", f"it keeps its {kept}; exported into a new folder, the ledger has {anew}, to be judged apart")
    return OK

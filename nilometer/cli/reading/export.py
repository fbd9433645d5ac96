"""``nilo export``: the history, for other programs and other ledgers."""

from __future__ import annotations

from pathlib import Path

import click

from nilometer.cli.failures import OK, Interrupted, Mistyped, say
from nilometer.cli.files import open_output
from nilometer.cli.options import common_options
from nilometer.cli.output import Progress
from nilometer.cli.session import current_session
from nilometer.messages.sizes import plural


@click.command("export")
@click.option(
    "-o",
    "file",
    metavar="FILE",
    help="The file to write; it appears when it is complete. Default stdout. Of parquet a folder.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(("cloudevents", "parquet")),
    default="cloudevents",
    help="The format; default cloudevents.",
)
@common_options
def command(file: str | None, form: str) -> int:
    """Write the history as CloudEvents 1.0, one JSON object per line. After an import it exports to the same bytes.

    As parquet it is a folder of typed columns, beside what is stored of each event. nilo audit and nilo import read it
    too. An export that was stopped is finished by the same command. See docs/parquet.md.

    \b
    Examples:
      nilo export -o history.jsonl
      nilo export --as parquet -o history
    """
    if form == "parquet":
        return _export_parquet(file)
    from nilometer.history.cloudevents import write_lines

    with current_session().reading() as ledger, open_output(file) as stream:
        last = ledger.position
        with Progress("exporting", last, "events") as progress:
            for count, line in enumerate(write_lines(ledger.rows(upto=last), ledger.id), start=1):
                stream.write(line)
                progress.update(count)
    if file not in (None, "-"):
        say("note", f"{plural(last, 'event')} in {file}")
    return OK


def _export_parquet(folder: str | None) -> int:
    if folder in (None, "-"):
        raise Mistyped("--as parquet writes a folder", hint="name a new one: nilo export --as parquet -o DIR")
    from nilometer.history.parquet.installed import require_pyarrow
    from nilometer.textio.files import check_name

    path = Path(check_name(str(folder)))
    require_pyarrow()
    from nilometer.history.parquet.writing import write_export

    with current_session().reading() as ledger:
        last = ledger.position
        try:
            with Progress("dividing", last, "events") as counting, Progress("exporting", last, "events") as progress:
                manifest = write_export(ledger, path, progress.update, counting.update)
        except KeyboardInterrupt:
            what = f"{folder} is not complete, and nothing reads it as if it were"
            raise Interrupted(what, hint=f"to go on: nilo export --as parquet -o {folder}") from None
        newer = f"; the ledger has come to position {last} since it was begun" if last > manifest.last else ""
    files = sum(map(len, manifest.runs))
    say("note", f"{plural(manifest.events, 'event')} in {plural(files, 'file')} in {folder}{newer}")
    return OK

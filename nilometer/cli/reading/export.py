"""``nilo export``: the history, for other programs and other ledgers."""

from __future__ import annotations

import click

from nilometer.cli.failures import OK, say
from nilometer.cli.files import open_output
from nilometer.cli.options import common_options
from nilometer.cli.output import Progress
from nilometer.cli.session import current_session
from nilometer.history.cloudevents import write_lines
from nilometer.messages.sizes import plural


@click.command("export")
@click.option("-o", "file", metavar="FILE", help="The file to write; it appears when it is complete. Default stdout.")
@common_options
def command(file: str | None) -> int:
    """Write the history as CloudEvents 1.0, one JSON object per line. After an import it exports to the same bytes.

    \b
    Examples:
      nilo export -o history.jsonl
      nilo export | jq .type
    """
    with current_session().reading() as ledger, open_output(file) as stream:
        last = ledger.position
        with Progress("exporting", last, "events") as progress:
            for count, line in enumerate(write_lines(ledger.rows(upto=last), ledger.id), start=1):
                stream.write(line)
                progress.update(count)
    if file not in (None, "-"):
        say("note", f"{plural(last, 'event')} in {file}")
    return OK

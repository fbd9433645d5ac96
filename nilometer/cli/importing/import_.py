"""``nilo import``: an exported history, into an empty ledger."""

from __future__ import annotations

from shlex import quote

import click

from nilometer.cli.failures import OK, Interrupted
from nilometer.cli.options import common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import current_session
from nilometer.history.checked import read_history
from nilometer.history.opening import open_history
from nilometer.history.restoring import restore
from nilometer.messages.sizes import plural


@click.command("import")
@click.argument("file", metavar="FILE")
@common_options
def command(file: str) -> int:
    """Copy an exported history into an empty ledger. Import the same file again to continue where it stopped.

    The whole file is checked before any event is copied. `-` is stdin, which is copied as it arrives.

    \b
    Examples:
      nilo import history.jsonl --ledger sqlite:///copy.db
      nilo export | nilo import - --ledger sqlite:///copy.db
    """
    session = current_session()
    out = Output(session.format)
    with open_history(file) as stream:
        name = "stdin" if file == "-" else file
        if stream.seekable() and file != "-":
            with Progress(f"checking {name}", unit="events") as progress:
                for line in read_history(stream, name):
                    progress.update(line.stored.position)
            stream.seek(0)
        with session.writing() as ledger:
            before = ledger.position
            try:
                with Progress(f"importing {name}", unit="events") as progress:
                    events = restore(ledger, read_history(stream, name), progress.update)
            except KeyboardInterrupt:
                copied = f"{plural(ledger.position, 'event')} of {name} copied"
                raise Interrupted(copied, hint=f"to continue: nilo import {quote(file)}") from None
            url = ledger.url
    if out.json:
        out.write_document({"events": events, "there": min(before, events), "ledger": url})
    else:
        known = f", {min(before, events):,} of them were there before" if before else ""
        out.write_line(f"{plural(events, 'event')} in {url}{known}")
    return OK

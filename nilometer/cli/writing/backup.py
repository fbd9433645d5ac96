"""``nilo backup``: a copy of the whole ledger, in a file."""

from __future__ import annotations

from pathlib import Path

import click

from nilometer.cli.failures import OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.ledger.backup import back_up
from nilometer.messages.sizes import plural
from nilometer.textio.files import check_name


@click.command("backup")
@click.argument("file", metavar="FILE")
@common_options
def command(file: str) -> int:
    """Copy the whole ledger into a new file, while others go on writing, and check the copy.

    The copy is itself a ledger, with all events, receipts and ids. `cp` is not enough: what
    was written last stands in a log beside the file.

    \b
    Examples:
      nilo backup ledger-20261123.db
      nilo backup /srv/backup/nilometer.db --ledger postgresql://ops@db.example/nilometer
    """
    session = current_session()
    out = Output(session.format)
    copied = back_up(session.url, Path(check_name(file)))
    if out.json:
        known = {"file": file, "events": copied.events, "receipts": copied.receipts, "sha256": copied.sha256}
        out.write_document(known)
    else:
        out.write_line(f"{plural(copied.events, 'event')} and {plural(copied.receipts, 'receipt')} in {file}")
        out.write_line(f"checked: the copy has the same digest, and replays to the same views; SHA-256 {copied.sha256}")
    return OK

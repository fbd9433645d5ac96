"""``nilo restore``: a backup, into a new ledger."""

from __future__ import annotations

from pathlib import Path

import click

from nilometer.cli.failures import OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.ledger.backup import announce_restore, restore_backup
from nilometer.messages.sizes import plural
from nilometer.textio.files import check_backup


@click.command("restore")
@click.argument("file", metavar="FILE")
@click.option("--actor", metavar="NAME", envvar="NILO_ACTOR", help="Who restores it; default you.  [NILO_ACTOR]")
@common_options
def command(file: str, actor: str | None) -> int:
    """Copy a backup into a ledger that is new or empty, in one transaction, and check the result.

    A ledger with events is never replaced: move it away first. FILE is only read. If it is sealed, an event records
    that it was restored, and by whom, and the seal goes on under another name.

    \b
    Examples:
      nilo restore ledger-20261123.db --ledger sqlite:///nilometer.db
      nilo restore ledger-20261123.db --ledger postgresql://ops@db.example/nilometer
    """
    session = current_session()
    out = Output(session.format)
    actor = actor or session.actor  # before anything is written
    copied = restore_backup(check_backup(file), session.url)
    recorded = announce_restore(session.url, Path(file), copied, actor=actor, via=session.via, clock=session.clock)
    if out.json:
        known = {"file": file, "events": copied.events, "receipts": copied.receipts, "sha256": copied.sha256}
        out.write_document({**known, "recorded_at": recorded})
    else:
        out.write_line(f"{plural(copied.events, 'event')} and {plural(copied.receipts, 'receipt')} of {file} restored")
        out.write_line(f"checked: the ledger has the same digest, and replays to its views; SHA-256 {copied.sha256}")
        if recorded is not None:
            how = "it is sealed, and goes on as another log: nilo seal --rotate"
            out.write_line(f"recorded at position {recorded}: {how}")
    return OK

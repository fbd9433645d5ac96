"""``nilo repair``: damaged events, mended in a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nilometer.cli.failures import NOT_IN_FULL, OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import current_session
from nilometer.history.repairing import plan_repair, repair_into
from nilometer.messages.sizes import plural
from nilometer.textio.files import check_backup

if TYPE_CHECKING:
    from nilometer.history.repairing import Repair
    from nilometer.storage.copying import Contents


@click.command("repair")
@click.argument("copy", metavar="[COPY]", required=False)
@click.option("--from", "backup", metavar="BACKUP", help="Take what cannot be mended from this backup of the ledger.")
@common_options
def command(copy: str | None, backup: str | None) -> int:
    """Say which events cannot be read or cannot follow, and what can be mended; with COPY, mend it in a new file.

    The ledger itself is only read. A value is mended if it means the same in the type in which it should be, and the
    event's decision then follows from its evidence; else the same event is taken from BACKUP. What cannot be mended
    stays as it is, and its VM or host as it was before (exit 1).

    \b
    Examples:
      nilo repair
      nilo repair repaired.db --from ledger-20261123.db
    """
    session = current_session()
    out = Output(session.format)
    with Progress("reading", unit="events") as progress:
        repair = plan_repair(session.url, None if backup is None else check_backup(backup), progress.update)
    copied = None if copy is None else repair_into(session.url, Path(copy), repair)
    if out.json:
        out.write_document(_to_document(repair, copy, copied))
    else:
        _show(out, repair, copy, copied)
    return NOT_IN_FULL if repair.left else OK


def _show(out: Output, repair: Repair, copy: str | None, copied: Contents | None) -> None:
    for event in repair.damaged:
        out.write_line(f"#{event.position} {event.id}: {event.why}")
        for change in event.changes:
            out.write_line(f"    {change}")
        if event.mended is None:
            out.write_line("    cannot be mended: it stays as it is; with a backup: nilo repair COPY --from BACKUP")
    mended = len(repair.damaged) - repair.left
    if not repair.damaged:
        out.write_line(f"{plural(repair.events, 'event')}: every event can be read, and follows; nothing to mend")
    elif copied is None:
        out.write_line(f"{plural(repair.events, 'event')}: {mended} would be mended, {repair.left} would stay")
    else:
        out.write_line(f"{plural(repair.events, 'event')}: {mended} mended, {repair.left} as they are")
    if repair.after:
        out.write_line(f"{plural(repair.after, 'event')} after them on the same streams cannot be applied")
    if copied is not None:
        out.write_line(f"copied with {plural(copied.receipts, 'receipt')} into {copy}; SHA-256 {copied.sha256}")
    elif mended:
        out.write_line("nothing was written; to mend it in a copy: nilo repair COPY")


def _to_document(repair: Repair, copy: str | None, copied: Contents | None) -> dict[str, object]:
    return {
        "events": repair.events,
        "damaged": [
            {
                "position": event.position,
                "id": event.id,
                "reason": event.why,
                "mended": event.mended is not None,
                "changes": list(event.changes),
            }
            for event in repair.damaged
        ],
        "cannot_be_applied": repair.after,
        "file": copy,
        "sha256": None if copied is None else copied.sha256,
    }

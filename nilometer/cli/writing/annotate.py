"""``nilo annotate``: why something of the past was done, its ticket, and who approved it."""

from __future__ import annotations

import click

from nilometer.cli.failures import OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.importers.reporting import annotate


@click.command("annotate")
@click.argument("position", metavar="POSITION", type=click.IntRange(min=1))
@click.option("--reason", metavar="TEXT", help="Why it was done.")
@click.option("--ticket", metavar="TEXT", help="The ticket that it belongs to.")
@click.option("--approved-by", metavar="NAME", help="Who approved it.")
@click.option("--actor", metavar="NAME", envvar="NILO_ACTOR", help="Who adds this; default you.  [NILO_ACTOR]")
@common_options
def command(position: int, reason: str | None, ticket: str | None, approved_by: str | None, actor: str | None) -> int:
    """Add to a recorded change of an observed VM why it was done. The event stays; what is added is one more.

    \b
    Examples:
      nilo annotate 22 --reason "month end" --ticket CHG-2041 --approved-by CONTOSO\\\\anna
      nilo annotate 22 --ticket CHG-2041
    """
    session = current_session()
    out = Output(session.format)
    with session.writing(create=False) as ledger:
        recorded = annotate(
            ledger,
            position,
            actor=actor or session.actor,
            via=session.via,
            reason=reason,
            ticket=ticket,
            approved_by=approved_by,
        )
        url = ledger.url
    if out.json:
        out.write_document({"about": position, "positions": [recorded]})
    else:
        out.write_line(f"Recorded in {url} at position {recorded}, about position {position}.")
    return OK

"""``nilo policy retire``: commands are decided without a policy from now on."""

from __future__ import annotations

import click

from nilometer.cli.failures import OK
from nilometer.cli.options import asking_options, common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session


@click.command("retire", short_help="Retire adopted policies.")
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@asking_options
@common_options
def command(names: tuple[str, ...]) -> int:
    """Retire adopted policies: from now on commands are decided without them. What they refused stays in the history.

    \b
    Examples:
      nilo policy retire tenth_stays_free --reason "CHG-2050"
      nilo policy retire tenth_stays_free at_most_half
    """
    session = current_session()
    out = Output(session.format)
    with session.writing(create=False) as ledger:
        positions = ledger.retire_policy(
            names, actor=session.actor, via=session.via, reason=session.reason, correlation=session.correlation
        )
    names = tuple(dict.fromkeys(names))
    if out.json:
        out.write_document({"retired": list(names), "positions": list(positions)})
    else:
        out.write_line(f"Retired {', '.join(names)}. Recorded at positions {positions[0]} to {positions[-1]}.")
    return OK

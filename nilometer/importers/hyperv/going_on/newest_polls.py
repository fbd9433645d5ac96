"""What the last imports read of each VM, as they stored it at their ends: newer than events, which are only of news."""

from __future__ import annotations

from domain.observed.polls import PollFigures
from nilometer.importers.hyperv.going_on.checkpoint import SHAPE, decode
from nilometer.importers.hyperv.news import ON, poll_figures
from nilometer.ledger.reader import LedgerReader


def read_newest_polls(ledger: LedgerReader) -> dict[str, PollFigures]:
    """The newest poll of each VM that runs, by the ids of VMs, as far as the ends of imports have it."""
    newest: dict[str, PollFigures] = {}
    for stored in ledger.import_ends(f"{SHAPE}/"):
        checkpoint = decode(stored)
        for vm in () if checkpoint is None else checkpoint.fold.vms.values():
            figures = None if vm.latest is None or vm.latest.listing.power not in ON else poll_figures(vm.latest)
            if figures is not None and (vm.id not in newest or figures.at > newest[vm.id].at):
                newest[vm.id] = figures
    return newest

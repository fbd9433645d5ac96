"""``python -m rules.proving.histories`` searches a history to each answer, and keeps them in ``rules.search.kept``."""

from __future__ import annotations

from collections.abc import Iterator

from domain.commands import Command
from rules.obligations import ObligationBuilder
from rules.proving.checks import Checks
from rules.search.kept import write_histories
from rules.search.reachability import Search
from rules.solving.prover import BUDGET


def search_histories() -> Iterator[tuple[Command, ...]]:
    """A shortest history to each way in which a command can be answered, whatever is kept."""
    builder = ObligationBuilder()
    checks = Checks(builder, [], Search(builder, BUDGET, kept={}), BUDGET)
    for _ in checks.reached():
        pass
    for histories in checks.histories.values():
        yield from (history.commands for history in histories)


if __name__ == "__main__":
    write_histories(list(search_histories()))

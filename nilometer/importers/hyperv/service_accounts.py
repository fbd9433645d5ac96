"""Accounts that stand for a tool: what they own was done with the tool, and by whom is not recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from nilometer.importers.hyperv.jobs import NOBODY, Attribution


class ServiceAccounts:
    """The accounts that somebody stated, in any case. A name without a domain stands for that account in any domain."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self._names = frozenset(name.casefold() for name in names)

    def attribute(self, who: Attribution | None) -> Attribution | None:
        """Names a service account as the tool, and nobody as the actor. Of several owners one may be a person."""
        if who is None or not self._names:
            return who
        account = who.actor.casefold()
        if account not in self._names and account.rpartition("\\")[2] not in self._names:
            return who
        return replace(who, actor=NOBODY, via=who.actor)

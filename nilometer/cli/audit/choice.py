"""Turns the options of ``nilo audit`` into the events and rules to judge."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from domain.errors import InputError
from domain.identifiers import split_stream
from nilometer.audit.rules import require_rule
from nilometer.cli.names import resolve_host, resolve_vm
from nilometer.cli.session import read_typed_time
from nilometer.ledger.reader import LedgerReader
from nilometer.suggesting import did_you_mean
from rules.judging.scope import Scope


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """The options as they were typed."""

    since: str | None
    until: str | None
    vms: Sequence[str]
    hosts: Sequence[str]
    rules: Sequence[str]

    def scope_of_files(self) -> Scope:
        """The scope in files, where VMs and hosts are given by id. Raises ``InputError``."""
        return self._scope(self.vms, self.hosts)

    def scope_of_ledger(self, ledger: LedgerReader) -> Scope:
        """The scope in a ledger, where VMs and hosts can also be given by name. Raises ``InputError``."""
        return self._scope(
            [resolve_vm(ledger, vm) for vm in self.vms], [resolve_host(ledger, host) for host in self.hosts]
        )

    def check(self, streams: Collection[str]) -> None:
        """Raises ``InputError`` if a VM or host that was typed has none of these streams."""
        for kind, named in (("vm", self.vms), ("host", self.hosts)):
            ids = [id for found, id in map(split_stream, streams) if found == kind]
            for word in named:
                if word not in ids:
                    what = "VM" if kind == "vm" else kind
                    hint = did_you_mean(word, ids, "") if ids else f"it contains no {what}"
                    raise InputError(f"the history has no {what} {word!r}", hint=hint)

    def _scope(self, vms: Iterable[str], hosts: Iterable[str]) -> Scope:
        rules = frozenset(require_rule(rule) for rule in self.rules)
        since = None if self.since is None else read_typed_time(self.since)
        until = None if self.until is None else read_typed_time(self.until, end=True)
        return Scope(since=since, until=until, vms=frozenset(vms), hosts=frozenset(hosts), rules=rules)

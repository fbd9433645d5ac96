"""Judges whether the VMs of an observed host hold more than it has, confirmed by what is measured next."""

from __future__ import annotations

from typing import Final

from domain.observed.host import HostAccount
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.findings import Verdict, ask
from rules.judging.observed.accounts import HostAccounts
from rules.judging.observed.state import (
    CommitmentFigures,
    ObservedHostState,
    UnlistedHost,
)
from rules.judging.unknowns import KnownFigures, evaluate
from rules.specification.invariants import host_never_overcommitted

NEVER: Final = host_never_overcommitted.__name__

TOO_EARLY: Final = "memory that the host gained or got back by then may not be recorded"


class Commitments:
    """What the VMs of each observed host hold, against what the host has."""

    def __init__(self, collector: FindingCollector, accounts: HostAccounts) -> None:
        self._collector = collector
        self._accounts = accounts

    def check(self, ref: EventRef, host: ObservedHostState, account: HostAccount, *, listed: bool = False) -> None:
        """Checks what a host's VMs hold; ``listed``: a complete poll says so of all of them.

        What only some VMs of its first poll hold proves nothing: it waits until they are listed, or time goes on.
        """
        total, reserve = account.total, account.reserve
        if account.budget is not None:
            total, reserve = account.budget, 0
        # what nobody listed is unknown, and not 0
        held = account.held if host.vms or host.is_listed or listed else None
        figures = total, reserve, held
        if not host.is_listed:
            before = host.unlisted
            if (
                before is not None
                and before.has_vms
                and before.ref.envelope.metadata.happened < ref.envelope.metadata.happened
            ):
                self._judge_unlisted(host, before)
            elif not listed:
                host.unlisted = UnlistedHost(ref=ref, figures=figures, has_vms=bool(host.vms))
                return
            host.is_listed, host.unlisted = True, None
        if host.overcommitted is not None:
            still = self._evaluate(total, reserve, account.held) is Verdict.VIOLATED
            if still and not self._accounts.is_confirmed(host, host.overcommitted):
                return
            self._close_overcommitment(host, confirmed=still)
        self._judge_commitment(ref, host, figures)

    def finish(self, host: ObservedHostState) -> None:
        """Ends the history of a host."""
        if host.unlisted is not None:
            self._judge_unlisted(host, host.unlisted)
        if host.overcommitted is not None:
            self._close_overcommitment(host, confirmed=self._accounts.is_confirmed(host, host.overcommitted))

    def _judge_unlisted(self, host: ObservedHostState, unlisted: UnlistedHost) -> None:
        """Judges a host by the last event of its first poll, with all that its VMs held then."""
        collector, ref = self._collector, unlisted.ref
        in_scope = collector.in_scope
        collector.enter(ref, host.fold.id)
        self._judge_commitment(ref, host, unlisted.figures)
        collector.in_scope = in_scope

    def _judge_commitment(self, ref: EventRef, host: ObservedHostState, figures: CommitmentFigures) -> None:
        if figures == host.last_checked:
            return
        host.last_checked = figures
        verdict = self._evaluate(*figures)
        if verdict is Verdict.HOLDS:
            self._collector.count_holds(NEVER)
        elif verdict is Verdict.UNKNOWN:
            about = ask(host_never_overcommitted, _site_of(*figures))
            self._collector.report_unknown(NEVER, ref, _describe_missing(*figures), about)
        else:
            host.overcommitted = ref

    @staticmethod
    def _evaluate(total: int | None, reserve: int | None, held: int | None) -> Verdict:
        return evaluate(host_never_overcommitted, _site_of(total, reserve, held))

    def _close_overcommitment(self, host: ObservedHostState, *, confirmed: bool) -> None:
        """Reports an overcommitment as violated if confirmed; else the return of some memory was only recorded late."""
        ref, host.overcommitted = host.overcommitted, None
        assert ref is not None
        in_scope = self._collector.in_scope
        self._collector.enter(ref, host.fold.id)
        if confirmed:
            account = self._accounts.compute(host)
            most = account.budget if account.budget is not None else account.total
            found = {"held": account.held, "reserve": account.reserve}
            why = "the host's VMs hold more memory than it has"
            about = ask(host_never_overcommitted, _site_of(most, account.reserve, account.held))
            self._collector.report_violation(NEVER, ref, why, ({"at most": most}, found), about=about)
        else:
            self._collector.report_unknown(NEVER, ref, TOO_EARLY, ask(host_never_overcommitted))
        self._collector.in_scope = in_scope


def _site_of(total: int | None, reserve: int | None, held: int | None) -> KnownFigures:
    return {"site.host.total": total, "site.host.reserve": reserve, "site.host.held": held}


def _describe_missing(total: int | None, reserve: int | None, held: int | None) -> str:
    """Names the figures that were never recorded."""
    figures = ("{} memory", total), ("{} reserve", reserve), ("all that {} VMs hold", held)
    missing = [name for name, value in figures if value is None]
    names = [name.format("its" if number else "the host's") for number, name in enumerate(missing)]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"{listed} {'were' if len(names) > 1 else 'was'} never recorded"

"""Policies that a ledger adopts at once: written as ``Ledger.adopt_policy`` writes them, with nothing proved."""

from __future__ import annotations

from functools import partial

from domain.deciding.enforced import RESIZES
from domain.identifiers import policy_stream
from domain.policy_events import PolicyAdopted
from nilometer.ledger.adopting import policy_metadata, write_change
from nilometer.ledger.books import BookChanges, plan_books, write_books
from nilometer.ledger.ledger import Ledger
from nilometer.storage.application import LedgerApplication
from nilometer.times import current_time
from nilometer.views.folding import fold
from rules.policies.enforcing import digest_of, enforced_policy
from rules.policies.reading import read_policies


def adopt_unproved(ledger: Ledger, text: str, *beside: str, with_book: bool = True) -> None:
    """Adopts one policy; ``beside`` are the commands that may break it of others than the VM that they name.

    Without a book of its group it is as who knew no books adopted it.
    """
    (policy,) = read_policies(text, "policies.py")
    event = PolicyAdopted(
        text=policy.text,
        digest=digest_of(policy.text),
        file="policies.py",
        sentence=policy.sentence,
        over=tuple(sorted(policy.over)),
        vms=policy.scope.vms,
        hosts=policy.scope.hosts,
        monotone=tuple(sorted(RESIZES)),
        beside=beside,
        from_now=False,
        broken=(),
    )
    adopted, fleet, application = ledger.policy_set(), ledger.views.fleet(), LedgerApplication(ledger.recorder)
    fold(fleet, ledger.read_all(fleet.position))
    books = plan_books(adopted, (), [enforced_policy(policy.name, 0, event)]) if with_book else BookChanges()
    metadata = policy_metadata(
        adopted, actor="ann", via="test", reason=None, correlation=None, now=current_time(ledger.clock)
    )
    write = partial(write_books, books, fleet, application.last_event)
    versions = {policy.name: ledger.version(policy_stream(policy.name))}
    change = write_change([(policy.name, event)], adopted, versions, metadata, None, write)
    application.put(change.envelopes, (), change.expected)

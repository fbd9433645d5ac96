"""From an adopted policy to what the decider asks: its text is read again, and its formula compiled.

What was proved of it when it was adopted, its event says.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

from domain.aggregates import HistoryError
from domain.deciding.policies import EnforcedPolicy
from domain.errors import InputError
from domain.identifiers import policy_stream
from domain.policy_events import PolicyAdopted
from domain.state import Host, Vm
from rules.policies.compiling import compile_measure
from rules.policies.policy import Policy
from rules.policies.reading import read_policies
from rules.policies.subjects import SubjectState
from rules.symbolic.terms import Literal


def digest_of(text: str) -> str:
    """The digest by which the text of a policy is known."""
    return sha256(text.encode()).hexdigest()


@lru_cache(maxsize=256)
def _read(text: str, source: str) -> tuple[Policy, ...]:
    return read_policies(text, source)


def adopted_policy(name: str, event: PolicyAdopted) -> Policy:
    """The policy that an event adopted. Raises ``HistoryError`` if it is not what its text says."""
    if digest_of(event.text) != event.digest:
        raise HistoryError(f"the adopted policy {name} has a text that is not the one of its digest")
    try:
        policies = _read(event.text, f"policy/{name}")
    except InputError as error:
        raise HistoryError(f"the adopted policy {name} cannot be read: {error.message}") from None
    found = next((policy for policy in policies if policy.name == name), None)
    if found is None or len(policies) > 1:
        raise HistoryError(f"the text of the adopted policy {name} is not that policy")
    return found


def enforced_policy(name: str, version: int, event: PolicyAdopted) -> EnforcedPolicy:
    """What the decider asks of an adopted policy. Raises ``HistoryError`` as ``adopted_policy``."""
    policy = adopted_policy(name, event)

    def figures(vm: Vm | None, host: Host) -> Mapping[str, int | bool | str]:
        found = SubjectState(stream=policy_stream(name), vm=vm, host=host).figures(policy)
        return {path: _plain(found[path]) for path in sorted(found)}

    return EnforcedPolicy(
        name=name,
        version=version,
        sentence=policy.sentence,
        over_vms=policy.is_over_vms,
        over_hosts=policy.is_over_hosts,
        has_vm=policy.scope.has_vm,
        has_host=policy.scope.has_host,
        measure=compile_measure(policy.term),
        figures=figures,
        monotone=frozenset(event.monotone),
        beside=frozenset(event.beside),
    )


def _plain(value: Literal) -> int | bool | str:
    return str(value) if isinstance(value, str) else value

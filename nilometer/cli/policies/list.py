"""``nilo policy list``: the policies that are adopted, since when, by whom, and who breaks them now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from nilometer.cli.failures import OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.policies.adopt import breakers_to_document, describe_breakers
from nilometer.cli.session import current_session
from nilometer.ledger.adopting import FoundBreaker, find_breakers
from nilometer.ledger.policies import AdoptedPolicy
from nilometer.messages.sizes import plural
from nilometer.times import format_time


@click.command("list", short_help="List the policies that are adopted.")
@common_options
def command() -> int:
    """List the policies that are adopted: what each says, since when, by whom and why, and who breaks it now.

    \b
    Examples:
      nilo policy list
      nilo policy list --format json
    """
    session = current_session()
    out = Output(session.format)
    with session.reading() as ledger:
        adopted = ledger.policy_set()
        fleet = ledger.views.fleet()
    broken = {policy.name: tuple(find_breakers(policy, fleet)) for policy in adopted.enforced}
    if out.json:
        out.write_document({"policies": [_to_document(policy, broken[policy.name]) for policy in adopted.adopted]})
        return OK
    if not adopted.adopted:
        out.write_line("No policy is adopted: commands are decided by the rules alone.")
        return OK
    out.write_line(f"{plural(len(adopted.adopted), 'policy').replace('policys', 'policies')} adopted.")
    for policy in adopted.adopted:
        for line in _describe(policy, broken[policy.name]):
            out.write_line(line)
    return OK


def _describe(policy: AdoptedPolicy, broken: tuple[FoundBreaker, ...]) -> Iterator[str]:
    from rules.policies.enforcing import adopted_policy  # reads rules: only where there is a policy

    event, metadata = policy.envelope.event, policy.envelope.metadata
    reason = f", because {metadata.reason}" if metadata.reason else ""
    read = adopted_policy(policy.name, event)
    scope = str(read.scope)
    yield ""
    yield f"{policy.name}{'' if scope == 'all' else f' [{scope}]'}: {event.sentence}"
    yield f"  since {format_time(metadata.happened)}, by {metadata.actor}{reason} ({policy.envelope.id})"
    yield from describe_breakers(read, broken)


def _to_document(policy: AdoptedPolicy, broken: tuple[FoundBreaker, ...]) -> dict[str, Any]:
    from rules.policies.enforcing import adopted_policy  # reads rules: only where there is a policy

    event, metadata = policy.envelope.event, policy.envelope.metadata
    scope = adopted_policy(policy.name, event).scope
    return {
        "name": policy.name,
        "version": policy.envelope.version,
        "sentence": event.sentence,
        "over": list(event.over),
        "vms": list(event.vms),
        "hosts": list(event.hosts),
        "one": scope.one or None,
        "other": scope.other or None,
        "group": scope.group or None,
        "window": None if scope.window is None else scope.window.text,
        "text": event.text,
        "digest": event.digest,
        "file": event.file,
        "monotone": list(event.monotone),
        "beside": list(event.beside),
        "from_now": event.from_now,
        "since": metadata.happened,
        "actor": metadata.actor,
        "via": metadata.via,
        "reason": metadata.reason,
        "broken": breakers_to_document({policy.name: broken}),
    }

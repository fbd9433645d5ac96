"""``nilo policy adopt``: from now on every command is decided by the rules and by these policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any, Final

import click

from domain.errors import InputError
from domain.identifiers import subject_id
from nilometer.audit.policies import open_policies
from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED, say
from nilometer.cli.options import asking_options, common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.policies.check import describe_conflicts, example_to_document
from nilometer.cli.session import current_session
from nilometer.ledger.adopting import Adoption, AdoptionRefusal, FoundBreaker
from nilometer.messages.sizes import plural
from nilometer.suggesting import did_you_mean
from rules.policies.policy import Policy

MOST_SHOWN: Final = 5


@click.command("adopt", short_help="Adopt policies: every command is decided by them, too.")
@click.argument("file", metavar="FILE")
@click.option("--only", "only", metavar="NAME", multiple=True, help="Only this policy of the file; may be repeated.")
@click.option("--from-now", is_flag=True, help="Adopt them though they are broken: nothing may make that worse.")
@asking_options
@common_options
def command(file: str, only: tuple[str, ...], from_now: bool) -> int:
    """Adopt the policies of FILE: from now on each command is decided by the rules and by them.

    What would break one is refused with the code policy, or granted in part where less is proved to keep it. A stop,
    the removal of a VM and a report of what is in use are never refused. All of them are adopted, or none: they are
    refused if one conflicts, would refuse a stop, or is broken now. What is observed is not decided here: nilo audit
    --policies judges it.
    Exit 1: refused. 3: something about one of them is not proved.

    \b
    Examples:
      nilo policy adopt policies.py --reason "CHG-2041"
      nilo policy adopt policies.py --only tenth_stays_free --from-now
    """
    session = current_session()
    policies = choose_policies(open_policies(file), only)
    out = Output(session.format)
    with session.writing(create=False) as ledger, Progress(f"checking {file}", unit="policies"):
        adoption = ledger.adopt_policy(
            policies,
            actor=session.actor,
            via=session.via,
            reason=session.reason,
            correlation=session.correlation,
            from_now=from_now,
        )
    if out.json:
        out.write_document(_to_document(adoption))
    else:
        for line in _describe(adoption):
            out.write_line(line)
        _say_hint(adoption, file)
    if adoption.refusal is AdoptionRefusal.NOT_PROVED:
        return UNDECIDED
    return OK if adoption.refusal is None else NOT_IN_FULL


def choose_policies(policies: tuple[Policy, ...], only: tuple[str, ...]) -> tuple[Policy, ...]:
    """Those of a file's policies that were named; all if none was. Raises ``InputError`` for a name that it lacks."""
    names = [policy.name for policy in policies]
    for name in only:
        if name not in names:
            raise InputError(f"there is no policy {name!r} in the file", hint=did_you_mean(name, names))
    return tuple(policy for policy in policies if not only or policy.name in only)


# Words


def _describe(adoption: Adoption) -> Iterator[str]:
    new = [policy for policy in adoption.policies if policy.name not in adoption.unchanged]
    if adoption.refusal is not None:
        yield "Nothing was adopted."
        yield from _describe_refusal(adoption)
        return
    for policy in new:
        scope = "" if str(policy.scope) == "all" else f" [{policy.scope}]"
        yield f"Adopted {policy.name}{scope}: {policy.sentence}"
        yield from describe_breakers(policy, adoption.broken.get(policy.name, ()))
    for name in adoption.unchanged:
        yield f"{name} was adopted before, with the same text."
    if adoption.positions:
        yield f"Recorded at positions {adoption.positions[0]} to {adoption.positions[-1]}."


def _describe_refusal(adoption: Adoption) -> Iterator[str]:
    policies = {policy.name: policy for policy in adoption.policies}
    if adoption.refusal is AdoptionRefusal.BROKEN:
        for name, breakers in adoption.broken.items():
            yield f"{name} is broken now: {policies[name].sentence}"
            yield from describe_breakers(policies[name], breakers)
        return
    if adoption.checked is None:
        return
    sentences = {name: policy.sentence for name, policy in policies.items()}
    yield from describe_conflicts(adoption.checked, sentences)
    for report in adoption.checked.reports:
        name = report.policy.name
        if report.possible is False:
            yield f"{name} is impossible: no state that the rules allow keeps it"
        elif report.possible_running is False:
            yield f"{name}: no VM that runs keeps it, so that none could start"
        for blocked in report.blocks:
            yield f"{name} shuts off {blocked}, which no policy may refuse"
        if report.is_unknown:
            yield f"{name}: the solver gave up on something about it"


def describe_breakers(policy: Policy, breakers: tuple[FoundBreaker, ...]) -> Iterator[str]:
    """Who breaks a policy and by which figures, a line each, not more than fit on a screen."""
    from rules.policies.judging.explaining import explain_breach  # reads rules: only where there is a policy

    for breaker in breakers[:MOST_SHOWN]:
        yield f"  broken by {breaker.subject.replace('/', ' ', 1)}: {explain_breach(policy, breaker.figures)}"
    if len(breakers) > MOST_SHOWN:
        yield f"  and by {len(breakers) - MOST_SHOWN:,} more"


def _say_hint(adoption: Adoption, file: str) -> None:
    match adoption.refusal:
        case AdoptionRefusal.BROKEN:
            count = plural(sum(map(len, adoption.broken.values())), "breach").replace("breachs", "breaches")
            say(
                "note", f"{count} of policies", f"mend that first, or allow no step that makes it worse: {_again(file)}"
            )
        case AdoptionRefusal.WRONG | AdoptionRefusal.NOT_PROVED:
            say("note", "a policy cannot be adopted as it is", f"what it means: nilo policy check {quote(str(file))}")
        case None:
            pass


def _again(file: str) -> str:
    return f"nilo policy adopt {quote(str(file))} --from-now"


# JSON


def _to_document(adoption: Adoption) -> dict[str, Any]:
    return {
        "adopted": []
        if adoption.refusal is not None
        else [policy.name for policy in adoption.policies if policy.name not in adoption.unchanged],
        "unchanged": list(adoption.unchanged),
        "refused": adoption.refusal,
        "broken": breakers_to_document(adoption.broken),
        "wrong": [] if adoption.checked is None else list(adoption.checked.wrong),
        "blocks": {}
        if adoption.checked is None
        else {
            report.policy.name: {name: example_to_document(example) for name, example in report.blocks.items()}
            for report in adoption.checked.reports
            if report.blocks
        },
        "positions": list(adoption.positions),
    }


def breakers_to_document(broken: Mapping[str, tuple[FoundBreaker, ...]]) -> list[dict[str, Any]]:
    """Who breaks which policy."""
    return [
        {
            "policy": name,
            "subject": breaker.subject,
            "id": subject_id(breaker.subject),
            "distance": breaker.distance,
            "figures": dict(breaker.figures),
        }
        for name, breakers in broken.items()
        for breaker in breakers
    ]

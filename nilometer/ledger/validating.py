"""The border: what may be asked of a ledger from Python, checked value by value before anything is loaded.

Scripts and ``nilo do`` make their commands from texts (``nilometer.ledger.script``); their requests pass here as well.
Only plain values pass: a subclass of ``int`` or ``str`` may compare, print or be stored as something else than it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar, cast

from domain.errors import InputError
from domain.events import Decided
from domain.kinds import EVENTS
from nilometer.ledger.requests import Fact, Observation, Request
from nilometer.ledger.values import (
    Check,
    check_named_text,
    check_stream,
    check_time,
    check_utc_time,
    check_words,
    checks_of_command,
    field_of,
    show_value,
)

R = TypeVar("R", Request, Observation)

_EVENTS: Final = frozenset(EVENTS.values())


def check_request(request: object) -> Request:
    """Returns a request that may be decided. Raises ``InputError`` with the field, its value, and what to give."""
    checked = _as_record(request, Request)
    try:
        return _check_fields(checked)
    except AttributeError as error:  # a record that was made without its ``__init__`` may lack any of its fields
        what = type(error.obj).__name__
        raise InputError(f"{what} lacks {error.name!r}", hint=f"make it by {what}({error.name}=…)") from None


def _check_fields(checked: Request) -> Request:
    command = checked.command
    checks = checks_of_command(type(command))
    if checks is None:
        hint = "give a command such as AddMemory('web01', parse_size('2GiB'))"
        raise InputError(f"command: {show_value(command)} is not a command", hint=hint)
    for name, check in checks:
        check(name, getattr(command, name))
    check_named_text("actor", checked.actor)
    check_named_text("via", checked.via)
    if checked.at is not None:
        check_time("at", checked.at)
    if checked.reason is not None:
        check_named_text("reason", checked.reason)
    if checked.correlation is not None:
        check_named_text("correlation", checked.correlation)
    if checked.key is not None:
        check_named_text("key", checked.key)
    if type(checked.at_ahead) is not bool:
        raise InputError(f"at_ahead: {show_value(checked.at_ahead)} is not True or False", hint="write at_ahead=True")
    return checked


def check_fields(record: object, kind: type[object], checks: Mapping[str, Check]) -> None:
    """Raises ``InputError`` for what is no record of a class, or has a field with a value that it cannot have."""
    if type(record) is not kind:
        raise InputError(f"{show_value(record)} is not a {kind.__name__}", hint=f"write {kind.__name__}(…)")
    for name, check in checks.items():
        check(name, field_of(record, name))


def check_requests(requests: object, *, keep_going: bool = False) -> list[Request | InputError]:
    """Each request, or what is wrong with it. Unless ``keep_going``, the first that is wrong is the last.

    Raises ``InputError`` if these are no requests at all.
    """
    checked: list[Request | InputError] = []
    for request in _items(requests, "requests", "Request"):
        try:
            checked.append(check_request(request))
        except InputError as error:
            checked.append(error)
            if not keep_going:
                break
    return checked


def check_authors(*, actor: object, via: object, reason: object, correlation: object) -> None:
    """Checks who does something, with what and why. Raises ``InputError``."""
    check_named_text("actor", actor)
    check_named_text("via", via)
    for name, value in (("reason", reason), ("correlation", correlation)):
        if value is not None:
            check_named_text(name, value)


def check_observations(observations: object, *, actor: object, via: object) -> list[Observation]:
    """Observations that may be recorded, but for the values of their events. Raises ``InputError``."""
    check_named_text("actor", actor)
    check_named_text("via", via)
    return [_check_observation(one) for one in _items(observations, "observations", "Observation")]


def _check_observation(observation: object) -> Observation:
    checked = _as_record(observation, Observation)
    check_words("key", field_of(checked, "key"))
    for name in ("correlation", "reason", "actor", "via"):
        value = field_of(checked, name)
        if value is not None:
            check_words(name, value)
    facts, begins = field_of(checked, "facts"), field_of(checked, "begins")
    if type(facts) is not tuple:
        raise InputError(f"facts: {show_value(facts)} is not a tuple of facts", hint="write facts=(Fact(…),)")
    for fact in cast("tuple[object, ...]", facts):
        _check_fact(fact)
    if type(begins) is not frozenset:
        raise InputError(f"begins: {show_value(begins)} is not a frozenset of names of streams", hint="frozenset({…})")
    for stream in cast("frozenset[object]", begins):
        check_stream("begins", stream)
    return checked


def _check_fact(fact: object) -> None:
    if type(fact) is not Fact:
        raise InputError(f"facts: {show_value(fact)} is not a Fact", hint="write Fact('vm/web01', event, happened)")
    check_stream("stream", field_of(fact, "stream"))
    event = field_of(fact, "event")
    if type(event) not in _EVENTS:
        raise InputError(f"event: {show_value(event)} is not an event", hint="give an event that was observed")
    if isinstance(event, Decided):
        raise InputError(
            f"event: {event.KIND} is decided by a ledger, and cannot be observed", hint="ask for it: Ledger.execute"
        )
    check_utc_time("happened", field_of(fact, "happened"))
    earliest = field_of(fact, "earliest")
    if earliest is not None:
        check_utc_time("earliest", earliest)


def _as_record(value: object, kind: type[R]) -> R:
    if type(value) is kind:
        return value
    raise InputError(f"{show_value(value)} is not a {kind.__name__}", hint=f"write {kind.__name__}(…)")


def _items(given: object, name: str, kind: str) -> list[object]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InputError(f"{name}: {show_value(given)} is not a list of them", hint=f"write [{kind}(…)]")
    return list(cast("Iterable[object]", given))

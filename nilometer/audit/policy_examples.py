"""Examples beside a file of policies: states and changes of which somebody says whether a policy holds, one a line.

``{"policy": "db_keeps_8_gib", "holds": false, "vm": {"power": "running", "assigned": "4GiB"}, "because": "…"}``

A figure that an example does not name is unknown; ``"holds": null`` says that the answer depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.quantities import is_count
from domain.shapes import parse_size
from nilometer.suggesting import did_you_mean
from nilometer.textio.files import open_input
from nilometer.textio.strict_json import parse_strict_json
from nilometer.times import parse_time
from rules.policies.arguments import ARGUMENTS
from rules.policies.judging.partial import DERIVED, evaluate_known
from rules.policies.policy import ROLES, Policy
from rules.symbolic.terms import Literal, Sort, Term
from rules.symbolic.values import leaves

SUFFIX: Final = ".examples.jsonl"
"""``policies.examples.jsonl`` stands beside ``policies.py``."""
LONGEST: Final = 2**20
"""Bytes of a file of examples at most."""
_KEYS: Final = ("policy", "holds", "because", *ROLES, "at")
_SORTS: Final[Mapping[str, Sort]] = {
    path: term.sort for role, value in ARGUMENTS.items() for path, term in leaves(value, role)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyExample:
    """A state, and what somebody says of it."""

    policy: Policy
    holds: bool | None
    place: str
    because: str
    known: Mapping[str, Literal]
    measured: Mapping[Term, Literal]
    at: UtcTime | None = None

    def ask(self) -> bool | None:
        """Whether the policy holds; ``None`` if it depends on figures that the example does not name.

        It holds of everything while it does not apply; without a time, it is asked as if it did.
        """
        if self.at is not None and not self.policy.applies_at(self.at):
            return True
        return cast("bool | None", evaluate_known(self.policy.term, self.known, self.measured))


def open_examples(file: str, policies: Sequence[Policy]) -> list[PolicyExample]:
    """The examples in a file. Raises ``InputError`` with place, reason and hint."""
    with open_input(file) as stream:
        data = stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise InputError(f"{file}: over {LONGEST} bytes are not a file of examples", hint="keep it shorter")
    found = [
        _read(line, f"{file}:{number}", policies) for number, line in enumerate(data.splitlines(), 1) if line.strip()
    ]
    if not found:
        raise InputError(f"{file}: there is no example", hint='write {"policy": "NAME", "holds": true, "vm": {}}')
    return found


def _read(line: bytes, place: str, policies: Sequence[Policy]) -> PolicyExample:
    value = parse_strict_json(line, place)
    if not isinstance(value, dict):
        raise InputError(f"{place}: is not a JSON object", hint='write {"policy": "NAME", "holds": true, "vm": {}}')
    given = cast("dict[str, Any]", value)
    for key in given:
        if key not in _KEYS:
            raise InputError(
                f"{place}: {key!r} is not a key of an example",
                hint=did_you_mean(key, _KEYS, "write policy, holds, vm, host"),
            )
    names = [policy.name for policy in policies]
    named = given.get("policy")
    if named not in names:
        raise InputError(
            f"{place}: there is no policy {named!r}", hint=did_you_mean(str(named), names, f"known: {', '.join(names)}")
        )
    if "holds" not in given or not (given["holds"] is None or isinstance(given["holds"], bool)):
        raise InputError(f"{place}: 'holds' is not true, false or null", hint="say whether the policy holds of it")
    policy = policies[names.index(cast("str", named))]
    known: dict[str, Literal] = {}
    measured: dict[Term, Literal] = {}
    for path, figure in _flatten(given, policy, place):
        if path in DERIVED:
            measured[DERIVED[path]] = _parse(path, figure, int, place)
        elif path in _SORTS:
            known[_variable(path)] = _parse(path, figure, _SORTS[path], place)
        else:
            every = [name for name in (*_SORTS, *DERIVED) if name.partition(".")[0] in policy.over]
            raise InputError(
                f"{place}: there is no figure {path!r}", hint=did_you_mean(path, every, f"one of {', '.join(every)}")
            )
    return PolicyExample(
        policy=policy,
        holds=given["holds"],
        place=place,
        because=str(given.get("because", "")),
        known=known,
        measured=measured,
        at=_parse_at(given, policy, place),
    )


def _variable(path: str) -> str:
    """The variable of a figure: ``one`` is the VM of a site."""
    role, _, rest = path.partition(".")
    return ".".join(part for part in ("site", "vm" if role == "one" else role, rest) if part)


def _parse_at(given: Mapping[str, Any], policy: Policy, place: str) -> UtcTime | None:
    if "at" not in given:
        return None
    if policy.scope.window is None:
        raise InputError(f"{place}: {policy.name} has no window", hint="leave 'at' out: it applies always")
    try:
        return parse_time(str(given["at"]))
    except InputError as error:
        raise InputError(f"{place}: 'at': {error.message}", hint=error.hint) from None


def _flatten(given: Mapping[str, Any], policy: Policy, place: str) -> Iterator[tuple[str, Any]]:
    for name in ROLES:
        if name not in given:
            continue
        if name not in policy.over:
            roles = ", ".join(role for role in ROLES if role in policy.over)
            raise InputError(f"{place}: {policy.name} is not about {name!r}", hint=f"it is about {roles}")
        figures: object = given[name]
        if name == "command":
            yield name, figures
        elif not isinstance(figures, dict):
            raise InputError(f"{place}: {name!r} is not an object", hint=f'write "{name}": {{"…": …}}')
        else:
            yield from _paths(name, cast("dict[str, Any]", figures))


def _paths(prefix: str, figures: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _paths(f"{prefix}.{name}", cast("dict[str, Any]", value))
        else:
            yield f"{prefix}.{name}", value


def _parse(path: str, value: object, sort: Sort, place: str) -> Literal:
    if sort is bool and isinstance(value, bool):
        return value
    if issubclass(sort, StrEnum) and isinstance(value, str):
        members = [member.value for member in sort]
        if value not in members:
            raise InputError(
                f"{place}: {path}: {value!r} is not one of {', '.join(members)}",
                hint=did_you_mean(value, members, f"write {members[0]}"),
            )
        return sort(value)
    if sort is int and not isinstance(value, bool):
        if isinstance(value, int) and value >= 0:
            return value
        if isinstance(value, str) and not is_count(path):
            try:
                return parse_size(value)
            except ValueError as error:
                raise InputError(f"{place}: {path}: {error}", hint="a size is as 4GiB, 512MiB or 4096") from None
    raise InputError(f"{place}: {path}: {value!r} is not what this figure has", hint="sizes as 4GiB; true; running")

"""Recordings that were damaged in any way: read, or refused with a place; never a traceback, never a lost record."""

from __future__ import annotations

import json
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.envelope import Metadata
from domain.errors import InputError
from domain.observed_host import ObservedHost
from domain.observed_vm import ObservedVm
from nilometer.bodies import decode, encode
from nilometer.importers.qemu import QemuImporter
from nilometer.results import Fact
from tests.importers.reading import NAMES, Fleet, lines_of

VALUES: list[Any] = [
    None, True, 0, 1, -1, 2**52, 2**53, 2**63, 2**70, 1.5, "", "x", "vm0", "a/b", "\u0000", [], {}, [[]],
    {"size": 1}, {"id": "balloon"}, "balloon", "pc-dimm", "base-memory", "2026-11-23T14:47:10Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z", "complete", "guest_lost", 134217728, 4503599627370496,
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> list[bytes]:
    """A recording with up to six damages."""
    lines = list(lines_of(draw(st.sampled_from(NAMES))))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["drop", "double", "swap", "cut", "noise", "value", "value", "value", "key"]))
        if how == "drop":
            del lines[at]
        elif how == "double":
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        elif how == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif how == "cut":
            lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
        elif how == "noise":
            place = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:place] + draw(st.binary(min_size=1, max_size=4)) + lines[at][place:]
        else:
            lines[at] = change(draw, lines[at], how)
        if not lines:
            break
    return lines


def change(draw: st.DrawFn, line: bytes, how: str) -> bytes:
    """The line with one value changed, or one key gone."""
    try:
        whole: Any = json.loads(line)
    except ValueError:
        return line
    part: Any = whole
    while keys := keys_of(part):
        key = draw(st.sampled_from(keys))
        if not keys_of(part[key]) or draw(st.integers(0, 3)) == 0:
            if how == "key":
                del part[key]
            else:
                part[key] = draw(st.sampled_from(VALUES))
            break
        part = part[key]
    return json.dumps(whole).encode() + b"\n"


def keys_of(part: object) -> list[Any]:
    """The keys of a JSON object, the places of an array; none of anything else."""
    if isinstance(part, dict):
        return sorted(cast("dict[str, object]", part))
    return list(range(len(cast("list[object]", part)))) if isinstance(part, list) else []


VM, HOST = TypeAdapter(ObservedVm), TypeAdapter(ObservedHost)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(damaged())
def test_a_damaged_recording_is_read_or_refused_and_every_record_is_accounted_for(lines: list[bytes]) -> None:
    importer, facts, errors = QemuImporter("damaged.jsonl"), list[Fact](), list[InputError]()
    for number, line in enumerate(lines, start=1):
        try:
            facts.extend(fact for observation in importer.take(line, number) for fact in observation.facts)
        except InputError as error:
            errors.append(error)
    assert all(error.message.startswith("damaged.jsonl:") and error.hint for error in errors)
    facts.extend(fact for observation in importer.finish(final=True) for fact in observation.facts)
    account = importer.account
    assert account.records == account.events + account.repeats + sum(account.not_needed.values())
    assert account.facts == len(facts)
    fleet = Fleet()
    for number, fact in enumerate(facts, start=1):
        metadata = Metadata("a", "b", fact.happened, fact.happened, "c", fact.earliest)
        topic, body = encode(fact.event, metadata)
        assert decode(fact.stream, number, topic, body).event == fact.event
        assert fact.earliest is None or fact.earliest < fact.happened
        fleet.apply(fact)
    for vm in fleet.vms.values():
        assert VM.validate_json(VM.dump_json(vm), strict=True) == vm
    for id, host in fleet.hosts.items():
        assert HOST.validate_json(HOST.dump_json(host), strict=True) == host
        fleet.account(id)

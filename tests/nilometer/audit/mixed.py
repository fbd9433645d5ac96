"""Histories of several groups of hosts, as lines, with faults: to be judged whole and in parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final, cast

from detection.corruptions import KINDS, leaves, renumber, with_leaf
from domain.envelope import Envelope
from domain.events import Event
from nilometer.audit.reading import read_events
from nilometer.audit.result import Audit
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import envelope_to_cloudevent
from nilometer.history.parquet.writing import write_export
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_reader
from nilometer.textio.files import open_input
from rules.judging.completeness import PlacedEvent
from rules.judging.judge import Judge
from tests.nilometer.importers.qemu.reading import facts
from tests.oracle.strategies import Seeded
from tests.rules.judging.histories import moment, random_history
from tests.rules.judging.observed.made_up import several_vms
from tests.rules.judging.observed.recordings import envelopes

Line = dict[str, Any]
LEDGER: Final = "11111111-2222-4333-8444-555555555555"
SITES: Final = 4
"""Decided and observed sites, by turns: each is a group of hosts, or several."""


def spelled(document: Line) -> bytes:
    """A line as Nilometer writes it."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def text_of(lines: Iterable[Line]) -> bytes:
    """A history as a file holds it."""
    return b"".join(map(spelled, lines))


def mixed_history(seed: int, commands: int = 60) -> list[Line]:
    """What several sites recorded in one ledger. The events of one change stand together."""
    random = Random(seed)
    sites: list[list[list[Line]]] = [_changes(site, random.randrange(12), commands) for site in range(SITES)]
    lines = list[Line]()
    while sites:
        site = random.choice(sites)
        recorded = moment(10**9 + len(lines))
        lines += [{**line, "recorded": recorded} for line in site.pop(0)]
        sites = [changes for changes in sites if len(changes)]
    assert len({line["id"] for line in lines}) == len(lines)
    return [{**line, "position": position} for position, line in enumerate(lines, start=1)]


@cache
def _site(site: int, seed: int, commands: int) -> list[Line]:
    recorded: Sequence[Envelope[Event]]
    recorded = list(envelopes(facts(several_vms(seed)))) if site % 2 else random_history(Seeded(seed), commands)
    documents = [envelope_to_cloudevent(envelope, LEDGER) for envelope in recorded]
    names = {document["subject"].partition("/")[2] for document in documents}
    return [cast("Line", _renamed(document, names, f"s{site}")) for document in documents]


def _changes(site: int, seed: int, commands: int) -> list[list[Line]]:
    changes = list[list[Line]]()
    for line in deepcopy(_site(site, seed, commands)):
        if changes and "causation" in line and line["correlation"] == changes[-1][0]["correlation"]:
            changes[-1].append(line)
        else:
            changes.append([line])
    return changes


def _renamed(value: object, names: set[str], prefix: str) -> object:
    """The same with a prefix before every name of a VM or host, so that no two sites share one."""
    if isinstance(value, dict):
        return {key: _renamed(inner, names, prefix) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_renamed(inner, names, prefix) for inner in cast("list[object]", value)]
    if isinstance(value, str):
        kind, slash, rest = value.partition("/")
        name, more, version = rest.partition("/")
        if slash and name in names:
            return f"{kind}/{prefix}{name}{more}{version}"
        return f"{prefix}{value}" if value in names else value
    return value


def with_faults(lines: list[Line], seed: int, faults: int) -> list[Line]:
    """The history with so many things wrong, anywhere in it."""
    random, others = Random(seed), mixed_history(seed + 1)
    for _ in range(faults):
        fault = random.choice([*KINDS.values(), _other_host, _recorded_before, _moved_within, _earliest_after])
        try:
            corruption = fault(random, lines, others)
        except (IndexError, ValueError):
            continue  # too little is left for this one
        if corruption is not None:
            lines = corruption if isinstance(corruption, list) else corruption.lines
    return lines


def _other_host(random: Random, lines: list[Line], _: list[Line]) -> list[Line]:
    """A name in an event becomes that of a VM or host anywhere."""
    names = sorted({line["subject"].partition("/")[2] for line in lines})
    found = [
        (index, ("data", *path))
        for index, line in enumerate(lines)
        for path, value in leaves(line["data"])
        if isinstance(value, str) and value in names
    ]
    index, path = random.choice(found)
    return with_leaf(lines, index, path, random.choice(names))


def _recorded_before(random: Random, lines: list[Line], _: list[Line]) -> list[Line]:
    """A clock went wrong for one event."""
    index = random.randrange(len(lines))
    return with_leaf(lines, index, ["recorded"], moment(random.choice((10**8, 10**9 + index - 70, 2 * 10**9))))


def _moved_within(random: Random, lines: list[Line], _: list[Line]) -> list[Line]:
    """An event stands elsewhere, as if it had been recorded there: it may stand between the halves of a change."""
    index, to = random.sample(range(len(lines)), 2)
    rest = [*lines[:index], *lines[index + 1 :]]
    return renumber([*rest[:to], lines[index], *rest[to:]])


def _earliest_after(random: Random, lines: list[Line], _: list[Line]) -> list[Line]:
    """The interval of an event ends before it begins."""
    return with_leaf(lines, random.randrange(len(lines)), ["earliest"], moment(3 * 10**9))


def shuffled(lines: list[Line], seed: int) -> list[Line]:
    """The same lines in any order."""
    return Random(seed).sample(lines, len(lines))


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, /) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data


def placed(lines: Iterable[Line]) -> list[PlacedEvent]:
    """The events of a history."""
    return list(read_events(_Bytes(text_of(lines)), "history.jsonl"))


def judged_whole(lines: Iterable[Line], *, minor: bool = True, most: int = 10_000) -> Audit:
    """The audit of a history in one piece."""
    audit, judge = Audit(minor=minor, most=most), Judge()
    events = placed(lines)
    audit.judge(events, judge, events[0].source)
    audit.finish(judge, events[0].source)
    return audit


def contents_of(audit: Audit) -> dict[str, object]:
    """All that an audit shows."""
    return {
        "findings": audit.findings,
        "rules": audit.coverage.rules,
        "events": audit.coverage.events,
        "verdict": audit.verdict,
        "counts": +audit.counts,
        "consequences": dict(audit.consequences),
        "consequence_count": audit.consequence_count,
        "streams": audit.streams,
        "spans": audit.spans,
        "watched": list(audit.watching),
        "left_out": audit.left_out,
    }


def exported(lines: list[Line], folder: Path, buckets: int, pieces: int = 1) -> Path:
    """An export as Parquet, with at most so many buckets. Raises ``InputError`` for what no ledger takes.

    The ledger is exported when it has a first piece of the lines, and the export grows by each of the others.
    """
    file, url, target = folder / "history.jsonl", f"sqlite:///{folder / 'ledger.db'}", folder / "parquet"
    for piece in range(1, pieces + 1):
        some = lines[: len(lines) * piece // pieces]
        file.write_bytes(text_of(some))
        with Ledger.open(url, create=True) as ledger, open_input(str(file)) as stream:
            restore(ledger, read_history(stream, str(file)))
        with open_reader(url) as reader:
            write_export(reader, target, lambda _: None, lambda _: None, max(1, len(some) // buckets))
    return target

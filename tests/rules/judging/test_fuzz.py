"""Histories that were damaged in any way: each line read and judged, or refused with its place; never a traceback.

``python -m tests.rules.judging.test_fuzz MINUTES`` goes on for longer, and says how many histories it damaged.
"""

from __future__ import annotations

import codecs
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from io import BufferedReader, BytesIO
from typing import Any, BinaryIO, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InputError, NilometerError
from nilometer.audit.reading import read_events
from nilometer.audit.result import Audit
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import envelope_to_cloudevent
from rules.judging.judge import Judge
from tests.nilometer.importers.qemu.reading import S5, S7, facts, lines_of
from tests.oracle.strategies import Seeded
from tests.rules.judging.histories import Recorded, random_history
from tests.rules.judging.observed.recordings import envelopes

LEDGER = "11111111-2222-4333-8444-555555555555"
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def documents(envelopes: list[Recorded]) -> list[dict[str, Any]]:
    return [envelope_to_cloudevent(envelope, LEDGER) for envelope in envelopes]


WHOLE = [
    documents(random_history(Seeded(1), 120)),
    documents(list(envelopes(facts(lines_of(S7))))),
    documents(list(envelopes(facts(lines_of(S5))))),
]

NUMBERS = st.one_of(st.integers(-3, 3), st.integers(-(2**60), 2**60), st.integers(0, 2**52))
VALUES: st.SearchStrategy[Any] = st.one_of(
    NUMBERS,
    st.none(),
    st.booleans(),
    st.text(max_size=5),
    st.floats(),
    st.sampled_from(["running", "off", "completed", "failed", "vm/a", "host/hv01", "windows", "add-memory", "hv01"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every key in a line, with what it stands in."""
    found: list[tuple[Any, Any]] = []
    named = cast("dict[str, Any]", value).items() if isinstance(value, dict) else enumerate(cast("list[Any]", value))
    for key, inner in named:
        found.append((cast("Any", value), key))
        if isinstance(inner, dict | list):
            found += places(inner)
    return found


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A history in which some lines, and perhaps some bytes, are others."""
    lines = json.loads(json.dumps(draw(st.sampled_from(WHOLE))))
    for _ in range(draw(st.integers(0, 4))):
        index = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(("value", "value", "value", "lost", "doubled", "swapped"))):
            case "value":
                whole, key = draw(st.sampled_from(places(lines[index])))
                whole[key] = draw(VALUES)
            case "lost":
                del lines[index]
            case "doubled":
                lines.insert(draw(st.integers(0, len(lines))), lines[index])
            case _:
                lines[index], lines[index - 1] = lines[index - 1], lines[index]
        if not lines:
            return b""
    tidy = draw(st.booleans())
    text = "".join(json.dumps(line, sort_keys=tidy, separators=(",", ":") if tidy else None) + "\n" for line in lines)
    data = bytearray(text.encode())
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 3)))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return draw(st.sampled_from(PACKINGS))(bytes(data))


def as_utf16(data: bytes) -> bytes:
    return codecs.BOM_UTF16_LE + data.decode(errors="replace").encode("utf-16-le")


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


PACKINGS: tuple[Callable[[bytes], bytes], ...] = (bytes, bytes, bytes, packed, as_utf16, lambda data: data[:-7])


def check(data: bytes) -> None:
    """Reads and judges a file, whatever is in it."""
    errors: list[NilometerError] = []
    audit, judge = Audit(minor=True), Judge()
    stream = cast("BinaryIO", BufferedReader(BytesIO(data)))
    try:
        events = read_events(stream, "damaged.jsonl", errors.append)
        audit.judge(events, judge, "")
    except InputError as error:  # of the file as a whole
        errors.append(error)
    audit.finish(judge, "")
    assert all(error.message.startswith("damaged.jsonl") and error.hint for error in errors)
    assert audit.coverage.events == judge.events_read
    for sourced in audit.findings:
        json.dumps([dict(sourced.finding.expected), dict(sourced.finding.found), dict(sourced.finding.let)])

    check_import(data)


def check_import(data: bytes) -> None:
    """Reads a file as ``nilo import`` does: whole, or up to the first line that cannot follow."""
    read, refused = 0, list[InputError]()
    try:
        for line in read_history(BytesIO(data), "damaged.jsonl"):
            read += 1
            assert line.stored.position == read
    except InputError as error:
        refused.append(error)
    assert all(error.message.startswith("damaged.jsonl:") and error.hint for error in refused)


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(damaged())
def test_a_damaged_history_is_read_and_judged_or_refused_with_its_place(data: bytes) -> None:
    check(data)


def main(minutes: float) -> None:
    """Goes on for so many minutes."""
    end, counts = time.monotonic() + minutes * 60, Counter[str]()

    @settings(max_examples=500, deadline=None, suppress_health_check=SLOW, database=None, print_blob=True)
    @given(damaged())
    def histories(data: bytes) -> None:
        counts["histories"] += 1
        check(data)

    while time.monotonic() < end:
        histories()
        print(dict(counts), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))

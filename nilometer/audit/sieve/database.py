"""The tables and queries of the sieve in DuckDB: what holds between events is asked of their columns.

An event is sound if it is stored as it would be recorded, and the event before it on its stream, and the one before it
on its host, left the state that it claims. Of what came before, only the last state of each VM and host is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import duckdb

from nilometer.audit.sieve.expected import ExpectedEvent
from nilometer.audit.sieve.queries import ARRIVED, HEAD, RECORDED, RECORDED_COLUMNS, TYPED_COLUMNS, WRITTEN, write_form
from nilometer.history.cloudevents import source_uri
from nilometer.history.parquet.chunks import Table

MEMORY_LIMIT: Final = "640MB"
_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "memory_limit": MEMORY_LIMIT,
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "preserve_insertion_order": "false",
}
_METADATA: Final = ("happened", "recorded", "actor", "via", "reason", "correlation", "causation")
COLUMNS: Final = ("position", "stream", "version", "topic", "body", "command", *_METADATA, *TYPED_COLUMNS)
"""The columns of an export that are read."""

_TYPES: Final = {
    "position": "BIGINT",
    "file": "INTEGER",
    "stream": "VARCHAR",
    "version": "BIGINT",
    "topic": "VARCHAR",
    "body": "VARCHAR",
    **dict.fromkeys(("command", "causation", "reason", "correlation", "actor", "via"), "VARCHAR"),
    **{name: "VARCHAR" if name == "before_power" else "BIGINT" for name in TYPED_COLUMNS},
    **dict.fromkeys(("happened", "recorded"), "TIMESTAMP"),
    **dict.fromkeys(("head", "middle", "tail"), "VARCHAR"),
}
"""The columns of all events that were taken: those of the export, with times in UTC, and parts of the body."""

_MOMENT: Final = "strftime({}, '%Y-%m-%dT%H:%M:%S.%fZ')"
_ALL: Final = "incoming"
_SUSPECTS: Final = "suspects"
_SOUND: Final = "sound"


class Places(NamedTuple):
    """The positions of some events."""

    first: int
    last: int
    events: int
    different: int


class RecordedEarlier(NamedTuple):
    """An event that was recorded before the one before it."""

    position: int
    stream: str
    recorded: str
    before: str


class RawEvent(NamedTuple):
    """An event that is not sound, as it is stored."""

    file: int
    position: int
    stream: str
    version: int
    topic: str
    body: str
    recorded: str | None
    """As the column has it."""
    stream_before: str | None
    """The stream of the event before it in the ledger."""
    topic_before: str | None


class LastEvent(NamedTuple):
    """The last event of a stream that is sound."""

    stream: str
    version: int
    is_removal: bool


class Tally(NamedTuple):
    """How many sound events of one form a stream has."""

    stream: str
    form: int
    """-1 for the half of a change that stands on the host's stream."""
    guest: int
    host: str | None
    """The host that the events read."""
    events: int


class SieveDatabase:
    """The tables of one history."""

    def __init__(self, forms: Sequence[ExpectedEvent], ledger: str, threads: int = 1) -> None:
        self._forms = forms
        self._queries: dict[int, str] = {}
        """How each form is found, written when it is first needed."""
        self._connection = duckdb.connect(config=_SETTINGS | {"threads": threads})
        self._source = source_uri(ledger)
        run = self._connection.execute
        columns = ", ".join(f"{name} {type}" for name, type in RECORDED_COLUMNS.items())
        run(f"CREATE TEMP TABLE {RECORDED} ({columns})")
        run(f"CREATE TEMP VIEW {WRITTEN} AS SELECT * FROM {RECORDED} WHERE sound")
        run(f"CREATE TEMP TABLE {_SUSPECTS} (stream VARCHAR)")
        run(f"CREATE TEMP TABLE {_ALL} ({', '.join(f'{name} {type}' for name, type in _TYPES.items())})")
        run(f"CREATE TEMP VIEW {ARRIVED} AS SELECT * FROM {_ALL} WHERE stream NOT IN (SELECT stream FROM {_SUSPECTS})")
        run(f"CREATE TEMP TABLE {_SOUND} (position BIGINT)")
        run("CREATE TEMP TABLE last_of_ledger (position BIGINT, stream VARCHAR, topic VARCHAR, recorded TIMESTAMP)")
        run(
            "CREATE TEMP TABLE last_of_vm "
            "(stream VARCHAR, version BIGINT, host VARCHAR, vm_after VARCHAR, happened TIMESTAMP)"
        )
        run(
            "CREATE TEMP TABLE last_of_host "
            "(host VARCHAR, host_after VARCHAR, release TINYINT, happened TIMESTAMP, version BIGINT)"
        )

    def close(self) -> None:
        """Ends the database."""
        self._connection.close()

    def suspect(self, streams: Collection[str]) -> None:
        """Leaves the events of some streams to the judge from now on."""
        if streams:
            self._connection.executemany(f"INSERT INTO {_SUSPECTS} VALUES (?)", [(stream,) for stream in streams])

    def take(self, table: Table) -> Places:
        """Takes the next events of the ledger; tells their positions."""
        self._connection.register("given", table)
        first, between, behind = HEAD
        moments = {name: _MOMENT.format(f"moment_{name}") for name in ("happened", "recorded")}
        typed = ", ".join(TYPED_COLUMNS)
        run = self._connection.execute
        run(f"TRUNCATE {_ALL}")
        run(
            f"""INSERT INTO {_ALL} SELECT
            position, file, stream, version, topic, body, command, causation, reason, correlation, actor, via,
            {typed}, moment_happened, moment_recorded,
            {first} AS head, {between} AS middle, {behind.format(**moments)} AS tail
            FROM (SELECT *, make_timestamp(epoch_us(happened)) AS moment_happened,
                  make_timestamp(epoch_us(recorded)) AS moment_recorded FROM given)"""
        )
        self._connection.unregister("given")
        return Places(
            *self._one(f"SELECT min(position), max(position), count(*), count(DISTINCT position) FROM {_ALL}")
        )

    def recorded_earlier(self) -> list[RecordedEarlier]:
        """The events that were recorded before the event before them."""
        recorded, before = _MOMENT.format("recorded"), _MOMENT.format("before")
        return [
            RecordedEarlier(*row)
            for row in self._all(
                f"""SELECT position, stream, {recorded}, {before} FROM (
                SELECT position, stream, recorded, lag(recorded) OVER (ORDER BY position) AS before
                FROM (SELECT position, stream, recorded FROM {_ALL}
                      UNION ALL SELECT position, stream, recorded FROM last_of_ledger))
                WHERE recorded < before ORDER BY position"""
            )
        ]

    def judge(self) -> list[str]:
        """Finds the sound events among those that were taken; returns the streams of the others."""
        run = self._connection.execute
        run(f"TRUNCATE {RECORDED}")
        present = set(self._all(f"SELECT DISTINCT topic, command, size IS NOT NULL FROM {ARRIVED}"))
        for number, form in enumerate(self._forms):
            if {(form.topic, form.command, sized) for sized in (True, False) if form.sized in (None, sized)} & present:
                if number not in self._queries:
                    self._queries[number] = write_form(number, form)
                try:
                    run(self._queries[number])
                except duckdb.Error:  # a body that is no JSON, or a number that does not fit: nothing is written
                    continue
        run(f"CREATE OR REPLACE TEMP TABLE {_SOUND} AS {_SOUND_POSITIONS}")
        failing = self._all(
            f"SELECT DISTINCT stream FROM {ARRIVED} WHERE position NOT IN (SELECT position FROM {_SOUND})"
        )
        return [stream for (stream,) in failing]

    def last_events(self, streams: Collection[str]) -> list[LastEvent]:
        """The last sound event of streams, before those that were taken last."""
        names = ", ".join("?" * len(streams))
        return [
            LastEvent(*row)
            for row in self._all(
                f"""SELECT stream, version, vm_after IS NULL FROM last_of_vm WHERE stream IN ({names})
                UNION ALL SELECT host, version, false FROM last_of_host WHERE host IN ({names})""",
                [*streams, *streams],
            )
        ]

    def raw_events(self) -> list[RawEvent]:
        """The events of all streams that are left to the judge, in order."""
        recorded = _MOMENT.format("recorded")
        return [
            RawEvent(*row)
            for row in self._all(
                f"""SELECT file, position, stream, version, topic, body, {recorded}, stream_before, topic_before FROM (
                SELECT *, lag(stream) OVER w AS stream_before, lag(topic) OVER w AS topic_before FROM (
                SELECT file, position, stream, version, topic, body, recorded FROM {_ALL}
                UNION ALL SELECT -1, position, stream, 0, topic, '', recorded FROM last_of_ledger)
                WINDOW w AS (ORDER BY position))
                WHERE file >= 0 AND stream IN (SELECT stream FROM {_SUSPECTS}) ORDER BY position"""
            )
        ]

    def tallies(self) -> list[Tally]:
        """How many sound events of each form every stream has that is not left to the judge."""
        return [
            Tally(*row)
            for row in self._all(
                f"""SELECT a.stream, coalesce(w.form, -1), coalesce(w.guest, 0), w.host, count(*)
                FROM {ARRIVED} a LEFT JOIN {WRITTEN} w ON a.position = w.position GROUP BY ALL"""
            )
        ]

    def lines(self) -> Table:
        """The history lines of all events by file and position: ``file``, ``position`` and ``line``.

        A line is null where the event is left to the judge.
        """
        lines: Table = self._connection.sql(
            f"""SELECT file, position, CASE WHEN stream NOT IN (SELECT stream FROM {_SUSPECTS})
            AND starts_with(body, before) AND ends_with(body, tail) THEN {_LINE.format(source=self._source)} END AS line
            FROM (SELECT *, concat(head, coalesce(to_json(causation)::VARCHAR, 'null'), middle) AS before FROM {_ALL})
            ORDER BY file, position"""
        ).to_arrow_table()
        return lines

    def first_and_last(self) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
        """Position, time and stream of the first and the last of the events that were taken."""
        happened = _MOMENT.format("happened")
        first = self._one(f"SELECT position, {happened}, stream FROM {_ALL} ORDER BY position LIMIT 1")
        last = self._one(f"SELECT position, {happened}, stream FROM {_ALL} ORDER BY position DESC LIMIT 1")
        return first, last

    def keep_last(self) -> None:
        """Keeps the last states, and lets go of the events."""
        run = self._connection.execute
        run(f"CREATE OR REPLACE TEMP TABLE last_of_vm AS {_LAST_OF_VM}")
        run(f"CREATE OR REPLACE TEMP TABLE last_of_host AS {_LAST_OF_HOST}")
        run(
            "CREATE OR REPLACE TEMP TABLE last_of_ledger AS "
            f"SELECT position, stream, topic, recorded FROM {_ALL} ORDER BY position DESC LIMIT 1"
        )

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def _one(self, query: str) -> tuple[Any, ...]:
        (row,) = self._all(query)
        return row


_HOST_ROWS: Final = f"""SELECT position, host, version, host_before, host_after, release, begins_host, on_host, happened
FROM {WRITTEN} UNION ALL
SELECT 0, host, version, NULL, host_after, release, false, true, happened FROM last_of_host"""
_VM_ROWS: Final = f"""SELECT position, stream, version, host, vm_before, vm_after, happened
FROM {WRITTEN} WHERE stream LIKE 'vm/%' UNION ALL
SELECT 0, stream, version, host, NULL, vm_after, happened FROM last_of_vm"""

_FOLLOWS_ON_STREAM: Final = f"""SELECT position FROM (
SELECT *, lag(version) OVER w AS version_left, lag(vm_after) OVER w AS vm_left, lag(host) OVER w AS host_left,
lag(happened) OVER w AS happened_left FROM ({_VM_ROWS}) WINDOW w AS (PARTITION BY stream ORDER BY position))
WHERE position > 0 AND CASE WHEN vm_before IS NULL THEN version_left IS NULL AND version = 1
ELSE version = version_left + 1 AND vm_before = vm_left AND host = host_left AND happened >= happened_left END"""
"""The events of VMs that follow from the event before them."""

_FOLLOWS_ON_HOST: Final = f"""SELECT position FROM (
SELECT *, lag(host_after) OVER w AS host_left, last_value(release IGNORE NULLS) OVER p AS release_left,
last_value(CASE WHEN on_host THEN happened END IGNORE NULLS) OVER p AS happened_left FROM ({_HOST_ROWS})
WINDOW w AS (PARTITION BY host ORDER BY position),
p AS (PARTITION BY host ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
WHERE position > 0 AND CASE WHEN begins_host THEN host_left IS NULL AND version = 1
ELSE host_before = host_left AND (release IS NULL OR release = release_left)
AND (NOT on_host OR happened >= happened_left) END"""
"""The events that read or change a host as the event before them left it."""

_BOOKED: Final = f"""SELECT w.position FROM {WRITTEN} w JOIN {_ALL} b ON b.position = w.position + 1
WHERE w.book_topic IS NOT NULL AND b.topic = w.book_topic AND b.stream = w.host AND b.version = w.book_version
AND b.body = w.book_body AND b.recorded = w.recorded"""
"""The events of VMs that are directly followed by the event on the host's stream that they lead to."""

_SOUND_POSITIONS: Final = f"""WITH booked AS ({_BOOKED}), sound AS (SELECT position FROM {WRITTEN}
WHERE position IN ({_FOLLOWS_ON_HOST}) AND (stream LIKE 'host/%' OR position IN ({_FOLLOWS_ON_STREAM}))
AND (book_topic IS NULL OR position IN (SELECT position FROM booked)))
SELECT position FROM sound UNION ALL SELECT position + 1 FROM booked"""

_LAST_OF_VM: Final = f"""SELECT stream, last.version AS version, last.host AS host, last.vm_after AS vm_after,
last.happened AS happened FROM (SELECT stream, arg_max({{'version': version, 'host': host, 'vm_after': vm_after,
'happened': happened}}, position) AS last FROM ({_VM_ROWS}) GROUP BY stream)"""
_LAST_OF_HOST: Final = f"""SELECT host, arg_max(host_after, position) AS host_after,
arg_max(release, position) AS release, arg_max(CASE WHEN on_host THEN happened END, position) AS happened,
split_part(arg_max(host_after, position), ',', 1)::BIGINT AS version FROM ({_HOST_ROWS}) GROUP BY host"""
"""Nulls are skipped: of the release and of when its stream had its last event, the last that is known."""

_LINE: Final = """concat('{{"actor":', to_json(actor), CASE WHEN causation IS NULL THEN '' ELSE
concat(',"causation":', to_json(causation)) END, ',"correlation":', to_json(correlation), ',"data":',
substr(body, length(before) + 1, length(body) - length(before) - length(tail)),
',"datacontenttype":"application/json","id":', to_json(concat(stream, '/', version)), ',"position":', position,
CASE WHEN reason IS NULL THEN '' ELSE concat(',"reason":', to_json(reason)) END,
',"recorded":"', strftime(recorded, '%Y-%m-%dT%H:%M:%S.%fZ'), '","source":"{source}","specversion":"1.0","subject":',
to_json(stream), ',"time":"', strftime(happened, '%Y-%m-%dT%H:%M:%S.%fZ'), '","type":"nilometer.',
split_part(topic, '/', 1), '.v', split_part(topic, '/', 2), '","version":', version, ',"via":', to_json(via),
'}}', chr(10))"""

"""A server whose ledger grows, goes away, and comes again; and how it ends."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.serving.conftest import Shop
from tests.nilometer.cli.serving.serving import Server, add_memory, serving

pytestmark = pytest.mark.xdist_group("serving")


HISTORY = 9
"""The events of the history of a desk."""


def follow(server: Server, *, after: int | None = None) -> Iterator[tuple[str, int, dict[str, object]]]:
    """The events of a stream: kind, id and data."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.request("GET", "/events", headers={} if after is None else {"Last-Event-ID": str(after)})
        response = connection.getresponse()
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        while line := response.readline().decode().rstrip("\n") or "end" if not response.closed else "":
            if line == "end" and "data" in fields:
                yield fields["event"], int(fields["id"]), json.loads(fields["data"])
                fields = {}
            elif ": " in line:
                name, _, value = line.partition(": ")
                fields[name] = value


def test_what_is_recorded_is_told_within_a_second_with_the_ledgers_position(desk: Desk) -> None:
    desk.with_history()
    with serving(desk) as server:
        stream = follow(server, after=6)
        assert next(stream)[:2] == ("read", HISTORY)
        # when something is recorded
        position = add_memory(desk)
        committed = time.monotonic()
        # then it is told, and its id is its position
        told: list[tuple[str, int, dict[str, object]]] = []
        while not told or told[-1][0] != "read":
            told.append(next(stream))
        assert time.monotonic() - committed < 1
        assert [(kind, id) for kind, id, _ in told] == [
            ("recorded", position - 1), ("recorded", position), ("read", position),
        ]  # fmt: skip
        assert "64 MiB" in str(told[0][2]["says"])
        # and who was away hears of it later
        assert next(follow(server, after=position - 1))[:2] == ("recorded", position)
        assert server.ask("/").text.count(f"position {position}") == 1


def test_a_ledger_that_goes_away_is_missed_and_found_again(desk: Desk) -> None:
    # given a server whose ledger is removed
    desk.with_history()
    ledger = desk.folder / "ledger.db"
    with serving(desk) as server:
        stream = follow(server)
        shutil.copy(ledger, desk.folder / "kept.db")
        ledger.rename(desk.folder / "elsewhere.db")
        # then it says so, and shows what it knew
        kind, _, data = next(stream)
        assert (kind, "is gone" in str(data["message"])) == ("problem", True)
        page = server.ask("/").text
        assert "Nothing new can be read." in page
        assert "hv01" in page
        assert "nilometer_up 0\n" in server.ask("/metrics").text
        assert server.ask("/api/info").status == 400
        # and goes on when it is there again
        (desk.folder / "elsewhere.db").rename(ledger)
        while data["message"] is not None:  # that nothing is there may be told as well
            kind, _, data = next(stream)
            assert kind == "problem"
        assert "nilometer_up 1\n" in server.ask("/metrics").text
        # but never mixes it with another one
        ledger.unlink()
        desk.with_history()
        messages: list[object] = []
        while not messages or "another ledger" not in str(messages[-1]):
            messages.append(next(stream)[2].get("message"))
        code, _, _ = server.end()
    assert code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_also_while_somebody_follows(desk: Desk, number: int) -> None:
    desk.with_history()
    with serving(desk) as server:
        stream = follow(server, after=6)
        next(stream)
        began = time.monotonic()
        code, out, err = server.end(number)
        assert time.monotonic() - began < 5
    assert (code, out, err) == (0, "", "")


def test_only_so_many_follow(shop: Shop) -> None:
    streams = [follow(shop.server, after=6) for _ in range(32)]
    for stream in streams:
        next(stream)
    refused = shop.server.ask("/events")
    assert (refused.status, refused.headers["retry-after"]) == (503, "30")
    assert shop.server.ask("/").status == 200


def test_a_request_that_is_too_long_is_refused_and_the_server_goes_on(shop: Shop) -> None:
    with socket.create_connection(("127.0.0.1", shop.server.port), timeout=10) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000)
        assert visitor.recv(100).startswith(b"HTTP/1.1 400")
    assert shop.server.ask("/").status == 200

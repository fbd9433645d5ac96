"""Following a ledger on each database, and the bounds of a connection."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterable

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from nilometer import ConfigVersion, DefineVm, Guest, HostVersion, Ledger, MemorySetting, RegisterHost, Request
from nilometer.cli.serving import protocol
from nilometer.cli.serving.live import LiveLedger
from nilometer.cli.serving.metrics import format_metrics
from nilometer.cli.serving.protocol import BoundedProtocol
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.serving.serving import serving


def record(url: str, hosts: Iterable[str]) -> int:
    """Registers hosts. Gives the position then."""
    with Ledger.open(url, create=True) as ledger:
        for host in hosts:
            command = RegisterHost(host, version=HostVersion.V2022, total=64 << 30, reserve=2 << 30)
            ledger.execute(Request(command, actor="ann", via="test"))
        return ledger.position


def test_a_ledger_on_either_database_is_followed(url: str) -> None:
    # given a ledger that is followed
    record(url, ["hv01"])
    live = LiveLedger(url)
    live.start()
    changed = threading.Event()
    live.on_change = changed.set
    try:
        assert live.position == 1
        assert 'nilometer_host_total_bytes{host="hv01"}' in format_metrics(live)
        # when more is recorded
        position = record(url, ["hv02", "hv03"])
        # then it is known, and told
        while live.position < position:
            assert changed.wait(10)
            changed.clear()
        assert [event.position for event in live.news] == [2, 3]
        assert sorted(live.collected.hosts) == ["hv01", "hv02", "hv03"]
    finally:
        live.stop()


def test_a_connection_that_does_not_ask_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a server that waits for requests only a moment
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.2)

    async def answer(_: object) -> PlainTextResponse:
        return PlainTextResponse("here")

    config = uvicorn.Config(
        Starlette(routes=[Route("/", answer)]), http=BoundedProtocol, log_level="error", ws="none", timeout_keep_alive=1
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        # when nothing comes, or only the half of a request, before or after a whole one
        for first, last in ((b"", b""), (b"GET / HT", b""), (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /", b"here")):
            with socket.create_connection(listener.getsockname(), timeout=10) as visitor:
                visitor.sendall(first)
                received = b""
                while chunk := visitor.recv(1000):
                    received += chunk
            # then the connection ends, and what was asked was answered
            assert received.endswith(last)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


HOSTILE = "<script>alert('x')</script>\"'&<!--"


def test_markup_in_names_reasons_and_actors_is_shown_as_text(desk: Desk) -> None:
    # given a ledger whose texts are markup
    with Ledger.open(desk.url, create=True) as ledger:
        host = RegisterHost("hv'\"<b>", version=HostVersion.V2022, total=64 << 30, reserve=2 << 30)
        vm = DefineVm(
            "vm<i>&'\"", host=host.host, name=HOSTILE, generation=2, guest=Guest.LINUX,
            config_version=ConfigVersion(9, 0), memory=MemorySetting.static(4 << 30),
        )  # fmt: skip
        for command in (host, vm):
            ledger.execute(Request(command, actor=HOSTILE, via=HOSTILE, reason=HOSTILE))
    with serving(desk) as server:
        paths = ["/", "/vms", "/compare", "/findings"]
        listed = server.ask("/vms").text
        paths += [part.partition('"')[0] for part in listed.split('href="')[1:] if part.startswith(("/vm-", "/host-"))]
        assert len(paths) >= 6
        # then no page has an element of theirs, and metrics can be read
        for path in paths:
            page = server.ask(path)
            assert page.status == 200, path
            assert "<script>alert" not in page.text
            assert "<i>" not in page.text
        metrics = server.ask("/metrics").text
        assert "name=\"<script>alert('x')</script>\\\"'&<!--\"" in metrics

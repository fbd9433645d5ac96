"""What takes time is run where the caller's thread has an event loop already, and Ctrl-C ends it there too."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from nilometer.drive.loops import run_to_end
from nilometer.drive.places import VmPlace
from nilometer.drive.qmp import QmpDriver
from nilometer.drive.staying import VmStay, stay
from nilometer.ledger.ledger import Ledger
from tests.nilometer.cli.calling import Desk
from tests.nilometer.drive.peer import guest


def press_ctrl_c(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def within_a_loop(call: Callable[[], None]) -> None:
    """As in a notebook: a loop runs, and Ctrl-C is Python's own.

    A browser that another test drives keeps a loop of its own on this thread, which is set aside.
    """

    async def run() -> None:
        call()

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    aside = asyncio.events._get_running_loop()
    asyncio.events._set_running_loop(None)
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
        asyncio.events._set_running_loop(aside)
        signal.signal(signal.SIGINT, handler)


def test_ctrl_c_ends_what_runs_beside_a_loop() -> None:
    ended: list[str] = []

    async def wait() -> None:
        press_ctrl_c()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    with pytest.raises(KeyboardInterrupt):
        within_a_loop(lambda: run_to_end(wait()))
    assert ended == ["cancelled"]


def test_vms_are_watched_where_a_loop_runs(desk: Desk) -> None:
    with guest() as peer, Ledger.open(desk.url, create=True) as ledger:
        place = VmPlace(host="lab", name="vm0", folder=desk.folder)
        one = VmStay(place=place, open_driver=lambda: QmpDriver(peer.path), every=0.05, say=lambda _: None, actor="ann")
        with pytest.raises(KeyboardInterrupt):
            within_a_loop(lambda: stay(ledger, [one], every=0.05, show=press_ctrl_c, say=lambda _: None))
        assert ledger.position > 0

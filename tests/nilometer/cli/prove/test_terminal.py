"""``nilo prove`` on a terminal, and interrupted."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys

import pytest

from tests.nilometer.cli.calling import NILO, Desk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals and signals")


def test_an_interrupt_says_how_far_it_came(desk: Desk) -> None:
    environment = {**os.environ, **desk.environment(), "TERM": "xterm"}
    for recheck in ([], ["--recheck"]):
        leader, follower = os.openpty()
        running = subprocess.Popen(
            [NILO, "prove", *recheck], stdout=subprocess.PIPE, stderr=follower, text=True, env=environment
        )
        os.close(follower)
        shown = ""
        while "proving [" not in shown:
            shown += os.read(leader, 65536).decode()
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while part := os.read(leader, 65536):
                shown += part.decode()
        os.close(leader)
        assert running.returncode == 130
        assert out == ""
        assert re.search(r"interrupted: \d+ of \d+ obligations were decided\s+hint: ", shown)


def test_a_terminal_shows_a_bar_and_takes_it_away_for_the_verdict(desk: Desk) -> None:
    result = desk.terminal("prove", env={"NO_COLOR": "1"})
    assert result.code == 0
    text = result.out
    assert re.search(r"\r\x1b\[Kproving \[#*\.*\] \d+ of \d+", text)
    left = re.sub(r"\r\x1b\[K(proving \[[#.]*\] [\d,]+ of [\d,]+)?", "", text).splitlines()
    assert len(left) == 1
    assert left[0].startswith("proved: ")


def test_colour_is_for_terminals_that_want_it(desk: Desk) -> None:
    result = desk.process("prove", "whole_quanta", "--command", "grow", "--format", "human")
    assert "\x1b" not in result.out

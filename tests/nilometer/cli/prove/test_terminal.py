"""``nilo prove`` on a terminal, and interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.nilometer.cli.calling import NILO, Desk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals and signals")


def test_an_interrupt_says_how_far_it_came(desk: Desk) -> None:
    environment = {**os.environ, **desk.environment()}
    for recheck in ([], ["--recheck"]):
        running = subprocess.Popen(
            [NILO, "prove", *recheck], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert running.stdout is not None
        first = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        assert running.returncode == 130
        assert re.fullmatch(r"interrupted: \d+ of \d+ obligations were decided\nhint: .*\n", err)
        assert first.startswith("proved: ")
        assert "unknown" not in out


def test_a_terminal_shows_a_bar_and_takes_it_away_for_each_line(desk: Desk) -> None:
    result = desk.terminal("prove", "--command", "grow", env={"NO_COLOR": "1"})
    assert result.code == 0
    text = result.out
    assert re.search(r"\r\x1b\[Kproving \[#*\.*\] \d+ of \d+", text)
    left = re.sub(r"\r\x1b\[K(proving \[[#.]*\] [\d,]+ of [\d,]+)?", "", text).splitlines()
    assert all(
        re.fullmatch(r"(  proved: .*|[\w-]+: .* \(\d+\)|proved: \d+ obligations and .*|)", line) for line in left
    )
    assert left[-1].startswith("proved: ")


def test_colour_is_for_terminals_that_want_it(desk: Desk) -> None:
    result = desk.process("prove", "whole_quanta", "--command", "grow", "--format", "human")
    assert "\x1b" not in result.out

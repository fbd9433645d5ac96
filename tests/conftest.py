"""What all tests need."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Generator

import pytest

from tests.scheduling import SchedulingByFunction

# A shell starts what runs in its background deaf to Ctrl-C, and children inherit that: tests that interrupt a real
# process could never end it there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Times are shown in local time: tests read them where local time is UTC.
os.environ["TZ"] = "UTC"
if hasattr(time, "tzset"):
    time.tzset()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects all tests before any garbage, and then leaves what was loaded out of every later look for garbage.

    Modules and tests stay until the end: to look through them each time took a quarter of collecting.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        if was_on:
            gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SchedulingByFunction | None:
    """How tests are given out where groups of them are to stay together, as in ``make test``."""
    return SchedulingByFunction(config, log) if config.getoption("dist") == "loadgroup" else None

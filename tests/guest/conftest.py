"""The tests of this folder run only when `make drive` asks for them: each boots a guest, which takes a while."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.guest.machine import IMAGE, Machine

if TYPE_CHECKING:
    from collections.abc import Generator

collect_ignore_glob = [] if os.environ.get("NILO_GUEST") else ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def _image() -> None:
    """The guest that build.sh leaves."""
    if not (IMAGE / "initrd.gz").exists():
        reason = "no guest: nilo drive is not tried on a real guest (see what make drive said)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Machine]:
    """A guest that is up; its folder's name is short, as a socket's path may be no longer than 107 bytes."""
    with Machine(tmp_path_factory.mktemp("vm")) as running:
        running.agent.memory()
        yield running

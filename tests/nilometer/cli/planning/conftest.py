"""A desk with decided hosts."""

from __future__ import annotations

import pytest

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.planning.asking import fill


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A desk whose host hv01 has 6 GiB left."""
    return fill(desk, "32GiB")

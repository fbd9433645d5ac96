"""A history that shares divide."""

from __future__ import annotations

import pytest

from detection.corruptions import with_leaf
from tests.nilometer.audit.mixed import Line, mixed_history


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    """A history of several sites; an outcome of each decided one was altered."""
    lines = mixed_history(3)
    for site in ("s0", "s2"):
        index = next(
            index
            for index, line in enumerate(lines)
            if line["subject"].startswith(f"vm/{site}") and line["data"].get("outcome") == "completed"
        )
        lines = with_leaf(lines, index, ["data", "outcome"], "partially-completed")
    return lines

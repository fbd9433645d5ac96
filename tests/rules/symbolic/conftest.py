"""Snippets of rules leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.rule import RULES


@pytest.fixture(autouse=True)
def rules_as_they_were() -> Iterator[None]:
    """What a snippet marks as a rule is forgotten afterwards."""
    before = list(RULES)
    yield
    RULES[:] = before

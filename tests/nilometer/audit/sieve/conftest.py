"""Histories of tests are short: here each event is looked at on its own, or all that are alike together."""

from __future__ import annotations

import pytest

from nilometer.audit.sieve import combinations


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are looked at by their combinations of figures, however few they are and however seldom one occurs."""
    monkeypatch.setattr(combinations, "FEW", 0)
    monkeypatch.setattr(combinations, "OFTEN", 0)

"""How far the times at which writers of one ledger record may differ."""

from __future__ import annotations

from typing import Final

RACE_SECONDS: Final = 60
"""Writers of one ledger take turns: this long after a writer read the clock, its events may be stored behind others."""

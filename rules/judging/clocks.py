"""How far the times at which writers of one ledger record may differ."""

from __future__ import annotations

from typing import Final

RACE_SECONDS: Final = 60
"""Writers of one ledger take turns: so long after a writer looked at the clock its events may come behind others'."""

"""Where files of the checkout stand that tests of several folders read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
EXAMPLES: Final = DOCS / "examples"
RECORDINGS: Final = ROOT / "tests" / "recordings"
HISTORY_GOLDENS: Final = ROOT / "tests" / "nilometer" / "history" / "goldens"
"""Exports that landed versions wrote."""
POLICY_GOLDEN: Final = ROOT / "tests" / "nilometer" / "storage" / "goldens" / "policies.jsonl"
"""One of a ledger with policies."""

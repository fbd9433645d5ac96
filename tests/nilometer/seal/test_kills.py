"""A sealer that is killed at any moment leaves a seal that the next one goes on with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.paths import ROOT

KILLS = {"sqlite": 30, "postgresql": 12}
"""Each while it seals, none while it opens the ledger; to open one on PostgreSQL takes longer than to seal."""


@pytest.mark.xdist_group("processes")
def test_a_seal_that_was_killed_at_any_moment_holds(url: str) -> None:
    kills = KILLS[url.partition(":")[0]]
    command = [sys.executable, "-m", "tests.nilometer.seal.kills", "5", str(kills), url]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert (told["verdict"], told["findings"], told["unsealed"]) == ("holds", [], 0)
    assert told["kills"] == kills
    assert told["told"] == told["against"] > 0

"""A sealer that is killed at any moment leaves a seal that the next one goes on with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.paths import ROOT

KILLS = 30


@pytest.mark.xdist_group("processes")
def test_a_seal_that_was_killed_at_30_moments_holds(url: str) -> None:
    command = [sys.executable, "-m", "tests.nilometer.seal.kills", "5", str(KILLS), url]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert (told["verdict"], told["findings"], told["unsealed"]) == ("holds", [], 0)
    assert told["kills"] == KILLS
    assert told["told"] == told["against"] > 0

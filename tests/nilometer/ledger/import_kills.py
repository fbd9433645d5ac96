"""Imports killed at random moments and run again, until they are through; over and over with new ledgers.

``python -m tests.nilometer.ledger.import_kills SEED KILLS FOLDER URL…``: the URLs are of ledgers that are not there
yet, as many as may be needed. Of each kind of import there are so many kills, and two that are not disturbed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, cast

from click.testing import CliRunner

import nilometer.history.restoring as restoring
import nilometer.importers.hyperv.importer as hyperv
import nilometer.importers.run as importing
from nilometer.cli.app import nilo
from nilometer.history.cloudevents import write_lines
from nilometer.ledger.ledger import Ledger
from tests.nilometer.importers.hyperv.test_any_history import Fleet
from tests.nilometer.ledger.kills import views_are_equal
from tests.nilometer.ledger.processes import child_ended_within, ended_children, fork, watch_children
from tests.paths import RECORDINGS

# More commits, more places to be killed at.
hyperv.BATCH = importing.BATCH = restoring.TOGETHER = 8  # type: ignore[misc,attr-defined]  # pyright: ignore

IMPORTS = ("import-hyperv", "import-qemu", "import")


def files(command: str, seed: int, folder: Path) -> list[str]:
    """The files to import."""
    if command == "import-qemu":
        return [str(RECORDINGS / "s5_balloon_vs_virtio_mem.jsonl")]
    if command == "import-hyperv":
        fleet = Fleet(seed)
        fleet.live(40)
        for host, spool in fleet.spools.items():
            (folder / f"{host}.jsonl").write_bytes(spool.data)
        return [str(folder / f"{host}.jsonl") for host in fleet.spools]
    history = folder / "history.jsonl"
    url = f"sqlite:///{folder}/history.db"
    os.waitpid(fork(lambda: run("import-qemu", files("import-qemu", seed, folder), url)), 0)
    with Ledger.open(url, read_only=True) as ledger:
        history.write_bytes(b"".join(write_lines(ledger.rows(), ledger.id)))
    return [str(history)]


def run(command: str, names: list[str], url: str) -> None:
    """Runs ``nilo`` in this process, which ends."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    nilo.main(options_of(command, names, url))


def options_of(command: str, names: list[str], url: str) -> list[str]:
    """What is called."""
    return [command, *names, "--ledger", url, *(["--actor", "ann"] if command != "import" else [])]


def recorded(url: str) -> list[tuple[object, ...]]:
    """All that is stored. When imports were recorded is left out, and what no request ties together has a number."""
    correlations: dict[object, int] = {}
    found: list[tuple[object, ...]] = []
    with Ledger.open(url, read_only=True) as ledger:
        for row in ledger.rows():
            body = cast("dict[str, Any]", json.loads(row.body))
            del body["recorded"]
            if row.stream.startswith("import/"):
                del body["happened"]
            correlation = body["correlation"]
            body["correlation"] = correlations.setdefault(correlation, len(correlations))
            found.append((row.position, row.stream, row.version, row.topic, body))
    return found


def kill_until_through(command: str, names: list[str], url: str, random: Random, patience: float) -> int:
    """Runs an import again and again until a run is not killed; how often it was killed, each time a bit later."""
    kills = 0
    while True:
        child = fork(lambda: run(command, names, url))
        if not child_ended_within(random.uniform(0, patience * (0.4 + kills / 8))):
            os.kill(child, signal.SIGKILL)
            child_ended_within(10)
        code = ended_children()[child]
        if code == 0:
            return kills
        assert code == -signal.SIGKILL, code
        kills += 1


def main(seed: int, wanted: int, folder: Path, urls: Iterator[str]) -> None:
    """The whole of it."""
    watch_children()
    random = Random(seed)
    wrong: list[str] = []
    told: dict[str, object] = {}
    for command in IMPORTS:
        names, here, undisturbed = files(command, seed, folder), next(urls), next(urls)
        # All that an import loads is there before the forks, and is not loaded in each of them.
        CliRunner().invoke(nilo, options_of(command, names, here), prog_name="nilo")
        child_ended_within(0)
        began = monotonic()
        os.waitpid(fork(lambda: run(command, names, undisturbed)), 0)  # noqa: B023  # it runs before the next
        patience = monotonic() - began
        child_ended_within(0)
        expected, kills, cut = recorded(undisturbed), 0, 0
        while kills < wanted:
            url = next(urls)
            killed = kill_until_through(command, names, url, random, patience)
            kills, cut = kills + killed, cut + bool(killed)
            if recorded(url) != expected:
                wrong.append(f"{command} {url}: other events than undisturbed")
            if not views_are_equal(url):
                wrong.append(f"{command} {url}: the stored views are not what the events come to")
        told[command] = {"kills": kills, "events": len(expected), "imports that were killed": cut}
    print(json.dumps({**told, "wrong": wrong}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), iter(sys.argv[4:]))

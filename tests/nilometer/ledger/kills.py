"""``nilo run`` killed at random moments and run again, until its script is through; over and over with new ledgers.

``python -m tests.nilometer.ledger.kills SEED KILLS FOLDER URL…``: the URLs are of ledgers that are not there yet, as
many as may be needed; the first two are run undisturbed. On each other a script is run through that ends in a mistake,
and then the one whose end was mended.
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
from typing import Any

from click.testing import CliRunner

import nilometer.cli.writing.run as nilo_run
from nilometer.cli.app import nilo
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.processes import child_ended_within, ended_children, fork, watch_children
from tests.oracle.model import PlainModel
from tests.oracle.strategies import Seeded, next_line

LINES, BATCH_COMMANDS = 120, 4
INPUT_ERROR = 2

nilo_run.BATCH_COMMANDS = BATCH_COMMANDS  # type: ignore[misc]  # pyright: ignore  # more commits, more places to be killed at


def lines(seed: int) -> Iterator[str]:
    """The lines of a script that can all be decided, refusals among them."""
    model, chooser = PlainModel(), Seeded(seed)
    for _ in range(LINES):
        while model.apply(line := next_line(chooser, model.snapshot())).outcome == "input-error":
            pass
        yield json.dumps(line)


class Script:
    """A script, with a mistake near its end and without, and what it tells."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.out = folder / "out.jsonl"
        mended = list(lines(seed))
        mistaken = [*mended[: LINES - 15], '{"command": "start", "vm": "nobody-of-that-name"}']
        self.mistaken, self.mended = folder / "mistaken.jsonl", folder / "mended.jsonl"
        self.mistaken.write_text("\n".join(mistaken) + "\n")
        self.mended.write_text("\n".join(mended) + "\n")

    def run(self, url: str, script: Path) -> None:
        """Runs ``nilo run`` in this process, which ends."""
        told = os.open(self.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(told, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        nilo.main(["run", str(script), "--ledger", url, "--format", "json", "--actor", "ann"])

    def run_here(self, url: str) -> None:
        """The same in this process, which goes on: all that it loads is there before the forks, and is not loaded in
        each of them. So what is killed is at work.
        """
        command = ["run", str(self.mended), "--ledger", url, "--format", "json", "--actor", "ann"]
        self.out.write_text(CliRunner().invoke(nilo, command, prog_name="nilo").stdout)

    def told(self) -> list[dict[str, Any]]:
        """What the last run told, line by line."""
        return [json.loads(line) for line in self.out.read_text().splitlines()]


def recorded(url: str) -> list[tuple[object, ...]]:
    """All that is stored, but for times."""
    found: list[tuple[object, ...]] = []
    with Ledger.open(url, read_only=True) as ledger:
        for row in ledger.rows():
            body = json.loads(row.body)
            del body["happened"], body["recorded"]
            found.append((row.position, row.stream, row.version, row.topic, body))
    return found


def views_are_equal(url: str) -> bool:
    """Whether what is stored beside the events is what they come to."""
    with Ledger.open(url, read_only=True) as ledger:
        return ledger.views.compare().equal


class Killer:
    """Runs scripts through, killing them on the way."""

    def __init__(self, script: Script, seed: int, patience: float) -> None:
        self._script, self._random, self.patience = script, Random(seed), patience
        self.kills = self.runs = 0

    def run_through(self, url: str, script: Path) -> int:
        """Runs a script again and again until a run is not killed; its exit code."""
        while True:
            self.runs += 1
            child = fork(lambda: self._script.run(url, script))
            # So patient that most runs are killed, and some get through.
            if not child_ended_within(self._random.uniform(0, self.patience)):
                os.kill(child, signal.SIGKILL)
                child_ended_within(10)
            code = ended_children()[child]
            if code != -signal.SIGKILL:
                self.patience *= 0.8
                return code
            self.kills += 1
            self.patience *= 1.03


def main(seed: int, kills: int, folder: Path, urls: list[str]) -> None:
    """The whole of it."""
    watch_children()
    script = Script(folder, seed)
    first, second, *others = urls
    script.run_here(first)
    expected, answers = recorded(first), script.told()
    began = monotonic()
    os.waitpid(fork(lambda: script.run(second, script.mended)), 0)
    killer = Killer(script, seed, patience=monotonic() - began)
    child_ended_within(0)
    wrong: list[str] = []
    ledgers = 0
    for url in others:
        if killer.kills >= kills:
            break
        ledgers += 1
        if killer.run_through(url, script.mistaken) != INPUT_ERROR:
            wrong.append(f"{url}: the mistaken script ended without its mistake")
        killer.run_through(url, script.mended)
        last = script.told()
        if recorded(url) != expected:
            wrong.append(f"{url}: other events than undisturbed")
        if [{**answer, "repeated": False} for answer in last] != answers:
            wrong.append(f"{url}: other answers than undisturbed")
        if not views_are_equal(url):
            wrong.append(f"{url}: the stored views are not what the events come to")
    told = {"kills": killer.kills, "runs": killer.runs, "ledgers": ledgers, "events": len(expected), "wrong": wrong}
    print(json.dumps({**told, "outcomes": sorted({answer["outcome"] for answer in answers})}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])

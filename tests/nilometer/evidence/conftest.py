"""Folders of evidence that tests share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nilometer.ledger.ledger import Ledger
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.ledger.asking import a_vm, ask, with_web01
from tests.nilometer.seal.sealed import grow, seal


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sealed ledger of over a tile, with two VMs, and evidence of all and of one VM."""
    folder = tmp_path_factory.mktemp("made")
    desk = Desk(folder)
    with Ledger.open(desk.url, create=True, durable=False) as ledger:
        with_web01(ledger)
        ask(ledger, "define-vm", **a_vm(vm="web02"))
        grow(ledger, 140)
        seal(ledger)
        grow(ledger, 3)
    for name, args in (("all", []), ("one", ["--vm", "web02"]), ("sample", ["--sample", "5", "--seed", "18"])):
        answer = desk.call("evidence", "-o", f"{folder}/{name}", *args, "--format", "json")
        assert answer.code == 0, answer.err
        assert problems("evidence", answer.json) == []
    return folder


@pytest.fixture
def evidence(made: Path, tmp_path: Path) -> Path:
    """A folder of evidence, to be changed; beside it the proofs of all changes."""
    shutil.copytree(made / "all" / "proofs", tmp_path / "proofs")
    return Path(shutil.copytree(made / "sample", tmp_path / "evidence"))

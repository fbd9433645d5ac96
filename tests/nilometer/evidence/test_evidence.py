"""Folders of evidence: complete, checked by their own verify.py, and refused whatever is changed in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

from nilometer.ledger.ledger import Ledger
from nilometer.tlog.merkle import check_inclusion
from nilometer.tlog.proofs import parse_proof
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.ledger.asking import a_vm, ask, with_web01
from tests.nilometer.seal.sealed import KEY, grow, seal
from tests.paths import ROOT


def check(folder: Path) -> tuple[int, str]:
    """The exit code of verify.py, and what it says; with nothing of Nilometer to import."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", folder / "verify.py"], capture_output=True, text=True, cwd=folder, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
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
    """A folder of evidence, to be changed."""
    return Path(shutil.copytree(made / "sample", tmp_path / "evidence"))


def says(folder: Path) -> Any:
    """What evidence.json says."""
    return json.loads((folder / "evidence.json").read_text("utf-8"))


def test_all_of_it_is_checked_by_its_own_program_alone(made: Path) -> None:
    code, text = check(made / "all")
    assert code == 0, text
    assert text.splitlines()[0] == (
        "complete: leaves 0 to 284 of ledger.example/hv (285 of 285) come to the root of the checkpoint"
    )
    assert says(made / "all")["events"] == 285
    assert len(list((made / "all" / "proofs").iterdir())) == len(says(made / "all")["changes"]) == 144


def test_of_other_vms_the_hashes_alone_are_there(made: Path) -> None:
    code, text = check(made / "one")
    assert (code, "1 of them are here as events, 284 as hashes" in text) == (0, True)
    assert b"web01" not in (made / "one" / "events.jsonl").read_bytes()


def test_a_part_of_a_log_is_complete_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path).with_history()
    with Ledger.open(desk.url) as ledger:
        grow(ledger, 3)
        times = [event.metadata.recorded for event in ledger.events()]
        seal(ledger)
    since, until = times[10], times[11]
    answer = desk.call("evidence", "-o", f"{tmp_path}/part", "--since", since, "--until", until, "--format", "json")
    first, last = times.index(since), len(times) - 1 - times[::-1].index(until)
    assert (answer.json["first_index"], answer.json["last_index"]) == (first, last)
    assert answer.json["left"]
    assert check(tmp_path / "part")[0] == 0
    none = desk.call("evidence", "-o", f"{tmp_path}/none", "--until", "2001-01-01")
    assert (none.code, "no sealed event was recorded in that time" in none.err) == (2, True)
    assert not (tmp_path / "none").exists()
    again = desk.call("evidence", "-o", f"{tmp_path}/part")
    assert (again.code, "exists; it was not touched" in again.err) == (2, True)


def test_another_seed_draws_another_sample_and_the_same_the_same(made: Path, tmp_path: Path) -> None:
    desk = Desk(made)
    drawn = [
        desk.call("evidence", "-o", f"{tmp_path}/{number}", "--sample", "5", "--seed", seed, "--format", "json").json
        for number, seed in enumerate(("18", "19"))
    ]
    assert drawn[0]["sample"] == says(made / "sample")["sample"]
    assert drawn[1]["sample"]["positions"] != drawn[0]["sample"]["positions"]


def test_another_program_checks_the_checkpoint_and_each_proof(made: Path) -> None:
    checkpoint = Checkpoint.from_text((made / "all" / "checkpoint").read_text("utf-8"))
    checkpoint.verify(Vkey.from_string(str(KEY.key)))
    for path in (made / "sample" / "proofs").iterdir():
        proof = parse_proof(path.read_bytes())
        event = json.loads((made / "sample" / "events.jsonl").read_text("utf-8").split("\n")[proof.index])
        parts = [
            event[name] if name != "version" else str(event[name]) for name in ("stream", "version", "topic", "body")
        ]
        entry = "DSSEv1" + "".join(f" {len(part.encode())} {part}" for part in parts)
        leaf = sha256(b"\0" + entry.encode()).digest()
        check_inclusion(proof.index, checkpoint.size, leaf, proof.hashes, checkpoint.root_hash)


def test_a_ledger_that_is_not_sealed_has_no_evidence(tmp_path: Path) -> None:
    desk = Desk(tmp_path).with_history()
    answer = desk.call("evidence", "-o", f"{tmp_path}/evidence")
    assert (answer.code, answer.err.splitlines()) == (2, ["error: the ledger is not sealed", "hint: nilo seal"])


def lines_of(folder: Path) -> list[str]:
    """The lines of the events."""
    return (folder / "events.jsonl").read_text("utf-8").split("\n")[:-1]


def put_lines(folder: Path, lines: list[str]) -> None:
    """Other lines in their place."""
    (folder / "events.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def edit_event(folder: Path) -> None:
    """Somebody else asked."""
    put_lines(folder, [line.replace("ann", "bob") for line in lines_of(folder)])


def drop_event(folder: Path) -> None:
    """One is missing."""
    put_lines(folder, lines_of(folder)[:7] + lines_of(folder)[8:])


def drop_event_and_number(folder: Path) -> None:
    """One is missing, and the others have its number."""
    events = [json.loads(line) for line in lines_of(folder)]
    del events[7]
    put_lines(folder, [json.dumps({**event, "index": number}) for number, event in enumerate(events)])
    change(folder, last_index=len(events) - 1)


def cut_end(folder: Path) -> None:
    """The last are missing."""
    put_lines(folder, lines_of(folder)[:-5])
    change(folder, last_index=says(folder)["last_index"] - 5)


def swap_events(folder: Path) -> None:
    """Two in another order."""
    lines = lines_of(folder)
    lines[5], lines[6] = lines[6], lines[5]
    put_lines(folder, lines)


def other_proof(folder: Path) -> None:
    """One proof for another."""
    one, other, *_ = sorted((folder / "proofs").iterdir())
    one.write_bytes(other.read_bytes())


def drop_proof(folder: Path) -> None:
    """A proof is missing."""
    next((folder / "proofs").iterdir()).unlink()


def cut_proof(folder: Path) -> None:
    """A proof has one hash less."""
    path = next((folder / "proofs").iterdir())
    lines = path.read_text("utf-8").split("\n")
    path.write_text("\n".join([*lines[:2], *lines[3:]]), "utf-8")


def other_checkpoint(folder: Path) -> None:
    """Another root, in the checkpoint and in the proofs."""
    text = (folder / "checkpoint").read_text("utf-8")
    root = text.split("\n")[2]
    for path in (folder / "checkpoint", *(folder / "proofs").iterdir()):
        path.write_text(path.read_text("utf-8").replace(root, "A" * 43 + "="), "utf-8")


def smaller_checkpoint(folder: Path) -> None:
    """The size alone."""
    for path in (folder / "checkpoint", *(folder / "proofs").iterdir()):
        path.write_text(path.read_text("utf-8").replace("\n285\n", "\n284\n"), "utf-8")
    change(folder, size=284)


def other_sample(folder: Path) -> None:
    """Somebody chose."""
    sample = says(folder)["sample"]
    change(folder, sample={**sample, "seed": 19})


def change(folder: Path, **changes: Any) -> None:
    """Other values in evidence.json."""
    (folder / "evidence.json").write_text(json.dumps({**says(folder), **changes}), "utf-8")


CHANGES = [
    edit_event, drop_event, drop_event_and_number, cut_end, swap_events, other_proof, drop_proof, cut_proof,
    other_checkpoint, smaller_checkpoint, other_sample,
]  # fmt: skip


@pytest.mark.parametrize("do", CHANGES)
@pytest.mark.parametrize("digests", [False, True], ids=["", "with-right-digests"])
def test_whatever_is_changed_is_refused(evidence: Path, do: Callable[[Path], None], digests: bool) -> None:
    do(evidence)
    if digests:
        names = says(evidence)["files"]
        there = [name for name in names if (evidence / name).exists()]
        change(evidence, files={name: sha256((evidence / name).read_bytes()).hexdigest() for name in there})
    code, text = check(evidence)
    assert (code, text.startswith("VIOLATED: ")) == (1, True)


def test_an_additional_file_is_refused(evidence: Path) -> None:
    (evidence / "policy").write_text("quorum none\n")
    assert check(evidence) == (1, "VIOLATED: files are missing, or others are here: ['policy']\n")


def test_what_is_in_the_folder_is_the_program_of_the_page(made: Path) -> None:
    assert (made / "all" / "verify.py").read_bytes() == (ROOT / "nilometer" / "evidence" / "verify.py").read_bytes()
    program = (made / "all" / "verify.py").read_text("utf-8")
    imports = {line.split()[1] for line in program.splitlines() if line.startswith(("import ", "from "))}
    assert imports <= sys.stdlib_module_names
    assert len(program.splitlines()) < 160


def test_a_vm_that_there_never_was_has_no_evidence(made: Path, tmp_path: Path) -> None:
    answer = Desk(made).call("evidence", "-o", f"{tmp_path}/none", "--vm", "web92")
    assert (answer.code, "there is no VM 'web92'\nhint: did you mean web02?" in answer.err) == (2, True), answer.err
    assert not (tmp_path / "none").exists()


def test_a_folder_that_is_no_evidence_is_not_said_to_be_violated(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "all" / "verify.py", tmp_path)
    code, text = check(tmp_path)
    assert (code, text) == (2, f"cannot check: there is no evidence.json in {tmp_path}\n")

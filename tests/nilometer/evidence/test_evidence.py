"""Folders of evidence: complete, checked by their own verify.py, and refused whatever is changed in them."""

from __future__ import annotations

import json
import re
import shutil
import sys
from hashlib import sha256
from pathlib import Path

from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

from nilometer.ledger.ledger import Ledger
from nilometer.tlog.merkle import check_inclusion
from nilometer.tlog.proofs import parse_proof
from tests.nilometer.cli.calling import Desk
from tests.nilometer.evidence.folders import check, says
from tests.nilometer.ledger.asking import ask, with_web01
from tests.nilometer.seal.sealed import KEY, grow, seal
from tests.paths import ROOT


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
    hint = "hint: make a key: nilo key new NAME -o seal.key; then: nilo seal --key seal.key"
    assert (answer.code, answer.err.splitlines()) == (2, ["error: the ledger is not sealed", hint])


def test_what_is_in_the_folder_is_the_program_of_the_page(made: Path) -> None:
    assert (made / "all" / "verify.py").read_bytes() == (ROOT / "nilometer" / "evidence" / "verify.py").read_bytes()
    program = (made / "all" / "verify.py").read_text("utf-8")
    imports = {line.split()[1] for line in program.splitlines() if line.startswith(("import ", "from "))}
    assert imports <= sys.stdlib_module_names
    assert len(program.splitlines()) < 160


def test_of_one_vm_it_is_said_that_others_are_hashes(made: Path, tmp_path: Path) -> None:
    said = Desk(made).call("evidence", "-o", f"{tmp_path}/one", "--vm", "web02", "--sample", "1").out
    assert re.match("[0-9]+ events, those of other VMs as hashes, and 1 proof in ", said)


def test_a_seed_without_a_sample_is_refused(made: Path, tmp_path: Path) -> None:
    answer = Desk(made).call("evidence", "-o", f"{tmp_path}/none", "--seed", "7")
    assert (answer.code, "--sample is not given" in answer.err, "hint: add --sample N" in answer.err) == (2, True, True)
    assert not (tmp_path / "none").exists()


def test_a_vm_that_there_never_was_has_no_evidence(made: Path, tmp_path: Path) -> None:
    answer = Desk(made).call("evidence", "-o", f"{tmp_path}/none", "--vm", "web92")
    assert (answer.code, "there is no VM 'web92'\nhint: did you mean web02?" in answer.err) == (2, True), answer.err
    assert not (tmp_path / "none").exists()


def test_a_folder_that_is_no_evidence_is_not_said_to_be_violated(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "all" / "verify.py", tmp_path)
    code, text = check(tmp_path)
    assert (code, text) == (2, f"cannot check: there is no evidence.json in {tmp_path}\n")


POLICY = """
[small]
says = "No VM is assigned more than 5 GiB."
holds = "vm.assigned <= 5 * GiB"
"""


def test_policies_and_what_they_refused_are_changes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with Ledger.open(desk.url, create=True, durable=False) as ledger:
        with_web01(ledger)
        before = ledger.position
        assert ledger.adopt_policy(POLICY, actor="ann", via="test", reason="CHG-1").refusal is None
        assert ask(ledger, "add-memory", vm="web01", amount="2GiB").granted == 1 << 30
        assert not ask(ledger, "add-memory", vm="web01", amount="1GiB").in_full
        assert ledger.retire_policy("small", actor="ann", via="test")
        kinds = {event.position: event.event.KIND for event in ledger.events() if event.position > before}
        seal(ledger)
    assert desk.call("evidence", "-o", f"{tmp_path}/all").code == 0
    assert check(tmp_path / "all")[0] == 0
    changes, follow_up = says(tmp_path / "all")["changes"], says(tmp_path / "all")["follow_up"]
    assert [kinds[position] for position in changes if position > before] == [
        "policy.adopted",
        "vm.memory-added-within-policy",
        "vm.refused-by-policy",
        "policy.retired",
    ]
    assert [kinds[at] for at in follow_up["without_reason"] if at > before][-1] == "policy.retired"


def test_the_requests_of_a_driven_guest_are_changes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    imported = desk.call("import-qemu", str(ROOT / "tests" / "recordings" / "d1_driven.jsonl"))
    assert imported.code == 0, imported.err
    with Ledger.open(desk.url) as ledger:
        asked = [event.position for event in ledger.events() if event.event.KIND == "vm.change-requested"]
        bare = [at for at in asked if next(iter(ledger.events(at - 1))).metadata.reason is None]
    assert desk.call("annotate", str(bare[0]), "--reason", "month end").code == 0
    assert desk.call("annotate", str(bare[1]), "--ticket", "CHG-2041").code == 0
    with Ledger.open(desk.url) as ledger:
        seal(ledger)
    assert desk.call("evidence", "-o", f"{tmp_path}/all").code == 0
    code, text = check(tmp_path / "all")
    assert (code, f"{len(asked)} proofs of {len(asked)} changes" in text) == (0, True), text
    assert says(tmp_path / "all")["changes"] == asked
    assert says(tmp_path / "all")["follow_up"]["without_reason"] == bare[2:] != []

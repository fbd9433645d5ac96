"""Whatever is changed in a folder of evidence is refused by the program in it, and ends in no crash."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from domain.events import Decided, HostMemoryGranted, HostMemoryReturned
from domain.kinds import EVENTS
from domain.observed.events import VmChangeRequested
from domain.policy_events import PolicyAdopted, PolicyRetired
from nilometer.evidence import verify
from nilometer.tlog.encoding import to_base64
from nilometer.tlog.entries import encode_entry
from nilometer.tlog.merkle import hash_leaf
from tests.nilometer.evidence.folders import check, says


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


def shown_is_not_hashed(folder: Path) -> None:
    """A line has the leaf that belongs there, and beside it another event."""
    lines = [json.loads(line) for line in lines_of(folder)]
    lines[7] = {
        "index": 7,
        "leaf": to_base64(hash_leaf(entry(lines[7]))),
        **lines[7],
        "body": lines[7]["body"].replace("ann", "bob"),
    }
    put_lines(folder, [json.dumps(line, ensure_ascii=False) for line in lines])


def key_twice(folder: Path) -> None:
    """Who reads the first sees another event than the one that is hashed."""
    lines = lines_of(folder)
    put_lines(folder, [lines[0].replace('"stream"', '"body": "{}", "stream"'), *lines[1:]])


def unequal_hashes(folder: Path) -> None:
    """Two hashes are cut elsewhere: joined they are the same."""
    lines = [json.loads(line) for line in lines_of(folder)]
    leaves = [hash_leaf(entry(line)) for line in lines[6:8]]
    lines[6] = {"index": 6, "leaf": to_base64(leaves[0] + leaves[1])}
    lines[7] = {"index": 7, "leaf": ""}
    wanted = [at for at in says(folder)["changes"] if at not in (7, 8)]
    change(folder, changes=wanted)
    put_lines(folder, [json.dumps(line, ensure_ascii=False) for line in lines])
    draw_again(folder)


def hide_change(folder: Path) -> None:
    """A change is none, so that no sample has it."""
    change(folder, changes=says(folder)["changes"][1:])
    draw_again(folder)


def swap_positions(folder: Path) -> None:
    """Two events have each other's number."""
    lines = [json.loads(line) for line in lines_of(folder)]
    lines[5]["position"], lines[6]["position"] = lines[6]["position"], lines[5]["position"]
    put_lines(folder, [json.dumps(line, ensure_ascii=False) for line in lines])


def same_position(folder: Path) -> None:
    """Two events have one number, so that one of them counts."""
    lines = [json.loads(line) for line in lines_of(folder)]
    lines[5]["position"] = lines[6]["position"]
    put_lines(folder, [json.dumps(line, ensure_ascii=False) for line in lines])


def odd_size(folder: Path) -> None:
    """Another spelling of the size."""
    for path in (folder / "checkpoint", *(folder / "proofs").iterdir()):
        path.write_text(path.read_text("utf-8").replace("\n285\n", "\n+285\n"), "utf-8")


def escape_codes(folder: Path) -> None:
    """The name of the log paints over what is said."""
    for path in (folder / "checkpoint", *(folder / "proofs").iterdir()):
        path.write_text(path.read_text("utf-8").replace("ledger.example/hv\n", "\x1b[2Kx\n", 1), "utf-8")
    change(folder, origin="\x1b[2Kx")


def entry(event: dict[str, Any]) -> bytes:
    """What is hashed."""
    parts = (event["stream"].encode(), b"%d" % event["version"], event["topic"].encode(), event["body"].encode())
    return encode_entry(*parts)


def draw_again(folder: Path) -> None:
    """Draws the sample from what are said to be the changes, and has a proof of each."""
    sample = says(folder)["sample"]
    drawn = sorted(says(folder)["changes"], key=lambda at: sha256(f"18:{at - 1}".encode()).digest())[:5]
    proofs = folder.parent / "proofs"
    change(folder, sample={**sample, "positions": sorted(drawn)})
    shutil.rmtree(folder / "proofs")
    (folder / "proofs").mkdir()
    for at in drawn:
        shutil.copy(proofs / f"{at}.tlog-proof", folder / "proofs")
    names = {name: "" for name in says(folder)["files"] if not name.startswith("proofs/")}
    change(folder, files=names | {f"proofs/{at}.tlog-proof": "" for at in drawn})


def change(folder: Path, **changes: Any) -> None:
    """Other values in evidence.json."""
    (folder / "evidence.json").write_text(json.dumps({**says(folder), **changes}), "utf-8")


CHANGES = [
    edit_event, drop_event, drop_event_and_number, cut_end, swap_events, other_proof, drop_proof, cut_proof,
    other_checkpoint, smaller_checkpoint, other_sample, shown_is_not_hashed, key_twice, unequal_hashes, hide_change,
    swap_positions, same_position, odd_size, escape_codes,
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
    assert (code, text.startswith("VIOLATED: "), "\x1b" in text) == (1, True, False)


@pytest.mark.parametrize("name", ["evidence.json", "events.jsonl", "checkpoint", "proofs"])
def test_whatever_is_in_a_file_is_refused_or_not_believed(evidence: Path, name: str) -> None:
    path = next((evidence / "proofs").iterdir()) if name == "proofs" else evidence / name
    before, files, random = path.read_bytes(), says(evidence), Random(18)
    for number in range(60):
        path.write_bytes(spoilt(before, random) if number else b"[]")
        if path.name != "evidence.json":
            digest = sha256(path.read_bytes()).hexdigest()
            change(evidence, files=files["files"] | {path.relative_to(evidence).as_posix(): digest})
        if path.read_bytes() != before:
            assert is_refused(evidence) or is_unbelieved(evidence, files), path.read_bytes()


def spoilt(raw: bytes, random: Random) -> bytes:
    """A file in which a value, or some bytes, are others."""
    at, values = random.randrange(len(raw)), list(re.finditer(rb'"[^"]*"|\d+|null|\[|\{', raw))
    if random.random() < 0.3:
        return raw[:at] + random.randbytes(2) + raw[at + random.randrange(4) :]
    place = random.choice(values).span()
    return (
        raw[: place[0]] + random.choice((b"null", b"-1", b"[]", b"{}", b'"x"', b"1e400", b"9" * 30)) + raw[place[1] :]
    )


def is_refused(folder: Path) -> bool:
    """Whether the program says that it does not hold."""
    try:
        verify.check(folder)
    except Exception:
        return True
    return False


def is_unbelieved(folder: Path, before: Any) -> bool:
    """Whether all that is changed is what ``evidence.json`` only says, or the signature."""
    said = {"format", "ledger", "sealed", "made", "actor", "tool", "rules_sha256", "since", "until", "vm", "events"}
    said |= {"first_position", "last_position", "audit", "coverage", "follow_up"}
    after = says(folder)
    changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return changed <= said or changed == {"files"}


def test_an_additional_file_is_refused(evidence: Path) -> None:
    (evidence / "policy").write_text("quorum none\n")
    assert check(evidence) == (1, "VIOLATED: files are missing, or others are here: ['policy']\n")


def test_its_program_knows_every_kind_of_event_that_records_a_request() -> None:
    kinds = {row.partition("/")[0] for row in verify.REQUESTS.split()}
    decided = {kind.KIND for kind in EVENTS.values() if issubclass(kind, Decided)}
    asked = {*decided, VmChangeRequested.KIND, PolicyAdopted.KIND, PolicyRetired.KIND}
    assert kinds == asked - {HostMemoryGranted.KIND, HostMemoryReturned.KIND}

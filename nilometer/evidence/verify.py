#!/usr/bin/env python3
"""Checks a folder of evidence: python3 verify.py [FOLDER]. Python's standard library alone, and nothing of Nilometer.

What is checked, against the root in the file "checkpoint":
1. the files are those that evidence.json lists, unchanged;
2. every event of the range hashes to a leaf, no leaf of the range is missing, and with the hashes beside the range all
   of them come to the root: the range is complete;
3. every file in proofs/ proves, on its own, that its event is in the log;
4. the sample is the one that the seed draws from all changes in the range.

What is not checked: the signature under the checkpoint (any tool for C2SP signed notes does that, see
docs/evidence.md), and what evidence.json only says: which events are changes, the audit's verdict, what was watched.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def hash_of_leaf(event: dict[str, Any]) -> bytes:
    """RFC 6962: SHA-256 of a zero byte and the entry; the entry as docs/history-format.md has it."""
    if "leaf" in event:  # of another VM: its hash is all that is here
        return base64.b64decode(event["leaf"])
    parts = [event["stream"].encode(), str(event["version"]).encode(), event["topic"].encode()]
    head = b"DSSEv1" + b"".join(b" %d %b" % (len(part), part) for part in parts)
    body = event["body"].encode()
    entry = b"%b %d %b" % (head, len(body), body)
    if len(entry) > 65535:
        entry = b"%b 6 sha256 32 %b" % (head, sha256(body))
    return sha256(b"\x00" + entry)


def hash_of_node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def left_half(size: int) -> int:
    """RFC 6962: the largest power of two that is smaller than the number of leaves."""
    return 1 << ((size - 1).bit_length() - 1)


def root_of(start: int, end: int, first: int, leaves: list[bytes], left: list[bytes], right: list[bytes]) -> bytes:
    """The hash of the leaves from start to end: from the leaves of the range, and from what is beside it."""
    if end <= first:
        return left.pop(0)
    if start >= first + len(leaves):
        return right.pop(0)
    if end - start == 1:
        return leaves[start - first]
    middle = start + left_half(end - start)
    return hash_of_node(
        root_of(start, middle, first, leaves, left, right), root_of(middle, end, first, leaves, left, right)
    )


def root_of_proof(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """RFC 6962, 2.1.1, the other way round: the last hash of the path is nearest to the root."""
    if size == 1:
        if path:
            raise ValueError("the proof is too long")
        return leaf
    if not path:
        raise ValueError("the proof is too short")
    half = left_half(size)
    if index < half:
        return hash_of_node(root_of_proof(index, half, leaf, path[:-1]), path[-1])
    return hash_of_node(path[-1], root_of_proof(index - half, size - half, leaf, path[:-1]))


def read_checkpoint(text: str) -> tuple[str, int, bytes]:
    origin, size, root = text.split("\n")[:3]
    return origin, int(size), base64.b64decode(root)


def check(folder: Path) -> list[str]:
    """Everything that is checked, as sentences; raises ValueError or KeyError at what is wrong."""
    says = json.loads((folder / "evidence.json").read_text("utf-8"))
    listed = set(says["files"])
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if there != listed | {"evidence.json"}:
        raise ValueError(f"files are missing, or others are here: {sorted((there - {'evidence.json'}) ^ listed)}")
    for name, digest in says["files"].items():
        if sha256((folder / name).read_bytes()).hex() != digest:
            raise ValueError(f"{name} was changed")
    note = (folder / "checkpoint").read_text("utf-8")
    origin, size, root = read_checkpoint(note)
    if (origin, size) != (says["origin"], says["size"]):
        raise ValueError("evidence.json is about another checkpoint")

    events = [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").split("\n")[:-1]]
    first: int = says["first_index"]
    last: int = says["last_index"]
    if not 0 <= first <= last < size or [event["index"] for event in events] != list(range(first, last + 1)):
        raise ValueError("events of the range are missing, or in another order")
    leaves = [hash_of_leaf(event) for event in events]
    left, right = ([base64.b64decode(hash) for hash in says[side]] for side in ("left", "right"))
    if root_of(0, size, first, leaves, left, right) != root or left or right:
        raise ValueError("the events of the range, and the hashes beside it, do not come to the root of the checkpoint")

    whole = {event["position"]: event["index"] for event in events if "position" in event}
    wanted = says["changes"]
    if says["sample"] is not None:
        seed, count = says["sample"]["seed"], says["sample"]["size"]
        wanted = sorted(wanted, key=lambda position: sha256(f"{seed}:{position}".encode()))[:count]
        if sorted(wanted) != says["sample"]["positions"]:
            raise ValueError("the sample is not the one that the seed draws")
    proofs = sorted((folder / "proofs").iterdir()) if (folder / "proofs").is_dir() else []
    if [path.name for path in proofs] != sorted(f"{position}.tlog-proof" for position in wanted):
        raise ValueError("there is not one proof for each change, or for each of the sample")
    for path in proofs:
        head, _, checkpoint = path.read_text("utf-8").partition("\n\n")
        lines = head.split("\n")
        index = int(lines[1].removeprefix("index "))
        if (
            lines[0] != "c2sp.org/tlog-proof@v1"
            or whole[int(path.name.partition(".")[0])] != index
            or checkpoint != note
        ):
            raise ValueError(f"{path.name} is a proof of something else")
        if root_of_proof(index, size, leaves[index - first], [base64.b64decode(hash) for hash in lines[2:]]) != root:
            raise ValueError(f"{path.name} does not prove its event")
    return [
        f"complete: leaves {first} to {last} of {origin} ({len(events)} of {size}) come to the root of the checkpoint",
        f"{len(whole)} of them are here as events, {len(events) - len(whole)} as hashes",
        f"{len(proofs)} proofs of {len(says['changes'])} changes hold on their own",
        "not checked here: the signature under the checkpoint, and what evidence.json only says",
    ]


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    if not (place / "evidence.json").is_file():
        print(f"cannot check: there is no evidence.json in {place}", file=sys.stderr)
        sys.exit(2)
    try:
        print("\n".join(check(place)))
    except (ValueError, KeyError, IndexError, TypeError, OSError, RecursionError) as error:
        sys.exit(f"VIOLATED: {error}")

#!/usr/bin/env python3
"""Checks a folder of evidence: python3 verify.py [FOLDER]. Python's standard library alone, and nothing of Nilometer.

What is checked, against the root in the file "checkpoint":
1. the files are those that evidence.json lists, unchanged;
2. every event of the range hashes to a leaf, no leaf of the range is missing, and with the hashes beside the range all
   of them come to the root: the range is complete;
3. the changes are all events here that record a request, and the sample is the one that the seed draws from them;
4. every file in proofs/ proves, on its own, that its event is in the log, and there is one for each of them.

What is not checked: the signature under the checkpoint (any tool for C2SP signed notes does that), what hides
behind a hash, and what evidence.json only says: the audit's verdict, what was watched.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

REQUESTS = """
vm.defined vm.memory-configured vm.guest-configured vm.removed vm.started vm.rebooted vm.restored vm.stopped vm.saved
vm.paused vm.resumed vm.in-use-reported vm.memory-added vm.memory-removed vm.moved vm.command-refused host.registered
vm.change-requested host.resized host.reserve-set host.removed host.command-refused vm.memory-added-within-policy
vm.memory-removed-within-policy vm.refused-by-policy host.refused-by-policy policy.adopted policy.retired
"""


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def decode_hash(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    if len(data) != 32:
        raise ValueError(f"{text[:60]!r} is not a hash")
    return data


def hash_of_leaf(event: dict[str, Any]) -> bytes:
    """RFC 6962: SHA-256 of a zero byte and the entry, which is the event as DSSE signs it."""
    if list(event) == ["index", "leaf"]:  # of another VM, or damaged: its hash is all that is here
        return decode_hash(event["leaf"])
    if list(event) != ["index", "position", "stream", "version", "topic", "body"]:
        raise ValueError(f"line {event['index']} of the events has other parts than an event has")
    parts = [event["stream"].encode(), str(event["version"]).encode(), event["topic"].encode()]
    head = b"DSSEv1" + b"".join(b" %d %b" % (len(part), part) for part in parts)
    body = event["body"].encode()
    entry = b"%b %d %b" % (head, len(body), body)
    return sha256(b"\x00" + (entry if len(entry) <= 65535 else b"%b 6 sha256 32 %b" % (head, sha256(body))))


def is_request(event: dict[str, Any]) -> bool:
    kind = event["topic"].partition("/")[0]
    is_job = kind == "vm.observed" and json.loads(event["body"])["data"].get("label") == "failed job"
    return is_job or kind in REQUESTS.split()


def hash_of_node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def left_half(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)  # RFC 6962: the largest power of two that is smaller


def root_of(start: int, end: int, first: int, leaves: list[bytes], left: list[bytes], right: list[bytes]) -> bytes:
    """The hash of the leaves from start to end: from the leaves of the range, and from what is beside it."""
    if end <= first:
        return left.pop(0)
    if start >= first + len(leaves):
        return right.pop(0)
    if end - start == 1:
        return leaves[start - first]
    middle = start + left_half(end - start)
    beside = (first, leaves, left, right)
    return hash_of_node(root_of(start, middle, *beside), root_of(middle, end, *beside))


def root_of_proof(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """RFC 6962, 2.1.1, the other way round: the last hash of the path is nearest to the root."""
    if size == 1 or not path:
        return leaf if size == 1 and not path else b""  # else it is too long, or too short
    half = left_half(size)
    if index < half:
        return hash_of_node(root_of_proof(index, half, leaf, path[:-1]), path[-1])
    return hash_of_node(path[-1], root_of_proof(index - half, size - half, leaf, path[:-1]))


def check(folder: Path) -> list[str]:
    """Everything that is checked, as sentences; raises an error at what is wrong."""
    says = json.loads((folder / "evidence.json").read_text("utf-8"))
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if odd := sorted((there - {"evidence.json"}) ^ set(says["files"])):
        raise ValueError(f"files are missing, or others are here: {odd}")
    for name, digest in says["files"].items():
        if sha256((folder / name).read_bytes()).hex() != digest:
            raise ValueError(f"{name} was changed")
    note = (folder / "checkpoint").read_bytes().decode()
    origin, number, encoded = note.split("\n")[:3]
    size, root = int(number), decode_hash(encoded)
    if (origin, size, number) != (says["origin"], says["size"], f"{size}") or not origin.isprintable():
        raise ValueError("evidence.json is about another checkpoint")

    events, leaves = list[dict[str, Any]](), list[bytes]()
    with (folder / "events.jsonl").open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            event = json.loads(line)
            if json.dumps(event, ensure_ascii=False) + "\n" != line:  # such as one with a key twice
                raise ValueError(f"line {len(leaves) + 1} of the events is not as it is written")
            leaves.append(hash_of_leaf(event))
            events.append(event)
    first, last = int(says["first_index"]), int(says["last_index"])
    if not 0 <= first <= last < size or [event["index"] for event in events] != [*range(first, last + 1)]:
        raise ValueError("events of the range are missing, or in another order")
    left, right = (list(map(decode_hash, says[side])) for side in ("left", "right"))
    if root_of(0, size, first, leaves, left, right) != root or left or right:
        raise ValueError("the events of the range, and the hashes beside it, do not come to the root of the checkpoint")

    shown = {event["position"]: event for event in events if "position" in event}
    unreadable = says["coverage"]["unreadable"]
    wanted = [at for at in shown if at not in unreadable and is_request(shown[at])]
    if [*shown] != sorted(shown) or len(shown) != sum("position" in event for event in events):
        raise ValueError("the positions of the events are not in order")
    if wanted != says["changes"]:
        raise ValueError("the changes are not the events that record a request")
    count, sample = len(wanted), says["sample"]
    if sample is not None:  # drawn by the index, which the tree fixes
        wanted.sort(key=lambda at: sha256(f"{sample['seed']}:{shown[at]['index']}".encode()))
        wanted = sorted(wanted[: sample["size"]])
        if wanted != sample["positions"]:
            raise ValueError("the sample is not the one that the seed draws")
    if {name for name in says["files"] if name.startswith("proofs/")} != {f"proofs/{at}.tlog-proof" for at in wanted}:
        raise ValueError("there is not one proof for each change, or for each of the sample")
    for at in wanted:
        head, _, checkpoint = (folder / f"proofs/{at}.tlog-proof").read_bytes().decode().partition("\n\n")
        index, (magic, line, *path) = int(shown[at]["index"]), head.split("\n")
        if (magic, line, checkpoint) != ("c2sp.org/tlog-proof@v1", f"index {index}", note):
            raise ValueError(f"the proof of {at} is one of something else")
        if root_of_proof(index, size, leaves[index - first], list(map(decode_hash, path))) != root:
            raise ValueError(f"the proof of {at} does not prove it")
    return [
        f"complete: leaves {first} to {last} of {origin} ({len(events)} of {size}) come to the root of the checkpoint",
        f"{len(shown)} of them are here as events, {len(events) - len(shown)} as hashes",
        f"{len(wanted)} proofs of {count} changes hold on their own; {len(unreadable)} events are called unreadable",
        "not checked here: the signature under the checkpoint, and what evidence.json only says",
    ]


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    if not (place / "evidence.json").is_file():
        print(f"cannot check: there is no evidence.json in {place}", file=sys.stderr)
        sys.exit(2)
    try:
        print("\n".join(check(place)))
    except Exception as error:  # whatever is in the folder: what cannot be read does not hold
        sys.exit("VIOLATED: " + f"{error}".encode("unicode_escape").decode())

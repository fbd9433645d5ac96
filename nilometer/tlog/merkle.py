"""Merkle trees as in RFC 6962: hashes, and proofs of inclusion and of consistency, made and checked.

What makes proofs follows the recursive definitions of RFC 6962, 2.1.1 and 2.1.2. What checks them follows the
algorithms of RFC 9162, 2.1.3.2 and 2.1.4.2. Neither shares code with the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from struct import unpack
from typing import Final

from nilometer.tlog.errors import ProofError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of the tree without leaves."""
_PAIR: Final = f"{2 * HASH_BYTES}s"
_NODE: Final = sha256(b"\x01")
"""What the hash of every node begins with."""
LARGEST: Final = 2**63 - 1
"""No tree has more leaves: sizes are signed 64-bit numbers elsewhere."""

Subtree = Callable[[int, int], bytes]
"""The hash of the leaves from one index up to another (exclusive)."""


def hash_leaf(entry: bytes) -> bytes:
    """The hash of a leaf with this entry."""
    return sha256(b"\x00" + entry).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash of a node above two others."""
    return sha256(b"\x01" + left + right).digest()


def hash_perfect(hashes: bytes) -> bytes:
    """The root above so many joined hashes as a power of two, such as those of a full tile."""
    copy = _NODE.copy  # ``hash_node`` of each pair, but faster than to begin anew: there may be millions
    while len(hashes) > HASH_BYTES:
        nodes: list[bytes] = []
        for pair in unpack(_PAIR * (len(hashes) // (2 * HASH_BYTES)), hashes):
            node = copy()
            node.update(pair)
            nodes.append(node.digest())
        hashes = b"".join(nodes)
    return hashes


def split(size: int) -> int:
    """How many of so many leaves, at least two, are in the left half: the largest power of two below."""
    return 1 << ((size - 1).bit_length() - 1)


def hash_range(subtree: Subtree, start: int, end: int) -> bytes:
    """The hash of a range of leaves from those of its perfect parts, as RFC 6962 splits it."""
    if end - start < 2:
        return subtree(start, end)
    middle = start + split(end - start)
    left = subtree(start, middle)  # always perfect
    right = end - middle
    return hash_node(left, subtree(middle, end) if right & (right - 1) == 0 else hash_range(subtree, middle, end))


def prove_inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that the leaf at an index is in the tree of so many leaves."""
    start, end, path = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return path[::-1]


def prove_consistency(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of ``old`` leaves, of which there are some, is the beginning of that of ``size``."""
    start, end, path, is_whole = 0, size, list[bytes](), True
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append(subtree(start, end))
    return path[::-1]


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ``ProofError`` unless the proof shows the leaf with this hash, at this index, in the tree of this root."""
    if not 0 <= index < size <= LARGEST:
        raise ProofError(f"there is no leaf {index} in a tree of {size} leaves")
    _check_hashes((leaf, root, *proof))
    node, last, found = index, size - 1, leaf
    for hash in proof:
        if last == 0:
            raise ProofError("the proof of inclusion is too long")
        if node & 1 or node == last:
            found = hash_node(hash, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = hash_node(found, hash)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof of inclusion is too short")
    if found != root:
        raise ProofError(f"the proof does not show leaf {index} in this tree")


def check_consistency(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """Raises ``ProofError`` unless the proof shows that the tree of ``old`` leaves is the beginning of the other."""
    if not 0 <= old <= size <= LARGEST:
        raise ProofError(f"a tree of {old} leaves is not the beginning of one of {size}")
    _check_hashes((old_root, root, *proof))
    if old in (0, size):
        expected = EMPTY_ROOT if old == 0 else root
        if old_root != expected or (size == 0 and root != EMPTY_ROOT):
            raise ProofError(f"two trees of {size} leaves have different roots" if old else "no leaves, and a root")
        if proof:
            raise ProofError("the proof of consistency is too long")
        return
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        raise ProofError("the proof of consistency is too short")
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = now = hashes[0]
    for hash in hashes[1:]:
        if last == 0:
            raise ProofError("the proof of consistency is too long")
        if node & 1 or node == last:
            before, now = hash_node(hash, before), hash_node(hash, now)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            now = hash_node(now, hash)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError("the proof of consistency is too short")
    if before != old_root or now != root:
        raise ProofError(f"the tree of {old} leaves is not the beginning of that of {size}")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(hash) != HASH_BYTES for hash in hashes):
        raise ProofError(f"a hash has not {HASH_BYTES} bytes")

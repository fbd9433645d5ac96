"""Merkle trees: known roots, and two libraries that others wrote.

The leaves and roots are those of the tests of Certificate Transparency, as ``testonly/constants.go`` of
``github.com/transparency-dev/merkle`` v0.0.2 (Apache-2.0) has them.
"""

from __future__ import annotations

from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from tlog_scales.tlog import ConsistencyProof, InclusionProof

from nilometer.tlog.errors import ProofError
from nilometer.tlog.merkle import (
    EMPTY_ROOT,
    check_consistency,
    check_inclusion,
    hash_leaf,
    hash_node,
    prove_consistency,
    prove_inclusion,
)
from nilometer.tlog.tiles import TileTree, grow, read_from, tile_path, tiles_of

ENTRIES: Final = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS: Final = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
POWER: Final = 256**2
LARGE: Final = POWER + 300
NEAR_POWERS: Final = [*range(1, 20), *range(250, 262), *range(510, 515), *range(POWER - 4, POWER + 5), POWER + 257]


def tree_of(leaves: list[bytes], steps: list[int] | None = None) -> TileTree:
    """The tree of these leaves, grown in steps of these sizes."""
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in [*(steps or []), len(leaves)]:
        end = min(len(leaves), size + step)
        tiles |= grow(size, read_from(tiles), b"".join(leaves[size:end]))
        size = end
    assert {coordinate: len(hashes) // 32 for coordinate, hashes in tiles.items()} == {
        (level, number): width for level, number, width in tiles_of(size)
    }
    return TileTree(read_from(tiles))


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    """Many leaves."""
    return [hash_leaf(b"%d" % number) for number in range(LARGE)]


@pytest.fixture(scope="module")
def large(leaves: list[bytes]) -> TileTree:
    """The tree of these."""
    return tree_of(leaves)


def plain_root(leaves: list[bytes]) -> bytes:
    """The root, by the definition in RFC 6962 alone."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hash_node(plain_root(leaves[:half]), plain_root(leaves[half:]))


def test_the_roots_are_those_of_certificate_transparency() -> None:
    assert EMPTY_ROOT.hex() == ROOTS[0]
    leaves = [hash_leaf(entry) for entry in ENTRIES]
    for size in range(1, 9):
        assert tree_of(leaves).root(size).hex() == ROOTS[size]


@pytest.mark.parametrize("size", NEAR_POWERS)
def test_roots_around_full_tiles_are_as_defined(size: int, leaves: list[bytes], large: TileTree) -> None:
    assert large.root(size) == plain_root(leaves[:size])


@given(st.lists(st.integers(1, 400), max_size=8), st.integers(1, 1400))
def test_a_tree_is_the_same_in_whatever_steps_it_grew(steps: list[int], size: int) -> None:
    leaves = [hash_leaf(b"%d" % number) for number in range(size)]
    assert tree_of(leaves, steps).root(size) == plain_root(leaves)


def test_tlog_scales_takes_our_proofs_and_pymerkle_comes_to_our_hashes(leaves: list[bytes], large: TileTree) -> None:
    random = Random(18)
    others = InmemoryTree()
    others.append_entries([b"%d" % number for number in range(LARGE)])
    for _ in range(150):
        size = random.choice([*NEAR_POWERS, random.randint(2, LARGE)])
        index, old = random.randrange(size), random.randint(1, size)
        root, inclusion = large.root(size), prove_inclusion(index, size, large.subtree)
        consistency = prove_consistency(old, size, large.subtree)
        check_inclusion(index, size, leaves[index], inclusion, root)
        check_consistency(old, size, consistency, large.root(old), root)
        InclusionProof(index, size, inclusion).check(leaves[index], root)
        ConsistencyProof(old, size, consistency).check(large.root(old), root)
        assert others.get_root(size) == root
        assert set(inclusion) <= set(others.prove_inclusion(index + 1, size).path)


@given(st.data())
def test_a_proof_that_was_changed_in_any_way_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    leaves = [hash_leaf(b"%d" % number) for number in range(size)]
    tree = tree_of(leaves)
    root, old_root = tree.root(size), tree.root(old)
    inclusion = prove_inclusion(index, size, tree.subtree)
    consistency = prove_consistency(old, size, tree.subtree)
    check_inclusion(index, size, leaves[index], inclusion, root)
    check_consistency(old, size, consistency, old_root, root)

    def changed(proof: list[bytes]) -> list[bytes]:
        at = data.draw(st.integers(0, len(proof)))
        how = data.draw(st.sampled_from(["drop", "add", "swap", "flip", "short"]))
        if how == "add" or at == len(proof):
            return [*proof[:at], data.draw(st.sampled_from([*leaves, root])), *proof[at:]]
        other = {
            "drop": [],
            "swap": [*proof[at + 1 : at + 2], proof[at]],
            "flip": [bytes([proof[at][0] ^ 1]) + proof[at][1:]],
            "short": [proof[at][:31]],
        }[how]
        return [*proof[:at], *other, *proof[at + (2 if how == "swap" else 1) :]]

    wrong = changed(inclusion)
    if wrong != inclusion:
        with pytest.raises(ProofError):
            check_inclusion(index, size, leaves[index], wrong, root)
    wrong = changed(consistency)
    if wrong != consistency:
        with pytest.raises(ProofError):
            check_consistency(old, size, wrong, old_root, root)
    with pytest.raises(ProofError):
        check_inclusion(index, size, hash_leaf(b"another"), inclusion, root)
    with pytest.raises(ProofError):
        check_consistency(old, size, consistency, hash_leaf(b"another"), root)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (2**63, 2**64), (0, 2**63), (0, 0)])
def test_impossible_indexes_are_refused(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        check_inclusion(index, size, EMPTY_ROOT, [], EMPTY_ROOT)


@pytest.mark.parametrize(("old", "size"), [(-1, 3), (4, 3), (2**63, 2**64)])
def test_impossible_sizes_are_refused(old: int, size: int) -> None:
    with pytest.raises(ProofError):
        check_consistency(old, size, [], EMPTY_ROOT, EMPTY_ROOT)


def test_no_leaves_are_the_beginning_of_any_tree_and_nothing_else_is() -> None:
    root = hash_leaf(b"x")
    check_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    check_consistency(0, 1, [], EMPTY_ROOT, root)
    for old_root, new_root, size, proof in (
        (root, root, 1, []),
        (EMPTY_ROOT, root, 1, [root]),
        (EMPTY_ROOT, root, 0, []),
    ):
        with pytest.raises(ProofError):
            check_consistency(0, size, proof, old_root, new_root)


def test_paths_and_widths_are_as_the_specification_says() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 273, 112) == "tile/entries/273.p/112"
    # "a tree of size 70,000": 273 full level 0 tiles, one of 112, one full of level 1, one of 17, one of level 2 of 1
    found = list(tiles_of(70_000))
    assert [tile for tile in found if tile[0] or tile[2] < 256] == [(0, 273, 112), (1, 0, 256), (1, 1, 17), (2, 0, 1)]
    assert len(found) == 273 + 4
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]

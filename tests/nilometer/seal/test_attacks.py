"""Who can write the database changes it, and who verifies has more and more: what shows, and what does not.

The attacker removes the ledger's triggers first. Everybody who verifies has the verifier key; some kept a checkpoint
elsewhere, an old one or the newest, and some know that a witness signs every checkpoint.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from nilometer.ledger.backup import announce_restore, back_up, restore_backup
from nilometer.ledger.ledger import Ledger
from nilometer.seal.verification import SealVerdict, Verification
from nilometer.storage.sqlite.triggers import TRIGGERS
from nilometer.times import system_clock
from nilometer.tlog.checkpoints import SignedTreeHead
from nilometer.tlog.signatures import Signer
from tests.nilometer.ledger.asking import ask, with_web01
from tests.nilometer.seal.sealed import KEY, QUORUM, THIEF, WITNESS, grow, newest, seal, verify
from tests.nilometer.storage.test_golden_ledger import LEDGER

HOLDS, UNKNOWN, VIOLATED = SealVerdict.HOLDS, SealVerdict.UNKNOWN, SealVerdict.VIOLATED


@dataclass(frozen=True)
class Scene:
    """A ledger that was sealed on three days, with 4, 8 and 12 events, and has 2 more; and what was kept of it."""

    file: Path
    backup: Path
    """The whole database as it was on the second day."""
    old: SignedTreeHead
    latest: SignedTreeHead

    @property
    def url(self) -> str:
        """The ledger."""
        return f"sqlite:///{self.file}"

    def execute(self, *statements: str) -> None:
        """What somebody does with any SQLite tool, who leaves no other trace."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            for name in TRIGGERS:
                connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            for statement in statements:
                connection.execute(statement)
            for statement in TRIGGERS.values():
                connection.execute(statement)

    def seal_again(self, signer: Signer, *statements: str) -> None:
        """Changes events, and makes tiles and checkpoints from them, as if they had always been so."""
        with Ledger.open(self.url, durable=False) as ledger:  # before the change: some are refused when it is opened
            self.execute(*statements, "DROP TABLE seal_tiles", "DROP TABLE seal_checkpoints")
            seal(ledger, signer, time="2026-11-25T12:00:00")

    def tiles_again(self, *statements: str) -> None:
        """Changes events, and makes tiles from them below the checkpoints as they were."""
        with Ledger.open(self.url, durable=False) as ledger:
            self.execute(*statements, "ALTER TABLE seal_checkpoints RENAME TO kept", "DROP TABLE seal_tiles")
            seal(ledger, THIEF)
        self.execute("DROP TABLE seal_checkpoints", "ALTER TABLE kept RENAME TO seal_checkpoints")


def cosign(ledger: Ledger) -> None:
    """A witness signs the newest checkpoint."""
    signed = newest(ledger).added(WITNESS.sign_head(newest(ledger).head, 1_800_000_000))
    with ledger.recorder.transaction(write=True) as db:
        db.execute("UPDATE seal_checkpoints SET note = ? WHERE size = ?", (bytes(signed), signed.head.size))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The scene, made once."""
    folder = tmp_path_factory.mktemp("made")
    kept: list[SignedTreeHead] = []
    with Ledger.open(f"sqlite:///{folder}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        for day in (23, 24, 25):
            seal(ledger, time=f"2026-11-{day}T12:00:00")
            cosign(ledger)
            kept.append(newest(ledger))
            if day == 24:
                back_up(ledger.url, folder / "backup.db")
            grow(ledger, 1 if day == 25 else 2)
    return Scene(folder / "ledger.db", folder / "backup.db", kept[0], kept[-1])


@pytest.fixture
def scene(made: Scene, tmp_path: Path) -> Scene:
    """The scene, to be changed."""
    return Scene(Path(shutil.copy(made.file, tmp_path)), made.backup, made.old, made.latest)


def verdicts(scene: Scene) -> tuple[SealVerdict, ...]:
    """What somebody finds who has the key; and the old checkpoint; and the newest; and knows of the witness."""
    return (
        verify(scene.url).verdict,
        verify(scene.url, scene.old).verdict,
        verify(scene.url, scene.latest).verdict,
        verify(scene.url, policy=QUORUM).verdict,
    )


EDIT: Final = "UPDATE stored_events SET state = CAST(replace(state, '\"ann\"', '\"bob\"') AS BLOB) WHERE position = {}"
INSERT: Final = (
    "INSERT INTO stored_events SELECT {}, originator_id, 99, topic, state FROM stored_events WHERE position = 6"
)
SWAP: Final = (
    "UPDATE stored_events SET position = -9 WHERE position = {0}",
    "UPDATE stored_events SET position = {0} WHERE position = {1}",
    "UPDATE stored_events SET position = {1} WHERE position = -9",
)
CHANGES: Final[dict[str, Sequence[str]]] = {
    "edit: who requested it": [EDIT.format(6)],
    "edit: who requested everything": [EDIT.format("position")],
    "edit: the topic": ["UPDATE stored_events SET topic = 'vm.stopped/1' WHERE position = 6"],
    "edit: the stream": ["UPDATE stored_events SET originator_id = 'vm/web02' WHERE originator_id = 'vm/web01'"],
    "edit: the version": ["UPDATE stored_events SET originator_version = 77 WHERE position = 6"],
    "edit: bytes as text": ["UPDATE stored_events SET state = CAST(state AS TEXT) WHERE position = 6"],
    "edit: a forged refusal": ["UPDATE stored_events SET topic = 'vm.command-refused/2' WHERE position = 7"],
    "delete: the first": ["DELETE FROM stored_events WHERE position = 1"],
    "delete: one in the middle": ["DELETE FROM stored_events WHERE position = 6"],
    "delete: a stream": ["DELETE FROM stored_events WHERE originator_id = 'host/hv01'"],
    "insert: one before the first": [INSERT.format(-5)],
    "insert: one in the middle": [
        "UPDATE stored_events SET position = -position",
        "UPDATE stored_events SET position = CASE WHEN -position < 7 THEN -position ELSE 1 - position END",
        INSERT.format(7),
    ],
    "replace: one by a copy of another": [
        "DELETE FROM stored_events WHERE position = 8",
        "INSERT INTO stored_events SELECT 8, originator_id, 99, topic, state FROM stored_events WHERE position = 6",
    ],
    "reorder: two positions": [statement.format(6, 8) for statement in SWAP],
    "renumber: all positions by 100": ["UPDATE stored_events SET position = position + 100"],
    "truncate: sealed events": ["DELETE FROM stored_events WHERE position > 10"],
    "truncate: everything": ["DELETE FROM stored_events"],
}
"""Changes of events that are older than the newest checkpoint."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_event_shows_to_everybody(scene: Scene, change: str) -> None:
    scene.execute(*CHANGES[change])
    assert verdicts(scene) == (VIOLATED,) * 4


@pytest.mark.parametrize("change", [*CHANGES][:-1])
def test_a_changed_event_shows_although_the_tiles_were_made_anew(scene: Scene, change: str) -> None:
    scene.tiles_again(*CHANGES[change])
    assert verdicts(scene) == (VIOLATED,) * 4


@pytest.mark.parametrize("change", CHANGES)
def test_a_rewritten_history_that_another_key_signed_shows(scene: Scene, change: str) -> None:
    scene.seal_again(THIEF, *CHANGES[change])
    assert VIOLATED in verdicts(scene)[:1] or change == "truncate: everything"
    assert HOLDS not in verdicts(scene)


OLD: Final = ("edit: who requested everything", "edit: the stream", "delete: the first", "delete: a stream")


@pytest.mark.parametrize("change", [*CHANGES][:-1])
def test_a_rewritten_history_that_a_stolen_key_signed_shows_by_what_was_kept_elsewhere(
    scene: Scene, change: str
) -> None:
    scene.seal_again(KEY, *CHANGES[change])
    key, old, latest, witness = verdicts(scene)
    renumbered = change.startswith("renumber")  # the same events in the same order
    assert key is HOLDS
    assert latest is (HOLDS if renumbered else VIOLATED)
    assert witness is UNKNOWN
    if change in OLD:
        assert old is VIOLATED


def test_what_is_not_sealed_can_be_cut_off_and_changed(scene: Scene) -> None:
    scene.execute("DELETE FROM stored_events WHERE position > 13", EDIT.format(13))
    assert verdicts(scene) == (HOLDS,) * 4
    assert verify(scene.url).unsealed.events == 1


def test_a_backup_that_is_put_in_its_place_shows_by_the_newest_checkpoint_alone(scene: Scene) -> None:
    shutil.copy(scene.backup, scene.file)
    assert verdicts(scene) == (HOLDS, HOLDS, VIOLATED, HOLDS)


def test_a_cut_back_to_a_kept_checkpoint_shows_by_the_newest_checkpoint_alone(scene: Scene) -> None:
    scene.execute("DELETE FROM stored_events WHERE position > 8", "DELETE FROM seal_checkpoints WHERE size > 8")
    assert verdicts(scene) == (HOLDS, HOLDS, VIOLATED, HOLDS)


def test_of_two_ledgers_that_a_stolen_key_signed_one_lacks_the_witness(scene: Scene, tmp_path: Path) -> None:
    shutil.copy(scene.file, tmp_path / "other.db")
    other = Scene(tmp_path / "other.db", scene.backup, scene.old, scene.latest)
    other.seal_again(KEY, EDIT.format(6))
    assert [verify(each.url).verdict for each in (scene, other)] == [HOLDS, HOLDS]
    assert [verify(each.url, policy=QUORUM).verdict for each in (scene, other)] == [HOLDS, UNKNOWN]


def restore_announced(scene: Scene) -> None:
    """The backup takes the ledger's place, as ``nilo restore`` does it: 8 events, and the event that says so."""
    for path in scene.file.parent.glob("ledger.db*"):
        path.unlink()
    restored = restore_backup(scene.backup, scene.url)
    assert announce_restore(scene.url, scene.backup, restored, actor="ann", via="nilo", clock=system_clock) == 9


def test_of_an_announced_restore_the_newest_checkpoint_tells_nothing(scene: Scene) -> None:
    restore_announced(scene)
    assert verdicts(scene) == (HOLDS, HOLDS, UNKNOWN, HOLDS)


def test_after_an_announced_restore_what_a_stolen_key_signed_shows_by_checkpoints_of_the_backups_part(
    scene: Scene,
) -> None:
    restore_announced(scene)
    with Ledger.open(f"sqlite:///{scene.backup}", read_only=True) as backup:
        of_the_backup = newest(backup)
    scene.seal_again(KEY, EDIT.format(6))
    assert verdicts(scene) == (HOLDS, HOLDS, UNKNOWN, UNKNOWN)  # the old one covers 4 events, the newest one 12
    assert verify(scene.url, of_the_backup).verdict is VIOLATED
    assert verify(scene.url, scene.latest, of_the_backup).verdict is VIOLATED


# What a seal itself is made of


def resized(size: int) -> str:
    """The newest checkpoint is said to be of another size, in its note too."""
    note = f"CAST(replace(note, '\n12\n', '\n{size}\n') AS BLOB)"
    return f"UPDATE seal_checkpoints SET size = {size}, note = {note} WHERE size = 12"


SEAL: Final[dict[str, tuple[Sequence[str], SealVerdict]]] = {
    "tiles: a hash of a leaf": (
        ["UPDATE seal_tiles SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB)"],
        VIOLATED,
    ),
    "tiles: cut": (["UPDATE seal_tiles SET hashes = substr(hashes, 1, 64)"], VIOLATED),
    "tiles: longer": (["UPDATE seal_tiles SET hashes = CAST(hashes || zeroblob(32) AS BLOB)"], HOLDS),
    "tiles: far too long": (["UPDATE seal_tiles SET hashes = CAST(hashes || zeroblob(9000) AS BLOB)"], VIOLATED),
    "tiles: text": (["UPDATE seal_tiles SET hashes = 'x'"], VIOLATED),
    "tiles: no positions": (["UPDATE seal_tiles SET positions = NULL"], VIOLATED),
    "tiles: positions cut": (["UPDATE seal_tiles SET positions = substr(positions, 1, 9)"], VIOLATED),
    "tiles: other positions": (["UPDATE seal_tiles SET positions = zeroblob(96)"], VIOLATED),
    "tiles: gone": (["DELETE FROM seal_tiles"], VIOLATED),
    "tiles: dropped": (["DROP TABLE seal_tiles"], UNKNOWN),
    "checkpoints: gone": (["DELETE FROM seal_checkpoints"], UNKNOWN),
    "checkpoints: an old one gone": (["DELETE FROM seal_checkpoints WHERE size = 4"], HOLDS),
    "checkpoints: one cut": (["UPDATE seal_checkpoints SET note = substr(note, 1, 60) WHERE size = 8"], VIOLATED),
    "checkpoints: one is text": (["UPDATE seal_checkpoints SET note = 'x' WHERE size = 8"], VIOLATED),
    "checkpoints: sizes": (["UPDATE seal_checkpoints SET size = 13 WHERE size = 12"], VIOLATED),
    "checkpoints: a huge size": (["UPDATE seal_checkpoints SET size = 9223372036854775807 WHERE size = 12"], VIOLATED),
    "checkpoints: a huge size that its note has too": ([resized(2**63 - 1)], VIOLATED),
    "checkpoints: a negative size that its note has too": ([resized(-12)], VIOLATED),
    "tiles: one far away": (
        [
            "INSERT INTO seal_tiles SELECT 0, 36028797018963967, hashes, positions FROM seal_tiles LIMIT 1",
            resized(2**63 - 1),
        ],
        VIOLATED,
    ),
    "checkpoints: positions": (["UPDATE seal_checkpoints SET position = 11 WHERE size = 12"], VIOLATED),
    "checkpoints: a later position": (["UPDATE seal_checkpoints SET position = 14 WHERE size = 12"], VIOLATED),
    "checkpoints: another log": (["UPDATE seal_checkpoints SET origin = 'other.example'"], VIOLATED),
    "checkpoints: order": (["UPDATE seal_checkpoints SET number = 9 WHERE size = 4"], VIOLATED),
    "checkpoints: one for another": (
        ["UPDATE seal_checkpoints SET note = (SELECT note FROM seal_checkpoints WHERE size = 4)"],
        VIOLATED,
    ),
    "checkpoints: a signature changed": (
        ["UPDATE seal_checkpoints SET note = CAST(replace(note, '\n12\n', '\n11\n') AS BLOB)"],
        VIOLATED,
    ),
}


@pytest.mark.parametrize("change", SEAL)
def test_no_change_of_the_seal_itself_makes_it_hold_falsely(scene: Scene, change: str) -> None:
    statements, expected = SEAL[change]
    scene.execute(*statements)
    assert verify(scene.url).verdict is expected


def test_tiles_that_were_changed_are_told_from_events_that_were_changed(scene: Scene) -> None:
    scene.execute(*SEAL["tiles: a hash of a leaf"][0])
    assert any("the events were not" in finding.message for finding in verify(scene.url).findings)


def test_what_was_changed_is_named(scene: Scene) -> None:
    scene.execute(EDIT.format(6), "DELETE FROM stored_events WHERE position = 9", INSERT.format(-3))
    found = verify(scene.url)
    named = [(finding.position, finding.event) for finding in found.findings if finding.about == "event"]
    assert named == [(-3, "host/hv01/99"), (6, "host/hv01/3"), (9, None)]
    assert {kind.value: count for kind, count in found.counts.items()} == {"changed": 1, "missing": 1, "inserted": 1}


def test_from_where_a_history_was_rewritten_is_named(scene: Scene) -> None:
    scene.tiles_again(EDIT.format(10))
    (finding,) = verify(scene.url).findings
    assert finding.message.endswith("they were changed after leaf 8")


# Nothing that anybody may do with a ledger


def same(_: Scene) -> None:
    """Nothing."""


def vacuum(scene: Scene) -> None:
    """The file is written anew."""
    scene.execute("VACUUM")


def dump_and_restore(scene: Scene) -> None:
    """The file is written as SQL, and read again."""
    with closing(sqlite3.connect(scene.file)) as connection:
        script = "".join(f"{line}\n" for line in connection.iterdump())
        numbers = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    for path in scene.file.parent.glob("ledger.db*"):
        path.unlink()
    with closing(sqlite3.connect(scene.file)) as connection:
        connection.executescript(script)
        for name, number in zip(("application_id", "user_version"), numbers, strict=True):
            connection.execute(f"PRAGMA {name} = {number}")


def record_more(scene: Scene) -> None:
    """The ledger goes on."""
    with Ledger.open(scene.url) as ledger:
        grow(ledger, 3)


def read_and_rebuild(scene: Scene) -> None:
    """The stored views are made anew."""
    with Ledger.open(scene.url) as ledger:
        ledger.views.rebuild()


@pytest.mark.parametrize("do", [same, vacuum, dump_and_restore, record_more, read_and_rebuild])
def test_what_anybody_may_do_is_no_violation(scene: Scene, do: Callable[[Scene], None]) -> None:
    do(scene)
    assert verdicts(scene) == (HOLDS,) * 4
    with Ledger.open(scene.url) as ledger:
        grow(ledger, 1)
        assert seal(ledger, time="2026-11-26T12:00:00") is not None
    assert [verify(scene.url, each).verdict for each in (scene.old, scene.latest)] == [HOLDS, HOLDS]


def test_events_of_older_shapes_that_are_upcast_when_read_hold(tmp_path: Path) -> None:
    file = Path(shutil.copy(LEDGER, tmp_path / "ledger.db"))
    with Ledger.open(f"sqlite:///{file}") as ledger:
        seal(ledger)
        kept = newest(ledger)
        ledger.views.rebuild()
    assert verify(f"sqlite:///{file}", kept).verdict is HOLDS


def test_without_the_seals_tables_a_kept_checkpoint_still_tells(scene: Scene) -> None:
    scene.execute("DROP TABLE seal_tiles", "DROP TABLE seal_checkpoints")

    def against(found: Verification) -> list[str]:
        return [finding.about for finding in found.findings if finding.verdict is VIOLATED]

    assert against(verify(scene.url, scene.old, scene.latest)) == []
    scene.execute(EDIT.format(10))
    assert against(verify(scene.url, scene.old, scene.latest)) == ["against"]
    with Ledger.open(scene.url) as ledger:
        ask(ledger, "stop", vm="web01")

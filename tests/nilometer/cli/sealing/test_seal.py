"""``nilo key``, ``nilo seal``, ``nilo verify``: what is typed, what is shown, and what is refused."""

from __future__ import annotations

import base64
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nilometer.cli.sealing.signing import KEY
from nilometer.tlog.checkpoints import parse_checkpoint
from nilometer.tlog.notes import parse_verifier_key
from nilometer.tlog.signatures import verify_signatures
from tests.nilometer.cli.calling import NILO, Desk
from tests.nilometer.cli.test_schemas import problems

NAME = "ledger.example.com/hyperv"


@pytest.fixture
def sealing(desk: Desk) -> Desk:
    """A desk with a history, a key in ``seal.key`` and its verifier key in ``seal.pub``."""
    made = desk.with_history().call("key", "new", NAME, "-o", f"{desk.folder}/seal.key")
    assert made.code == 0, made.err
    desk.write("seal.pub", made.out)
    return desk


def path(desk: Desk, name: str) -> str:
    """The path of a file of the desk."""
    return f"{desk.folder}/{name}"


def seal(desk: Desk, *args: str) -> Any:
    """What ``nilo seal`` says."""
    answer = desk.call("seal", "--key", path(desk, "seal.key"), *args, "--format", "json")
    assert answer.code == 0, answer.err
    (line,) = answer.lines
    assert problems("seal", line) == []
    return line


def verify(desk: Desk, *args: str) -> Any:
    """What ``nilo verify`` says, with its exit code."""
    answer = desk.call("verify", "--verifier-key", path(desk, "seal.pub"), *args, "--format", "json")
    assert problems("verify", answer.json) == []
    return {**answer.json, "code": answer.code}


def test_a_key_is_made_once_for_its_owner_alone(desk: Desk) -> None:
    file = Path(path(desk, "a.key"))
    made = desk.call("key", "new", NAME, "-o", str(file), "--ml-dsa", "--format", "json")
    assert problems("key", made.json) == []
    keys = [parse_verifier_key(text) for text in made.json["verifier_keys"]]
    assert [(key.name, key.algorithm) for key in keys] == [(NAME, 1), (NAME, 6)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    again = desk.call("key", "new", NAME, "-o", str(file))
    assert (again.code, file.read_bytes()) == (2, before)
    assert "PRIVATE" not in made.out + made.err + again.err


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", " a"])
def test_a_name_that_no_key_can_have_is_refused(desk: Desk, name: str) -> None:
    answer = desk.call("key", "new", name, "-o", path(desk, "a.key"))
    assert (answer.code, "cannot be the name of a key" in answer.err) == (2, True)
    assert not Path(path(desk, "a.key")).exists()


def test_a_ledger_is_sealed_and_verified_in_words(sealing: Desk) -> None:
    sealed = sealing.call("seal", "--key", path(sealing, "seal.key"))
    assert sealed.out.startswith(f"9 events sealed as {NAME}: 9 in all, up to position 9; ")
    again = sealing.call("seal", "--key", path(sealing, "seal.key"))
    assert again.out == f"nothing new: 9 events sealed as {NAME}, up to position 9\n"
    sealing.call("do", "add-memory", "web01", "2MiB")
    found = sealing.call("verify", "--verifier-key", path(sealing, "seal.pub"))
    lines = found.out.splitlines()
    assert lines[0] == "holds: 9 sealed events, 1 kept checkpoint"
    assert lines[1].startswith(f"sealed as {NAME} up to position 9, ")
    assert lines[1].endswith("; signatures: holds")
    assert lines[2].startswith("unknown: 2 events not sealed yet, the oldest for ")
    assert (len(lines), found.code) == (3, 0)


def test_what_is_not_sealed_counts_only_with_strict(sealing: Desk) -> None:
    seal(sealing)
    assert verify(sealing, "--strict")["code"] == 0
    sealing.call("do", "add-memory", "web01", "2MiB")
    assert (verify(sealing)["code"], verify(sealing, "--strict")["code"]) == (0, 3)
    assert verify(sealing)["unsealed"]["events"] == 2


def test_the_exit_code_tells_holds_violated_and_unknown(sealing: Desk) -> None:
    assert verify(sealing)["code"] == 3  # not sealed
    seal(sealing)
    assert verify(sealing)["code"] == 0
    assert sealing.call("verify").code == 3  # no key
    with closing(sqlite3.connect(path(sealing, "ledger.db"))) as connection, connection:
        connection.execute("DROP TRIGGER events_are_not_changed")
        connection.execute("UPDATE stored_events SET topic = 'vm.stopped/1' WHERE position = 5")
    found = verify(sealing)
    assert (found["code"], found["verdict"], found["changed"]) == (1, "violated", 1)
    assert [(finding["position"], finding["event"]) for finding in found["findings"]] == [(5, "vm/web01/3")]


def test_a_checkpoint_is_kept_elsewhere_and_compared(sealing: Desk) -> None:
    kept = path(sealing, "checkpoint")
    first = seal(sealing, "--checkpoint", kept)
    assert Path(kept).read_text() == first["checkpoint"]
    key = parse_verifier_key(Path(path(sealing, "seal.pub")).read_text().strip())
    assert verify_signatures(parse_checkpoint(Path(kept).read_bytes()), [key])
    assert verify(sealing, "--against", kept)["against"] == 1
    backup = path(sealing, "backup.db")
    assert sealing.call("backup", backup).code == 0
    sealing.call("do", "add-memory", "web01", "2MiB")
    seal(sealing, "--checkpoint", kept)
    for file in Path(sealing.folder).glob("ledger.db*"):
        file.unlink()
    Path(backup).rename(path(sealing, "ledger.db"))
    found = verify(sealing, "--against", kept)
    assert (found["code"], found["findings"][0]["about"]) == (1, "against")
    assert "covers 11 events, and the ledger has 9" in found["findings"][0]["message"]
    sealing.call("do", "add-memory", "web01", "4MiB")
    refused = sealing.call("seal", "--key", path(sealing, "seal.key"), "--checkpoint", kept)
    assert (refused.code, "the checkpoint that was kept" in refused.err) == (2, True)


def test_a_key_comes_from_the_environment_or_a_command(sealing: Desk) -> None:
    private = Path(path(sealing, "seal.key")).read_text()
    public = Path(path(sealing, "seal.pub")).read_text().strip()
    assert sealing.call("seal", env={KEY: private}).code == 0
    sealing.call("do", "add-memory", "web01", "2MiB")
    seed = base64.b64decode(private.strip().split("+", 4)[4])[1:]
    program = sealing.write(
        "sign.py",
        "import base64, sys\n"
        "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey\n"
        f"key = Ed25519PrivateKey.from_private_bytes({seed!r})\n"
        "print(base64.b64encode(key.sign(sys.stdin.buffer.read())).decode())\n",
    )
    command = f"{sys.executable} {program}"
    signed = sealing.call("seal", "--sign-with", command, "--verifier-key", public)
    assert signed.code == 0, signed.err
    assert verify(sealing)["sealed"]["size"] == 11
    sealing.call("do", "add-memory", "web01", "2MiB")
    for broken in ("false", "true", "/no/such/program", f"{sys.executable} -c print(1)"):
        failed = sealing.call("seal", "--sign-with", broken, "--verifier-key", public)
        assert (failed.code, failed.out) == (2, "")
        assert "nothing was sealed" in failed.err
    assert verify(sealing)["sealed"]["size"] == 11


@pytest.mark.parametrize("text", ["", "x", "PRIVATE+KEY+a+00000000+AQ==", "# nothing\n"])
def test_what_is_no_private_key_is_refused_and_not_shown(sealing: Desk, text: str) -> None:
    answer = sealing.call("seal", "--key", sealing.write("wrong.key", text))
    assert (answer.code, answer.out) == (2, "")
    assert "private key" in answer.err
    assert text == "" or text not in answer.err


def test_a_private_key_that_others_may_read_is_warned_of(sealing: Desk) -> None:
    Path(path(sealing, "seal.key")).chmod(0o644)
    assert "chmod 600" in sealing.call("seal", "--key", path(sealing, "seal.key")).err


def test_without_a_key_it_says_how_to_make_one(sealing: Desk) -> None:
    answer = sealing.call("seal")
    assert (answer.code, answer.err.splitlines()[1]) == (
        2,
        "hint: make one: nilo key new NAME -o seal.key; then: nilo seal --key seal.key",
    )


@pytest.mark.parametrize("every", ["", "1", "0s", "s", "1 s", "-1s", "1d", "1.5s"])
def test_a_time_that_is_none_is_refused(sealing: Desk, every: str) -> None:
    answer = sealing.call("seal", "--key", path(sealing, "seal.key"), "--every", every)
    assert (answer.code, "such as 1s, 500ms or 5min" in answer.err) == (2, True)


def test_an_empty_ledger_has_nothing_to_seal(sealing: Desk) -> None:
    empty = f"sqlite:///{sealing.folder}/none.db"
    answer = sealing.call("seal", "--key", path(sealing, "seal.key"), "--ledger", empty)
    assert answer.code == 2
    assert "there is no ledger" in answer.err


def test_as_a_service_it_seals_what_comes_until_it_is_interrupted(sealing: Desk) -> None:
    running = subprocess.Popen(
        [NILO, "seal", "--key", path(sealing, "seal.key"), "--every", "10ms", "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **sealing.environment()},
    )
    assert running.stdout is not None
    assert '"events": 9,' in running.stdout.readline()
    sealing.call("do", "add-memory", "web01", "2MiB")
    assert '"size": 11,' in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    rest, err = running.communicate(timeout=30)
    assert (rest, running.returncode) == ("", 0)
    assert "what was sealed is kept" in err


def test_without_what_checks_signatures_everything_else_is_checked(sealing: Desk) -> None:
    seal(sealing)
    sealing.write("cryptography.py", "raise ImportError('no cryptography here')\n")
    found = sealing.process(
        "verify", "--verifier-key", path(sealing, "seal.pub"), env={"PYTHONPATH": str(sealing.folder)}
    )
    assert found.code == 3, found.err
    assert found.out.splitlines()[0] == "unknown: 9 sealed events, 1 kept checkpoint"
    assert "unknown: signature not checked: " in found.out
    assert (
        "pip install 'nilometer[seal]'"
        in sealing.process("seal", "--key", path(sealing, "seal.key"), env={"PYTHONPATH": str(sealing.folder)}).err
    )


def test_info_audit_and_replay_say_up_to_where_it_is_sealed(sealing: Desk) -> None:
    commands = (("info",), ("audit", "--all"), ("replay",))

    def documents() -> list[Any]:
        found = [sealing.call(command, "--format", "json").json for command, *_ in commands]
        return [found[0]["sealed"], found[1]["about"]["sealed"], found[2]["sealed"]]

    assert documents() == [None, None, None]
    assert "sealed: no; to seal it: nilo seal\n" in sealing.call("info").out
    sealed = seal(sealing)
    sealing.call("do", "add-memory", "web01", "2MiB")
    expected = {name: sealed[name] for name in ("origin", "size", "position", "sealed")}
    assert documents() == [expected] * 3
    for command in commands:
        text = sealing.call(*command).out
        assert re.search(rf"sealed:? up to (position |#)9 as {NAME}", text), text
        assert "nilo verify" in text


def test_a_restore_is_recorded_and_its_seal_goes_on_under_another_name(sealing: Desk) -> None:
    seal(sealing)
    backup, place = path(sealing, "backup.db"), f"sqlite:///{path(sealing, 'restored.db')}"
    assert sealing.call("backup", backup).code == 0
    restored = sealing.call("restore", backup, "--ledger", place, "--actor", "carla", "--format", "json")
    assert (problems("backup", restored.json), restored.json["recorded_at"]) == ([], 10)
    (event,) = sealing.call("log", "-n", "1", "--ledger", place, "--format", "json").lines
    assert event["type"] == "nilometer.import.restored.v1"
    assert (event["actor"], event["data"]["sealed_as"]) == ("carla", NAME)
    told = sealing.call("show", "10", "--ledger", place)
    assert f"restored from the backup {backup}: it goes on after 9 events; 9 of them sealed as {NAME}" in told.out
    refused = sealing.call("seal", "--key", path(sealing, "seal.key"), "--ledger", place)
    assert (refused.code, "nilo seal --rotate" in refused.err) == (2, True)
    sealing.call("key", "new", f"{NAME}-2", "-o", path(sealing, "second.key"))
    again = sealing.call("seal", "--key", path(sealing, "second.key"), "--rotate", "--ledger", place)
    assert again.out.startswith(f"1 event sealed as {NAME}-2: 10 in all")


def test_a_rotation_without_new_events_says_what_was_signed(sealing: Desk) -> None:
    seal(sealing)
    second = sealing.call("key", "new", f"{NAME}-2", "-o", path(sealing, "second.key")).out.strip()
    rotated = sealing.call("seal", "--key", path(sealing, "second.key"), "--rotate")
    anew = f"no new events, and the checkpoint is signed anew: 9 events sealed as {NAME}-2, up to position 9\n"
    assert rotated.out == anew
    assert (
        "1 older checkpoint is signed by keys that were not named"
        in sealing.call("verify", "--verifier-key", second).out
    )


def test_a_checkpoint_is_kept_also_where_nothing_is_new(sealing: Desk) -> None:
    first = seal(sealing)
    kept = Path(path(sealing, "checkpoint"))
    assert seal(sealing, "--checkpoint", str(kept))["events"] == 0
    assert kept.read_text() == first["checkpoint"]
    sealing.call("do", "add-memory", "web01", "2MiB")
    second = seal(sealing)  # elsewhere, without the file
    assert seal(sealing, "--checkpoint", str(kept))["events"] == 0
    assert kept.read_text() == second["checkpoint"] != first["checkpoint"]


def test_files_that_are_no_key_and_no_checkpoint_are_named_with_a_hint(sealing: Desk) -> None:
    seal(sealing)
    empty = sealing.write("empty.pub", "# nothing yet\n")
    for args, says in (
        (("--verifier-key", empty), f"{empty}: this is not a file of verifier keys: there is no verifier key in it"),
        (("--verifier-key", "nope.pub"), "nope.pub: No such file"),
        (("--against", path(sealing, "nope")), f"{path(sealing, 'nope')}: No such file"),
        (("--against", path(sealing, "seal.pub")), f"{path(sealing, 'seal.pub')}: this is not a checkpoint: "),
    ):
        answer = sealing.call("verify", *args)
        assert (answer.code, says in answer.err, "\nhint: name " in answer.err) == (2, True, True), answer.err

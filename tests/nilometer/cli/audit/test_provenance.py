"""What an audit says about itself, so that it can be repeated."""

from __future__ import annotations

import gzip
from getpass import getuser
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from domain.errors import InputError
from nilometer.audit.provenance import FileDigests
from rules.judging.fingerprint import rules_digest
from tests.nilometer.cli.calling import Desk


def test_a_file_is_named_with_the_digest_of_its_bytes_as_they_are(desk: Desk, history: str) -> None:
    content = Path(history).read_bytes()
    packed = desk.write("history.jsonl.gz", gzip.compress(content))
    about = desk.call("audit", history, packed, "--format", "json").json["about"]
    assert about["files"] == [
        {"name": name, "bytes": Path(name).stat().st_size, "sha256": sha256(Path(name).read_bytes()).hexdigest()}
        for name in (history, packed)
    ]
    piped = desk.process("audit", "-", "--format", "json", stdin=content).json["about"]
    assert piped["files"] == [{"name": "stdin", "bytes": len(content), "sha256": sha256(content).hexdigest()}]


@pytest.mark.parametrize("cores", ["1", "2"])
def test_the_ledger_its_first_and_last_event_the_rules_and_the_user_are_named(desk: Desk, cores: str) -> None:
    desk.with_history()
    about = desk.call("audit", "--cores", cores, "--format", "json").json["about"]
    (judged,) = about["histories"]
    assert judged["ledger"] == f"urn:uuid:{desk.call('info', '--format', 'json').json['id']}"
    assert (judged["first"]["position"], judged["first"]["subject"]) == (1, "host/hv01")
    assert judged["last"]["position"] == 9
    assert (about["actor"], about["tool"]) == (getuser(), f"nilometer {version('nilometer')}")
    assert about["rules_sha256"] == rules_digest()
    assert about["begun"] <= about["ended"]
    assert about["files"] == []


def test_people_see_the_same(desk: Desk, history: str) -> None:
    shown = desk.call("audit", history).out
    for text in (
        sha256(Path(history).read_bytes()).hexdigest(),
        rules_digest(),
        "from #1 (",
        f"by {getuser()} on ",
        "without a seal",
    ):
        assert text in shown


def test_a_violation_is_executed_for_programs_too(desk: Desk, history: str) -> None:
    content = Path(history).read_text().replace('"granted":2147483648', '"granted":2149580800')
    first = desk.call("audit", desk.write("edited.jsonl", content), "--format", "json").json["findings"][0]
    assert first["verdict"] == "violated"
    assert first["let"]["host.free"] > 0
    assert "add-memory" in first["then"] or "remove-memory" in first["then"]


def test_a_file_that_changes_while_it_is_judged_is_refused(tmp_path: Path) -> None:
    file, digests = tmp_path / "history.jsonl", FileDigests()
    file.write_bytes(b"one")
    for _ in range(2):
        with digests.open(str(file)) as stream:
            assert stream.read(9) + stream.read(9) == b"one"
    digests.confirm(str(file))
    assert digests.find(str(file)) == (3, sha256(b"one").hexdigest())
    file.write_bytes(b"two")
    with pytest.raises(InputError, match="changed while it was judged"):
        digests.confirm(str(file))
    with pytest.raises(InputError, match="changed while it was judged"), digests.open(str(file)) as stream:
        assert stream.read(9) + stream.read(9) == b"two"

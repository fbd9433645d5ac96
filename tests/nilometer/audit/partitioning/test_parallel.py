"""A history judged by several processes comes to the same as judged by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import InputError
from nilometer import Ledger
from nilometer.audit.histories import histories
from nilometer.audit.partitioning import parallel as sharing
from nilometer.audit.partitioning.parallel import MOST_PROCESSES, judge_in_parallel, partition_history, survey_history
from nilometer.audit.policies import make_judge
from nilometer.audit.result import Audit
from nilometer.audit.sources import FileSource, LedgerSource
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import envelope_to_cloudevent
from nilometer.history.restoring import restore
from nilometer.textio.files import open_input
from rules.judging.findings import Verdict
from rules.judging.scope import EVERYTHING
from rules.policies.policy import Policy
from rules.policies.reading import read_policies
from tests.domain.given import HOST, START, WEB, do
from tests.nilometer.importers.qemu.reading import S7, facts, lines_of
from tests.oracle.strategies import Seeded
from tests.rules.judging.histories import history, moment, random_history
from tests.rules.judging.observed.recordings import envelopes

OBSERVED = facts(lines_of(S7))
LEDGER = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short histories are shared out too, and those that lie mostly on one host."""
    monkeypatch.setattr(sharing, "FEWEST_EVENTS", 1)
    monkeypatch.setattr(sharing, "LARGEST_PART", 1)


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """Random moves between several hosts, beside a host that is alone, and a real one that was observed."""
    on_one = {**WEB, "vm": "alone", "host": "alone01"}
    added = [do("add-memory", "alone", amount="2MiB")] * 50
    recorded = random_history(Seeded(5), 500)
    for more in (history({**HOST, "host": "alone01"}, on_one, {**START, "vm": "alone"}, *added), envelopes(OBSERVED)):
        recorded += [replace(extra, position=len(recorded) + number) for number, extra in enumerate(more, start=1)]
    recorded = [replace(each, metadata=replace(each.metadata, recorded=moment(10**9))) for each in recorded]
    documents = [envelope_to_cloudevent(envelope, LEDGER) for envelope in recorded]
    assert {"move-vm"} < {document["data"].get("command") for document in documents}
    return [spelled(document) for document in documents]


def spelled(document: dict[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def written(folder: Path, lines: Sequence[bytes]) -> str:
    file = folder / "history.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return str(file)


def alone(name: str, policies: Sequence[Policy] = ()) -> Audit:
    audit = Audit(minor=True)
    for read in histories([name], open_input):
        judge = make_judge(policies)
        audit.judge(read.events, judge, read.source)
        audit.finish(judge, read.source)
    return audit


def together(source: FileSource | LedgerSource, processes: int = 2, policies: Sequence[Policy] = ()) -> Audit:
    partition = partition_history(source, processes, policies)
    assert partition is not None
    assert set(partition.part_of.values()) == set(range(processes))
    audit = Audit(minor=True)
    judge_in_parallel(audit, source, partition, EVERYTHING, policies=policies)
    return audit


def the_same(one: Audit, other: Audit) -> bool:
    def texts(audit: Audit) -> list[str]:
        return sorted(str(finding) for finding in audit.findings)

    return one.coverage.rules == other.coverage.rules and texts(one) == texts(other) and one.verdict is other.verdict


def test_what_is_found_does_not_hang_on_how_many_judge(tmp_path: Path, lines: list[bytes]) -> None:
    name = written(tmp_path, lines)
    found = together(FileSource([name]))
    assert the_same(found, alone(name))
    assert found.coverage.events == len(lines)
    assert found.verdict is Verdict.UNKNOWN  # of the observed part


def test_a_wrong_history_is_as_wrong(tmp_path: Path, lines: list[bytes]) -> None:
    documents = [json.loads(line) for line in lines]
    for document in documents:
        if document["type"].startswith("nilometer.vm.memory-added"):
            document["data"]["granted"] += 2**21
    name = written(tmp_path, [spelled(document) for document in documents])
    found = together(FileSource([name]), 3)
    assert found.verdict is Verdict.VIOLATED
    assert the_same(found, alone(name))


POLICIES = """
[nothing_held]
says = "No host holds anything."
holds = "host.held == 0"

[no_growth]
says = "No VM grows."
holds = "vm.assigned <= before.assigned"

[some]
vms = SOME
says = "Some VMs hold nothing together."
holds = "group.held == 0"

[two]
one = "alone"
other = "OTHER"
says = "They never hold anything together."
holds = "one.held == 0 or other.held == 0"
"""


def test_policies_are_asked_alike_of_vms_on_hosts_that_several_processes_judge(
    tmp_path: Path, lines: list[bytes]
) -> None:
    name = written(tmp_path, lines)
    defined = [json.loads(line)["subject"] for line in lines if b"nilometer.vm.defined" in line]
    gone = {json.loads(line)["subject"] for line in lines if b"nilometer.vm.removed" in line}
    others = sorted({subject.removeprefix("vm/") for subject in {*defined} - gone} - {"alone"})
    policies = read_policies(POLICIES.replace("SOME", json.dumps(others)).replace("OTHER", others[0]), "p.toml")
    apart = partition_history(FileSource([name]), 2, policies[:3])
    assert apart is not None
    assert apart.part_of[b"vm/alone"] != apart.part_of[f"vm/{others[0]}".encode()]
    asked_together = partition_history(FileSource([name]), 2, policies)
    assert asked_together is not None
    assert asked_together.part_of[b"vm/alone"] == asked_together.part_of[f"vm/{others[0]}".encode()]
    for some in (policies[:3], policies):
        found, expected = together(FileSource([name]), 2, some), alone(name, some)
        assert the_same(found, expected)
        counts = [expected.coverage.rules[f"policy/{policy.name}"] for policy in some]
        assert all(count.holds + count.violated for count in counts), counts
        assert any(count.violated for count in counts)


def test_a_ledger_is_shared_out_too(tmp_path: Path, lines: list[bytes]) -> None:
    name = written(tmp_path, lines)
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True) as ledger, Path(name).open("rb") as stream:
        restore(ledger, read_history(stream, name))
        last = ledger.position
    assert together(LedgerSource(url, last)).coverage.rules == alone(name).coverage.rules


@pytest.mark.parametrize("odd", ["gap", "double", "other ledger", "other spaces", "disorder"])
def test_a_history_with_something_odd_is_judged_by_one(tmp_path: Path, lines: list[bytes], odd: str) -> None:
    changed = {
        "gap": [*lines[:10], *lines[11:]],
        "double": [*lines[:10], lines[9], *lines[10:]],
        "other ledger": [*lines[:-1], lines[-1].replace(LEDGER.encode(), LEDGER.replace("1", "2").encode())],
        "other spaces": [lines[0].replace(b'":', b'": '), *lines[1:]],
        "disorder": [lines[1], lines[0], *lines[2:]],
    }[odd]
    assert partition_history(FileSource([written(tmp_path, changed)]), 2) is None


def test_all_on_one_host_is_judged_by_one(tmp_path: Path, lines: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LARGEST_PART", 0.1)
    assert partition_history(FileSource([written(tmp_path, lines)]), 2) is None


def test_a_line_that_no_process_can_read_is_told_with_its_place(tmp_path: Path, lines: list[bytes]) -> None:
    broken = lines[20].replace(b'"outcome":', b'"outcom":')
    name = written(tmp_path, [*lines[:20], broken, *lines[21:]])
    partition = partition_history(FileSource([name]), 2)
    assert partition is not None
    with pytest.raises(InputError, match=r"history\.jsonl:21: "):
        judge_in_parallel(Audit(), FileSource([name]), partition, EVERYTHING)


def test_no_more_processes_are_started_than_can_judge(tmp_path: Path, lines: list[bytes]) -> None:
    source = FileSource([written(tmp_path, lines)])
    partition = partition_history(source, 100_000)
    assert partition is not None
    assert partition.parts == len(set(partition.part_of.values())) <= MOST_PROCESSES
    assert partition.parts == min(len(survey_history(source).sizes), MOST_PROCESSES)

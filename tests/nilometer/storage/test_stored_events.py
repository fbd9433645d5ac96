"""Events as they are stored: of an older shape, of a kind that is unknown, and damaged."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from domain.errors import InputError
from domain.events import VmDefined
from domain.identifiers import vm_stream
from domain.kinds import EVENTS
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import write_lines
from nilometer.ledger.ledger import Ledger
from nilometer.storage.bodies import decode, encode
from nilometer.storage.upcasters import UPCASTERS
from tests.nilometer.ledger.asking import a_vm, ask, stored, vm, with_web01
from tests.nilometer.storage.make_v1 import GOLDEN, ID, history
from tests.nilometer.storage.meanwhile import recorder_of
from tests.projections.histories import HOST, START, WEB, told


class TestOfVersionOne:
    """Until version 2 of ``vm.defined`` a VM had no name beside its id."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return Path(shutil.copy(GOLDEN, tmp_path / "ledger.db"))

    def test_a_vm_without_a_name_is_called_by_its_id(self, path: Path) -> None:
        with Ledger.open(f"sqlite:///{path}", read_only=True) as ledger:
            defined = [envelope.event for envelope in ledger.events() if isinstance(envelope.event, VmDefined)]
            assert [event.name for event in defined] == ["web01", "Büro-PC 7"]
            assert {id: tracked.subject.name for id, tracked in ledger.views.fleet().vms.items()} == {
                "web01": "web01",
                "Büro-PC 7": "Büro-PC 7",
            }
            assert ledger.id == ID

    def test_reading_it_changes_no_byte_of_its_file(self, path: Path) -> None:
        with Ledger.open(f"sqlite:///{path}", read_only=True) as ledger:
            assert len(list(ledger.events())) == 5
            assert len(list(ledger.stream("vm/web01"))) == 2
        assert path.read_bytes() == GOLDEN.read_bytes()

    def test_writing_to_it_leaves_what_was_stored_as_it_was(self, path: Path) -> None:
        with Ledger.open(f"sqlite:///{path}") as ledger:
            before = stored(ledger)
            assert [topic for _, _, topic, _ in before].count("vm.defined/1") == 2
            assert ask(ledger, "add-memory", vm="web01", amount="1GiB").positions == (6, 7)
            ask(ledger, "define-vm", **a_vm(vm="db01", name="Datenbank"))
            assert ask(ledger, "define-vm", key="k1", **a_vm()).repeated
        with Ledger.open(f"sqlite:///{path}", read_only=True) as ledger:
            assert stored(ledger)[:5] == before
            assert stored(ledger)[7][2] == "vm.defined/2"
            assert vm(ledger).assigned == 5 * 2**30
            assert ledger.views.compare().equal

    def test_an_export_has_its_data_as_they_were_stored(self, path: Path) -> None:
        with Ledger.open(f"sqlite:///{path}", read_only=True) as ledger:
            lines = [json.loads(line) for line in write_lines(ledger.rows(), ledger.id)]
            assert [line["data"] for line in lines] == [json.loads(body)["data"] for *_, body in stored(ledger)]
        assert lines[1]["type"] == "nilometer.vm.defined.v1"
        assert "name" not in lines[1]["data"]
        assert path.read_bytes() == GOLDEN.read_bytes()

    def test_the_file_is_what_its_maker_makes(self, tmp_path: Path) -> None:
        with Ledger.open(f"sqlite:///{GOLDEN}", read_only=True) as ledger:
            kept = stored(ledger)
        made = [(str(e.originator_id), e.originator_version, e.topic, e.state) for e in history(str(tmp_path))]
        assert kept == made


STARTED = told(HOST, WEB, START)[-2]
TOPIC, BODY = encode(STARTED.event, STARTED.metadata)


def test_an_event_is_read_as_it_was_written() -> None:
    assert decode("vm/web01", 2, TOPIC, BODY) == replace(STARTED, stream=vm_stream("web01"), version=2, position=0)
    assert decode("vm/web01", 2, TOPIC, BODY, 7).position == 7


@pytest.mark.parametrize(
    "row",
    [("vm/web01", 2, TOPIC, BODY.decode()), ("vm/web01", 2, TOPIC.encode(), BODY), (b"vm/web01", 2, TOPIC, BODY)]
    + [("vm/web01", version, TOPIC, BODY) for version in ("2", 2.0, True)],
)
def test_a_row_with_values_of_other_types_is_not_read(row: tuple[Any, Any, Any, Any]) -> None:
    with pytest.raises(UnreadableEvent, match="its row has values of other types than it was written with"):
        decode(*row)


def test_an_attribute_that_nobody_knows_is_named() -> None:
    with pytest.raises(UnreadableEvent, match="has the unknown attribute 'colour'"):
        decode("vm/web01", 2, TOPIC, BODY.replace(b"{", b'{"colour":"red",', 1))


@pytest.mark.parametrize("wrong", [b'"1"', b"true", b"1.0"])
def test_a_number_that_is_written_as_something_else_is_not_read(wrong: bytes) -> None:
    with pytest.raises(UnreadableEvent, match=r"data\.after\.session: is not a whole number"):
        decode("vm/web01", 2, TOPIC, BODY.replace(b'"session":1', b'"session":' + wrong))


UNREADABLE = [
    ("vm.exploded/1", b"{}", "its type 'vm.exploded/1' is unknown to this version of Nilometer", "or a newer one"),
    ("vm.defined/99", b"{}", "its type 'vm.defined/99' is unknown to this version of Nilometer", "or a newer one"),
    ("vm.stopped/1", b"not JSON", "Invalid JSON", ""),
    ("vm.stopped/1", b'{"actor":"ann"}', "is missing", ""),
]


@pytest.mark.parametrize(("topic", "body", "why", "hint"), UNREADABLE)
def test_an_event_that_cannot_be_read_is_shown_with_its_place_and_nothing_is_decided_after_it(
    url: str, topic: str, body: bytes, why: str, hint: str
) -> None:
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
    with closing(Ledger.open(url)) as ledger:
        recorder_of(ledger).record([StoredEvent("vm/web01", 3, topic, body)])
        before = stored(ledger)
        for events in (ledger.events(), ledger.stream("vm/web01")):
            with pytest.raises(UnreadableEvent, match=r"^event vm/web01/3 ") as error:
                list(events)
            assert why in str(error.value)
            assert hint in error.value.hint
        with pytest.raises(InputError, match=r"event vm/web01/3 at position 5 cannot be read") as refused:
            ask(ledger, "add-memory", vm="web01", amount="2MiB")
        assert why in str(refused.value)
        assert "nothing was recorded" in str(refused.value)
        assert stored(ledger) == before
        assert ask(ledger, "set-reserve", host="hv01", reserve="1GiB").in_full  # others are not held up


def test_each_older_version_of_each_kind_has_a_way_to_the_next_and_none_else_has() -> None:
    assert {(kind, older) for kind, version in EVENTS for older in range(1, version)} == UPCASTERS.keys()

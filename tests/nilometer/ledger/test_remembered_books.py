"""The books of groups, and which policies are adopted, as a writer remembers them and reads them anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.aggregates import GroupAggregate, HistoryError
from domain.commands import AddMemory, Pause
from domain.decision import Code
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.identifiers import StreamName, UtcTime
from domain.observed.events import HostRetired
from domain.policy_events import GroupOpened, PoliciesGroupChanged
from domain.quantities import GiB
from domain.state import Group
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.repository import BookMissingError, Repository
from nilometer.ledger.requests import Request
from nilometer.storage.application import LedgerApplication
from nilometer.storage.recorder import NOTHING_EXPECTED
from tests.nilometer.ledger.asking import a_host, a_vm, ask, request
from tests.nilometer.ledger.unproved import adopt_unproved
from tests.nilometer.storage.meanwhile import Commits

BOOK = "group/shop"
LIMIT = '''
@scope(vms=("web*", "db*"), group="shop")
def limit(group: Group) -> bool:
    """The shop holds at most 20 GiB."""
    return group.held <= 20 * GiB
'''
LESS = LIMIT.replace("limit", "less")
TENTH = '''
def tenth_stays_free(host: Host) -> bool:
    """10 % of each host stay free."""
    return host.free * 10 >= host.total
'''
AT = [f"2026-11-23T09:00:0{second}.000000Z" for second in range(10)]
ADD = AddMemory("web01", GiB)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with two hosts, on each of which a VM of 4 GiB runs; both are in a group that may hold 20 GiB."""
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as opened:
        for command, arguments in (
            ("register-host", a_host()),
            ("register-host", a_host(host="hv02")),
            ("define-vm", a_vm()),
            ("define-vm", a_vm(vm="db01", host="hv02")),
            ("start", {"vm": "web01"}),
            ("start", {"vm": "db01"}),
        ):
            ask(opened, command, at=AT[0], **arguments)
        adopt_unproved(opened, LIMIT)
        yield opened


def remembering(ledger: Ledger) -> Repository:
    """What somebody else remembers of it: nothing yet."""
    return Repository(ledger.recorder, LedgerApplication(ledger.recorder), ledger.views)


@pytest.fixture
def known(ledger: Ledger) -> Repository:
    return remembering(ledger)


def retire(ledger: Ledger, name: str = "limit") -> None:
    ledger.retire_policy(name, actor="ann", via="test")


def test_the_book_of_a_group_is_read_as_its_last_event_left_it(ledger: Ledger, known: Repository) -> None:
    assert known.version(BOOK) == 0
    assert known.load(ADD).groups == (GroupAggregate("shop", Group(8 * GiB), version=1),)
    ask(ledger, "add-memory", vm="db01", amount="2GiB")
    assert known.load(ADD).groups == (GroupAggregate("shop", Group(8 * GiB), version=1),), "it is remembered"
    assert (known.version(BOOK), remembering(ledger).load(ADD).groups[0]) == (
        1,
        GroupAggregate("shop", Group(10 * GiB), version=2),
    )


def test_a_group_without_a_book_has_none_nor_has_one_whose_book_is_closed(ledger: Ledger) -> None:
    retire(ledger)
    adopt_unproved(ledger, LESS, with_book=False)
    with pytest.raises(BookMissingError, match="shop"):
        remembering(ledger).load(ADD)
    assert ask(ledger, "add-memory", vm="web01", amount="10GiB").granted == 10 * GiB
    assert ask(ledger, "add-memory", vm="db01", amount="12GiB").granted == 2 * GiB


def test_a_book_that_is_opened_for_a_command_is_recorded_as_who_asked_for_it(ledger: Ledger) -> None:
    retire(ledger)
    adopt_unproved(ledger, LESS, with_book=False)
    asked = Request(ADD, "bob", "tool", reason="CHG-2", correlation="c1")
    with Ledger.open(ledger.url) as other:
        commits = Commits(ledger, lambda: ask(other, "add-memory", vm="db01", amount="1GiB"))
        assert ledger.execute(asked).granted == GiB
    assert commits.tried == 2, "the other one opened it"
    retire(ledger, "less")
    adopt_unproved(ledger, LIMIT, with_book=False)
    position = ledger.position
    ledger.execute(asked)
    opened, changed, added, *_ = ledger.events(position)
    assert (opened.stream, opened.version, changed.event) == (
        BOOK,
        7,
        PoliciesGroupChanged(group="shop", version=7, opened=True),
    )
    for one in (opened, changed, added):
        metadata = one.metadata
        assert (metadata.actor, metadata.via, metadata.reason, metadata.correlation) == ("bob", "tool", "CHG-2", "c1")
        assert AT[9] < metadata.happened <= metadata.recorded
    assert [one.event.after.held // GiB for one in ledger.stream(BOOK) if isinstance(one.event, GroupOpened)] == [
        8,
        8,
        10,
    ]


def test_a_group_that_never_had_a_book_has_none(ledger: Ledger) -> None:
    adopt_unproved(ledger, LIMIT.replace("limit", "all").replace('"shop"', '"all"'), with_book=False)
    with pytest.raises(BookMissingError, match="all"):
        remembering(ledger).load(ADD)


def test_what_is_no_event_of_a_group_is_no_book(ledger: Ledger, known: Repository) -> None:
    now = UtcTime(AT[9])
    metadata = Metadata(actor="ann", via="test", happened=now, recorded=now, correlation="1")
    odd = Envelope(StreamName(BOOK), 2, HostRetired(), metadata)
    LedgerApplication(ledger.recorder).put([odd], (), NOTHING_EXPECTED)
    with pytest.raises(HistoryError, match=r"group/shop/2: host\.retired cannot stand on this stream"):
        known.load(ADD)


def test_a_group_is_as_of_the_last_command_on_any_of_its_vms_and_not_of_when_its_book_was_opened(
    ledger: Ledger, known: Repository
) -> None:
    known.load(ADD)
    assert known.as_of([BOOK]) == ""
    ask(ledger, "add-memory", vm="db01", amount="1GiB", at=AT[3])
    assert ask(ledger, "add-memory", vm="web01", amount="1GiB", at=AT[3]).happened == AT[3]
    ask(ledger, "add-memory", vm="db01", amount="1GiB", at=AT[5])
    again = remembering(ledger)
    again.load(ADD)
    assert (again.as_of([BOOK]), again.as_of(["vm/web01"])) == (AT[5], AT[3])


def test_what_is_decided_now_is_remembered_of_the_book(ledger: Ledger) -> None:
    ask(ledger, "add-memory", vm="db01", amount="1GiB", at=AT[5])
    with pytest.raises(InputError, match=r"'at' .* is before the last event of group/shop"):
        ask(ledger, "add-memory", vm="web01", amount="1GiB", at=AT[4])
    assert ask(ledger, "pause", vm="web01", at=AT[5]).happened == AT[5], "it reads the book, too"


def test_a_book_is_read_anew_before_what_it_says_is_believed(ledger: Ledger, known: Repository) -> None:
    known.begin()
    reads = known.load(ADD)
    assert not known.refresh(reads.streams), "all was read in one transaction"
    known.begin()
    assert not known.refresh(reads.streams), "nothing was recorded"
    ask(ledger, "add-memory", vm="db01", amount="1GiB")
    known.begin()
    assert known.refresh([BOOK])
    assert (known.version(BOOK), known.load(ADD).groups[0].state) == (2, Group(9 * GiB))
    assert not known.refresh([BOOK]), "it was read since the unit of work began"
    ask(ledger, "add-memory", vm="db01", amount="1GiB")
    known.begin()
    assert not known.refresh([BOOK], written=[BOOK]), "what is written stays as it is"
    assert known.version(BOOK) == 2


def test_news_of_a_vm_are_news_whatever_the_book_says(ledger: Ledger, known: Repository) -> None:
    streams = known.load(ADD).streams
    ask(ledger, "pause", vm="web01")
    known.begin()
    assert known.refresh(sorted(streams, reverse=True))
    assert known.version("vm/web01") == 3


def test_a_book_that_is_closed_is_forgotten_with_the_policies(ledger: Ledger, known: Repository) -> None:
    streams = known.load(ADD).streams
    retire(ledger)
    known.begin()
    assert known.refresh(streams)
    assert (known.version(BOOK), known.policy_set().adopted) == (0, ())


def test_who_forgets_the_policies_or_the_book_reads_them_again(ledger: Ledger, known: Repository) -> None:
    for forget in (known.forget_policies, lambda: known.forget([BOOK])):
        known.load(ADD)
        assert known.version(BOOK) == 1
        forget()
        assert known.version(BOOK) == 0
    retire(ledger)
    assert [policy.name for policy in known.policies] == ["limit"], "they are remembered"
    known.forget_policies()
    assert known.policy_set().adopted == ()


def test_policies_are_read_anew_and_the_books_with_them_where_others_are_adopted(
    ledger: Ledger, known: Repository
) -> None:
    known.load(ADD)
    assert not known.refresh_policies()
    assert known.version(BOOK) == 1
    retire(ledger)
    assert known.refresh_policies()
    assert (known.policy_set().adopted, known.version(BOOK)) == ((), 0)
    assert not known.refresh_policies()
    adopt_unproved(ledger, TENTH)
    assert known.policy_set().adopted == (), "who keeps none asks no further: a commit expects that there are none"


def test_a_registration_that_a_policy_refused_is_decided_again_where_it_is_retired(ledger: Ledger) -> None:
    adopt_unproved(ledger, TENTH)
    full = a_host(host="hv09", reserve="64GiB")
    with Ledger.open(ledger.url) as other:
        assert ask(other, "register-host", **full).code is Code.POLICY
        retire(ledger, "tenth_stays_free")
        assert ask(other, "register-host", **full).code is None


def test_commands_of_one_commit_on_vms_of_one_group_count_on_each_other(ledger: Ledger) -> None:
    ask(ledger, "add-memory", vm="db01", amount="1GiB")  # the book is remembered
    lines = [request("add-memory", vm=vm, amount="7GiB") for vm in ("db01", "web01", "web01")]
    answers = ledger.execute_all(lines)
    assert [getattr(answer, "granted", None) for answer in answers] == [7 * GiB, 4 * GiB, 0]
    assert [envelope.version for envelope in ledger.stream(BOOK)] == [1, 2, 3, 4]


def test_a_book_that_is_opened_is_recorded_though_the_command_is_an_error(ledger: Ledger) -> None:
    retire(ledger)
    adopt_unproved(ledger, LESS, with_book=False)
    with Ledger.open(ledger.url) as other:
        with pytest.raises(InputError, match="is before the last event"):
            ask(other, "add-memory", vm="web01", amount="1GiB", at="2026-11-23T08:00:00.000000Z")
        assert other.has_recorded
    assert isinstance([one.event for one in ledger.stream(BOOK)][-1], GroupOpened)


def test_the_book_is_read_after_the_vms_beside(ledger: Ledger, known: Repository) -> None:
    adopt_unproved(ledger, TENTH, "add-memory")
    reads = known.load(ADD)
    assert ([vm.id for vm in reads.beside], reads.groups[0].state) == (["web01"], Group(8 * GiB))


def test_a_vm_of_no_group_reads_no_book(ledger: Ledger, known: Repository) -> None:
    ask(ledger, "define-vm", **a_vm(vm="app01"))
    assert known.load(Pause("app01")).groups == ()
    assert known.version(BOOK) == 0

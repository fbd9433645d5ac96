"""Worker and VMMS events as XML. The two samples are real; the others are synthetic and have their shape."""

from __future__ import annotations

import io

import pytest

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.state import Power
from nilometer.importers.hyperv.readings import PowerReading
from nilometer.importers.hyperv.sources.event_logs import event_log, xml_stream
from nilometer.importers.hyperv.sources.event_logs.event_log import MEANINGS
from nilometer.importers.hyperv.sources.source import FileContext
from nilometer.importers.run import SkippedRecords
from nilometer.messages.events import describe
from tests.nilometer.importers.hyperv.sources.files import powers, read, read_on, sample
from tests.nilometer.importers.hyperv.synthetic import Store

VM = "d9e0eb0a-5b37-508e-9173-67e9ade83acf"
ACCOUNT = "S-1-5-83-1-3655396106-1351506743-3915871121-3476744365"
WORKER = 'Name="Microsoft-Windows-Hyper-V-Worker" Guid="{51ddfa29-d5c8-4803-be4b-2ecb715570fe}"'
VMMS = 'Name="Microsoft-Windows-Hyper-V-VMMS" Guid="{6066F867-7CA1-4418-85FD-36E3F9C0600C}"'
NAMED = f"<VmName>web01</VmName><VmId>{VM.upper()}</VmId>"


def event(
    number: object = 18500,
    *,
    provider: str = WORKER,
    data: str = NAMED,
    account: str = ACCOUNT,
    time: str = "2026-11-23T09:00:00.1234567Z",
    record: object = 1,
    channel: str = "Microsoft-Windows-Hyper-V-Worker-Admin",
) -> str:
    """A synthetic event, on one line as ``ToXml()`` gives it."""
    return (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
        f"<Provider {provider}/><EventID>{number}</EventID><TimeCreated SystemTime='{time}'/>"
        f"<EventRecordID>{record}</EventRecordID><Channel>{channel}</Channel>"
        f"<Computer>HV01.corp.local</Computer><Security UserID='{account}'/></System>"
        '<UserData><VmlEventLog xmlns="http://www.microsoft.com/Windows/Virtualization/Events">'
        f"{data}</VmlEventLog></UserData></Event>"
    )


def only(text: str) -> PowerReading:
    (reading,) = powers(read(event_log, text))
    return reading


STARTED = PowerReading(
    at=UtcTime("2026-11-23T09:00:00.123456Z"), record="file:1", host="hv01.corp.local", vm_id=VM, name="web01",
    power=Power.RUNNING, new_session=True, log_event="Hyper-V-Worker 18500",
)  # fmt: skip


def test_a_start_is_a_running_vm_and_a_new_session() -> None:
    assert only(event()) == STARTED


@pytest.mark.parametrize(
    ("number", "power", "new_session"),
    [
        (18500, Power.RUNNING, True), (18502, Power.OFF, False), (18504, Power.OFF, False), (18508, Power.OFF, False),
        (18512, Power.RUNNING, True), (18514, Power.RUNNING, True), (18515, Power.OFF, False),
        (18528, Power.OFF, False),
        (18539, Power.RUNNING, True), (18540, Power.RUNNING, True), (18550, Power.RUNNING, True),
        (18560, Power.RUNNING, True), (18510, None, False), (18516, None, False), (18518, None, False),
        (18596, None, False), (18590, None, False),
    ],
)  # fmt: skip
def test_the_number_of_an_event_tells_power_and_session(number: int, power: Power | None, new_session: bool) -> None:
    told = only(event(number))
    assert (told.power, told.new_session, told.log_event) == (power, new_session, f"Hyper-V-Worker {number}")


def test_every_event_that_is_known_was_tried() -> None:
    assert len(MEANINGS) == 25


def test_the_real_crash_of_a_guest_is_told_and_its_account_is_the_vm_itself() -> None:
    told = only(sample("event_hyperv-worker_18590.xml").decode())
    assert told == PowerReading(
        at=UtcTime("2024-12-09T11:31:23.235620Z"), record="file:1", host="desktop-olunt6j", vm_id=VM,
        name="Virtual Machine", power=None, log_event="Hyper-V-Worker 18590",
    )  # fmt: skip


def test_the_real_event_of_a_migration_tells_nothing_of_power() -> None:
    (told,) = powers(read(event_log, sample("event_hyperv-vmms_20415.xml")))
    assert (told.name, told.power, told.log_event) == ("VM-A", None, "Hyper-V-VMMS 20415")


def test_parameters_without_names_are_read_by_their_place() -> None:
    data = f"<Parameter0>web01</Parameter0><Parameter1>{VM.upper()}</Parameter1><Parameter2>0.5</Parameter2>"
    told = only(event(14070, provider=VMMS, data=data, account="S-1-5-18"))
    assert (told.vm_id, told.name, told.power, told.log_event) == (VM, "web01", None, "Hyper-V-VMMS 14070")


def test_where_the_event_does_not_name_the_vm_its_account_does() -> None:
    told = only(event(data=""))
    assert (told.vm_id, told.name) == (VM, None)


def test_an_event_whose_vm_and_account_differ_is_refused() -> None:
    readings, errors = read_on(event_log, event(account="S-1-5-83-1-1-2-3-4"))
    assert readings == []
    assert errors == [
        f"file:1: is of VM {VM}, but its account is that of VM 00000001-0002-0000-0300-000004000000",
    ]


def test_who_did_it_is_never_told() -> None:
    for account in (ACCOUNT, "S-1-5-18", "S-1-5-21-1-2-3-500"):
        assert only(event(account=account)) == STARTED


def test_a_provider_is_known_by_its_guid_and_only_without_one_by_its_name() -> None:
    assert only(event(provider='Name="Microsoft-Windows-Hyper-V-Worker"')) == STARTED
    assert read(event_log, event(provider='Name="Microsoft-Windows-Hyper-V-Worker" Guid="{0}"')) == []
    assert read(event_log, event(provider='Name="Outlook"')) == []
    assert read(event_log, event(18500, provider=VMMS)) == []


@pytest.mark.parametrize("by", ["\n", "\r\n", "", "\n\n  "])
def test_events_are_read_a_line_each_and_within_a_root(by: str) -> None:
    told = by.join([event(), event(18502), event(1)])
    assert [each.power for each in powers(read(event_log, told))] == [Power.RUNNING, Power.OFF]
    rooted = f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n<Events xmlns="x">{told}</Events>\n'
    assert [each.power for each in powers(read(event_log, rooted))] == [Power.RUNNING, Power.OFF]


def test_utf_16_with_its_declaration_is_read() -> None:
    text = f'<?xml version="1.0" encoding="utf-16"?><Events>{event()}</Events>'
    assert powers(read(event_log, text.encode("utf-16"))) == [STARTED]


class Dripping(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def __init__(self, text: str, step: int) -> None:
        super().__init__(text.encode())
        self._step = step

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read(self._step)


@pytest.mark.parametrize("step", [1, 7, 100])
def test_events_are_read_however_the_file_is_cut_into_pieces(step: int) -> None:
    text = f'<?xml version="1.0"?>\n<Events>\n{event()}\n<!-- ours -->{event(18502)}\n</Events>'
    told = list(event_log.read(Dripping(text, step), "file", FileContext()))
    assert [each.record for each in told] == ["file:3", "file:4"]


@pytest.mark.parametrize("step", [3, 100, 10**6])
def test_what_is_no_event_is_told_once_however_long_it_is_and_again_behind_an_event(step: int) -> None:
    skipped = SkippedRecords(keep_going=True)
    text = f"{'a < b ' * 300}\n{event()}\n{'c < d ' * 300}\n{event()}\nthe end"
    told = list(event_log.read(Dripping(text, step), "file", FileContext(skipped=skipped)))
    assert [each.record for each in told] == ["file:2", "file:4"]
    assert [error.message[:25] for error in skipped.errors] == [
        "file:1: is not an event: ",
        "file:3: is not an event: ",
        "file:5: is not an event: ",
    ]


def at(minute: int, number: int, record: int, channel: str = "Worker-Admin", provider: str = WORKER) -> str:
    return event(number, time=f"2026-11-23T09:{minute:02}:00Z", record=record, channel=channel, provider=provider)


def minutes(*told: str) -> list[tuple[str, str | None]]:
    return [(each.at[14:16], each.log_event) for each in powers(read(event_log, "\n".join(told)))]


def test_events_that_come_newest_first_are_told_oldest_first() -> None:
    oldest_first = [("00", "Hyper-V-Worker 18500"), ("05", "Hyper-V-Worker 18514"), ("09", "Hyper-V-Worker 18502")]
    assert minutes(at(9, 18502, 12), at(5, 18514, 11), at(0, 18500, 9)) == oldest_first
    assert minutes(at(0, 18500, 9), at(5, 18514, 11), at(9, 18502, 12)) == oldest_first


def test_within_a_log_their_numbers_decide_even_if_the_clock_was_set_back() -> None:
    assert [minute for minute, _ in minutes(at(3, 18502, 12), at(5, 18514, 11), at(0, 18500, 9))] == ["00", "05", "03"]


def test_logs_beside_each_other_are_told_by_time_whatever_their_numbers_are() -> None:
    other = at(2, 14070, 70_000, "VMMS-Admin", VMMS)
    due = [("00", "Hyper-V-Worker 18500"), ("02", "Hyper-V-VMMS 14070"), ("05", "Hyper-V-Worker 18502")]
    assert minutes(at(5, 18502, 11), at(0, 18500, 9), other) == due
    assert minutes(other, at(5, 18502, 11), at(0, 18500, 9)) == due


def test_each_event_has_its_own_place_on_whatever_line_it_is() -> None:
    told = powers(read(event_log, f"<Events>{event()}{event()}{event()}\n{event()}</Events>"))
    assert [each.record for each in told] == ["file:1", "file:1: event 2", "file:1: event 3", "file:2"]


def test_events_without_numbers_are_told_in_the_order_of_the_file() -> None:
    told = powers(read(event_log, f"{event(record='')}\n{event(18502, record='?')}"))
    assert [each.record for each in told] == ["file:1", "file:2"]


def test_blanks_around_values_are_no_matter() -> None:
    assert only(event(" 18500 ", data=f"\n <VmName> web01 </VmName>\n <VmId> {VM.upper()} </VmId>\n")) == STARTED


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (event()[:300], "file:2: the event that begins here is cut off"),
        (event(data="<VmId>web01</VmId>"), "file:2: VmId 'web01' is not a GUID"),
        (event(data="", account="S-1-5-18"), "file:2: event 18500 does not say which VM it is of"),
        (event(data="", account="S-1-5-83-1-1-2-3-9999999999"), "file:2: UserID"),
        (event("many"), "file:2: EventID 'many' is not a number"),
        (event(time="2026-11-23 09:00"), "file:2: TimeCreated: '2026-11-23 09:00' does not say its time zone"),
        (event(time="yesterday"), "file:2: TimeCreated: 'yesterday' is not a time"),
        (event(data="&lol;"), "file:2: is not XML: undefined entity"),
        (event(data="<VmId>"), "file:2: is not XML: mismatched tag"),
        ("<Event><Sys/></Event>", "file:2: has no System: is it an event of Windows?"),
        ("Name State", "file:2: is not an event: 'Name State'"),
        ("<Objs><Obj/></Objs>", "file:2: is not an event: '<Objs><Obj/></Objs>'"),
    ],
)
def test_an_event_that_cannot_be_read_is_told_and_does_not_hide_the_rest(bad: str, says: str) -> None:
    readings, errors = read_on(event_log, f"{event()}\n{bad}\n{event(18502)}")
    assert [each.power for each in powers(readings)] == [Power.RUNNING, Power.OFF]
    assert len(errors) == 1
    assert errors[0].startswith(says)


def test_the_last_event_may_be_cut_off() -> None:
    readings, errors = read_on(event_log, f"{event()}\n{event()[:-3]}")
    assert (readings, errors) == ([STARTED], ["file:2: the event that begins here is cut off"])


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "begin",
    [
        f'<!DOCTYPE Events [<!ENTITY l0 "lol">{LAUGHS}]>',
        '<!DOCTYPE Events SYSTEM "http://example.com/events.dtd">',
        '<?xml version="1.0"?>\n<!DOCTYPE Events [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_type_definition_is_refused_before_anything_can_grow(begin: str) -> None:
    text = f"{begin}<Events>{event(data='<VmName>&l9;</VmName>')}</Events>"
    readings, errors = read_on(event_log, text)
    assert readings == []
    line = begin.count("\n") + 1
    assert errors == [f"file:{line}: has a document type definition, which no event log writes"]
    with pytest.raises(InputError, match="is not XML"):
        read(event_log, event(data="<!DOCTYPE x>"))


def test_an_event_that_never_ends_is_told_and_only_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_stream, "LONGEST_EVENT", 2000)
    readings, errors = read_on(event_log, f"<Event {'x' * 200_000}\n{event()}")
    assert [each.record for each in readings] == ["file:2"]
    assert errors == ["file:1: the event that begins here is over 2000 bytes long"]


def test_the_kind_of_file_is_told_from_its_beginning() -> None:
    for name in ("event_hyperv-worker_18590.xml", "event_hyperv-vmms_20415.xml"):
        assert event_log.recognises(sample(name))
    assert not event_log.recognises(b"<Objs><EventLog/></Objs>")
    assert not event_log.recognises(b'{"a": "<Event>"}')


@pytest.mark.parametrize(
    ("provider", "number", "words"),
    [
        (WORKER, 18590, "had a crash of its guest (Hyper-V-Worker 18590)"),
        (WORKER, 18617, "was reset by the watchdog (Hyper-V-Worker 18617): running"),
        (VMMS, 13002, "was created (Hyper-V-VMMS 13002)"),
        (VMMS, 13003, "was deleted (Hyper-V-VMMS 13003)"),
        (VMMS, 18303, "was exported (Hyper-V-VMMS 18303)"),
        (VMMS, 18304, "was created (Hyper-V-VMMS 18304)"),
        (VMMS, 20415, "was migrated (Hyper-V-VMMS 20415)"),
    ],
)
def test_what_an_event_says_of_a_vm_is_recorded_and_said_in_words(provider: str, number: int, words: str) -> None:
    store = Store()
    account = "S-1-5-18" if provider == VMMS else ACCOUNT
    first, second = (
        event(time="2026-11-23T09:00:00Z"),
        event(number, provider=provider, account=account, time="2026-11-23T09:01:00Z", record=2),
    )
    store.take(f"{first}\n{second}".encode(), final=True)
    assert words in describe(store.of(f"vm/{VM}")[-1])


def test_events_of_other_kinds_and_those_of_the_host_are_counted() -> None:
    context = FileContext()
    others = [event(12345), event(20415, provider=VMMS, data="", account="S-1-5-18"), event(provider='Name="Outlook"')]
    assert read(event_log, "\n".join(others), context) == []
    assert (context.counts.records, context.counts.not_needed) == (3, {"event of another kind": 3})

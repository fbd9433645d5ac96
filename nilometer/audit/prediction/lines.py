"""Compares the lines of a history with those that the rules would have written, without reading the events in them.

Of a line only that is read which it claims: the command, who requested it, and when. The rules decide the command in
the state that the history left, and record it. Where that comes to the same bytes as stand there, the line is valid,
and the judge would find nothing in it. Only equality counts: where something is guessed wrongly of a line, it differs
from its prediction, and a line that differs is read and judged.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from pydantic_core import from_json, to_json

from domain.events import HostMemoryGranted, HostMemoryReturned, VmEvent
from domain.identifiers import StreamName, UtcTime, subject_id
from domain.kinds import EVENTS
from domain.quantities import LARGEST
from domain.settings import HostVersion
from domain.state import Vm
from nilometer.times import WRITTEN_TIME, is_day
from rules.judging.decided.predicting import ChangePlace, ChangeSite, ConfirmedChange
from rules.judging.judge import Judge

if TYPE_CHECKING:
    from nilometer.audit.prediction.forms import Forms, PredictedBook, PredictedForm

_TEXT: Final = rb'"((?:[^"\\]++|\\.)++)"'
_PLAIN_TEXT: Final = rb'"([ !#-\[\]-~]++)"'
_NUMBER: Final = rb"([1-9][0-9]{0,14})"
_TIME: Final = f'"({WRITTEN_TIME})"'.encode()
_HEAD: Final = re.compile(rb'\{"actor":%b,"correlation":%b,"data":' % (_TEXT, _PLAIN_TEXT))
_TAIL_BEGINS: Final = b',"datacontenttype":'
"""The last one is that of the line: within a text its quotes would be escaped."""
_TAIL: Final = re.compile(
    rb',"datacontenttype":"application/json","id":"((?:[^"\\]++|\\.)++)","position":%b,'
    rb'((?:"reason":%b,)?"recorded":%b,"source":"([^"\\]++)","specversion":"1\.0",)'
    rb'"subject":"(vm/(?:[^"\\]++|\\.)++)","time":%b,"type":"nilometer\.([^"\\]++)","version":%b,"via":%b\}'
    % (_NUMBER, _TEXT, _TIME, _TIME, _NUMBER, _TEXT)
)
_COMMAND: Final = b'"command":"'
_SIZE: Final = b'"size":'
_FIGURE: Final = re.compile(rb"(0|[1-9][0-9]{0,15})[,}]")

PREDICT_AFTER: Final = 5000
"""So many events are judged one by one before any is predicted: to read the rules takes as long as to judge these.

None are if the rules were read before in this process, as in a worker of Spark, or if as many are known to come.
"""
_EXPECTED: Final = "nilometer.audit.expected"
_TYPES: Final = frozenset(
    f"{kind}.v{shape}".encode() for (kind, shape), event in EVENTS.items() if issubclass(event, VmEvent)
)


class _Subject(NamedTuple):
    """A VM, as the lines of its events name it."""

    stream: StreamName
    vm: str
    in_json: str


class _Header(NamedTuple):
    """What a line says around the data of a VM's event. Texts are as they stand there, in JSON without their quotes."""

    place: ChangePlace
    subject: _Subject
    type: bytes
    data: bytes
    id: bytes
    actor: bytes
    correlation: bytes
    common: bytes
    """What the lines of all events of a change have in the middle: its reason, when it was recorded, and the ledger."""
    time: bytes
    via: bytes


class _VmForms(NamedTuple):
    """The forms of a VM in one state, on a host of one release."""

    vm: Vm
    release: HostVersion
    forms: Forms


class LinePredictor:
    """Passes the lines of changes that are as predicted, and has the judge take them; ``after`` so many events.

    ``None`` is as soon as it pays, where nobody knows how many events there are.
    """

    def __init__(self, judge: Judge, after: int | None = None) -> None:
        self._judge = judge
        self._after = (0 if _rules_are_read() else PREDICT_AFTER) if after is None else after
        self._forms: dict[str, _VmForms] = {}
        self.passed = 0
        """How many events were passed."""
        self._last: tuple[int, str, str] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether so many events were judged, and whole changes can be taken."""
        return self._judge.events_read >= self._after and self._judge.takes_whole_changes

    def take_last(self) -> Iterator[tuple[int, str, str]]:
        """Gives the last event that was passed, once: its position, when it happened, and its stream."""
        last, self._last = self._last, None
        if last is not None:
            yield last

    def pass_lines(self, lines: Sequence[bytes], begin: int) -> int:
        """Passes lines as long as they are as predicted; returns the index of the first that has to be read."""
        source = self._judge.source.encode()
        while begin < len(lines):
            passed = self._pass_change(lines, begin, source)
            if not passed:
                break
            begin += passed
            self.passed += passed
        return begin

    def _pass_change(self, lines: Sequence[bytes], index: int, source: bytes) -> int:
        """Passes the lines of one change; returns how many, 0 if they have to be read."""
        header = _read_header(lines[index], source)
        site = None if header is None else self._judge.find_site(header.place)
        if header is None or site is None:
            return 0
        place, subject = header.place, header.subject
        forms = self._forms_of(subject.vm, site)
        form = _claimed_form(forms.forms, header)
        claim = None if form is None else _claimed_figure(form, header.data)
        if form is None or claim is None:
            return 0
        vm, host = site.vm.state, site.host.state
        predicted = form.predict(vm, host, subject.in_json, _in_json(site.host.id), site.host.version, claim)
        if predicted is None or predicted.data.encode() != header.data:
            return 0
        _, after, figures, book = predicted
        if book is None:
            self._judge.confirm(place, site, ConfirmedChange(form.kind, after, figures, None, None))
            self._last = place.position, place.happened, place.stream
        else:
            if index + 1 == len(lines) or lines[index + 1] != _write_book_line(header, site, book):
                return 0
            self._judge.confirm(place, site, ConfirmedChange(form.kind, after, figures, book.after, book.figures))
            self._last = place.position + 1, place.happened, site.host_stream
        if form.keeps_kind:
            self._forms[subject.vm] = _VmForms(after, forms.release, forms.forms)
        return 1 if book is None else 2

    def _forms_of(self, id: str, site: ChangeSite) -> _VmForms:
        vm, host, forms = site.vm.state, site.host.state, self._forms.get(id)
        if forms is None or forms.vm is not vm or forms.release is not host.version:
            from nilometer.audit.prediction.forms import forms_of  # reads the rules

            forms = self._forms[id] = _VmForms(vm, host.version, forms_of(vm, host))
        return forms


def _rules_are_read() -> bool:
    """Whether the rules were read in this process; what reads them is not loaded to be asked."""
    expected = sys.modules.get(_EXPECTED)
    return expected is not None and cast("Callable[[], bool]", vars(expected)["rules_are_read"])()


def _read_header(line: bytes, source: bytes) -> _Header | None:
    """What a line says around its data; ``None`` if it is none of a VM's event as Nilometer writes it."""
    tail_begins = line.rfind(_TAIL_BEGINS)
    head, tail = _HEAD.match(line), _TAIL.fullmatch(line, tail_begins)
    if head is None or tail is None:
        return None
    actor, correlation = head.groups()
    id, position, common, reason, recorded, ledger, stream, time, type, version, via = tail.groups()
    subject = _subject(stream)
    if subject is None or type not in _TYPES or ledger != source or id != b"%b/%b" % (stream, version):
        return None
    if not (_are_texts(actor, reason, via) and is_day(time[:10]) and is_day(recorded[:10])):
        return None
    happened, its_recording = UtcTime(time.decode()), UtcTime(recorded.decode())
    place = ChangePlace(subject.stream, subject.vm, int(version), int(position), happened, its_recording)
    data = line[head.end() : tail_begins]
    return _Header(place, subject, type, data, id, actor, correlation, common, time, via)  # by position: in each line


def _write_book_line(header: _Header, site: ChangeSite, book: PredictedBook) -> bytes:
    """The line of the event on the host's stream that must follow."""
    stream, version = _in_json(site.host_stream)[1:-1].encode(), site.host.version + 1
    return (
        b'{"actor":"%b","causation":"%b","correlation":"%b","data":%b,"datacontenttype":"application/json",'
        b'"id":"%b/%d","position":%d,%b"subject":"%b","time":"%b","type":"nilometer.%b","version":%d,"via":"%b"}'
        % (
            header.actor,
            header.id,
            header.correlation,
            book.data.encode(),
            stream,
            version,
            header.place.position + 1,
            header.common,
            stream,
            header.time,
            _GRANTED if book.is_granted else _RETURNED,
            version,
            header.via,
        )
    )


def _claimed_form(forms: Forms, header: _Header) -> PredictedForm | None:
    """The form in which an event claims to be recorded."""
    data = header.data
    begin = data.find(_COMMAND) + len(_COMMAND)
    size = data.rfind(_SIZE)
    is_sized = size >= 0 and not data.startswith(b"null", size + len(_SIZE))
    return forms.find(header.type, data[begin : data.find(b'"', begin)], is_sized=is_sized)


def _claimed_figure(form: PredictedForm, data: bytes) -> int | None:
    """The figure that was asked for; 0 where there is none, ``None`` where it cannot be read."""
    if not form.claim:
        return 0
    figure = _FIGURE.match(data, data.rfind(form.claim) + len(form.claim))
    claim = None if figure is None else int(figure[1])
    return claim if claim is None or claim <= LARGEST else None


_GRANTED: Final = f"{HostMemoryGranted.KIND}.v{HostMemoryGranted.VERSION}".encode()
_RETURNED: Final = f"{HostMemoryReturned.KIND}.v{HostMemoryReturned.VERSION}".encode()


@lru_cache(maxsize=1024)
def _are_texts(*written: bytes | None) -> bool:
    """Whether texts in JSON, given without their quotes, are as Nilometer writes them."""
    return all(part is None or _decode(part) is not None for part in written)


def _decode(written: bytes) -> str | None:
    """The text that stands in JSON, given without its quotes; ``None`` if Nilometer would write it otherwise."""
    quoted = b'"%b"' % written
    try:
        text: object = from_json(quoted)
    except ValueError:
        return None
    return text if isinstance(text, str) and to_json(text) == quoted else None


@lru_cache(maxsize=2**16)
def _subject(stream: bytes) -> _Subject | None:
    """The VM of a stream, whose name stands in JSON; ``None`` if Nilometer would write it otherwise."""
    name = _decode(stream)
    if name is None:
        return None
    vm = subject_id(name)
    return _Subject(StreamName(name), vm, _in_json(vm))


@lru_cache(maxsize=2**16)
def _in_json(text: str) -> str:
    return to_json(text).decode()

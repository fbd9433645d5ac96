"""Messages of a QEMU monitor (QMP) in a log: what stands on a line, and when."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.importers.qemu.logs.stamps import STAMP, read_stamp
from nilometer.importers.qemu.records import Json, as_object
from nilometer.times import to_utc_time

_LIBVIRT: Final = re.compile(rb"QEMU_MONITOR_(?:SEND_MSG|RECV_REPLY|RECV_EVENT): mon=(\S+) (?:msg|reply|event)=")
"""A message in libvirt's log; that has other lines too, some with the same messages as text."""
_LIBVIRT_LINE: Final = re.compile(rb" ?\d+: (?:debug|info|warning|error) : ")
_BEGIN: Final = re.compile(rb'\{\s*"(?:QMP|execute|exec-oob|return|error|event|timestamp|id|arguments)"\s*:')
_NO_TIME: Final = (
    "log each message with its time: socat - UNIX:qmp.sock | TZ=UTC ts '%Y-%m-%dT%H:%M:%.SZ' > qmp.log; "
    'or in libvirt: log_filters="1:qemu.qemu_monitor"'
)
_MOST_MARKS: Final = 40
"""Bytes between a time and its message, such as the name of a monitor or an arrow."""
_UNREADABLE: Final = "expected is one message of QMP a line, behind its time"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LoggedMessage(NamedTuple):
    """A message, when it was logged, and the monitor that it is of, as far as the log names it."""

    at: UtcTime
    monitor: bytes
    message: Json


def recognises(line: bytes) -> bool:
    """Whether a log of a monitor can begin with this line."""
    stamp = STAMP.match(line)
    text = line if stamp is None else line[stamp.end() :]
    begin = text.find(b"{", 0, _MOST_MARKS)
    is_libvirt = stamp is not None and _LIBVIRT_LINE.match(text) is not None
    return is_libvirt or (begin >= 0 and _BEGIN.match(text, begin) is not None)


def read_message(line: bytes, place: str) -> LoggedMessage | None:
    """The message on a line; ``None`` for a line without one. Raises ``InputError``."""
    stamp = STAMP.match(line)
    text = line if stamp is None else line[stamp.end() :]
    libvirt = _LIBVIRT.search(text)
    if libvirt is None and (b"QEMU_MONITOR_" in text or (stamp is not None and _LIBVIRT_LINE.match(text))):
        return None
    begin = text.find(b"{") if libvirt is None else libvirt.end()
    if begin < 0:
        return None
    message = _parse(text[begin:], place, is_exact=libvirt is None)
    return LoggedMessage(_read_time(stamp, message, place), b"" if libvirt is None else libvirt[1], message)


def _parse(text: bytes, place: str, *, is_exact: bool) -> Json:
    """The message at the beginning of a text. Behind it libvirt writes more."""
    try:
        decoded = text.decode().rstrip()
        message, end = cast("tuple[object, int]", json.JSONDecoder().raw_decode(decoded))
    except (ValueError, RecursionError):
        raise InputError(f"{place}: is not a message of QMP, or is cut off", hint=_UNREADABLE) from None
    if not isinstance(message, dict) or (is_exact and decoded[end:].strip()):
        raise InputError(f"{place}: is not a message of QMP", hint=_UNREADABLE)
    return cast("Json", message)


def _read_time(stamp: re.Match[bytes] | None, message: Json, place: str) -> UtcTime:
    """When a message was logged; of an event whose line has no time, when it happened."""
    if stamp is None:
        own = as_object(message.get("timestamp"))
        seconds, micros = own.get("seconds"), own.get("microseconds")
        if "event" not in message or type(seconds) is not int or type(micros) is not int:
            what = f"{place}: the message has no time: commands and answers have none of their own"
            raise InputError(what, hint=_NO_TIME)
        try:
            return to_utc_time(_EPOCH + timedelta(seconds=seconds, microseconds=micros))
        except OverflowError:
            raise InputError(f"{place}: {seconds} seconds are not a time of an event", hint=_NO_TIME) from None
    return read_stamp(stamp, place)

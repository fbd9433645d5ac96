"""Time stamps of others for a checkpoint (RFC 3161): when it existed at the latest. They say nothing of what it covers.

What is stamped is the text of the checkpoint that is signed: further signatures change nothing of it. Stamps are stored
in a table of their own, beside the checkpoints, which is made with the first. Needs the extra ``timestamp``.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.errors import LedgerError, install_hint
from nilometer.http_calls import CallFailed, call_http
from nilometer.seal.tables import STAMPS, SealedHead, create_stamps, has_stamp, is_stored, lock
from nilometer.storage.store import Database, Store, has_table
from nilometer.times import to_utc_time
from nilometer.tlog.checkpoints import parse_checkpoint

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

SECONDS: Final = 15
"""How long an authority may take to answer."""
LARGEST_ANSWER: Final = 1 << 16

_PEM_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_AGAIN: Final = "the checkpoint is sealed without one; the same command asks again"
_CHECK_URL: Final = f"{_AGAIN}; is this the URL of a time stamp authority (RFC 3161)?"


class TimestampError(LedgerError):
    """A time stamp cannot be had, or is not one of this checkpoint by an authority that was named."""


class TimestampsUnavailable(LedgerError):
    """What asks for time stamps and checks them is not installed."""


@dataclass(frozen=True, slots=True)
class StoredTimestamp:
    """The answer of an authority, as it is stored for the checkpoint with this number."""

    number: int
    url: str
    answer: bytes


def require_timestamps() -> None:
    """Raises ``TimestampsUnavailable`` if what they need is not installed."""
    try:
        import_module("rfc3161_client")
    except ImportError as error:
        why = f"for time stamps something is not installed: {error}"
        raise TimestampsUnavailable(why, hint=install_hint("timestamp")) from None


def check_authority(url: str) -> None:
    """Raises ``InputError`` for what is not the URL of an authority, or ``TimestampsUnavailable``."""
    if not _is_web_url(url):
        raise InputError(f"{url!r} is not a URL of http or https", hint="name the URL of a time stamp authority")
    require_timestamps()


def _is_web_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or a bracket without its other
        return False
    return is_whole and url.isprintable() and " " not in url


def read_timestamps(store: Store) -> list[StoredTimestamp]:
    """The time stamps that are stored; what was changed to no time stamp has an answer that is none."""
    with store.transaction(write=False) as db:
        select = f"SELECT number, url, answer FROM {STAMPS} ORDER BY number"
        rows = db.execute(select).fetchall() if has_table(db, STAMPS) else ()
    return [_stored(row) for row in rows]


def _stored(row: Sequence[object]) -> StoredTimestamp:
    number, url, answer = row
    return StoredTimestamp(
        number=number if isinstance(number, int) else 0,
        url=str(url),
        answer=answer if isinstance(answer, bytes) else b"",
    )


def write_timestamp(db: Database, stamp: StoredTimestamp) -> None:
    """Stores a time stamp."""
    create_stamps(db)
    insert = f"INSERT INTO {STAMPS} VALUES (?, ?, ?) ON CONFLICT (number) DO NOTHING"
    db.execute(insert, (stamp.number, stamp.url, stamp.answer))


def stamp_head(store: Store, head: SealedHead, url: str) -> bool:
    """Asks an authority for a time stamp of a checkpoint, unless it has one; whether one was added.

    Raises ``TimestampError`` if none can be had.
    """
    with store.transaction(write=False) as db:
        if has_stamp(db, head):
            return False
    answer = _ask(url, parse_checkpoint(head.note).head.text.encode())
    with store.transaction(write=True) as db:
        lock(db)
        if not is_stored(db, head):
            raise TimestampError("another program sealed the ledger before the time stamp came", hint=_AGAIN)
        write_timestamp(db, StoredTimestamp(head.number, url, answer))
    return True


def _ask(url: str, text: bytes) -> bytes:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

    query = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    request = urllib.request.Request(url, data=query.as_bytes(), headers=headers, method="POST")
    try:
        status, raw = call_http(request, SECONDS, LARGEST_ANSWER)
    except CallFailed as error:
        raise TimestampError(f"{url} gave no time stamp: {error}", hint=_AGAIN) from None
    if status != 200:
        raise TimestampError(f"{url} gave no time stamp: it answered with HTTP status {status}", hint=_CHECK_URL)
    try:
        answer = decode_timestamp_response(raw)
        if answer.status != 0:
            why = "; ".join(answer.status_string) or f"status {answer.status}"
            raise TimestampError(f"{url} refused a time stamp: {why}", hint=_AGAIN)
        nonce, fits = answer.tst_info.nonce, _is_of(answer, text)
    except (ValueError, TypeError):
        raise TimestampError(f"the answer of {url} is not a time stamp", hint=_CHECK_URL) from None
    if not fits or nonce != query.nonce:
        raise TimestampError(f"the answer of {url} is the time stamp of something else", hint=_AGAIN)
    return raw


def _is_of(answer: TimeStampResponse, text: bytes) -> bool:
    return answer.tst_info.message_imprint.message == sha256(text).digest()


def check_timestamp(answer: bytes, text: bytes, authorities: Sequence[Certificate]) -> UtcTime:
    """When a text existed at the latest, as an authority says. Raises ``TimestampError`` if it does not say that."""
    require_timestamps()
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        stamp = decode_timestamp_response(answer)
        is_of_text = _is_of(stamp, text)
    except (ValueError, TypeError):
        raise TimestampError("it cannot be read as a time stamp") from None
    if not is_of_text:
        raise TimestampError("it is the time stamp of something else")
    try:
        VerifierBuilder(roots=[*dict.fromkeys(authorities)]).build().verify_message(stamp, text)
        return to_utc_time(stamp.tst_info.gen_time)
    except (VerificationError, ValueError, TypeError) as error:
        # The chain of certificates is checked first; what else is wrong with one is said in plain words.
        chain = isinstance(error.__context__, ValueError)
        why = "none of the named certificates confirms its signature" if chain else str(error)
        raise TimestampError(why) from None


def read_authorities(raw: bytes, where: str, hint: str) -> list[Certificate]:
    """The certificates of authorities, in PEM. Raises ``InputError``, or ``TimestampsUnavailable``."""
    if _PEM_CERTIFICATE not in raw:
        raise InputError(f"{where}: there is no certificate in PEM", hint=hint)
    require_timestamps()
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(raw)
    except ValueError:
        raise InputError(f"{where}: a certificate in it is cut off or damaged", hint=hint) from None

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
from nilometer.seal.tables import STAMPS, SealedHead, create_stamps, has_stamp, has_table
from nilometer.storage.store import Database, Store
from nilometer.times import to_utc_time
from nilometer.tlog.checkpoints import parse_checkpoint

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SECONDS: Final = 15
"""How long an authority may take to answer."""
LARGEST_ANSWER: Final = 1 << 16


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
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise InputError(f"{url!r} is not a URL of http or https", hint="name the URL of a time stamp authority")
    require_timestamps()


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
        write_timestamp(db, StoredTimestamp(head.number, url, answer))
    return True


def _ask(url: str, text: bytes) -> bytes:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

    query = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    request = urllib.request.Request(url, data=query.as_bytes(), headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as opened:
            raw: bytes = opened.read(LARGEST_ANSWER + 1)
    except (OSError, ValueError) as error:
        raise TimestampError(f"{url} gave no time stamp: {error}") from None
    try:
        answer = decode_timestamp_response(raw)
        if answer.status != 0:
            why = "; ".join(answer.status_string) or f"status {answer.status}"
            raise TimestampError(f"{url} refused a time stamp: {why}")
        info = answer.tst_info
        fits = info.message_imprint.message == sha256(text).digest() and info.nonce == query.nonce
    except (ValueError, TypeError) as error:
        raise TimestampError(f"the answer of {url} is not a time stamp: {error}") from None
    if not fits:
        raise TimestampError(f"the answer of {url} is the time stamp of something else")
    return raw


def check_timestamp(answer: bytes, text: bytes, authorities: Sequence[Certificate]) -> UtcTime:
    """When a text existed at the latest, as an authority says. Raises ``TimestampError`` if it does not say that."""
    require_timestamps()
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        stamp = decode_timestamp_response(answer)
        VerifierBuilder(roots=[*dict.fromkeys(authorities)]).build().verify_message(stamp, text)
        return to_utc_time(stamp.tst_info.gen_time)
    except (VerificationError, ValueError, TypeError) as error:
        raise TimestampError(f"{error}") from None


def read_authorities(raw: bytes, where: str, hint: str) -> list[Certificate]:
    """The certificates of authorities, in PEM. Raises ``InputError``, or ``TimestampsUnavailable``."""
    require_timestamps()
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(raw)
    except ValueError as error:
        raise InputError(f"{where}: there is no certificate in PEM: {error}", hint=hint) from None

"""Numbers, base64 and lines as the specifications have them: one spelling each, and no other is taken."""

from __future__ import annotations

from base64 import b64decode, b64encode

from nilometer.tlog.errors import TlogError
from nilometer.tlog.merkle import HASH_BYTES, LARGEST


def to_base64(raw: bytes) -> str:
    """Bytes in standard base64."""
    return b64encode(raw).decode("ascii")


def parse_base64(text: str, what: str) -> bytes:
    """Bytes from standard base64 in its only spelling. Raises ``TlogError``."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raise TlogError(f"{what} is not base64: {text[:60]!r}") from None
    if to_base64(raw) != text:
        raise TlogError(f"{what} is not base64 in its shortest spelling: {text[:60]!r}")
    return raw


def parse_hash(text: str, what: str) -> bytes:
    """A hash from base64. Raises ``TlogError``."""
    raw = parse_base64(text, what)
    if len(raw) != HASH_BYTES:
        raise TlogError(f"{what} has {len(raw)} bytes, not {HASH_BYTES}")
    return raw


def parse_number(text: str, what: str) -> int:
    """A number in ASCII digits without leading zeros, below 2**63. Raises ``TlogError``."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and (text == "0" or text[0] != "0")):
        raise TlogError(f"{what} is not a number as it is written here: {text[:60]!r}")
    if int(text) > LARGEST:
        raise TlogError(f"{what} is too large: {text}")
    return int(text)


def decode_lines(raw: bytes, what: str) -> str:
    """UTF-8 without control characters but line ends. Raises ``TlogError``."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TlogError(f"{what} is not UTF-8: {error.reason} at byte {error.start}") from None
    if any(character < " " and character != "\n" for character in text):
        raise TlogError(f"{what} has a control character")
    return text

"""The entry of an event in the log: what is hashed. See docs/history-format.md.

It is the pre-authentication encoding of DSSE over the stream, the version, the topic and the stored bytes: each after
its length, so that no two events have the same.
"""

from __future__ import annotations

from hashlib import sha256

from nilometer.tlog.tiles import LARGEST_ENTRY


def encode_entry(stream: bytes, version: int, topic: bytes, body: bytes) -> bytes:
    """The entry of an event. Of one that is too long for a bundle the body is hashed first."""
    number = b"%d" % version
    entry = b"DSSEv1 %d %b %d %b %d %b %d %b" % (
        len(stream), stream, len(number), number, len(topic), topic, len(body), body,
    )  # fmt: skip
    if len(entry) <= LARGEST_ENTRY:
        return entry
    return b"DSSEv1 %d %b %d %b %d %b 6 sha256 32 %b" % (
        len(stream), stream, len(number), number, len(topic), topic, sha256(body).digest(),
    )  # fmt: skip

"""The entry of an event in the log: what is hashed. See docs/history-format.md.

It is the pre-authentication encoding of DSSE over the stream, the version, the topic and the stored bytes: each after
its length, so that no two events have the same.
"""

from __future__ import annotations

from hashlib import sha256

from nilometer.tlog.tiles import LARGEST_ENTRY


def encode_entry(stream: bytes, version: bytes, topic: bytes, body: bytes) -> bytes:
    """The entry of an event. Of one that is too long for a bundle the body is hashed first."""
    head = b"DSSEv1 %d %b %d %b %d %b " % (len(stream), stream, len(version), version, len(topic), topic)
    entry = b"%b%d %b" % (head, len(body), body)
    return entry if len(entry) <= LARGEST_ENTRY else b"%b6 sha256 32 %b" % (head, sha256(body).digest())


def encode_odd_entry(stream: bytes, version: bytes, topic: bytes, body: bytes, types: bytes) -> bytes:
    """The entry of an event whose row was damaged: its values have other types than Nilometer writes."""
    return b"%b %d %b" % (encode_entry(stream, version, topic, body), len(types), types)

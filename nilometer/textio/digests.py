"""Documents that say when something in them was changed. Against who wants to deceive only a signature helps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def with_digest(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the digest of all the rest of it."""
    return {**document, "digest": digest_of(document)}


def digest_of(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a document, without its digest, in canonical JSON."""
    rest = {name: value for name, value in document.items() if name != "digest"}
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"sha256:{sha256(text.encode(errors='surrogatepass')).hexdigest()}"

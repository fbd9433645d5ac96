"""Which kind of file begins so: the one place where that is decided, for every command that reads files."""

from __future__ import annotations

from nilometer.textio.identifying.binaries import identify_binary, identify_bytes
from nilometer.textio.identifying.json_documents import identify_json
from nilometer.textio.identifying.kind import Expected, FileKind
from nilometer.textio.identifying.markup import identify_markup
from nilometer.textio.identifying.plain_text import identify_text

__all__ = ["identify", "identify_bytes"]


def identify(begin: bytes, name: str, expected: Expected | None = None) -> FileKind | None:
    """The kind of a file, by its beginning in UTF-8: whole lines, up to some kilobytes. ``None`` if none is known.

    The beginning may be cut off anywhere. ``name`` is the file's, which tells kinds of binary files apart.
    """
    kind = identify_bytes(begin) or identify_json(begin, expected)
    if kind is None and begin.lstrip()[:1] in (b"<", b"#"):
        kind = identify_markup(begin)
    return kind or identify_binary(begin, name) or identify_text(begin)

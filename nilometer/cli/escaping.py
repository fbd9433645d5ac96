"""Texts of a ledger on a terminal: what a terminal would obey is written out."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""The Unicode categories of characters that a reader would not see."""


def escape_controls(text: str) -> str:
    """Returns a text from a ledger as it may go to a terminal: control and format characters are written out."""
    if text.isprintable():  # of no character that is hidden or unknown
        return text
    return "".join(
        _escape(character) if unicodedata.category(character) in _HIDDEN else character for character in text
    )


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode() if ord(character) > 127 else repr(character)[1:-1]

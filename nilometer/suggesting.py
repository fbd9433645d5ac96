"""Suggestions: the names nearest to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAX_NAMES: Final = 5
"""The number of known names in a hint when none of them is near."""


def find_nearest(word: str, known: Iterable[str]) -> str | None:
    """Finds the known name that ``word`` most likely means, or ``None``. Case does not count."""
    from difflib import get_close_matches  # here, because few commands have anything to suggest

    folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6 if len(word) > 3 else 0.5)
    return folded[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Returns a hint: the nearest known name; else ``otherwise``, or the known names."""
    names = sorted(set(known))
    near = find_nearest(word, names)
    if near is not None:
        return f"did you mean {near}?"
    if otherwise or not names:
        return otherwise
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"known: {', '.join(names[:MAX_NAMES])}{more}"

"""Goldens: what ``nilo`` prints, as plain files. ``NILO_GOLDENS=write pytest …`` writes them anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CORRELATIONS = re.compile(r"\b[0-9a-f]{32}([0-9a-f]{32})?\b")
_RECORDED = re.compile(r'(?<=Recorded )[-0-9]{10} [0-9:.]+Z|(?<="recorded":")[^"]+|(?<="recorded": ")[^"]+')


def assert_golden(golden: Path, text: str, folder: Path) -> None:
    """What was printed is what the file holds, but for ids, the folder, and when it was recorded."""
    for pattern, stands_for in ((_IDS, "<ID>"), (_CORRELATIONS, "<CORRELATION>"), (_RECORDED, "<RECORDED>")):
        text = pattern.sub(stands_for, text)
    text = text.replace(str(folder), "<FOLDER>")
    if os.environ.get("NILO_GOLDENS") == "write":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")

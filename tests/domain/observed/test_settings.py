"""Memory settings of observed VMs, of which a source may report a part."""

from __future__ import annotations

from dataclasses import replace

from domain.observed.settings import NOT_RECORDED, contradicts, known_parts
from domain.settings import MemorySetting, Mode

WHOLE = MemorySetting(Mode.DYNAMIC, startup=1024, minimum=512, maximum=4096, buffer=20, weight=50)
PART = replace(WHOLE, buffer=NOT_RECORDED, weight=NOT_RECORDED)


def test_what_no_source_reported_is_not_known() -> None:
    sizes = {"mode": Mode.DYNAMIC, "startup": 1024, "minimum": 512, "maximum": 4096}
    assert known_parts(PART) == sizes
    assert known_parts(WHOLE) == {**sizes, "buffer": 20, "weight": 50}
    assert NOT_RECORDED == -1, "stored events have it, and no rule accepts it in a command"


def test_a_part_completes_a_setting_and_another_figure_contradicts_it() -> None:
    assert not contradicts(PART, WHOLE)
    assert not contradicts(WHOLE, PART)
    assert not contradicts(WHOLE, WHOLE)
    assert contradicts(PART, replace(WHOLE, maximum=2048))
    assert contradicts(WHOLE, replace(WHOLE, weight=51))

"""Files of every kind of Hyper-V source, synthetic and samples, damaged in any way, as Hypothesis draws them."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.nilometer.importers.hyperv.sources.counters.test_counters import CELLS, synthetic_set, table
from tests.nilometer.importers.hyperv.sources.counters.test_prometheus import NEW, NINE, answer, series
from tests.nilometer.importers.hyperv.sources.event_logs.test_event_log import event
from tests.nilometer.importers.hyperv.sources.files import SAMPLES
from tests.nilometer.importers.hyperv.sources.get_vm.test_get_vm import SYNTHETIC_HOST, SYNTHETIC_MEMORY, SYNTHETIC_VM
from tests.nilometer.importers.hyperv.sources.test_other_formats import BEAT, CLIXML, METRICS, SCVMM, WMI
from tests.nilometer.importers.qemu.damages import ENCODINGS, PACKINGS, VALUES, keys_of

WHOLE: list[Any] = [
    SYNTHETIC_VM,
    [SYNTHETIC_VM, SYNTHETIC_VM | {"VMId": None, "Name": "db01"}],
    {"value": [SYNTHETIC_MEMORY], "Count": 1},
    SYNTHETIC_HOST,
    synthetic_set(),
    WMI,
    SCVMM,
    BEAT,
    json.loads(answer(series(f"{NEW}vm_physical_bytes", (NINE, "1073741824"), (NINE + 60, "2147483648")))),
]
"""JSON of each kind."""
ODD: list[Any] = [
    *VALUES, -(2**70), 1e300, -1.5, "NaN", "-1", "2147483647", "9999-12-31T23:59:59.9999999+00:00",
    "0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "/Date(99999999999999)/", "/Date(-62135596800000)/",
    "9999999.23:59:59", {"Ticks": "x"},
    {"value": {"value": 1}}, "\\\\hv01\\hyper-v dynamic memory vm(a)\\physical memory", "\u0000", "ä", "\ud7ff",
]  # fmt: skip
TABLE = table(*((f"10/25/2026 0{hour}:{minute}:00.000", *CELLS) for hour in (1, 2, 2, 3) for minute in (10, 40)))
EVENTS = f"<Events>\n{event()}\n{event(18502)}\n</Events>\n"
SAMPLE_TEXTS = [path.read_text() for path in sorted(SAMPLES.glob("*")) if path.suffix in (".json", ".xml", ".txt")]


@st.composite
def changed_json(draw: st.DrawFn) -> str:
    """Documents of one kind or several, with values changed and keys gone."""
    texts: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        whole: Any = json.loads(json.dumps(draw(st.sampled_from(WHOLE))))
        for _ in range(draw(st.integers(0, 3))):
            part: Any = whole
            while keys := keys_of(part):
                key = draw(st.sampled_from(keys))
                if not keys_of(part[key]) or draw(st.integers(0, 4)) == 0:
                    if draw(st.integers(0, 5)) == 0:
                        del part[key]
                    else:
                        part[key] = deepcopy(draw(st.sampled_from(ODD)))
                    break
                part = part[key]
        texts.append(json.dumps(whole, indent=draw(st.sampled_from([None, 0, 2]))))
    return "\n".join(texts)


TEXTS = changed_json() | st.sampled_from([TABLE, EVENTS, CLIXML, METRICS, *SAMPLE_TEXTS])
PIECES = st.sampled_from(
    ['"', ",", ";", "\n", "\r", "{", "}", "[", "]", "<Event>", "</Event>", "<!--", "-->", "<?xml", "?>", "<!DOCTYPE",
     "&", "\\", "-", "0", "9", " ", "\t", "\x00", "é", "</VmId>", "</Obj>", "<Props>", "_x000D_",
     "(PDH-CSV 4.0)", "18514", "null"]
)  # fmt: skip


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A file as it comes: any encoding, packed or not, cut, with pieces put in or taken out."""
    text = draw(TEXTS)
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(text)))
        gone = draw(st.sampled_from([0, 0, 1, 1, 5, 50, 10**6]))
        text = text[:at] + "".join(draw(st.lists(PIECES, max_size=3))) + text[at + gone :]
    data = ENCODINGS[draw(st.sampled_from(sorted(ENCODINGS)))](text)
    if draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at:]
    return PACKINGS[draw(st.sampled_from(["plain", *sorted(PACKINGS)]))](data)

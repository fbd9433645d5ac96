"""What a form predicts, the judge finds right: in each state of a story, for each command, with any size."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any, cast

from domain.identifiers import UtcTime
from nilometer.audit.expected import expected_events
from nilometer.audit.prediction.forms import predicted_form
from nilometer.audit.reading import read_events
from rules.judging.decided.predicting import ChangePlace
from rules.judging.judge import Judge
from tests.nilometer.audit.mixed import Line, text_of
from tests.nilometer.audit.prediction.comparing import NEVER, judged
from tests.nilometer.audit.prediction.test_changed_histories import CHANGES, LINES

CLAIMS = (0, 1, 2**21, 2**30, 5 * 2**30, 900 * 2**30, 2**52)


def test_the_judge_finds_nothing_in_what_a_form_predicts() -> None:
    predicted = 0
    for index, *_ in CHANGES[:: len(CHANGES) // 6]:
        line, judge = LINES[index], Judge()
        for envelope, place, source in read_events(BytesIO(text_of(LINES[:index])), "h"):
            judge.take(envelope, place, source)
        stream, version, position = line["subject"], line["version"], line["position"]
        times = UtcTime(line["time"]), UtcTime(line["recorded"])
        site = judge.find_site(ChangePlace(stream, stream.removeprefix("vm/"), version, position, *times))
        assert site is not None
        host = site.host
        for event in expected_events():
            form = None if event.vm_before is None else predicted_form(event, site.vm.state, host.state)
            for claim in () if form is None else CLAIMS if form.claim else (0,):
                assert form is not None
                change = form.predict(
                    site.vm.state, host.state, json.dumps(site.vm.id), json.dumps(host.id), host.version, claim
                )
                if change is None or claim != _claim_of(json.loads(change.data), form.claim):
                    continue
                first: Line = {**line, "data": json.loads(change.data), "type": _type_of(event.topic)}
                lines = [*LINES[:index], first]
                if change.book is not None:
                    kind = "granted" if change.book.is_granted else "returned"
                    book: Line = {**first, "causation": first["id"], "data": json.loads(change.book.data)}
                    book |= {"position": position + 1, "subject": site.host_stream, "version": host.version + 1}
                    topic = next(one["type"] for one in LINES if f"host.memory-{kind}." in one["type"])
                    lines.append({**book, "id": f"{site.host_stream}/{host.version + 1}", "type": topic})
                found, errors, _ = judged(text_of(lines), predict_after=NEVER)
                assert (found["findings"], errors) == ([], []), (event.topic, event.command, claim)
                predicted += 1
    assert predicted > 50


def _claim_of(data: Line, claim: bytes) -> object:
    """The size that stands where the form has it; 0 without one."""
    names = claim.decode().strip(':{"').split('":{"') if claim else ()
    value: Any = data if claim else 0
    for name in names:
        value = value[name]
    return cast("object", value)


def _type_of(topic: str) -> str:
    return "nilometer." + topic.replace("/", ".v")

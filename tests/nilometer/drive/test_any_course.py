"""Every order of answers, events and cuts: the ledger has what the evidence has, and nothing that did not happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.decision import Outcome
from domain.event import Event
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import Observed, VmChangeRequested, VmMemoryMoved, VmObserved
from domain.observed.vm import ObservedVm
from domain.quantities import MiB
from nilometer.drive.bringing_in import DriveResult, drive
from nilometer.drive.driver import CannotBeAsked
from nilometer.drive.driving import DrivePace, DriveRequest
from nilometer.drive.places import VmPlace
from nilometer.drive.qmp import QmpDriver
from nilometer.importers.importing import import_qemu
from nilometer.ledger.ledger import Ledger
from nilometer.queries import audit_history
from rules.judging.findings import Verdict
from tests.nilometer.drive.peer import BASE, Cut, Move, Peer, Reaction, guest

PACE = DrivePace(poll=0.01, late=0.02, report=0.02)
PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example takes a second: to shrink one would take minutes."""
CUTS: Final[tuple[Cut | None, ...]] = (None, None, "before", "after", "answered")
SIZES = st.integers(0, 8).map(lambda blocks: blocks * 128)


@dataclass(frozen=True)
class Between:
    """What happens while nobody watches."""

    moves: tuple[int, ...] = ()
    restarts: bool = False
    """QEMU is started anew: the guest has what it boots with."""


@dataclass(frozen=True)
class Course:
    """One run of a driver, after what happened before it."""

    between: Between
    target: int
    reaction: Reaction


def moves_between(size: int, target: int) -> st.SearchStrategy[tuple[Move, ...]]:
    """Sizes on the way to a target, each told or not, before the answer or after it."""
    low, high = sorted((size // 128, target // 128))
    sizes = st.lists(st.integers(low, high).map(lambda blocks: blocks * 128), max_size=3)
    ordered = sizes.map(lambda found: sorted(found, reverse=target < size))
    flags = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=3)
    return st.tuples(ordered, flags).map(
        lambda pair: tuple(
            Move(size, told=told, early=told and early) for size, (told, early) in zip(pair[0], pair[1], strict=False)
        )
    )


@st.composite
def courses(draw: st.DrawFn) -> list[Course]:
    """Some runs of a driver of one VM."""
    size, drawn = 0, list[Course]()
    for _ in range(draw(st.integers(1, 3))):
        restarts = bool(drawn) and draw(st.booleans())
        size = 0 if restarts else size
        between = tuple(draw(st.lists(SIZES, max_size=2))) if drawn else ()
        size = between[-1] if between else size
        target = draw(SIZES)
        cut = draw(st.sampled_from(CUTS))
        error = draw(st.sampled_from([None, None, None, "no"]))
        moves = draw(moves_between(size, target)) if error is None and cut != "before" else ()
        drawn.append(Course(Between(between, restarts), target, Reaction(moves=moves, error=error, cut=cut)))
        size = moves[-1].size if moves else size
    return drawn


def run(ledger: Ledger, peer: Peer, folder: Path, course: Course) -> DriveResult | None:
    """One run; ``None`` if nothing could be asked."""
    if course.between.restarts:
        peer.cut()
        peer.threads = (peer.threads[0] + 1,)
        peer.virtio["vm0"] = peer.targets["vm0"] = 0
    for size in course.between.moves:
        peer.move(size)
    peer.reactions = [course.reaction]
    place = VmPlace(host="lab", name="vm0", folder=folder)
    request = DriveRequest(size=BASE + course.target * MiB, actor="ann", settle=0.02, limit=1)
    try:
        return drive(ledger, place, request, QmpDriver(peer.path), pace=PACE)
    except CannotBeAsked:
        return None


def history(ledger: Ledger) -> list[object]:
    """What happened, without what imports record of themselves."""
    return [
        (envelope.stream, envelope.event, envelope.metadata.happened, envelope.metadata.earliest)
        for envelope in ledger.events()
        if not envelope.stream.startswith("import/")
    ]


@settings(max_examples=20, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(courses())
def test_the_ledger_has_what_the_evidence_has_and_what_the_guest_has(drawn: Sequence[Course]) -> None:
    with TemporaryDirectory(prefix="nilo-") as temporary, guest() as peer:
        folder = Path(temporary)
        with Ledger.open(f"sqlite:///{folder}/one.db", create=True, durable=False) as ledger:
            for course in drawn:
                check_answer(run(ledger, peer, folder, course), course)
            last = peer.virtio["vm0"] // MiB
            run(ledger, peer, folder, Course(Between(), last, Reaction(moves=(Move(last),))))
            check_ledger(ledger, peer, sum(course.between.restarts for course in drawn))
            with Ledger.open(f"sqlite:///{folder}/two.db", create=True, durable=False) as other:
                import_qemu(other, folder / "lab.vm0.jsonl", actor="ben")
                assert history(other) == history(ledger)


def check_answer(result: DriveResult | None, course: Course) -> None:
    """What is answered is what came."""
    assert result is not None
    assert result.not_recorded is None
    came = result.came
    if not came.was_sent:
        assert came.outcome is Outcome.COMPLETED
        return
    if course.reaction.cut == "answered" and came.outcome is not None:
        return  # the line broke when all of it was seen
    if course.reaction.error is not None:
        assert came.outcome is Outcome.REJECTED or course.reaction.cut == "before"
    elif course.reaction.cut is None:
        assert came.granted is not None
        sizes = [move.size for move in course.reaction.moves]
        is_reached = bool(sizes) and sizes[-1] == course.target
        assert (came.outcome is Outcome.COMPLETED) is (is_reached or not came.requested)
    else:
        assert came.outcome is None


def check_moves(events: Sequence[Event]) -> None:
    """No size is ever another without a move, but where a guest begins anew."""
    fold = ObservedVm.begin("lab.vm0")
    for event in events:
        assert isinstance(event, Observed)
        if isinstance(event, VmObserved) and event.session in (None, fold.session):
            known = {figures.device: fold.size(figures.device) for figures in event.devices}
            assert all(known[figures.device] in (None, figures.size) for figures in event.devices)
        if isinstance(event, VmMemoryMoved):
            assert event.size_from == fold.size(event.device)
        fold.apply(event, UtcTime(""))


def check_ledger(ledger: Ledger, peer: Peer, restarts: int) -> None:
    """The ledger violates no rule, and has no request that was never sent."""
    vm = ledger.views.fleet().vms["lab.vm0"].subject
    assert isinstance(vm, ObservedVm)
    events = [envelope.event for envelope in ledger.events() if envelope.stream == vm_stream("lab.vm0")]
    check_moves(events)
    assert vm.session == (restarts or None)
    asked = [event for event in events if isinstance(event, VmChangeRequested)]
    assert len(asked) == len(peer.received)
    assert vm.size("vm0") == peer.virtio["vm0"]
    assert vm.open_request("vm0") is None
    moved = [event for event in events if isinstance(event, VmMemoryMoved)]
    assert all(one.size_to != one.size_from for one in moved)
    violated = [finding for finding in audit_history(ledger).findings if finding.verdict is Verdict.VIOLATED]
    assert violated == []

"""An import that was killed goes on as if it had not been: it comes to the same events.

It begins again, and knows of hosts and VMs what the ledger had when it first began, and nothing that it recorded itself
since; what is recorded already is not recorded again. If others have recorded events of these hosts and VMs meanwhile,
there is no way back: then it goes on from what is recorded, as an import of new files does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from domain.identifiers import StreamName
from domain.observed.events import VmAnnotated
from nilometer.importers.beginning import Beginning
from nilometer.importers.hyperv.going_on.past import LedgerPast
from nilometer.importers.hyperv.importer import HypervImporter
from nilometer.importers.run import SourceFile, WriteObservations
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Observation
from nilometer.storage.import_ends import find_progress


class OthersRecorded(Exception):
    """Others recorded events of hosts and VMs of an import since it began: it cannot go on as if it was not killed."""


def build_importer(
    ledger: Ledger,
    prefix: str | None,
    beginning: Beginning,
    sources: Sequence[SourceFile],
    write: WriteObservations,
    *,
    go_on: bool,
    reserves: Mapping[str, int],
    service_accounts: Collection[str],
) -> HypervImporter:
    """The importer of these files, which first records that it begins.

    With ``go_on`` an import that was killed goes on; raises ``OthersRecorded`` when it cannot. Without, it goes on from
    what is recorded.
    """
    known: Callable[[Sequence[str]], Collection[str]] = ledger.known
    after = ledger.position
    if beginning.goes_on and go_on:
        after = beginning.after
        known, write = SeenKeys(ledger, after), write_again(ledger, after, write)
    begin = beginning.observe(sources, prefix or "")

    def write_from_the_beginning(observations: Sequence[Observation]) -> Sequence[tuple[int, ...]]:
        added = write([*begin, *observations])[len(begin) :]
        begin.clear()
        return added

    past = LedgerPast(ledger, after)
    return HypervImporter(prefix, past, known, write_from_the_beginning, ledger.clock, reserves, service_accounts)


class SeenKeys:
    """The keys that an import knew when it came to them: recorded before it began, or met in it since."""

    def __init__(self, ledger: Ledger, after: int) -> None:
        self._ledger = ledger
        self._after = after
        self._met: set[str] = set()

    def __call__(self, keys: Sequence[str]) -> Collection[str]:
        """Those of the keys that it knew. They are met from now on."""
        known = self._ledger.known(keys, upto=self._after) | self._met.intersection(keys)
        self._met.update(keys)
        return known


def write_again(ledger: Ledger, after: int, write: WriteObservations) -> WriteObservations:
    """Records what an import that goes on had not recorded yet. Raises ``OthersRecorded``."""
    versions: dict[StreamName, int] = {}
    """The versions that its streams have if nobody else wrote."""
    compared: set[StreamName] = set()
    annotated: Counter[StreamName] = Counter()
    """How many of these events are annotations of the import's own."""

    def version(stream: StreamName) -> int:
        if stream not in versions:
            versions[stream] = ledger.version(stream, until_position=after)
        return versions[stream]

    def put(observations: Sequence[Observation]) -> Sequence[tuple[int, ...]]:
        known = ledger.known([observation.key for observation in observations])
        for observation in observations:
            for fact in observation.facts:
                if observation.key not in known and fact.stream not in compared and not _is_of_import(fact.stream):
                    if ledger.version(fact.stream) != version(fact.stream) and not ledger.known([observation.key]):
                        all_annotations = find_progress(ledger.recorder, after).annotations.get(fact.stream, 0)
                        versions[fact.stream] += all_annotations - annotated[fact.stream]
                    if ledger.version(fact.stream) != version(fact.stream) and not ledger.known([observation.key]):
                        raise OthersRecorded
                    compared.add(fact.stream)
                versions[fact.stream] = version(fact.stream) + 1
                annotated[fact.stream] += isinstance(fact.event, VmAnnotated)
        return write(observations)

    return put


def _is_of_import(stream: StreamName) -> bool:
    return stream.startswith("import/")

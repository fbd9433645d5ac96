"""Runs an import of Hyper-V histories: from where the last one ended, or else from the beginning of all files.

What the last import stored of its end is tried first. It is left where it does not fit: a file was replaced, or others
recorded events of its hosts and VMs. An import that was killed goes on as if it was not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import BytesIO

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.errors import LedgerError
from nilometer.importers.beginning import Beginning
from nilometer.importers.hyperv.beginning import OthersRecorded, build_importer
from nilometer.importers.hyperv.file_ends import FileEnd, FileEnds
from nilometer.importers.hyperv.going_on.checkpoint import (
    SHAPE,
    HypervCheckpoint,
    decode,
    keep_pairs,
    name_end,
)
from nilometer.importers.hyperv.hyperv_file import HypervFile
from nilometer.importers.hyperv.importer import HypervImporter
from nilometer.importers.hyperv.sources.spool.change_pairs import ChangePairs
from nilometer.importers.hyperv.sources.spool.spool_folder import CHANGES, SpoolFolder
from nilometer.importers.run import DigestedStream, SkippedRecords
from nilometer.importers.stored_form import NotTheEnd
from nilometer.importers.unfinished import find_lengths
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Observation
from nilometer.storage.import_ends import find_progress, load_end, save_end
from nilometer.textio.files import open_repeatable_input
from nilometer.times import current_time

RecordObservations = Callable[[Sequence[Observation], Sequence[HypervFile]], Sequence[tuple[int, ...]]]
"""Records observations, as ``WriteObservations`` does, of an import of these files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HypervOptions:
    """What is stated beside the files."""

    prefix: str | None = None
    collected: UtcTime | None = None
    host: str | None = None
    zone: str | None = None
    reserves: Mapping[str, int]
    service_accounts: Sequence[str]
    final: bool = False
    keep_going: bool = False

    @property
    def decisive(self) -> tuple[object, ...]:
        """Those that decide which events there are."""
        stated = [f"{name}={size}" for name, size in sorted(self.reserves.items())]
        return (self.prefix, self.collected, self.host, self.zone, *stated, *sorted(self.service_accounts))


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file that was skipped, and why."""

    name: str
    error: InputError


class NothingBegun(Exception):
    """No import began with these files at these lengths."""


class HypervImport:
    """One import. ``results`` are the files so far, whatever ends it."""

    def __init__(
        self,
        ledger: Ledger,
        names: Sequence[str],
        spools: Sequence[SpoolFolder],
        options: HypervOptions,
        record: RecordObservations,
        lengths: Mapping[int, int] | None = None,
    ) -> None:
        self._ledger = ledger
        self._spools = spools
        self._options = options
        self._record = record
        self._names = names
        self._lengths = lengths or {}
        """Where files end for an import that was killed, by the places of their names: they have grown since."""
        self._streams: dict[int, DigestedStream | InputError] = {}
        """By the places of their names."""
        self._ends = FileEnds()
        self.results: list[HypervFile | UnreadableFile] = []

    def run(self) -> None:
        """Reads the files and records their events. Raises ``InputError`` for what cannot be read."""
        lengths = find_lengths(self._ledger, self._names, self._options.prefix or "")
        recorded = self._finish_killed(lengths) if lengths else {}
        self._run()
        for file in self.results:
            if isinstance(file, HypervFile):
                file.counts.recorded += recorded.get(file.name, 0)

    def _finish_killed(self, lengths: Mapping[int, int]) -> dict[str, int]:
        """Goes on with an import that was killed, up to where its files ended; how many events each file gave."""
        options = replace(self._options, final=False)
        killed = HypervImport(self._ledger, self._names, self._spools, options, self._record, lengths)
        try:
            killed._run()
        except NothingBegun:
            return {}
        finally:
            self.results = killed.results
        return {file.name: file.counts.recorded for file in killed.results if isinstance(file, HypervFile)}

    def _run(self) -> None:
        name = name_end(self._names, self._options.decisive)
        checkpoint = None if name is None else self._load(name)
        with ExitStack() as opened:
            if checkpoint is not None:
                self._ends = FileEnds(checkpoint.files)
                try:
                    self._go_on_from(checkpoint, name, opened)
                except (NotTheEnd, OthersRecorded):
                    pass
                else:
                    return
            try:
                self._import_all(name, opened, go_on=True)
            except OthersRecorded:
                self._import_all(name, opened, go_on=False)

    def _load(self, name: str) -> HypervCheckpoint | None:
        """What the last import stored of its end; ``None`` if that is nothing, or cannot be read."""
        try:
            stored = load_end(self._ledger.recorder, name)
        except LedgerError:  # such as a table of somebody else
            return None
        return None if stored is None else decode(stored)

    def _go_on_from(self, checkpoint: HypervCheckpoint, name: str | None, opened: ExitStack) -> None:
        """Reads what is new. Raises ``NotTheEnd`` and ``OthersRecorded``."""
        pairs = ChangePairs(begun=checkpoint.pairs.begun, ends=checkpoint.pairs.ends)
        files = self._open_files(pairs, opened, goes_on=True)
        checkpoint.check(files)
        importer = self._build(files, go_on=True, after=checkpoint.position)
        try:
            importer.go_on(checkpoint.fold, checkpoint.digest)
        except KeyError as unknown:
            raise NotTheEnd(f"the last import did not know the host {unknown}") from None
        importer.run(files, final=self._options.final)
        position = self._find_end(importer, checkpoint.position)
        if position is None:
            raise OthersRecorded
        others = [end for end in checkpoint.files if end not in [file.end for file in files]]
        self._save(name, importer, files, pairs, others, position)

    def _import_all(self, name: str | None, opened: ExitStack, *, go_on: bool) -> None:
        """Reads all files whole. Raises ``OthersRecorded`` if it cannot ``go_on`` as if it was not killed."""
        after, pairs = self._ledger.position, ChangePairs()
        files = self._open_files(pairs, opened, goes_on=False)
        importer = self._build(files, go_on=go_on, after=None)
        importer.run(files, final=self._options.final)
        importer.fold.sync_all()
        position = self._find_end(importer, after)
        if position is not None:
            self._save(name, importer, files, pairs, [], position)

    def _build(self, files: Sequence[HypervFile], *, go_on: bool, after: int | None) -> HypervImporter:
        """The importer. With ``after`` it goes on from what was known at that position."""
        options, sources = self._options, [file.source for file in files]

        def write(observations: Sequence[Observation]) -> Sequence[tuple[int, ...]]:
            return self._record(observations, files)

        beginning = Beginning.find(self._ledger, sources, options.prefix or "", stated=options.decisive)
        if self._lengths and not beginning.goes_on:
            raise NothingBegun
        if after is not None:
            beginning = beginning.going_on_after(after)
        return build_importer(
            self._ledger,
            options.prefix,
            beginning,
            sources,
            write,
            go_on=go_on,
            reserves=options.reserves,
            service_accounts=options.service_accounts,
        )

    # Files

    def _open_files(self, pairs: ChangePairs, opened: ExitStack, *, goes_on: bool) -> list[HypervFile]:
        """Opens the files, from where the last import ended in them if it ``goes_on``."""
        self.results = []
        self.results = [
            *(self._open(place, pairs, opened, goes_on=goes_on) for place in range(len(self._names))),
            *(self._open_waiting(spool, pairs) for spool in self._spools if spool.waiting),
        ]
        files = [file for file in self.results if isinstance(file, HypervFile)]
        for spool in self._spools:
            _note_passed_over(spool, files)
        return files

    def _open(self, place: int, pairs: ChangePairs, opened: ExitStack, *, goes_on: bool) -> HypervFile | UnreadableFile:
        name = self._names[place]
        skipped = SkippedRecords(self._options.keep_going)
        try:
            same = self._ends.find_same(name) if goes_on and place not in self._lengths else None
            if same is not None:
                return self._to_file(name, None, pairs, skipped, end=same)
            stream = self._find_stream(place, opened)
            stream.rewind()
            end = self._ends.match(name, stream) if goes_on else None
            file = self._to_file(name, stream, pairs, skipped, end=end)
            file.open()
        except InputError as error:
            skipped.add(error)
            return UnreadableFile(name, error)
        return file

    def _find_stream(self, place: int, opened: ExitStack) -> DigestedStream:
        """The open file. Raises ``InputError`` if it cannot be opened."""
        if place not in self._streams:
            name = self._names[place]
            try:
                stream = opened.enter_context(open_repeatable_input(name))
                marks, length = self._ends.marks(name), self._lengths.get(place)
                self._streams[place] = DigestedStream(stream, marks, length=length)
            except InputError as error:
                self._streams[place] = error
        found = self._streams[place]
        if isinstance(found, InputError):
            raise found
        return found

    def _open_waiting(self, spool: SpoolFolder, pairs: ChangePairs) -> HypervFile:
        """What lies in the folder ``changes`` of a spool, as a file."""
        name = str(spool.folder / CHANGES)
        skipped = SkippedRecords(self._options.keep_going)
        file = self._to_file(name, DigestedStream(BytesIO(spool.waiting)), pairs, skipped, is_waiting=True)
        file.open()
        return file

    def _to_file(
        self,
        name: str,
        stream: DigestedStream | None,
        pairs: ChangePairs,
        skipped: SkippedRecords,
        *,
        end: FileEnd | None = None,
        is_waiting: bool = False,
    ) -> HypervFile:
        return HypervFile(
            name,
            stream,
            skipped=skipped,
            at=self._options.collected,
            host=self._options.host,
            zone=self._options.zone,
            changes=pairs,
            end=end,
            is_waiting=is_waiting,
        )

    # The end

    def _find_end(self, importer: HypervImporter, after: int) -> int | None:
        """The position up to which the importer knows all events of its hosts and VMs.

        ``None`` if others recorded some after the position with which it began. What only was annotated is as it was.
        """
        progress = find_progress(self._ledger.recorder, after)
        others = Counter(progress.annotations) - importer.annotated  # its own are counted where they were emitted
        importer.fold.count_events(others)
        known = importer.fold.versions
        is_alone = all(known.get(stream, version) == version for stream, version in progress.versions.items())
        return progress.position if is_alone else None

    def _save(
        self,
        name: str | None,
        importer: HypervImporter,
        files: Sequence[HypervFile],
        pairs: ChangePairs,
        others: Sequence[FileEnd],
        position: int,
    ) -> None:
        """Stores where the import ended, if its files may grow. If that fails, the next one reads them whole."""
        is_growing = any(not file.is_snapshot and not file.is_waiting for file in files)
        if name is None or self._options.final or not is_growing or not position:
            return
        now = current_time(self._ledger.clock)
        checkpoint = HypervCheckpoint(
            shape=SHAPE,
            position=position,
            digest=importer.digest,
            files=[*others, *(file.find_end(now) for file in files if not file.is_waiting)],
            polled_at=importer.fold.polled_at,
            fold=importer.fold.to_memo(),
            pairs=keep_pairs(pairs),
        )
        encoded = checkpoint.encode()
        if encoded is None:
            return
        try:
            save_end(self._ledger.recorder, name, encoded)
        except LedgerError as failed:
            what = f"all events are recorded, but where the import ended was not stored: {failed.message}"
            self._ledger.warnings.append(LedgerError(what, hint="nothing is lost: the next import reads all files"))


def _note_passed_over(spool: SpoolFolder, files: Sequence[HypervFile]) -> None:
    """Counts what of a spool's folder is not read, with the first of its files."""
    first = next((file for file in files if file.is_in(spool.folder)), None)
    if first is not None:
        for name in spool.passed_over:
            first.counts.add_remark("passed over", f"{spool.folder / name}: not a file of a spool, and passed over")

"""Imports from Python: what ``nilo import-hyperv`` and ``nilo import-qemu`` do, which call these very functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike, fspath

from domain.errors import InputError
from nilometer.importers.hyperv.importer import HypervFile, HypervImporter
from nilometer.importers.hyperv.past import LedgerPast
from nilometer.importers.hyperv.sources.local_time import parse_zone
from nilometer.importers.qemu.importer import FORMAT, QemuImporter
from nilometer.importers.run import ImportCounts, import_file
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Observation
from nilometer.textio.files import open_input
from nilometer.times import parse_time

Files = str | PathLike[str] | Iterable[str | PathLike[str]]
"""One file, or several."""

Progress = Callable[[int], None]
"""Is told now and then how many records were read, of all files together."""


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What came of one file: ``records`` = ``events`` + ``repeats`` + the sum of ``not_needed``."""

    file: str
    format: str | None
    """What it is, such as ``hyperv-spool``; ``None`` if it is nothing that is known, or could not be opened."""
    prefix: str | None
    """What the ids of its hosts and VMs begin with."""
    records: int = 0
    events: int = 0
    """Records that gave events."""
    repeats: int = 0
    """Records that told nothing new."""
    not_needed: dict[str, int] = field(default_factory=dict[str, int])
    """Records that tell nothing of memory, by kind; ``undecided`` are those at the end that wait for what follows."""
    recorded: int = 0
    """Events recorded now."""
    remarks: dict[str, int] = field(default_factory=dict[str, int])
    """What was odd about records that were read all the same, by kind."""
    notes: tuple[str, ...] = ()
    """The first remarks of each kind, in words, with their places."""
    errors: tuple[InputError, ...] = ()
    """What could not be read, and was passed over because of ``keep_going``."""


class ImportStopped(InputError):
    """Something cannot be read, and ended the import. What was recorded before it stays: ``files`` tell how much.

    Mend the file and import it again, or pass over what cannot be read with ``keep_going``.
    """

    def __init__(self, error: InputError, files: Sequence[ImportedFile]) -> None:
        super().__init__(error.message, hint=error.hint)
        self.files = tuple(files)


def import_hyperv(
    ledger: Ledger,
    files: Files,
    *,
    actor: str,
    via: str = "import-hyperv",
    prefix: str | None = None,
    at: str | datetime | None = None,
    host: str | None = None,
    zone: str | None = None,
    final: bool = False,
    keep_going: bool = False,
    progress: Progress | None = None,
) -> list[ImportedFile]:
    """Records what Hyper-V hosts told, and returns what came of each file, in their order. ``-`` is stdin.

    The files are read together, by the times in them: a VM is followed from host to host only if those of all hosts
    are given at once; one alone need not stand in a list. What is there already is not recorded again. ``at`` (a time
    with its zone, a text or a ``datetime``) and ``host`` are for files that do not say when and where they were
    collected, ``zone`` is that of local times (``Europe/Berlin``, ``+01:00``). ``final``: the files will not grow, and
    what waits for their next records is told as it is. With
    ``keep_going`` what cannot be read stands in ``ImportedFile.errors``; without it, it raises ``InputError``, or
    ``ImportStopped`` if records were read before it. ``actor`` and ``via`` are who imports, and with what.
    """
    parse_zone(zone)
    collected = None if at is None else _time(at)
    told: list[HypervFile | ImportedFile] = []
    with ExitStack() as streams:
        for name in _names(files):
            errors: list[InputError] | None = [] if keep_going else None
            try:
                stream = streams.enter_context(open_input(name))
                file = HypervFile(name, stream, errors=errors, at=collected, host=host, zone=zone)
                file.open()
            except InputError as refused:
                if not keep_going:
                    raise
                told.append(ImportedFile(name, None, prefix, errors=(refused,)))
            else:
                told.append(file)
        given = [each for each in told if isinstance(each, HypervFile)]

        def record(observations: Sequence[Observation]) -> list[tuple[int, ...]]:
            if progress is not None:
                progress(sum(file.counts.records for file in given))
            return ledger.record(observations, actor=actor, via=via)

        def so_far() -> list[ImportedFile]:
            return [
                each
                if isinstance(each, ImportedFile)
                else _imported(each.name, each.format, prefix, each.counts, each.errors or ())
                for each in told
            ]

        try:
            HypervImporter(prefix, LedgerPast(ledger), ledger.known, record).run(given, final=final)
        except InputError as refused:
            raise ImportStopped(refused, so_far()) from refused
        return so_far()


def import_qemu(
    ledger: Ledger,
    files: Files,
    *,
    actor: str,
    via: str = "import-qemu",
    prefix: str | None = None,
    final: bool = False,
    keep_going: bool = False,
    progress: Progress | None = None,
) -> list[ImportedFile]:
    """Records what recordings of a QEMU driver show, file by file, and returns what came of each. ``-`` is stdin.

    What the ids begin with is the scenario of the file, where no ``prefix`` is given. All else is as for
    ``import_hyperv``.
    """
    told: list[ImportedFile] = []
    for name in _names(files):
        importer = QemuImporter(name, prefix)
        errors: list[InputError] = []

        def record(
            observations: Sequence[Observation], name: str = name, counts: ImportCounts = importer.counts
        ) -> list[tuple[int, ...]]:
            if progress is not None:
                progress(sum(each.records for each in told) + counts.records)
            try:
                return ledger.record(observations, actor=actor, via=via)
            except InputError as refused:
                raise InputError(f"{name}: {refused.message}", hint=refused.hint) from None

        try:
            with open_input(name) as stream:
                kept = errors if keep_going else None
                import_file(importer, stream, name=name, format=FORMAT, record=record, final=final, errors=kept)
        except InputError as refused:
            if not keep_going:
                raise ImportStopped(refused, [*told, _qemu(name, importer, errors)]) from refused
            errors.append(refused)
        told.append(_qemu(name, importer, errors))
    return told


def _names(files: Files) -> list[str]:
    """The names of the files: a text alone is one."""
    return [fspath(each) for each in ([files] if isinstance(files, str | PathLike) else files)]


def _time(at: str | datetime) -> str:
    """A time with its zone, as it is kept inside. Raises ``InputError``."""
    return parse_time(at.isoformat() if isinstance(at, datetime) else at)


def _qemu(name: str, importer: QemuImporter, errors: Sequence[InputError]) -> ImportedFile:
    known = importer.prefix is not None and importer.counts.records > 0
    return _imported(name, FORMAT if known else None, importer.prefix, importer.counts, errors)


def _imported(
    name: str, format: str | None, prefix: str | None, counts: ImportCounts, errors: Sequence[InputError]
) -> ImportedFile:
    return ImportedFile(
        file=name,
        format=format,
        prefix=prefix,
        records=counts.records,
        events=counts.events,
        repeats=counts.repeats,
        not_needed=dict(sorted(counts.not_needed.items())),
        recorded=counts.recorded,
        remarks=dict(sorted(counts.remarks.items())),
        notes=tuple(counts.notes),
        errors=tuple(errors),
    )

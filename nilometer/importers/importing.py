"""Imports from Python: the functions that ``nilo import-hyperv`` and ``nilo import-qemu`` call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.importers.beginning import Beginning
from nilometer.importers.hyperv.hyperv_file import HypervFile
from nilometer.importers.hyperv.running import HypervImport, HypervOptions, UnreadableFile
from nilometer.importers.hyperv.sources.local_time import parse_zone
from nilometer.importers.hyperv.sources.spool.spool_folder import SpoolFolder, read_spool_folder
from nilometer.importers.qemu.importer import FORMAT, QemuImporter
from nilometer.importers.run import DigestedStream, ImportCounts, SkippedRecords, SourceFile, import_file
from nilometer.importers.unfinished import find_lengths
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Observation
from nilometer.ledger.values import check_optional, check_time, check_words
from nilometer.textio.files import check_name, expand_folders, open_repeatable_input
from nilometer.textio.identifying.kind import IMPORT_QEMU

Files = str | PathLike[str] | Iterable[str | PathLike[str]]
"""One file or folder, or several; a folder stands for the files in it."""

Progress = Callable[[int], None]
"""Called now and then with the number of records read so far, of all files together."""


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """The result of one file: ``records`` = ``events`` + ``repeats`` + the sum of ``not_needed``."""

    file: str
    format: str | None
    """The kind of file, such as ``hyperv-spool``; ``None`` if it is not recognised, or could not be opened."""
    prefix: str | None
    """The beginning of the ids of its hosts and VMs."""
    records: int = 0
    events: int = 0
    """Records that produced events."""
    repeats: int = 0
    """Records that contain nothing new."""
    not_needed: dict[str, int] = field(default_factory=dict[str, int])
    """Records that say nothing about memory, by kind; ``undecided`` are the pending ones at the end of the file."""
    recorded: int = 0
    """Events recorded now."""
    remarks: dict[str, int] = field(default_factory=dict[str, int])
    """The number of odd records that were read all the same, by kind."""
    notes: tuple[str, ...] = ()
    """The first remarks of each kind, in words, with their places."""
    errors: tuple[InputError, ...] = ()
    """The errors of the records that were skipped, because of ``keep_going``."""


class ImportStopped(InputError):
    """A record cannot be read, and ended the import. What was recorded before it stays: ``files`` says how much.

    Correct the file and import it again, or skip what cannot be read with ``keep_going``.
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
    reserves: Mapping[str, int] | None = None,
    service_accounts: Sequence[str] = (),
    final: bool = False,
    keep_going: bool = False,
    at_ahead: bool = False,
    progress: Progress | None = None,
) -> list[ImportedFile]:
    """Records what Hyper-V hosts reported, and returns the result of each file, in their order. ``-`` is stdin.

    The files are read together, in the order of the times in them: give those of all hosts at once, so that a VM is
    followed from host to host. A single file need not stand in a list. What is recorded already is not recorded again.

    ``at`` (a text or a ``datetime``, with its zone) and ``host`` are for files that do not say when and where they
    were collected, ``zone`` is the zone of local times (``Europe/Berlin``, ``+01:00``). ``reserves`` are root
    reserves in bytes, by hosts' names: no counter shows them, so they are recorded as stated. ``service_accounts`` are
    owners of jobs and changes that stand for a tool (``CONTOSO\\svc-vmm``): what they did is recorded via that tool, by
    a user who is not known. ``final`` says that the files will not grow: then the pending records are decided.
    ``at_ahead`` says that times over a day ahead of the ledger's clock are meant. ``actor`` and ``via`` say who
    imports, and with which tool.

    Raises ``InputError`` for what cannot be read, or ``ImportStopped`` if records were read before it; with
    ``keep_going`` the errors stand in ``ImportedFile.errors`` instead.
    """
    files = _check_files(files)
    for name, text in (("zone", zone), ("host", host), ("prefix", prefix)):
        check_optional(check_words)(name, text)
    accounts = (service_accounts,) if isinstance(service_accounts, str) else tuple(service_accounts)
    for account in accounts:
        check_words("service_accounts", account)
    parse_zone(zone)
    collected = _check_collected(at)
    names, spools = _find_spools(files)

    def record(observations: Sequence[Observation], files: Sequence[HypervFile]) -> list[tuple[int, ...]]:
        if progress is not None:
            progress(sum(file.counts.records for file in files))
        return ledger.record(observations, actor=actor, via=via, at_ahead=at_ahead)

    options = HypervOptions(
        prefix=prefix,
        collected=collected,
        host=host,
        zone=zone,
        reserves=reserves or {},
        service_accounts=accounts,
        final=final,
        keep_going=keep_going,
    )
    running = HypervImport(ledger, names, spools, options, record)
    try:
        running.run()
    except InputError as error:
        results = [_to_hyperv_result(file, prefix) for file in running.results]
        if not results:
            raise
        raise ImportStopped(error, results) from error
    return [_to_hyperv_result(file, prefix) for file in running.results]


def import_qemu(
    ledger: Ledger,
    files: Files,
    *,
    actor: str,
    via: str = "import-qemu",
    prefix: str | None = None,
    at: str | datetime | None = None,
    vm: str | None = None,
    final: bool = False,
    keep_going: bool = False,
    at_ahead: bool = False,
    progress: Progress | None = None,
) -> list[ImportedFile]:
    """Records what recordings of a QEMU driver show, file by file, and returns the result of each. ``-`` is stdin.

    Logs of a QEMU monitor and what libvirt prints of a VM's memory are read too. ``vm`` is the name of a VM that a log
    does not name, and ``at`` its time. Without ``prefix``, the ids begin with the scenario of the file, which for a log
    is the file's name. All else is as for ``import_hyperv``.
    """
    files = _check_files(files)
    for name, text in (("prefix", prefix), ("vm", vm)):
        check_optional(check_words)(name, text)
    collected = _check_collected(at)
    results: list[ImportedFile] = []

    def begin(sources: Sequence[SourceFile], prefix: str) -> list[Observation]:
        return Beginning.find(ledger, sources, prefix).observe(sources, prefix)

    def import_one(name: str, length: int | None) -> ImportedFile:
        """Imports a file up to a length, or all of it. Raises ``ImportStopped``."""
        importer, skipped = QemuImporter(name, prefix, vm=vm, at=collected), SkippedRecords(keep_going)

        def write(observations: Sequence[Observation]) -> list[tuple[int, ...]]:
            if progress is not None:
                progress(sum(file.records for file in results) + importer.counts.records)
            try:
                return ledger.record(observations, actor=actor, via=via, at_ahead=at_ahead)
            except InputError as error:
                raise InputError(f"{name}: {error.message}", hint=error.hint) from None

        try:
            with open_repeatable_input(name) as stream:
                import_file(
                    importer,
                    DigestedStream(stream, length=length),
                    name=name,
                    format=FORMAT,
                    write=write,
                    expected=IMPORT_QEMU,
                    final=final and length is None,
                    skipped=skipped,
                    clock=ledger.clock,
                    begin=begin,
                )
        except InputError as error:
            if not keep_going:
                raise ImportStopped(error, [*results, _to_qemu_result(name, importer, skipped)]) from error
            skipped.add(error)
        return _to_qemu_result(name, importer, skipped)

    for name in _list_names(files):
        killed = [import_one(name, length) for length in find_lengths(ledger, [name], prefix).values()]
        result = import_one(name, None)
        results.append(replace(result, recorded=result.recorded + sum(file.recorded for file in killed)))
    return results


def _check_collected(at: str | datetime | None) -> UtcTime | None:
    """When files were collected that do not say it."""
    return None if at is None else check_time("at", at.isoformat() if isinstance(at, datetime) else at)


def _check_files(files: object) -> list[str | PathLike[str]]:
    """The names of files. Raises ``InputError`` for what is no name."""
    is_one = isinstance(files, str | bytes | PathLike) or not isinstance(files, Iterable)
    given: list[object] = [files] if is_one else [*cast("Iterable[object]", files)]
    for name in given:
        kind = type(name).__name__
        if not isinstance(name, str | PathLike) or "\0" in fspath(cast("str | PathLike[str]", name)):
            raise InputError(f"files: a {kind} is not the name of a file", hint="write ['file.jsonl']")
    return cast("list[str | PathLike[str]]", given)


def _find_spools(files: Files) -> tuple[list[str], list[SpoolFolder]]:
    """The names of files to read, in which a spool's folder stands for its days; and the folders of spools."""
    names: list[str] = []
    spools: list[SpoolFolder] = []
    for given in [files] if isinstance(files, str | PathLike) else files:
        name, folder = check_name(fspath(given)), Path(given)
        is_folder = name != "-" and folder.is_dir()
        found = sorted(path for path in [folder, *folder.rglob("*")] if path.is_dir()) if is_folder else []
        here = [spool for path in found if (spool := read_spool_folder(path)) is not None]
        spools += here
        within = {spool.folder for spool in here}
        if not here:
            names += expand_folders([name])
        elif within != {folder}:  # other files beside the spools
            names += [file for file in expand_folders([name]) if not within & set(Path(file).parents)]
        names += [str(day) for spool in here for day in spool.days]
    return names, spools


def _list_names(files: Files) -> list[str]:
    return expand_folders(fspath(file) for file in ([files] if isinstance(files, str | PathLike) else files))


def _to_hyperv_result(file: HypervFile | UnreadableFile, prefix: str | None) -> ImportedFile:
    if isinstance(file, UnreadableFile):
        return ImportedFile(file=file.name, format=None, prefix=prefix, errors=(file.error,))
    return _to_result(file.name, file.format, prefix, file.counts, file.skipped)


def _to_qemu_result(name: str, importer: QemuImporter, skipped: SkippedRecords) -> ImportedFile:
    is_known = importer.prefix is not None and importer.counts.records > 0
    return _to_result(name, FORMAT if is_known else None, importer.prefix, importer.counts, skipped)


def _to_result(
    name: str, format: str | None, prefix: str | None, counts: ImportCounts, skipped: SkippedRecords
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
        errors=tuple(skipped.errors),
    )

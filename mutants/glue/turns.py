"""Judges wrong files in two turns: few quick tests first, and the nearest, all of them, of what those do not notice.

A process that judges runs each of its tests once before it begins, under a tracer: with the quick tests of a few files
alone, a wrong file takes about half a second. Most are noticed so. Who is noticed by none of the quick tests has not
survived yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mutants.glue.changes import WrongFile
from mutants.glue.judging import Judged, judge_files
from mutants.glue.noticed import DECIDING, NEAREST, VALIDATING, Noticed
from mutants.glue.serving import PATIENCE
from mutants.glue.survivors import REASONS

_WRITING: Final = (
    "tests/nilometer/ledger/test_repository.py",
    "tests/nilometer/ledger/test_remembered_books.py",
    "tests/nilometer/ledger/test_once.py",
    "tests/nilometer/ledger/test_written.py",
    "tests/nilometer/ledger/test_transactions.py",
    "tests/nilometer/ledger/test_after_the_commit.py",
    "tests/nilometer/ledger/test_moments.py",
    "tests/nilometer/ledger/test_unreadable_events.py",
    "tests/nilometer/ledger/test_damaged_views.py",
    "tests/nilometer/ledger/test_under_policies.py",
    "tests/nilometer/ledger/test_deciding.py",
    "tests/nilometer/ledger/test_validating.py",
    "tests/nilometer/ledger/test_reading_arguments.py",
    "tests/nilometer/ledger/test_answers_before_an_error.py",
)
_DECIDING: Final = (
    *DECIDING[:7],
    "tests/domain/deciding/test_policies.py",
    "tests/domain/deciding/test_breaches.py",
    "tests/domain/deciding/test_enforced.py",
    "tests/domain/deciding/test_redecide_policies.py",
    "tests/domain/deciding/test_books.py",
    "tests/projections/test_advancing.py",
)
_BOOKS: Final = (
    "tests/nilometer/ledger/test_books.py",
    "tests/nilometer/ledger/test_policies.py",
    "tests/nilometer/ledger/test_remembered_books.py",
    "tests/rules/policies/judging/test_group_books.py",
    "tests/nilometer/storage/test_golden_policies.py",
)
_STORING: Final = (
    "tests/nilometer/storage/test_bodies.py",
    "tests/nilometer/storage/test_stored_events.py",
    "tests/nilometer/storage/test_restating.py",
    "tests/nilometer/storage/test_upcasters.py",
    "tests/nilometer/storage/test_schemas.py",
    "tests/nilometer/history/test_cloudevents.py",
    "tests/nilometer/history/test_parsing.py",
)
_VIEWING: Final = (
    "tests/projections",
    "tests/nilometer/views/test_states.py",
    "tests/nilometer/test_queries.py",
)
QUICK: Final[Mapping[str, Sequence[str]]] = {
    "domain/observed/": ("tests/domain/observed", "tests/nilometer/importers/hyperv/vm"),
    "domain/": _DECIDING,
    "nilometer/ledger/validating.py": VALIDATING[:3],
    "nilometer/ledger/values.py": VALIDATING[:3],
    "nilometer/ledger/adopting.py": (
        "tests/nilometer/ledger/test_breakers.py",
        "tests/nilometer/ledger/test_preparing.py",
    ),
    "nilometer/ledger/books.py": _BOOKS,
    "nilometer/ledger/ledger.py": (
        *_WRITING,
        "tests/nilometer/ledger/test_adopting_meanwhile.py",
        "tests/nilometer/ledger/test_closing.py",
        "tests/nilometer/storage/test_opening.py",
    ),
    "nilometer/ledger/policies.py": _BOOKS,
    "rules/policies/judging/group_books.py": _BOOKS,
    "nilometer/ledger/": _WRITING,
    "nilometer/": _STORING,
    "projections/short.py": ("tests/projections/test_short.py", "tests/nilometer/cli/reading/test_short.py"),
    "projections/": _VIEWING,
}
"""The quick tests of each file, by how its path begins; the first that fits counts. Files with the same tests are
judged together."""


def find_quick_tests(file: str) -> tuple[str, ...]:
    """The quick tests of a file."""
    return next(tuple(tests) for beginning, tests in QUICK.items() if file.startswith(beginning))


def judge_in_turns(
    wrongs: Iterable[WrongFile],
    cores: int = 1,
    patience: float = PATIENCE,
    quick: Mapping[str, Sequence[str]] | None = None,
    nearest: Mapping[str, Sequence[str]] = NEAREST,
) -> Iterator[Judged]:
    """Judges wrong files. Yields each as it is known.

    Of what survives the quick tests for a known reason nobody else is asked.
    """
    groups: dict[tuple[str, ...], list[WrongFile]] = {}
    for wrong in wrongs:
        tests = find_quick_tests(wrong.file) if quick is None else tuple(quick[wrong.file])
        groups.setdefault(tests, []).append(wrong)
    left: list[WrongFile] = []
    for tests, group in groups.items():
        for wrong, noticed, by in judge_files(group, cores, {wrong.file: tests for wrong in group}, patience):
            if noticed is Noticed.NOBODY and wrong.key not in REASONS:
                left.append(wrong)
            else:
                yield wrong, noticed, by
    yield from judge_files(left, cores, nearest, patience)

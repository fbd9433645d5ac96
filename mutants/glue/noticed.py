"""Who may notice a wrong file: a lint, the nearest tests, the proof."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Final

from mutants.glue.changes import WrongFile
from mutants.places import ROOT

DECIDING: Final = (
    "tests/domain/test_changes.py",
    "tests/domain/deciding/test_vectors.py",
    "tests/domain/deciding/test_redecide.py",
    "tests/domain/deciding/test_decisions.py",
    "tests/domain/deciding/test_reads.py",
    "tests/domain/deciding/test_input_errors.py",
    "tests/rules/judging/decided/test_sizes.py",
    "tests/nilometer/ledger/test_deciding.py",
    "tests/domain/deciding/test_any_history.py",
    "tests/domain/deciding/test_policies.py",
    "tests/domain/deciding/test_breaches.py",
    "tests/domain/deciding/test_redecide_policies.py",
    "tests/rules/judging/decided/test_histories.py",
)
READING: Final = (
    "tests/nilometer/ledger/test_reading_arguments.py",
    "tests/nilometer/ledger/test_answers_before_an_error.py",
)
STORING: Final = (
    "tests/nilometer/storage/test_bodies.py",
    "tests/nilometer/storage/test_stored_events.py",
    "tests/nilometer/storage/test_restating.py",
    "tests/nilometer/storage/test_upcasters.py",
    "tests/nilometer/storage/test_golden_ledger.py",
    "tests/nilometer/storage/test_schemas.py",
    "tests/nilometer/history",
)
WRITING: Final = (
    "tests/nilometer/ledger/test_deciding.py",
    "tests/nilometer/ledger/test_once.py",
    "tests/nilometer/ledger/test_written.py",
    "tests/nilometer/ledger/test_transactions.py",
    "tests/nilometer/ledger/test_validating.py",
    "tests/nilometer/ledger/test_after_the_commit.py",
    "tests/nilometer/ledger/test_closing.py",
    "tests/nilometer/ledger/test_moments.py",
    "tests/nilometer/ledger/test_repository.py",
    "tests/nilometer/ledger/test_unreadable_events.py",
    "tests/nilometer/ledger/test_damaged_views.py",
    "tests/nilometer/ledger/test_script.py",
    "tests/nilometer/storage/test_attacks.py",
    "tests/nilometer/storage/test_keeping.py",
    "tests/nilometer/cli/writing",
)
ADOPTING: Final = (
    "tests/domain/deciding/test_policies.py",
    "tests/domain/deciding/test_breaches.py",
    "tests/domain/deciding/test_enforced.py",
    "tests/domain/deciding/test_redecide_policies.py",
    "tests/nilometer/ledger/test_policies.py",
    "tests/nilometer/ledger/test_remembered_books.py",
    "tests/nilometer/ledger/test_under_policies.py",
    "tests/nilometer/ledger/test_breakers.py",
    "tests/nilometer/ledger/test_preparing.py",
    "tests/nilometer/ledger/test_adopting_meanwhile.py",
    "tests/nilometer/ledger/test_adopting.py",
    "tests/nilometer/ledger/test_adopting_kinds.py",
    "tests/nilometer/storage/test_golden_policies.py",
)
JUDGING_POLICIES: Final = (
    "tests/rules/policies/judging/test_adopted.py",
    "tests/rules/policies/test_window.py",
    "tests/rules/policies/test_kinds.py",
    "tests/nilometer/cli/audit/test_policies.py",
)
BOOKS_OF_GROUPS: Final = (
    "tests/domain/deciding/test_books.py",
    "tests/rules/policies/judging/test_group_books.py",
    "tests/nilometer/ledger/test_books.py",
    "tests/nilometer/ledger/test_group_books.py",
)
VALIDATING: Final = (
    "tests/nilometer/ledger/test_values.py",
    "tests/nilometer/ledger/test_validating_records.py",
    "tests/nilometer/ledger/test_validating.py",
    "tests/nilometer/ledger/test_moments.py",
    "tests/nilometer/test_api.py",
)
OBSERVING: Final = (
    "tests/domain/observed",
    "tests/projections/test_recordings.py",
    "tests/projections/test_advancing.py",
    "tests/nilometer/importers/hyperv/vm",
    "tests/rules/judging/observed/test_modules.py",
    "tests/rules/judging/observed/test_visible.py",
)
VIEWING: Final = (
    "tests/projections",
    "tests/nilometer/views/test_views.py",
    "tests/nilometer/views/test_states.py",
    "tests/nilometer/views/test_log.py",
    "tests/nilometer/cli/reading",
    "tests/nilometer/test_queries.py",
)
SHOWING: Final = (
    *VIEWING,
    "tests/nilometer/views/test_verifying.py",
    "tests/nilometer/messages",
    "tests/nilometer/report/building",
    "tests/nilometer/cli/audit/test_follow.py",
)
NEAREST: Final[Mapping[str, Sequence[str]]] = {
    "domain/aggregates.py": (*DECIDING, *VIEWING),
    "domain/changes.py": (*DECIDING, *VIEWING),
    "domain/deciding/books.py": BOOKS_OF_GROUPS,
    "domain/deciding/breaches.py": (*ADOPTING, *JUDGING_POLICIES),
    "domain/deciding/decider.py": DECIDING,
    "domain/deciding/enforced.py": (*ADOPTING, *JUDGING_POLICIES),
    "domain/deciding/evidence.py": DECIDING,
    "domain/deciding/hosts.py": DECIDING,
    "domain/deciding/policies.py": (*ADOPTING, *JUDGING_POLICIES),
    "domain/deciding/reads.py": (*DECIDING, *WRITING, *ADOPTING),
    "domain/deciding/redecide.py": DECIDING,
    "domain/deciding/redecide_policies.py": (*ADOPTING, *JUDGING_POLICIES),
    "domain/deciding/steps.py": DECIDING,
    "domain/deciding/vms.py": DECIDING,
    "domain/observed/devices.py": OBSERVING,
    "domain/observed/host.py": OBSERVING,
    "domain/observed/settings.py": OBSERVING,
    "domain/observed/shortage.py": OBSERVING,
    "domain/observed/vm.py": OBSERVING,
    "nilometer/history/codecs.py": (*STORING, "tests/nilometer/audit/test_reading.py"),
    "nilometer/ledger/adopting.py": ADOPTING,
    "nilometer/ledger/books.py": BOOKS_OF_GROUPS,
    "nilometer/ledger/ledger.py": (*READING, "tests/nilometer/storage/test_opening.py", *WRITING, *ADOPTING),
    "nilometer/ledger/policies.py": (*ADOPTING, *JUDGING_POLICIES),
    "nilometer/ledger/receipts.py": (*WRITING, *ADOPTING),
    "nilometer/ledger/repository.py": (*WRITING, *ADOPTING),
    "nilometer/ledger/unit_of_work.py": (*WRITING, *ADOPTING),
    "nilometer/ledger/validating.py": VALIDATING,
    "nilometer/ledger/values.py": VALIDATING,
    "nilometer/storage/bodies.py": (*STORING, *WRITING),
    "nilometer/storage/upcasters.py": STORING,
    "projections/advancing.py": VIEWING,
    "projections/books.py": VIEWING,
    "projections/commits.py": SHOWING,
    "projections/diff.py": SHOWING,
    "projections/fleet.py": VIEWING,
    "projections/requests.py": SHOWING,
    "projections/series.py": SHOWING,
    "projections/short.py": SHOWING,
    "projections/timeline.py": SHOWING,
    "projections/unknowns.py": SHOWING,
    "projections/view.py": SHOWING,
    "projections/watching.py": SHOWING,
    "rules/policies/judging/group_books.py": BOOKS_OF_GROUPS,
}
"""The files that are changed, and the tests that are nearest to each, the quickest first."""
PROVED: Final = "domain/deciding/"
"""Where a change may be refuted by the proof: tables stand there, and no rules, which the prover compares with their
file."""


class Noticed(StrEnum):
    """Who noticed a wrong file."""

    LOADING = "loading"
    """It cannot be imported."""
    LINT = "lint"
    TESTS = "tests"
    PROOF = "proof"
    TIME = "time"
    """It hangs."""
    NOBODY = "nobody"


def lint(wrong: WrongFile) -> str:
    """What a lint finds: the program's deciders know no id. No text if it finds nothing, or does not ask this file."""
    from tests import test_house

    if ROOT / wrong.file not in test_house.DECIDERS:
        return ""
    tree = wrong.tree
    found = [*test_house.literals_in(tree, _words()), *test_house.ids_used_in(tree)]
    return ast.unparse(found[0]) if found else ""


@cache
def _words() -> frozenset[str]:
    from tests import test_house

    return test_house.words_of_the_domain()


def refuted(wrong: WrongFile) -> str:
    """The first obligation that is not proved of the program in this process; no text if all are, or are not asked."""
    if not wrong.file.startswith(PROVED):
        return ""
    from rules.obligations import ObligationBuilder, build_all
    from rules.solving.prover import Prover
    from rules.solving.verdict import ProofVerdict

    proofs = Prover().prove(build_all(ObligationBuilder()))
    return next((proof.obligation.name for proof in proofs if proof.verdict is not ProofVerdict.PROVED), "")

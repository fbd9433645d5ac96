"""The benchmarks, one after the other, each as lines of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.report import Line
from benchmarks.scale import Scale
from benchmarks.tables.judging import as_columns, judge, judge_any_length, replay, share, sieve
from benchmarks.tables.proving import plans, prove, solvers, tlc
from benchmarks.tables.reading import any_moment, flat_memory, import_spools, reports, seal, served, write_history
from benchmarks.tables.recording import (
    check_policies,
    flush,
    record_in_groups,
    record_singly,
    run_script,
    where_time_goes,
)
from benchmarks.tables.starting import drive, set_up, start

SUITE: Final[dict[str, Callable[[Scale], Iterator[Line]]]] = {
    "flush": flush,
    "record": record_singly,
    "group": record_in_groups,
    "script": run_script,
    "replay": replay,
    "judge": judge,
    "share": share,
    "sieve": sieve,
    "lengths": judge_any_length,
    "import": import_spools,
    "history": write_history,
    "moments": any_moment,
    "memory": flat_memory,
    "report": reports,
    "serve": served,
    "start": start,
    "setup": set_up,
    "stages": where_time_goes,
    "drive": drive,
    "plans": plans,
    "policies": check_policies,
    "columns": as_columns,
    "seal": seal,
    "prove": prove,
    "solvers": solvers,
    "tlc": tlc,
}

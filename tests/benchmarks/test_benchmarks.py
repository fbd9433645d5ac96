"""Every benchmark runs, on tiny sizes, and says what it measured. How fast anything is, is not asserted here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.earlier import compare
from benchmarks.fleet import Size
from benchmarks.report import BEGIN, END, Line, table, write
from benchmarks.scale import Scale
from benchmarks.suite import SUITE


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Scale:
    folder = tmp_path_factory.mktemp("benchmarks")
    return Scale(
        folder,
        folder,
        pieces=2,
        single=5,
        grouped=60,
        lengths=(400, 700),
        replayed=100,
        judged=(300, 600),
        shared=1,
        sieved=1,
        polled=Size(hosts=2, vms=3, minutes=100),
        moments=3,
        resizes=2,
        watched=2,
        records=100,
        every=0.2,
        script=30,
        starts=1,
        set_ups=0,
        proofs=1,
        turns=1,
        proved=20,
        proved_commands=("grow", "start"),
        fleets=((2, 6), (3, 9)),
        clusters=20,
        policies=3,
        decided=30_000,
        spark=False,
        bounds={"Guests": ['"windows"'], "Sizes": ["2"], "Amounts": ["2"], "InUse": ["0", "1"]},
    )


@pytest.mark.parametrize("name", SUITE)
def test_each_benchmark_measures_something(name: str, scale: Scale) -> None:
    lines = list(SUITE[name](scale))

    assert lines
    assert all(any(character in "123456789" for character in line.ours + line.beside) for line in lines)


def test_the_table_is_put_where_the_page_has_room_for_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nan old table\n{END}\nafter\n", encoding="utf-8")
    lines = [Line("reading", "5 events/s", "9 events/s", "0.56", "≥ 0.5", ok=True), Line("writing", "1 s")]

    write(lines, page)

    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "an old table" not in text
    assert "\n".join(table(lines)) in text


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["flying"])

    assert "there is no flying" in capsys.readouterr().err


def test_a_commit_is_compared_with_what_is_here(capfd: pytest.CaptureFixture[str]) -> None:
    alone, together = compare("HEAD", pieces=2, commands=4)

    assert re.fullmatch(r"commands in a commit: 1; \d+ µs of the processor a command, .* ratio \d\.\d\d .*", alone)
    assert together.startswith("commands in a commit: 50; ")
    assert capfd.readouterr().err == ""

"""Every command in the documentation that can be run is run, and prints what the page says.

A block marked ``console`` is a session in an empty folder beside ``docs`` and ``tests``, one for each page. A line
``$ …`` is typed, the lines after it are what it prints. A ``…`` stands for anything: times of recording, ids, parts
left out. A block marked ``python`` is run there too, and must neither fail nor print.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docs.forking import forked_nilo
from tests.paths import ROOT

PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK: Final = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sessions(page: Path) -> list[tuple[str, str]]:
    """The commands of a page and what it says that they print."""
    found: list[tuple[str, str]] = []
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            found.append((f"python - <<'END'\n{block}END", ""))
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


def matches(said: str, printed: str) -> bool:
    """What is printed is what the page says, where the page says it."""
    pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", said.strip("\n")))
    return re.fullmatch(pattern, printed.strip("\n"), re.DOTALL) is not None


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The folders with ``nilo`` and ``python``, as ``PATH`` has them."""
    installed = str(Path(sys.executable).parent)
    if sys.platform == "win32":
        yield installed
        return
    with forked_nilo(tmp_path_factory.mktemp("nilo")) as forked:
        yield f"{forked}{os.pathsep}{installed}"


@pytest.mark.parametrize("page", [page for page in PAGES if sessions(page)], ids=lambda page: page.name)
def test_what_a_page_says_is_what_is_printed(page: Path, commands: str, tmp_path: Path) -> None:
    for folder in ("docs", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NILO_")}
    path = f"{commands}{os.pathsep}{inherited['PATH']}"
    environment = {**inherited, "PATH": path, "TZ": "UTC", "NILO_ACTOR": "you", "COLUMNS": "120"}
    for command, said in sessions(page):
        ran = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if command.startswith("python "):
            assert ran.returncode == 0, ran.stdout
        assert matches(said, ran.stdout), f"{page.name}: $ {command}\nprinted:\n{ran.stdout}\nthe page says:\n{said}"


def test_the_first_page_shows_what_runs() -> None:
    assert len(sessions(ROOT / "README.md")) >= 6


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them of its headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")):
            led = page.parent / target if target else page
            assert led.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in headings(led), f"{page.name} links to {target}#{anchor}"


def test_the_first_page_leads_to_every_page() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in PAGES[1:]:
        assert f"](docs/{page.name})" in first, page.name


def test_folders_and_modules_that_pages_name_are_there() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(r"`((?:domain|rules|projections|nilometer|tests|docs|benchmarks)/[\w/.-]*\w/?)`", text):
            assert (ROOT / path).exists(), f"{page.name} names {path}"

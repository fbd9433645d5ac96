"""Takes the pictures of docs/pictures anew: ``python -m tests.nilometer.report.pictures``.

They are of real recordings: three VMs on one budget, a Hyper-V host, and the month's end that the first page plays.
With ``pngquant`` on the path they take a third of the room.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import FloatRect, Page, sync_playwright

from tests.nilometer.cli.calling import Desk
from tests.paths import DOCS, EXAMPLES, RECORDINGS

AT: Final = "2026-11-23T14:53:31.300Z"
"""A moment at which two VMs wait for memory."""
LATER: Final = "2026-11-23T14:53:56.700Z"
"""Another, at which they have got it."""


@dataclass(frozen=True)
class Picture:
    """A part of the report."""

    name: str
    section: str
    height: int
    width: int = 1184
    dark: bool = False
    fragment: str = ""
    later: bool = False
    """Whether it is of the later moment."""
    above: int = 0
    """How much of what stands above is in it."""


PICTURES: Final = (
    Picture("three-vms", "[id='host-lab'] figure.picture", height=380, above=12, later=True),
    Picture("fleet", "main h1", height=865, above=16),
    Picture("vm", "[id='vm-lab.vm0']", height=1000, later=True, fragment="#at=77"),
    Picture("host-dark", "[id='host-lab']", height=930, dark=True),
    Picture("compare", "#compare", height=490, fragment="#a=59&b=83"),
    Picture("phone", "[id='vm-lab.vm0']", height=980, width=390),
)


def write_reports(folder: Path) -> tuple[Path, Path]:
    """A report of all recordings as it was at each of the moments."""
    desk = Desk(folder)
    script = (EXAMPLES / "month-end.jsonl").read_text("utf-8").replace("hv01", "hv02")
    target, later = folder / "report.html", folder / "later.html"
    for command in (
        ("run", desk.write("month-end.jsonl", script)),
        ("import-hyperv", str(EXAMPLES / "HV01-20261123.jsonl")),
        ("import-qemu", str(RECORDINGS / "s7_three_vms_one_budget.jsonl"), "--as", "lab", "--actor", "lab-driver"),
        ("report", "-o", str(target), "--zone", "UTC", "--at", AT),
        ("report", "-o", str(later), "--zone", "UTC", "--at", LATER),
    ):
        called = desk.call(*command)
        assert called.code in (0, 1), called.err
    return target, later


def take(page: Page, picture: Picture, folder: Path) -> Path:
    """Takes one picture."""
    target = folder / f"{picture.name}.png"
    box = page.locator(picture.section).bounding_box()
    assert box is not None
    clip = FloatRect(x=0, y=box["y"] - picture.above, width=picture.width, height=picture.height)
    page.screenshot(path=target, full_page=True, clip=clip)
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--ext", ".png", "--quality", "60-95", "64", target], check=True)
    return target


def main() -> None:
    """Takes all of them."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report, later = write_reports(Path(folder))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for picture in PICTURES:
            context = browser.new_context(
                viewport={"width": picture.width, "height": 900},
                color_scheme="dark" if picture.dark else "light",
                device_scale_factor=1.5,
            )
            page = context.new_page()
            page.goto(f"{(later if picture.later else report).as_uri()}{picture.fragment}")
            page.evaluate("scrollTo(0, 0)")
            print(take(page, picture, DOCS / "pictures"))
            context.close()
        browser.close()


if __name__ == "__main__":
    main()

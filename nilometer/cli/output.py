"""Output: data on stdout, in the format that was asked for; everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from nilometer.cli.escaping import escape_controls
from nilometer.cli.failures import name_stdout, naming_stdout
from nilometer.cli.session import Format

_ESCAPE: Final = "\x1b"
_GAP: Final = 2
"""What stands between two columns of a table, in characters."""
_NARROWEST: Final = 8


class Output:
    """Writes a command's data to stdout, in the format that was asked for."""

    def __init__(self, format: Format) -> None:
        self.format = format
        self.name: Callable[[str], str] = str
        """Puts names that people know into each text for them, such as those of VMs in place of GUIDs."""
        self._escape = f"\ufdd0{os.urandom(8).hex()}"  # stands for our own escapes: no text of a ledger can contain it
        self.stream = sys.stdout
        reconfigure = getattr(self.stream, "reconfigure", None)  # tests put streams without it in its place
        if reconfigure is not None:
            for_programs = format in ("json", "sarif", "csv") or not self.stream.isatty()
            encoding = "utf-8" if for_programs else None
            reconfigure(encoding=encoding, errors="backslashreplace")
        self.colour = format == "human" and self.stream.isatty() and not os.environ.get("NO_COLOR")

    @property
    def json(self) -> bool:
        """Whether the output is JSON."""
        return self.format == "json"

    def write_line(self, text: str = "") -> None:
        """Writes a line for people."""
        self._write(f"{escape_controls(self.name(text)).replace(self._escape, _ESCAPE)}\n")

    def write_cells(self, line: str) -> None:
        """Writes a line of CSV."""
        self._write(f"{line}\n")

    def write_record(self, value: dict[str, Any]) -> None:
        """Writes a line of JSON Lines."""
        self._write(json.dumps(value, ensure_ascii=False) + "\n")

    def write_event(self, value: dict[str, Any]) -> None:
        """Writes one line of canonical JSON, as ``nilo export`` does."""
        self._write(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n")

    def write_history_line(self, line: bytes) -> None:
        """Writes a history line that is canonical JSON already."""
        self._write(f"{line.decode()}\n")

    def write_document(self, value: dict[str, Any] | list[dict[str, Any]]) -> None:
        """Writes one JSON document."""
        self._write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
        except OSError as error:
            name_stdout(error)
            raise

    def flush(self) -> None:
        """Sends what was written on its way."""
        with naming_stdout():
            self.stream.flush()

    def style(self, text: str, **settings: Any) -> str:
        """Returns a text in colour, where colour is wanted. Colour alone never says anything."""
        if not self.colour:
            return text
        import click

        return click.style(escape_controls(text), **settings).replace(_ESCAPE, self._escape)

    def write_table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        right: Sequence[str] = (),
        crop: str | None = None,
    ) -> None:
        """Writes a table for a terminal. ``right`` names the columns that are aligned to the right.

        A row is one line: where the terminal is too narrow, the texts in the column ``crop`` are cut short.
        """
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=Text(escape_controls(self.name(title)), style="bold"),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            pad_edge=False,
            show_edge=False,
        )
        console = Console(file=self.stream, highlight=False, no_color=not self.colour)
        cells = [[Text(escape_controls(self.name(cell))) for cell in row] for row in rows]
        widths = [max(len(column), *(row[number].cell_len for row in cells)) for number, column in enumerate(columns)]
        excess = sum(widths) + _GAP * (len(columns) - 1) - console.width
        for column, width in zip(columns, widths, strict=True):
            narrowed = width
            if column == crop and excess > 0:
                narrowed = min(width, max(width - excess, _NARROWEST))
                console.width += max(0, excess - (width - narrowed))  # a figure is never cut short
            table.add_column(
                Text(column),
                justify="right" if column in right else "left",
                no_wrap=True,
                overflow="ellipsis",
                width=narrowed,
            )
        for row in cells:
            table.add_row(*row)
        with console.capture() as captured:
            console.print(table)
        lines = [line.rstrip() for line in captured.get().splitlines()]
        self._write("".join(f"{line}\n" for line in lines if line))


class Progress:
    """Shows on stderr, if that is a terminal, the progress of work that takes over a second."""

    def __init__(self, doing: str, total: int | None = None, unit: str = "") -> None:
        self._doing, self._total, self._unit = escape_controls(doing), total, unit
        self._begun = self._written_at = time.monotonic()
        self._shown = False
        self._on = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def update(self, count: int) -> None:
        """Shows that so much is done."""
        moment = time.monotonic() if self._on else 0.0
        if self._on and moment - self._begun > 1 and moment - self._written_at > 0.1:
            self._written_at, self._shown = moment, True
            total = f" of {self._total:,}" if self._total else ""
            sys.stderr.write(f"\r\x1b[K{self._doing}: {count:,}{total}{self._unit and ' ' + self._unit}")
            sys.stderr.flush()

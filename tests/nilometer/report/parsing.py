"""A report as a browser's parser reads it: its elements, its ids and links, and the text that people see."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_SILENT: Final = ("script", "style", "template")
_VOID: Final = ("meta", "input", "br", "wbr", "link")


@dataclass
class Parsed(HTMLParser):
    """What a page has."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    text: str = ""
    _open: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not set(self._open) & set(_SILENT):
            self.text += data

    @property
    def ids(self) -> list[str]:
        """All ids, in order."""
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    @property
    def anchors(self) -> set[str]:
        """Where links within the page lead."""
        hrefs = [attributes.get("href", "") for _, attributes in self.elements]
        return {href[1:] for href in hrefs if href.startswith("#") and "=" not in href} - {""}

    def named(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def parse(html: str) -> Parsed:
    """Parses a page."""
    parsed = Parsed()
    parsed.feed(html)
    parsed.close()
    return parsed

"""How things look: attributes that decide it alone, and classes by which the style suits it to a dark ground.

On white, text has a contrast of at least 4.5 to its ground and what carries meaning at least 3. Lines differ by their
dashes and their labels as well as by their hues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import htpy
from htpy import Element, Node, Renderable

from nilometer.report.series import LineName

Attributes = dict[str, str]

FONT: Final = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
GROUND: Final = "#ffffff"
INK: Final = "#1b1f24"
MUTED: Final = "#57606a"
EDGE: Final = "#7d8590"
WARNING: Final = "#8a5a00"
BAD: Final = "#b3261e"
ASSIGNED: Final = "#0b62a8"
VISIBLE: Final = "#b4480b"

GRID: Final[Attributes] = {"stroke": "#d9dde2", "class": "grid"}
AXIS: Final[Attributes] = {"stroke": EDGE, "class": "edge"}
DOTTED: Final[Attributes] = {"stroke": EDGE, "stroke-dasharray": "2 3", "class": "edge"}
BAND: Final[Attributes] = {"fill": "#eef0f3", "class": "band"}
INK_TEXT: Final[Attributes] = {"fill": INK, "class": "ink"}
INK_LINE: Final[Attributes] = {"stroke": INK, "class": "inkline"}
HALO: Final[Attributes] = {
    "paint-order": "stroke",
    "stroke": GROUND,
    "stroke-width": "4",
    "stroke-linejoin": "round",
}
"""Around a text that may lie on a line; its class is ``halo``."""

BALLOONED: Final = "url(#ballooned)"
UNWATCHED: Final = "url(#unwatched)"
UNEXPLAINED: Final = "url(#unexplained)"


@dataclass(frozen=True, slots=True)
class LineLook:
    """What a line looks like."""

    colour: str
    width: str
    dash: str | None
    style_class: str
    cap: str = "butt"

    def stroke(self) -> Attributes:
        """The attributes of the line."""
        dash = {} if self.dash is None else {"stroke-dasharray": self.dash}
        cap = {} if self.cap == "butt" else {"stroke-linecap": self.cap}
        return {"stroke": self.colour, "stroke-width": self.width, **dash, **cap, "class": f"s-{self.style_class}"}

    def label(self) -> Attributes:
        """The attributes of its label."""
        return {"fill": self.colour, "class": f"l-{self.style_class}"}


LOOKS: Final[dict[LineName, LineLook]] = {
    "assigned": LineLook(ASSIGNED, width="6", dash=None, style_class="assigned"),
    "visible": LineLook(VISIBLE, width="2", dash="7 5", style_class="visible"),
    "high_watermark": LineLook(MUTED, width="2", dash="1 4", style_class="watermark", cap="round"),
    "in_use": LineLook("#187552", width="2", dash="12 3 2 3", style_class="inuse"),
    "total": LineLook(INK, width="2.5", dash=None, style_class="total"),
    "reserve": LineLook(MUTED, width="1.5", dash=None, style_class="reserve"),
    "held": LineLook(ASSIGNED, width="1.5", dash=None, style_class="held"),
    "free": LineLook(EDGE, width="1.5", dash=None, style_class="free"),
}

LAYERS: Final = ("#8fb8dd", "#c9def1", "#a9c9e6", "#e1edf8")
"""The grounds of a stack's layers: on each of them the edge, in the colour of *assigned*, has a contrast of 3."""


def key(name: LineName) -> Renderable:
    """A sample of a line, for the words beside it."""
    return htpy.svg(width="28", height="10", aria_hidden="true", class_="key")[
        element("line", {"x1": "1", "x2": "27", "y1": "5", "y2": "5", **LOOKS[name].stroke()})
    ]


def patterns() -> Renderable:
    """The hatches that the charts of a page fill with: once in a page, before them."""
    return htpy.svg(width="0", height="0", aria_hidden="true", class_="patterns")[
        element("defs")[
            _hatch("ballooned", 8, 45, VISIBLE, "2", "visible", ground=VISIBLE),
            _hatch("unwatched", 7, -45, EDGE, "1.5", "edge"),
            _hatch("unexplained", 5, 45, MUTED, "1.5", "watermark"),
        ]
    ]


def _hatch(id: str, step: int, angle: int, colour: str, width: str, style: str, ground: str | None = None) -> Element:
    size = str(step)
    style_class = style if style == "edge" else f"s-{style}"
    stripe = element(
        "line", {"x1": "0", "x2": "0", "y1": "0", "y2": size, "stroke": colour, "stroke-width": width},
        {"class": style_class, "stroke-opacity": ".6" if ground else "1"},
    )  # fmt: skip
    under = ground and element(
        "rect", {"width": size, "height": size, "fill": ground, "fill-opacity": ".07", "class": f"f-{style}"}
    )
    return element(
        "pattern",
        {"id": id, "width": size, "height": size, "patternUnits": "userSpaceOnUse"},
        {"patternTransform": f"rotate({angle})"},
    )[under, stripe]


def element(name: str, *attributes: Attributes) -> Element:
    """An element of SVG with attributes."""
    merged: Attributes = {}
    for more in attributes:
        merged.update(more)
    return Element(name)(merged)


def text(attributes: Attributes, *children: Node, halo: bool = False, style: str = "") -> Element:
    """A text in a chart; with a halo where it may lie on a line. ``style`` is one more class."""
    look = {"fill": MUTED, "class": "muted", **attributes, **(HALO if halo else {})}
    look["class"] = " ".join(filter(None, (look["class"], "halo" if halo else "", style)))
    return Element("text")(look)[children]


def percent(place: float) -> str:
    """A place along the width of the plot: ``34.25%``."""
    return f"{place:.2f}".rstrip("0").rstrip(".") + "%"


def number(value: float) -> str:
    """A length or place in pixels, to a tenth of one: ``12.5``."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def isolated(name: str) -> str:
    """A name, in marks that keep its direction from what stands beside it."""
    return f"⁨{name}⁩"


def shortened(name: str, most: int) -> str:
    """A name of so many characters at most: cut in the middle, for names often differ at their ends."""
    if len(name) <= most:
        return name
    tail = most // 3
    return f"{name[: most - tail - 1]}…{name[-tail:]}"

"""Strokes and symbols of circuit diagrams, as SVG. Coordinates count in grid units, y downwards; a part lies from
(x, y) six units to the right ("h") or down ("v")."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

UNIT = 9
LENGTH = 6
PREFIXES = ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
STYLE = (
    "polyline,circle,rect{fill:none;stroke:#222;stroke-width:1.3}rect.page{fill:#fff;stroke:none}"
    ".joint{fill:#222}.open{fill:#fff}text{font:11px sans-serif;fill:#222}.node{fill:#777;font-style:italic}"
)

Point = tuple[float, float]


def quantity(value: float) -> str:
    """A value as schematics print it: 4.7k, 47n."""
    factor, prefix = next((pair for pair in PREFIXES if value >= 0.999 * pair[0]), PREFIXES[-1])
    return f"{value / factor:.3g}{prefix}"


class Sheet:
    """One drawing: strokes and texts, gathered as SVG."""

    def __init__(self, values: Mapping[str, float], top: float, width: float, height: float) -> None:
        self.values = values
        self.view = (0.0, top * UNIT, width * UNIT, height * UNIT)
        self.drawn: list[str] = []
        self.named: set[str] = set()

    def wire(self, *points: Point) -> None:
        """A line through all points."""
        path = " ".join(f"{x * UNIT:g},{y * UNIT:g}" for x, y in points)
        self.drawn.append(f'<polyline points="{path}"/>')

    def circle(self, x: float, y: float, radius: float, kind: str = "") -> None:
        """A circle of the given radius."""
        self.drawn.append(
            f'<circle cx="{x * UNIT:g}" cy="{y * UNIT:g}" r="{radius * UNIT:g}"'
            + (f' class="{kind}"/>' if kind else "/>")
        )

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Words with their baseline at y."""
        style = f' class="{kind}"' if kind else ""
        self.drawn.append(
            f'<text x="{x * UNIT:g}" y="{y * UNIT:g}" text-anchor="{anchor}"{style}>{escape(words)}</text>'
        )

    def node(self, x: float, y: float, name: str = "", dx: float = 0.0, dy: float = -0.6) -> None:
        """A joint, with its name in the netlist."""
        self.circle(x, y, 0.3, "joint")
        if name:
            self.text(x + dx, y + dy, name, "node")

    def terminal(self, x: float, y: float, name: str, anchor: str) -> None:
        """An open end."""
        self.circle(x, y, 0.4, "open")
        self.text(x + (0.9 if anchor == "start" else -0.9), y + 0.4, name, "", anchor)

    def ground(self, x: float, y: float) -> None:
        """Ground below (x, y)."""
        for n, half in enumerate((1.2, 0.8, 0.4)):
            self.wire((x - half, y + 0.5 * n), (x + half, y + 0.5 * n))

    def body(self, x: float, y: float, way: str, half_length: float, half_width: float) -> None:
        """The box of a two-terminal part, with its leads."""
        along, across = (half_length, half_width) if way == "h" else (half_width, half_length)
        middle = (x + LENGTH / 2, y) if way == "h" else (x, y + LENGTH / 2)
        self.leads(x, y, way, half_length)
        self.drawn.append(
            f'<rect x="{(middle[0] - along) * UNIT:g}" y="{(middle[1] - across) * UNIT:g}" '
            f'width="{2 * along * UNIT:g}" height="{2 * across * UNIT:g}"/>'
        )

    def leads(self, x: float, y: float, way: str, half_gap: float) -> None:
        """The two wires that end at a part."""
        near, far = LENGTH / 2 - half_gap, LENGTH / 2 + half_gap
        if way == "h":
            self.wire((x, y), (x + near, y))
            self.wire((x + far, y), (x + LENGTH, y))
        else:
            self.wire((x, y), (x, y + near))
            self.wire((x, y + far), (x, y + LENGTH))

    def label(
        self, x: float, y: float, way: str, name: str, taper: str = "", side: int = 1, reach: float = 0.6
    ) -> None:
        """Name and value of a part, above or (side -1) below it, or right or (side -1) left of it."""
        self.named.add(name)
        words = [name, quantity(self.values[name]) + (f" {taper}" if taper else "")]
        if way == "h":
            first = -1.6 - reach if side > 0 else 1.5 + reach
            for n, word in enumerate(words):
                self.text(x + LENGTH / 2, y + first + 1.2 * n, word)
        else:
            for n, word in enumerate(words):
                anchor = "start" if side > 0 else "end"
                self.text(x + 1.3 * side, y + LENGTH / 2 - 0.1 + 1.2 * n, word, "", anchor)

    def resistor(self, name: str, x: float, y: float, way: str, side: int = 1) -> None:
        """A resistor."""
        self.body(x, y, way, 1.6, 0.6)
        self.label(x, y, way, name, side=side)

    def capacitor(self, name: str, x: float, y: float, way: str, side: int = 1) -> None:
        """A capacitor."""
        self.leads(x, y, way, 0.3)
        for shift in (-0.3, 0.3):
            at = LENGTH / 2 + shift
            if way == "h":
                self.wire((x + at, y - 1), (x + at, y + 1))
            else:
                self.wire((x - 1, y + at), (x + 1, y + at))
        self.label(x, y, way, name, side=side, reach=1.0)

    def pot(self, name: str, x: float, y: float, way: str, wiper: int, taper: str = "", side: int = 1) -> Point:
        """A pot; `wiper` +1 is right or below, -1 left or above. Returns the end of the wiper."""
        self.body(x, y, way, 1.6, 0.6)
        self.label(x, y, way, name, taper, side)
        middle = LENGTH / 2
        tip, end = (x, y), (x, y)
        if way == "v":
            tip, end = (x + 0.6 * wiper, y + middle), (x + 2.4 * wiper, y + middle)
            self.wire((tip[0] + 0.6 * wiper, tip[1] - 0.4), tip, (tip[0] + 0.6 * wiper, tip[1] + 0.4))
        else:
            tip, end = (x + middle, y + 0.6 * wiper), (x + middle, y + 2.4 * wiper)
            self.wire((tip[0] - 0.4, tip[1] + 0.6 * wiper), tip, (tip[0] + 0.4, tip[1] + 0.6 * wiper))
        self.wire(tip, end)
        return end

    def variable(self, name: str, x: float, y: float, way: str, taper: str, side: int = 1) -> None:
        """A pot with its wiper tied to one end: an arrow across the box."""
        self.body(x, y, way, 1.6, 0.6)
        self.label(x, y, way, name, taper, side, reach=1.3)
        a, b = ((x + 1.6, y + 1.2), (x + 4.4, y - 1.2)) if way == "h" else ((x - 1.2, y + 4.4), (x + 1.2, y + 1.6))
        self.wire(a, b)
        self.wire((b[0] - 0.8, b[1] + 0.1), b, (b[0] - 0.1, b[1] + 0.8))

    def op_amp(self, name: str, x: float, y: float) -> None:
        """An op-amp, plus input at (x, y), minus at (x, y + 4), output at (x + 7, y + 2)."""
        self.named.add(name)
        self.wire((x, y - 1.5), (x + 7, y + 2), (x, y + 5.5), (x, y - 1.5))
        self.text(x + 0.9, y + 0.4, "+")
        self.text(x + 0.9, y + 4.4, "−")
        self.text(x + 3.0, y + 2.4, name)

    def triode(self, name: str, x: float, y: float) -> None:
        """A triode around (x, y): grid at (x - 4, y), plate at (x, y - 4), cathode at (x, y + 4)."""
        self.named.add(name)
        self.circle(x, y, 3)
        self.wire((x, y - 4), (x, y - 1.4))
        self.wire((x - 1.4, y - 1.4), (x + 1.4, y - 1.4))
        self.wire((x - 4, y), (x - 1.7, y))
        for shift in (-1.4, -0.4, 0.6):
            self.wire((x + shift, y), (x + shift + 0.7, y))
        self.wire((x - 1.2, y + 1.8), (x - 1.2, y + 1.3), (x + 1.2, y + 1.3), (x + 1.2, y + 1.8))
        self.wire((x, y + 1.3), (x, y + 4))
        self.text(x + 3.4, y + 2.4, name, "", "start")
        self.text(x + 3.4, y + 3.6, "12AX7", "", "start")

    def diodes(self, name: str, x: float, y: float) -> None:
        """Two antiparallel diodes from (x, y) to (x + 6, y)."""
        self.named.add(name)
        self.leads(x, y, "h", 2)
        for row, way in ((y - 1, 1), (y + 1, -1)):
            middle = x + LENGTH / 2
            self.wire((x + 1, row), (x + 5, row))
            self.wire((middle - 0.7 * way, row - 0.7), (middle + 0.7 * way, row), (middle - 0.7 * way, row + 0.7))
            self.wire((middle - 0.7 * way, row - 0.7), (middle - 0.7 * way, row + 0.7))
            self.wire((middle + 0.7 * way, row - 0.7), (middle + 0.7 * way, row + 0.7))
        self.wire((x + 1, y - 1), (x + 1, y + 1))
        self.wire((x + 5, y - 1), (x + 5, y + 1))
        self.text(x + 5.4, y - 0.5, name, "", "start")

    def svg(self) -> str:
        """The drawing; every part of the circuit must be on it."""
        if self.named != set(self.values):
            raise ValueError(f"the drawing and the engine differ in {sorted(self.named ^ set(self.values))}")
        left, top, width, height = self.view
        box = f'viewBox="{left:g} {top:g} {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        page = f'<rect class="page" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"/>'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
        return "\n".join([head, f"<style>{STYLE}</style>", page, *self.drawn, "</svg>\n"])

"""Draws the figures of the documentation; launch/dev/make-plots starts it.

    python3 make_plots.py [--check] FOLDER

FOLDER contains the numbers (*.csv) and receives the figures: NAME.svg for light pages, NAME~dark.svg for dark ones,
the names that DocC expects.
"""

import csv
import pathlib
import sys
from html import escape
from typing import NamedTuple


class Theme(NamedTuple):
    suffix: str
    page: str
    text: str
    muted: str
    grid: str
    strong: str
    """The colour of our bars and lines."""
    weak: str
    """The colour of what ours are compared with."""
    accent: str
    """The colour of our second line."""


THEMES = [
    Theme("", "#ffffff", "#1f2328", "#59636e", "#d8dee4", "#0550ae", "#b6bec8", "#bc4c00"),
    Theme("~dark", "#0d1117", "#f0f6fc", "#9aa4af", "#30363d", "#6cb6ff", "#59636e", "#f0883e"),
]


class Drawing:
    """An SVG under construction. Coordinates are pixels from the upper left corner."""

    def __init__(self, theme, width, height, title):
        self.theme = theme
        self.width = width
        self.elements = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, DejaVu Sans, sans-serif" font-size="13">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" rx="6" fill="{theme.page}"/>',
        ]

    def text(self, x, y, words, colour=None, anchor="start", weight="normal", size=13):
        self.elements.append(
            f'<text x="{x:g}" y="{y:g}" fill="{colour or self.theme.text}" text-anchor="{anchor}" font-weight="{weight}" '
            f'font-size="{size}">{escape(words)}</text>'
        )

    def line(self, x1, y1, x2, y2, colour=None, width=1.0, dash=None):
        pattern = f' stroke-dasharray="{dash}"' if dash else ""
        self.elements.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour or self.theme.grid}" '
            f'stroke-width="{width:g}"{pattern}/>'
        )

    def bar(self, x, y, width, height, colour):
        self.elements.append(f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" fill="{colour}"/>')

    def dot(self, x, y, radius, colour):
        self.elements.append(f'<circle cx="{x:.1f}" cy="{y:g}" r="{radius:g}" fill="{colour}"/>')

    def curve(self, points, colour, width, clip, dash=None):
        pattern = f' stroke-dasharray="{dash}"' if dash else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.elements.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}" stroke-linejoin="round" '
            f'clip-path="url(#{clip})"{pattern}/>'
        )

    def clip(self, name, x, y, width, height):
        self.elements.append(
            f'<clipPath id="{name}"><rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/></clipPath>'
        )

    def heading(self, title, subtitle):
        self.text(20, 28, title, weight="600", size=16)
        self.text(20, 48, subtitle, self.theme.muted)

    def finished(self):
        return "\n".join(self.elements + ["</svg>"]) + "\n"


SIZES = {
    "char-512": "2 × 512, 65 characters",
    "ptb-medium": "2 × 650, 10,000 words",
    "ptb-large": "2 × 1500, 10,000 words",
    "ptb-small": "2 × 200, 10,000 words",
    "char-128": "2 × 128, 65 characters",
    "adding-128": "1 × 128, 2 characters",
}
"""Layers × hidden units and vocabulary of each shape (launch/comparison/shapes.py)."""

LEFT = 230
"""The left edge of the area of a plot that has one row per shape."""


def shape_label(drawing, y, name):
    drawing.text(LEFT - 12, y - 3, name, anchor="end", weight="600")
    drawing.text(LEFT - 12, y + 13, SIZES[name], drawing.theme.muted, "end", size=12)


def peak(rows, theme):
    """Bars: the share of a core's peak that a training step reaches, ours above PyTorch's."""
    drawing = Drawing(theme, 760, 400, "Share of a core's peak: lstm-dist and PyTorch")
    drawing.heading(
        "Share of a core's multiply-add peak in training, 1 rank",
        "AMD EPYC (Zen 5, AVX-512), float32, reduction: fast, PyTorch 2.13.0 at its best, 2026-11-27",
    )
    full = 470  # pixels of a share of 1
    top, pitch = 78, 48
    bottom = top + pitch * len(rows) + 2
    for tenths in range(0, 11, 2):
        x = LEFT + full * tenths / 10
        at_peak = tenths == 10
        drawing.line(x, top - 8, x, bottom, theme.text if at_peak else None, dash="4 3" if at_peak else None)
        drawing.text(x, bottom + 18, f"{tenths / 10:g}", theme.muted, "middle", size=12)
    drawing.text(LEFT + full, top - 14, "peak", anchor="middle", size=12)
    for index, row in enumerate(rows):
        y = top + pitch * index
        ours = float(row["peak"])
        theirs = ours / float(row["ratio"])
        shape_label(drawing, y + 20, row["shape"])
        drawing.bar(LEFT, y, full * ours, 19, theme.strong)
        drawing.bar(LEFT, y + 20, full * theirs, 16, theme.weak)
        drawing.text(LEFT + 8, y + 14, "lstm-dist", theme.page, weight="600", size=12)
        drawing.text(LEFT + 8, y + 32, "PyTorch", theme.text, size=12)
        drawing.text(LEFT + full * ours - 8, y + 14, f"{ours:.2f}", theme.page, "end", "600", 12)
        drawing.text(LEFT + full * theirs + 8, y + 32, f"{theirs:.2f}", size=12)
    return drawing.finished()


def pair(rows, theme):
    """Dots with their spread: two ranks of one training against two single ranks side by side."""
    drawing = Drawing(theme, 760, 366, "Two ranks of one training against two single ranks")
    drawing.heading(
        "Two ranks of one training against two independent ones: tokens/s",
        "AMD EPYC (Zen 5), 2 cores, reduction: fast, 2026-11-27; median, least and greatest of nine turns",
    )
    least, greatest, width = 0.9, 1.04, 430
    top, pitch = 92, 40

    def x(value):
        return LEFT + width * (value - least) / (greatest - least)

    bottom = top + pitch * len(rows)
    for hundredths in range(90, 105, 2):
        value = hundredths / 100
        one = hundredths == 100
        drawing.line(x(value), top - 10, x(value), bottom, theme.text if one else None, dash="4 3" if one else None)
        drawing.text(x(value), bottom + 18, f"{value:.2f}", theme.muted, "middle", size=12)
    drawing.text(x(1), top - 16, "no loss", anchor="middle", size=12)
    for index, row in enumerate(rows):
        y = top + pitch * index + 14
        shape_label(drawing, y, row["shape"])
        drawing.line(x(float(row["pair_least"])), y, x(float(row["pair_greatest"])), y, theme.strong, 2)
        for end in ("pair_least", "pair_greatest"):
            drawing.line(x(float(row[end])), y - 4, x(float(row[end])), y + 4, theme.strong, 2)
        drawing.dot(x(float(row["pair"])), y, 5, theme.strong)
        drawing.text(x(greatest) + 16, y + 5, row["pair"], weight="600")
    return drawing.finished()


def resume(rows, theme):
    """Losses of a training that was killed and resumed on another number of ranks, on those of an undisturbed one."""
    drawing = Drawing(theme, 760, 392, "A killed and resumed training has the losses of the undisturbed one")
    drawing.heading(
        "Killed on 2 ranks, resumed on 3: the losses of an undisturbed run, to the bit",
        "configs/text.yaml, training loss in nats a character, every tenth step",
    )
    left, top, width, height = 60, 70, 670, 270
    steps, low, high = 1700, 1.0, 2.0

    def x(step):
        return left + width * step / steps

    def y(loss):
        return top + height * (high - loss) / (high - low)

    def points(column):
        return [(x(int(row["step"])), y(float(row[column]))) for row in rows if row[column]]

    drawing.clip("area", left, top, width, height)
    for tenths in range(10, 21, 2):
        drawing.line(left, y(tenths / 10), left + width, y(tenths / 10))
        drawing.text(left - 8, y(tenths / 10) + 4, f"{tenths / 10:.1f}", theme.muted, "end", size=12)
    for step in range(0, 1601, 200):
        drawing.text(x(step), top + height + 20, f"{step:,}", theme.muted, "middle", size=12)
    drawing.text(left + width, top + height + 42, "step", theme.muted, "end", size=12)
    drawing.curve(points("undisturbed"), theme.weak, 8, "area")
    drawing.curve(points("killed"), theme.strong, 1.8, "area")
    drawing.curve(points("resumed"), theme.accent, 1.8, "area", "5 2")
    killed = max(int(row["step"]) for row in rows if row["killed"])
    resumed = min(int(row["step"]) for row in rows if row["resumed"]) - 10
    drawing.line(x(resumed), top + 22, x(resumed), top + height, theme.accent, 1.2, "2 3")
    drawing.line(x(killed), top + 78, x(killed), top + height, theme.strong, 1.2, "2 3")
    drawing.text(x(resumed) + 8, top + 32, "resumed on 3 ranks (dashed)", theme.accent, weight="600")
    drawing.text(x(resumed) + 8, top + 48, f"from the checkpoint of step {resumed:,}", theme.accent, weight="600")
    drawing.text(x(killed) + 8, top + 87, f"2 ranks, one killed at step {killed:,}", theme.strong, weight="600")
    drawing.text(x(345), y(1.72), "undisturbed run (thick)", theme.muted, weight="600")
    return drawing.finished()


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def main(arguments):
    check = arguments[:1] == ["--check"]
    folder = pathlib.Path(arguments[-1])
    comparison, resumed = read(folder / "comparison.csv"), read(folder / "resume.csv")
    failures = 0
    for theme in THEMES:
        for name, drawn in (
            ("peak", peak(comparison, theme)),
            ("pair", pair(comparison, theme)),
            ("resume", resume(resumed, theme)),
        ):
            path = folder / f"{name}{theme.suffix}.svg"
            if not check:
                path.write_text(drawn, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != drawn:
                print(f"{path} is not what launch/dev/make-plots draws; run it and commit the result", file=sys.stderr)
                failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Plots as SVG, without a library: lines over a logarithmic axis, readable on a light and on a dark page."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 80, 170, 40, 50
# Everyone has the same colour and the same dashes in all plots.
LINES = {
    "ceiling": ("#7f7f7f", ""), "ceiling-synced": ("#7f7f7f", "2 3"), "ceiling-waiting": ("#7f7f7f", "7 3"),
    "holdfast": ("#0072b2", ""), "holdfast-tasks": ("#0072b2", "7 3"), "holdfast-segment": ("#0072b2", "2 3"),
    "sqlite": ("#d55e00", ""), "sqlite-contended": ("#d55e00", "7 3"), "sqlite-per-session": ("#d55e00", "2 3"),
    "rocksdb": ("#009e73", ""), "rocksdb-pipelined": ("#009e73", "7 3"), "leveldb": ("#cc79a7", ""), "lmdb": ("#e69f00", ""),
    "jsonl": ("#56b4e9", ""), "rewrite": ("#8c6d31", ""), "redis": ("#bcbd22", ""),
}


def ticks(low, high):
    """The powers of ten that the axis shows."""
    return [10 ** power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def label(value):
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if value >= factor and value % (factor / 10) == 0:
            return f"{value / factor:g}{unit}"
    return f"{value:,g}" if value < 1 else f"{value:,.0f}"


def lines(title, x_title, y_title, series):
    """A plot of {name: [(x, y), …]}, both axes logarithmic."""
    xs = sorted({x for points in series.values() for x, _ in points})
    ys = [y for points in series.values() for _, y in points]
    y_ticks = ticks(min(ys), max(ys))
    low, high = math.log10(y_ticks[0]), math.log10(y_ticks[-1])
    left, span = math.log10(xs[0]), max(1e-9, math.log10(xs[-1]) - math.log10(xs[0]))

    def place(x, y):
        return (LEFT + (math.log10(x) - left) / span * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (math.log10(y) - low) / (high - low) * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           '<style>text{fill:#333}.grid{stroke:#ccc}@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#555}}</style>',
           f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
           f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_title)}</text>',
           f'<text x="16" y="{HEIGHT / 2:.0f}" text-anchor="middle" transform="rotate(-90 16 {HEIGHT / 2:.0f})">{escape(y_title)}</text>']
    for y in y_ticks:
        at = place(xs[0], y)[1]
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
                   f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{label(y)}</text>')
    for x in xs:
        at = place(x, y_ticks[0])[0]
        out.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label(x)}</text>')
    ends = []
    for name, points in series.items():
        colour, dashes = LINES[name]
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in sorted(points))
        width = 3 if name.startswith("holdfast") else 1.5
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                   f'stroke-dasharray="{dashes}" stroke-width="{width}"/>')
        ends.append([place(*max(points))[1], name, colour])
    previous = 0
    for end in sorted(ends):  # names beside their lines, pushed apart where they would touch
        end[0] = previous = max(end[0], previous + 14)
        out.append(f'<text x="{WIDTH - RIGHT + 8}" y="{end[0] + 4:.1f}" style="fill:{end[2]}">{escape(end[1])}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"

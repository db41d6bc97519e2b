"""Line charts as SVG: a picture in one text, which a browser shows at any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

from torch import Tensor

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 28, 44  # margins, in which the numbers and names stand
COLOURS = ("#4053d3", "#ddb310", "#b51d14", "#00beff", "#fb49b0", "#00b25d", "#8a8a8a", "#000000")  # told apart by all
TICKS = 5  # about so many numbers at an axis
STEPS = (1, 2, 5, 10)  # between two of them, times a power of ten
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a chart.

    Args:
        name: for the legend.
        points: x and y, in the order of x.
        band: x, lowest and highest y, drawn as an area behind the line.
    """

    name: str
    points: Points
    band: Sequence[tuple[float, float, float]] = ()


def chart(lines: Sequence[Line], *, title: str, x: str, y: str) -> str:
    """Draw a chart: an SVG element with axes, a legend, and a line and a band for each name.

    Points that are not finite are left out; a line of one point is a dot.

    Args:
        lines: at least one.
        title: above the chart.
        x: name of the horizontal axis.
        y: name of the vertical axis.
    """
    points = [(place, value) for line in lines for place, value in line.points if isfinite(value)]
    edges = [(place, value) for line in lines for place, low, high in line.band for value in (low, high)]
    shown = [*points, *((place, value) for place, value in edges if isfinite(value))]
    across = ticks(*_range([place for place, _ in shown]))
    up = ticks(*_range([value for _, value in shown]))

    def place(point: tuple[float, float]) -> str:
        right = LEFT + (point[0] - across[0]) / (across[-1] - across[0]) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - (point[1] - up[0]) / (up[-1] - up[0]) * (HEIGHT - TOP - BOTTOM)
        return f"{right:.1f},{down:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + 18 * len(lines)}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT + 18 * len(lines)}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x)}</text>',
        f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(y)}</text>',
    ]
    for value in across:
        right = place((value, up[0])).partition(",")[0]
        parts.append(f'<path d="M{right} {TOP}V{HEIGHT - BOTTOM}" stroke="#eeeeee"/>')
        parts.append(f'<text x="{right}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{number(value)}</text>')
    for value in up:
        down = place((across[0], value)).partition(",")[2]
        parts.append(f'<path d="M{LEFT} {down}H{WIDTH - RIGHT}" stroke="#eeeeee"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{float(down) + 4:.1f}" text-anchor="end">{number(value)}</text>')
    for index, line in enumerate(lines):
        colour = COLOURS[index % len(COLOURS)]
        band = [each for each in line.band if all(map(isfinite, each))]
        if len(band) > 1:
            outline = [*((at, high) for at, _, high in band), *((at, low) for at, low, _ in reversed(band))]
            parts.append(f'<polygon points="{" ".join(map(place, outline))}" fill="{colour}" fill-opacity="0.18"/>')
        drawn = [place(point) for point in line.points if isfinite(point[1])]
        if len(drawn) == 1:
            right, _, down = drawn[0].partition(",")
            parts.append(f'<circle cx="{right}" cy="{down}" r="3" fill="{colour}"/>')
        else:
            parts.append(f'<polyline points="{" ".join(drawn)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        down_at = HEIGHT + 18 * index
        parts.append(f'<rect x="{LEFT}" y="{down_at}" width="14" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + 20}" y="{down_at + 10}">{escape(line.name)}</text>')
    return "".join([*parts, "</svg>\n"])


def spectrum(real: Tensor, fake: Tensor) -> str:
    """Draw two mean spectra, in dB (frequencies,), over the frequency: an SVG file's content."""
    lines = [
        Line(name=name, points=list(enumerate(values.tolist())))
        for name, values in (("real images", real), ("generated images", fake))
    ]
    return chart(
        lines,
        title="Mean power spectrum: a generated line below the real one is blur, above it noise or a grid",
        x="frequency, cycles over the shorter side",
        y="power, dB",
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return (low, high) if high > low else (low - abs(low) / 2 - 0.5, high + abs(high) / 2 + 0.5)


def ticks(low: float, high: float) -> list[float]:
    """Round numbers, evenly apart, the first at most `low` and the last at least `high`."""
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(step * power for step in STEPS if step * power >= rough * 0.999)
    return [step * index for index in range(floor(low / step), ceil(high / step) + 1)]


def number(value: float) -> str:
    """A number at an axis, in few characters: "50k", "1.5M", "0.25"."""
    for limit, name in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{name}"
    return f"{value:.4g}"

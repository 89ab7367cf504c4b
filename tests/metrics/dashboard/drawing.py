"""Draws panels as Grafana lays them out, for people to look at: one HTML page with a picture of each."""

from collections.abc import Sequence
from html import escape

from metrics.dashboard.panels import Line, Panel

_COLOURS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d")
_COLUMN, _ROW = 60, 34
"""The size of a place of Grafana's grid, in pixels."""
_LEFT, _TOP, _LEGEND = 78, 36, 15
_STEPS = {
    "bytes": (1024, " KMGT", "iB"),
    "Bps": (1000, " kMGT", "B/s"),
    "short": (1000, " KMGT", ""),
    "reqps": (1000, " KMGT", " req/s"),
    "ops": (1000, " KMGT", " ops/s"),
    "cps": (1000, " KMGT", " c/s"),
}


def page(shown: Sequence[tuple[Panel, Sequence[Line]]], start: float, end: float) -> str:
    """Return a page with all panels, in their places."""
    drawn = "\n".join(_placed(panel, found, start, end) for panel, found in shown)
    bottom = max((panel.row + panel.height) * _ROW for panel, _ in shown)
    style = (
        "body{margin:0;background:#111217;color:#ccccdc;font:12px sans-serif}"
        "div{position:absolute;overflow:hidden;background:#181b1f;outline:1px solid #2c3235}"
        "div.row{background:none;outline:none;font-size:15px;padding-top:8px}"
    )
    return (
        f"<!doctype html><meta charset=utf-8><title>The dashboard</title><style>{style}</style>"
        f"<body style='width:{24 * _COLUMN}px;height:{bottom}px'>{drawn}"
    )


def _placed(panel: Panel, found: Sequence[Line], start: float, end: float) -> str:
    width, height = panel.width * _COLUMN - 8, panel.height * _ROW - 8
    place = f"left:{panel.column * _COLUMN}px;top:{panel.row * _ROW}px;width:{width}px;height:{height}px"
    if panel.kind == "row":
        return f"<div class=row style='{place}'>{escape(panel.title)}</div>"
    parts = [f"<text x=8 y=17 fill=#fff font-weight=bold>{escape(panel.title)}</text>"]
    if panel.kind == "stat":
        parts += [
            f"<text x=8 y={50 + 24 * number} fill=#73bf69 font-size=20>{escape(said)}</text>"
            for number, said in enumerate(_said(panel, line) for line in found if line.samples)
        ]
    else:
        parts += _plot(panel, found, (start, end), (width, height))
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' width={width} height={height} fill=#ccccdc>"
    return f"<div style='{place}' title='{escape(panel.description)}'>{picture}{''.join(parts)}</svg></div>"


def _said(panel: Panel, line: Line) -> str:
    return line.name if panel.has_names_alone else _written(line.samples[-1].value, panel.unit)


def _plot(
    panel: Panel, found: Sequence[Line], times: tuple[float, float], size: tuple[int, int]
) -> list[str]:
    legend, rows = _legend(found, size)
    bottom, right = size[1] - 22 - _LEGEND * rows, size[0] - 10
    totals: dict[float, float] = {}
    raised = []
    for line in found:
        points = []
        for moment, value in line.samples:
            totals[moment] = value + (totals.get(moment, 0.0) if panel.is_stacked else 0.0)
            points.append((moment, totals[moment]))
        raised.append(points)
    top = max((value for points in raised for _, value in points), default=0.0) or 1.0
    parts = []
    for part in range(5):
        y = bottom - (bottom - _TOP) * part / 4
        parts.append(f"<path d='M{_LEFT} {y:.0f}H{right}' stroke=#2c3235 />")
        parts.append(
            f"<text x={_LEFT - 4} y={y + 4:.0f} text-anchor=end>{_written(top * part / 4, panel.unit)}</text>"
        )
    for number, points in enumerate(raised):
        spots = " ".join(
            f"{_LEFT + (right - _LEFT) * (moment - times[0]) / (times[1] - times[0]):.1f},"
            f"{bottom - (bottom - _TOP) * value / top:.1f}"
            for moment, value in points
        )
        parts.append(f"<polyline points='{spots}' fill=none stroke={_COLOURS[number % len(_COLOURS)]} />")
    return parts + legend


def _legend(found: Sequence[Line], size: tuple[int, int]) -> tuple[list[str], int]:
    """Return the legend, and how many rows it takes."""
    places, x, row = [], 8, 0
    for number, line in enumerate(found):
        width = 22 + 7 * len(line.name)
        if x + width > size[0] and x > 8:
            x, row = 8, row + 1
        places.append((x, row, _COLOURS[number % len(_COLOURS)], line.name))
        x += width
    parts = [
        f"<rect x={x} y={size[1] - 10 - _LEGEND * (row - line)} width=10 height=3 fill={colour} />"
        f"<text x={x + 14} y={size[1] - 5 - _LEGEND * (row - line)}>{escape(name)}</text>"
        for x, line, colour, name in places
    ]
    return parts, row + 1


def _written(value: float, unit: str) -> str:
    if unit == "s":
        for least, of_unit in ((86_400, "day"), (3600, "hour"), (60, "min"), (1, "s"), (0.001, "ms")):
            if value >= least:
                return f"{value / least:.3g} {of_unit}"
        return f"{value * 1e6:.3g} µs" if value else "0 s"
    if unit in ("percentunit", "percent"):
        return f"{value * (100 if unit == 'percentunit' else 1):.3g}%"
    step, prefixes, after = _STEPS.get(unit, (1000, " KMGT", ""))
    power = 0
    while value >= step and power < len(prefixes) - 1:
        value, power = value / step, power + 1
    return f"{value:.3g} {prefixes[power].strip()}{after}".replace("  ", " ").strip()

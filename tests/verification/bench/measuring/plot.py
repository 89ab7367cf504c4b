"""Plots as SVG: lines over two logarithmic axes, in colours that are told apart by all, on light and dark."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 640, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 40, 50
_OPENING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
    ' font-family="sans-serif" font-size="12" fill="#777">'
)
# Okabe and Ito's colours.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True)
class Plot:
    """Lines with names, each of points."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]

    def svg(self) -> str:
        """Return the picture."""
        points = [point for line in self.lines.values() for point in line]
        across = _Axis([x for x, _ in points], _LEFT, _WIDTH - _RIGHT)
        up = _Axis([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
        return "\n".join(
            [
                _OPENING,
                f"<title>{escape(self.title)}</title>",
                _text(_LEFT, 20, self.title, size=14),
                *_grid(across, up),
                _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, self.x, anchor="middle"),
                f'<g transform="rotate(-90 16 {_HEIGHT / 2})">',
                _text(16, _HEIGHT / 2, self.y, anchor="middle"),
                "</g>",
                *self._drawn(across, up),
                "</svg>\n",
            ]
        )

    def _drawn(self, across: "_Axis", up: "_Axis") -> Iterator[str]:
        for number, (name, line) in enumerate(self.lines.items()):
            color = _COLORS[number % len(_COLORS)]
            places = [(across.at(x), up.at(y)) for x, y in line]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>'
            yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places)
            row = _TOP + 10 + 20 * number
            left = _WIDTH - _RIGHT + 15
            yield f'<rect x="{left}" y="{row - 9}" width="12" height="4" fill="{color}"/>'
            yield _text(left + 18, row - 3, name)


class _Axis:
    """Places values by their logarithms."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = min(values), max(values)
        if self.low == self.high:
            self.low, self.high = self.low / 2, self.high * 2
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """Where a value is."""
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return self._start + part * (self._end - self._start)

    def marks(self) -> list[float]:
        """Round values within it."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
        within = [value for value in values if self.low <= value <= self.high]
        return within if len(within) <= 9 else within[::3]


def _grid(across: _Axis, up: _Axis) -> Iterator[str]:
    for value in across.marks():
        x = across.at(value)
        yield f'<path d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#999" stroke-opacity=".3"/>'
        yield _text(x, _HEIGHT - _BOTTOM + 16, f"{value:,g}", anchor="middle")
    for value in up.marks():
        y = up.at(value)
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#999" stroke-opacity=".3"/>'
        yield _text(_LEFT - 6, y + 4, f"{value:,g}", anchor="end")


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'

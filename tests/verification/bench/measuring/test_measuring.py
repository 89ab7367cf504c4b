"""Shows that ratios, intervals and plots say what was measured."""

import asyncio
import json
import random
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from verification.bench.measuring.figures import hundredth, ratio
from verification.bench.measuring.plot import Plot
from verification.bench.measuring.results import Results
from verification.bench.measuring.rounds import interleaved, load

SVG = "{http://www.w3.org/2000/svg}"


def test_a_ratio_is_that_of_rounds_whatever_the_machine_does_meanwhile() -> None:
    floors = [1.0, 10.0, 100.0, 1000.0]
    assert ratio([2 * floor for floor in floors], floors) == (2, 2, 2)


def test_the_interval_has_the_true_median_nineteen_times_in_twenty() -> None:
    drawn = random.Random(1)
    within = 0
    for _ in range(400):
        found = ratio([drawn.lognormvariate(0.5, 0.4) for _ in range(80)], [1.0] * 80)
        within += found.low <= 1.6487 <= found.high
    assert within >= 370


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (100, 99), (101, 100), (1000, 990)])
def test_one_in_a_hundred_takes_longer_than_the_highest_hundredth(count: int, expected: int) -> None:
    assert hundredth([float(number) for number in range(count, 0, -1)]) == expected


async def test_each_way_is_called_once_a_round_in_changing_order() -> None:
    called: list[str] = []

    async def call(name: str) -> None:
        called.append(name)

    ways = {name: lambda name=name: call(name) for name in "abc"}
    times = await interleaved(ways, 20)
    rounds = [tuple(called[start : start + 3]) for start in range(3, len(called), 3)]
    assert {tuple(sorted(one)) for one in rounds} == {("a", "b", "c")}
    assert len(set(rounds)) > 3
    assert [len(seconds) for seconds in times.values()] == [20, 20, 20]


async def test_callers_call_at_once() -> None:
    together = 0
    most = 0

    async def call() -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.001)
        together -= 1

    got = await load(call, 8, 0.05)
    assert (most, got.calls) == (8, len(got.times))


def test_a_plot_is_a_picture_of_all_its_points() -> None:
    lines = {"ours & theirs": [(1, 10), (10, 100)], "echo": [(1, 20), (10, 300), (100, 20)]}
    picture = ET.fromstring(Plot("A <plot>", "callers", "rate", lines).svg())  # noqa: S314 - our own
    assert len(picture.findall(f"{SVG}polyline")) == 2
    assert len(picture.findall(f"{SVG}circle")) == 5
    assert "ours & theirs" in [text.text for text in picture.iter(f"{SVG}text")]
    places = [
        float(circle.get(name, "nan")) for circle in picture.findall(f"{SVG}circle") for name in ("cx", "cy")
    ]
    assert all(0 < place < 640 for place in places)


def test_figures_of_a_part_take_the_place_of_its_former_ones(tmp_path: Path) -> None:
    for number in (1, 2):
        Results(figures={"way": number}).keep("hits", 1.0, tmp_path)
        Results(figures={"way": number}, plots={"line": Plot("", "", "", {"a": [(1, 1)]})}).keep(
            f"part {number}", 1.0, tmp_path
        )
    kept = json.loads((tmp_path / "bench.json").read_text())
    assert {part: one["figures"]["way"] for part, one in kept.items()} == {
        "hits": 2,
        "part 1": 1,
        "part 2": 2,
    }
    assert kept["hits"]["machine"]["cores"] >= 1
    assert (tmp_path / "line.svg").exists()

import math
from xml.etree import ElementTree

import pytest
import torch

from gan_lab.evaluation.charts import Line, chart, number, spectrum, ticks

SVG = "{http://www.w3.org/2000/svg}"


def drawn(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def test_a_chart_has_a_line_a_band_and_a_name_for_each() -> None:
    lines = [
        Line(name="one & <two>", points=[(0, 1), (10, 3)], band=[(0, 0.5, 1.5), (10, 2, 4)]),
        Line(name="dot", points=[(5, 2)]),
        Line(name="broken", points=[(0, 1), (5, math.nan), (10, 2)]),
    ]
    root = drawn(chart(lines, title="FID", x="images", y="score"))
    assert [line.get("points", "").count(",") for line in root.iter(f"{SVG}polyline")] == [2, 2]
    assert len(list(root.iter(f"{SVG}polygon"))) == 1
    assert len(list(root.iter(f"{SVG}circle"))) == 1
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"FID", "images", "score", "one & <two>", "dot"} <= set(texts)


def test_higher_values_are_further_up() -> None:
    (line,) = drawn(chart([Line(name="a", points=[(0, 0), (1, 10)])], title="", x="", y="")).iter(f"{SVG}polyline")
    (left, low), (right, high) = (map(float, point.split(",")) for point in line.get("points", "").split())
    assert left < right
    assert low > high


@pytest.mark.parametrize("points", [[], [(3, 7)], [(0, 0), (1, 0)], [(0, -5), (1, -5)]])
def test_few_points_or_equal_ones_are_drawn(points: list[tuple[float, float]]) -> None:
    drawn(chart([Line(name="a", points=points)], title="", x="", y=""))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (3.2, 180), (-0.004, 0.001), (1e5, 3e6)])
def test_ticks_are_round_and_reach_both_ends(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert 4 <= len(found) <= 9


def test_numbers_are_short() -> None:
    assert [number(value) for value in (0, 0.25, 1500, 50_000, 2.5e6, -3)] == ["0", "0.25", "1.5k", "50k", "2.5M", "-3"]


def test_two_spectra_make_a_picture() -> None:
    root = drawn(spectrum(torch.arange(5.0), torch.arange(5.0) - 1))
    assert len(list(root.iter(f"{SVG}polyline"))) == 2

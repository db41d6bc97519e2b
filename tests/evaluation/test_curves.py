from pathlib import Path

import pytest

from gan_lab.evaluation.curves import at, curve, line, lines
from gan_lab.evaluation.groups import Group
from gan_lab.evaluation.run_scores import ScoredRun
from gan_lab.runs.run import Run
from tests.evaluation.conftest import scores

HEAD = "step,loss/generator,images_seen,scores/fid\n"


def run(folder: Path, *rows: str) -> Run:
    made = Run(folder)
    folder.mkdir(parents=True)
    made.metrics_file.write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return made


def group(*runs: Run) -> Group:
    return Group("setup", [ScoredRun(each, scores({"fid": 1.0}, 640)) for each in runs])


def test_a_curve_is_of_the_rows_with_the_score(tmp_path: Path) -> None:
    made = run(tmp_path / "a", "1,0.5,100,", "2,,100,9.5", "3,0.4,200,nan", "4,,300,5", "4,,300,6", "x,,broken,3")
    assert curve(made, "fid") == [(100, 9.5), (300, 6)]
    assert curve(made, "kid") == []
    assert curve(Run(tmp_path / "nowhere"), "fid") == []


def test_the_band_is_one_standard_deviation_over_seeds(tmp_path: Path) -> None:
    first = run(tmp_path / "a", "1,,100,10", "2,,200,6")
    second = run(tmp_path / "b", "1,,100,12", "2,,150,9", "3,,200,8")
    found = line(group(first, second), "fid")
    assert found is not None
    assert found.name == "setup"
    assert found.points == [(100, 11), (200, 7)]
    assert found.band == [
        (100, pytest.approx(11 - 2**0.5), pytest.approx(11 + 2**0.5)),
        (200, *[pytest.approx(7 + s * 2**0.5) for s in (-1, 1)]),
    ]


def test_runs_are_compared_as_far_as_all_have_come(tmp_path: Path) -> None:
    long = run(tmp_path / "a", "1,,100,10", "2,,200,6", "3,,300,4")
    short = run(tmp_path / "b", "1,,50,14", "2,,250,4")
    found = line(group(long, short), "fid")
    assert found is not None
    assert found.points == [(100, (10 + 11.5) / 2), (200, (6 + 6.5) / 2)]
    (only,) = lines([group(long), group(run(tmp_path / "c"))], "fid")
    assert len(only.points) == 3
    assert only.band == []


def test_between_two_points_a_curve_is_straight() -> None:
    points = [(0.0, 1.0), (10.0, 3.0)]
    assert [at(points, place) for place in (-5, 0, 5, 10, 20)] == [1, 1, 2, 3, 3]

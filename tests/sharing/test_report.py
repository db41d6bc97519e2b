import io
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from gan_lab.runs.run import Run
from gan_lab.sharing import report as reports
from gan_lab.sharing.report import GRIDS, POINTS, grids_of, metrics_of, names_of, report, shrunk, thinned
from gan_lab.utils.errors import UserError
from tests.evaluation.conftest import scores
from tests.sharing.conftest import MakeRun
from tests.utils.test_pages import HOSTILE, Reader


@pytest.fixture
def trained(make: MakeRun) -> Run:
    """A run with all that a report shows."""
    return furnished(make("vanilla", name="first"))


def furnished(run: Run, fid: float = 12.5) -> Run:
    run.overrides_file.write_text(yaml.safe_dump(["model=vanilla", "seed=2"]))
    run.hydra_file.write_text(
        yaml.safe_dump({"hydra": {"runtime": {"choices": {"model": "vanilla", "data": "mnist"}}}})
    )
    run.metrics_file.write_text(
        "step,images_seen,loss/generator,loss/discriminator,scores/fid\n"
        "1,128,0.7,1.4,\n2,256,0.8,,30.5\n3,384,nan,1.1,20.25\nbroken\n"
    )
    run.samples.mkdir()
    for seen in (0, 256, 384):
        Image.new("RGB", (8, 8), (seen % 255, 0, 0)).save(run.samples / f"{seen:09d}.png")
    Image.new("RGB", (8, 8)).save(run.samples / "000000384_raw.png")
    run.update_record(scores=scores({"fid": fid}, 640).to_dict(), alarms=["batch 3: collapse"], seed=2)
    return run


def test_a_report_shows_what_there_is(trained: Run) -> None:
    content = report([trained])
    for said in (
        "Report: first",
        "finished after 640 images in 0:00:03",
        "gan-lab train model=vanilla seed=2",
        "256 images   FID 30.500",
        "12.500",
        "Only scores of one protocol can be compared",
        "batch 3: collapse",
        "Losses</title>",
        "FID while training</title>",
    ):
        assert said in content, said
    assert content.count("<figure") == 3, "grids of raw weights are other ones"
    assert content.count("<figure hidden") == 2, "without a script the last is shown"
    assert content.count("polyline") == 3


def test_a_report_draws_the_score_that_a_run_goes_by(trained: Run, make: MakeRun) -> None:
    trained.metrics_file.write_text(
        "images_seen,scores/fid,scores/kid,scores/recall\n128,30.5,0.5,0.25\n256,20,0.4,0.5\n"
    )
    assert "KID while training" not in report([trained])
    by = {"minimised": 0.4, "images_seen": 256, "protocol": scores({}, 1).to_dict()["protocol"]}
    trained.update_record(best={"by": "kid", "kid": 0.4, **by})
    assert "KID while training</title>" in report([trained, make("vanilla", name="second")])
    trained.update_record(best={"by": "recall", "recall": 0.5, **by})
    assert "Recall while training" not in report([trained]), "it has a chart"


def test_a_report_loads_nothing(trained: Run) -> None:
    loaded = Reader(report([trained])).loaded
    assert len(loaded) == 3
    assert all(address.startswith("data:image/") for address in loaded)


def test_runs_stand_beside_each_other(trained: Run, make: MakeRun) -> None:
    other = furnished(make("cgan", name="second"), fid=99.25)
    content = report([trained, other])
    assert "Report: 2 runs" in content
    for said in ("first, 640 images", "second, 640 images", "12.500", "99.250", "first generator", "second generator"):
        assert said in content, said
    assert content.count("film") > 1


def test_a_run_without_anything_has_a_report(make: MakeRun) -> None:
    content = report([make("cut")])
    for said in ("No grid has been drawn", "No numbers", "No scores", "None."):
        assert said in content, said


def test_what_a_stranger_writes_is_no_mark(make: MakeRun) -> None:
    run = make("vanilla")
    run.update_record(alarms=[HOSTILE], error=HOSTILE, notes=HOSTILE, device=HOSTILE, versions={HOSTILE: HOSTILE})
    run.overrides_file.write_text(yaml.safe_dump([HOSTILE.replace("\x1b", "")]))
    read = Reader(report([run]))
    assert read.elements.count("script") == 1, "the page's own"
    assert "onerror" not in read.attributes


def test_of_many_grids_some_are_shown(make: MakeRun) -> None:
    run = make("vanilla")
    run.samples.mkdir()
    for seen in range(100):
        (run.samples / f"{seen:09d}.png").touch()
    shown = [shot.images_seen for shot in grids_of(run)]
    assert len(shown) == GRIDS
    assert (shown[0], shown[-1]) == (0, 99)
    assert max(np.diff(shown)) <= 5


def test_a_large_grid_is_made_smaller(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 2000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    content, kind = shrunk(tmp_path / "a.png")
    assert kind == "webp"
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (900, 450)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"b\.png can't be read"):
        shrunk(tmp_path / "b.png")


def test_long_lines_are_thinned_by_means() -> None:
    points = [(float(number), float(number % 2)) for number in range(10 * POINTS)]
    thin = thinned(points)
    assert len(thin) == POINTS
    assert thin[0] == (4.5, 0.5)
    assert thinned(points[:5]) == points[:5]


def test_a_damaged_table_is_named(make: MakeRun) -> None:
    run = make("vanilla")
    run.metrics_file.write_text("step,loss\n1,2\n")
    with pytest.raises(UserError, match=r"metrics\.csv can't be read"):
        metrics_of(run)
    run.metrics_file.write_bytes(b"images_seen,\xff\n1,2\n")
    with pytest.raises(UserError, match=r"metrics\.csv can't be read"):
        metrics_of(run)


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [Run(tmp_path / place) for place in ("a/0", "b/0", "c")]
    assert names_of(runs) == ["a/0", "b/0", "c"]


def test_every_chart_has_its_axis() -> None:
    assert all(axis and columns for axis, columns in reports.CHARTS.values())

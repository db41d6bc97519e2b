from pathlib import Path

import pytest
from PIL import Image

from gan_lab.cli import main
from gan_lab.runs.run import Run


@pytest.fixture
def filmed(run: Run) -> Run:
    """A run with three grids and a score."""
    run.samples.mkdir()
    for seen in (0, 320, 640):
        Image.new("L", (32, 32), seen // 4).save(run.samples / f"{seen:09d}.png")
    run.metrics_file.write_text("step,images_seen,scores/fid\n1,320,30.25\n")
    return run


def test_every_grid_is_a_frame(filmed: Run, capsys: pytest.CaptureFixture[str]) -> None:
    main(["timelapse", "run"])
    with Image.open("timelapse.gif") as film:
        assert film.n_frames == 3
        film.seek(2)
        assert film.info["duration"] == 170 + 2000
    assert capsys.readouterr().out == "3 grids, up to 640 images, FID 30.250: timelapse.gif\n"
    main(["timelapse", "run", "--frames", "2", "--fps", "1", "--hold", "0", "--out", "few.png"])
    with Image.open("few.png") as film:
        assert (film.n_frames, film.info["duration"]) == (2, 1000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "film.avi"), "--out film.avi: unknown format .avi"),
        (("--out", "exists.gif"), "--out exists.gif: exists already"),
        (("--fps", "0"), "--fps 0: must be above 0"),
        (("--weights", "raw"), "run has no grid of the raw weights"),
    ],
)
def test_wrong_requests_change_nothing(options: tuple[str, ...], message: str, filmed: Run, tmp_path: Path) -> None:
    Path("exists.gif").write_text("precious")
    before = {*tmp_path.rglob("*")}
    with pytest.raises(SystemExit) as ending:
        main(["timelapse", "run", *options])
    assert message in str(ending.value.code)
    assert {*tmp_path.rglob("*")} == before


def test_a_damaged_grid_leaves_no_film(filmed: Run) -> None:
    (filmed.samples / "000000320.png").write_text("no image")
    with pytest.raises(SystemExit, match=r"000000320\.png: can't be read as an image"):
        main(["timelapse", "run"])
    assert not Path("timelapse.gif").exists()

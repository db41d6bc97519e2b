from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.evaluation import timelapse
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError

TABLE = "step,images_seen,scores/fid\n1,100,\n2,200,30.25\n3,300,nan\n4,400,9.5\n,,1\n5,wrong,2\n"


@pytest.fixture
def filmed(run: Run) -> Run:
    """A run with grids and scores."""
    run.samples.mkdir()
    for seen, side in ((0, 40), (250, 40), (400, 62), (1000, 40)):
        Image.new("RGB", (side, 40), (seen % 256, 0, 0)).save(run.samples / f"{seen:09d}.png")
    Image.new("RGB", (40, 40)).save(run.samples / "000000250_raw.png")
    (run.samples / "notes.png").write_text("no grid")
    run.metrics_file.write_text(TABLE)
    return run


def test_a_grid_tells_the_latest_score_before_it(filmed: Run) -> None:
    shots = timelapse.shots(filmed)
    assert [shot.caption for shot in shots] == [
        "0 images",
        "250 images   FID 30.250",
        "400 images   FID 9.500",
        "1,000 images   FID 9.500",
    ]
    (raw,) = timelapse.shots(filmed, raw=True)
    assert raw.file.name == "000000250_raw.png"
    filmed.metrics_file.write_text("step,images_seen,scores/psnr\n1,100,20.0\n")
    assert timelapse.shots(filmed)[-1].score == "PSNR 20.00"
    filmed.metrics_file.unlink()
    assert timelapse.shots(filmed)[-1].caption == "1,000 images"


def test_a_grid_tells_the_score_that_the_run_goes_by(filmed: Run) -> None:
    filmed.metrics_file.write_text("images_seen,scores/fid,scores/a2b/recall\n100,30.25,0.125\n")
    assert timelapse.shots(filmed)[-1].score == "FID 30.250"
    filmed.update_record(best={"by": "a2b/recall", "a2b/recall": 0.125, "minimised": -0.125, "images_seen": 100})
    assert timelapse.shots(filmed)[-1].score == "Recall a2b 0.125"
    filmed.update_record(best={"by": "kid", "kid": 0.1, "minimised": 0.1, "images_seen": 100})
    assert timelapse.shots(filmed)[-1].score == "FID 30.250", "a table without the column"


def test_a_few_grids_are_equally_far_apart(filmed: Run) -> None:
    assert [shot.images_seen for shot in timelapse.shots(filmed, most=2)] == [0, 1000]
    assert [shot.images_seen for shot in timelapse.shots(filmed, most=3)] == [0, 400, 1000]
    assert [shot.images_seen for shot in timelapse.shots(filmed, most=1)] == [1000]
    assert len(timelapse.shots(filmed, most=9)) == 4


def test_frames_have_one_size_and_the_text_below(filmed: Run) -> None:
    frames = [*timelapse.frames(timelapse.shots(filmed))]
    assert {frame.shape for frame in frames} == {frames[0].shape}
    _, height, width = frames[0].shape
    assert width == 62 * 4, "the largest, its pixels enlarged"
    grid = frames[1][:, :160]
    assert (grid[0, :, 44:204] == 250).all(), "in the middle"
    assert height > 160 + 10
    below = [frame[:, 160:] for frame in frames]
    assert all((band == 240).any() for band in below)
    assert not torch.equal(below[0], below[1])


def test_a_text_is_no_wider_than_the_frame() -> None:
    long = f"{10**12:,} images   FID 12.3"
    assert timelapse.font_for([long], 200).getlength(long) <= 192
    assert timelapse.font_for(["a"], 5000).getlength("a") < 40


def test_a_run_without_grids_is_refused(run: Run) -> None:
    with pytest.raises(
        UserError, match="run has no grid of samples: none was drawn yet, or callbacks.samples was left"
    ):
        timelapse.shots(run)
    run.samples.mkdir()
    (run.samples / "000000000.png").write_text("no image")
    with pytest.raises(UserError, match=r"000000000\.png: can't be read as an image"):
        next(timelapse.frames(timelapse.shots(run)))
    with pytest.raises(UserError, match="has no grid of the raw weights"):
        timelapse.shots(run, raw=True)


def test_a_table_that_cannot_be_read_is_named(filmed: Run, tmp_path: Path) -> None:
    filmed.metrics_file.write_bytes(np.arange(256, dtype=np.uint8).tobytes())
    with pytest.raises(UserError, match=r"metrics\.csv: can't be read"):
        timelapse.shots(filmed)

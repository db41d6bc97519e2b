from pathlib import Path

import pytest
from PIL import Image

from gan_lab.cli import main
from gan_lab.runs.run import Run
from gan_lab.utils import films
from tests.conftest import full_disk, read_image


def test_a_loop_is_the_default(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    main(["interpolate", "run"])
    with Image.open("interpolation.gif") as film:
        assert film.size == (128, 128)
        assert film.n_frames > 48, "GIF joins frames that are alike"
    assert capsys.readouterr().out == "96 frames through 4 points: interpolation.gif\n"


def test_a_strip_is_one_picture(run: Run, conditional_run: Run) -> None:
    main(["interpolate", "run", "--seeds", "1,2", "--strip"])
    assert read_image(Path("interpolation.png")).shape == (3, 12, 10 * 10 + 2)
    main(["interpolate", "conditional", "--classes", "1,2", "--strip", "--frames", "4", "--out", "classes.png"])
    assert read_image(Path("classes.png")).shape == (3, 12, 4 * 10 + 2)


def test_an_animated_png_has_every_frame(run: Run) -> None:
    options = ("--seeds", "1,2", "--frames", "5", "--fps", "10", "--scale", "2", "--out", "film.png")
    main(["interpolate", "run", *options])
    with Image.open("film.png") as film:
        assert (film.n_frames, film.size, film.info["duration"]) == (5, (16, 16), 100)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "film.avi"), "--out film.avi: unknown format .avi; films are .gif, .png (APNG) and .mp4"),
        (("--out", "exists.gif"), "--out exists.gif: exists already"),
        (("--out", "film.gif", "--strip"), "--out film.gif: a strip is one picture"),
        (("--fps", "0"), "--fps 0: must be above 0"),
        (("--seeds", "1"), "--seeds: a path needs two points or more"),
        (("--classes", "1,2"), "--classes 1: VanillaGAN knows no classes"),
        (("--latent", "nowhere.npy"), "--latent nowhere.npy: can't be read"),
        (("--space", "w"), "--space w: the generator of this run has no styles"),
    ],
)
def test_wrong_requests_change_nothing(options: tuple[str, ...], message: str, run: Run, tmp_path: Path) -> None:
    Path("exists.gif").write_text("precious")
    before = {*tmp_path.rglob("*")}
    with pytest.raises(SystemExit) as ending:
        main(["interpolate", "run", *options])
    assert str(ending.value.code).startswith(f"Error: {message}")
    assert {*tmp_path.rglob("*")} == before
    assert Path("exists.gif").read_text() == "precious"


def test_a_full_disk_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {*tmp_path.rglob("*")}
    monkeypatch.setattr(films, "write", full_disk)
    with pytest.raises(SystemExit, match=r"--out \S+gif: can't be written: No space left on device"):
        main(["interpolate", "run", "--frames", "3"])
    assert {*tmp_path.rglob("*")} == before

import errno
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.utils import films
from gan_lab.utils.errors import UserError
from tests.conftest import read_image

FRAMES = [torch.full((1, 8, 10), 60 * index, dtype=torch.uint8) for index in range(4)]


@pytest.mark.parametrize("name", ["film.gif", "film.png", "FILM.GIF"])
def test_a_film_has_the_frames_and_their_times(name: str, tmp_path: Path) -> None:
    films.write(iter(FRAMES), tmp_path / name, fps=10, hold=1.0, scale=2)
    durations = []
    with Image.open(tmp_path / name) as film:
        assert film.n_frames == 4
        assert film.info["loop"] == 0
        for index in range(4):
            film.seek(index)
            pixels = np.array(film.convert("L"))
            assert pixels.shape == (16, 20)
            assert (pixels == 60 * index).all()
            durations.append(film.info["duration"])
    assert durations == [100, 100, 100, 1100]


def test_colours_stay_those_of_a_few(tmp_path: Path) -> None:
    frames = [torch.zeros(3, 4, 4, dtype=torch.uint8), torch.zeros(3, 4, 4, dtype=torch.uint8)]
    frames[0][0], frames[1][2] = 200, 200
    for name in ("a.gif", "a.png"):
        films.write(frames, tmp_path / name, fps=10, scale=1)
        with Image.open(tmp_path / name) as film:
            for index, frame in enumerate(frames):
                film.seek(index)
                assert np.array_equal(np.array(film.convert("RGB")), frame.permute(1, 2, 0).numpy())


def test_one_frame_is_a_film(tmp_path: Path) -> None:
    for name in ("a.gif", "a.png"):
        films.write(FRAMES[:1], tmp_path / name, fps=24)
        assert Image.open(tmp_path / name).size == (160, 128), "small ones are enlarged"


def test_a_strip_has_all_frames_beside_each_other(tmp_path: Path) -> None:
    films.strip(iter(FRAMES), tmp_path / "strip.png")
    strip = read_image(tmp_path / "strip.png")
    assert strip.shape == (3, 8 + 4, 4 * 12 + 2)
    assert strip[0, 6, 2 + 5 :: 12].tolist() == [0, 60, 120, 180]


def test_pixels_become_squares() -> None:
    frame = torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8)
    assert films.enlarged(frame, 2).tolist() == [[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]
    assert films.enlarged(frame).shape == (1, 128, 128)
    assert films.enlarged(torch.zeros(3, 200, 300)).shape == (3, 200, 300)


def test_what_is_no_film_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UserError, match=r"^--out a\.avi: unknown format \.avi; films are \.gif, \.png \(APNG\) and \.mp4$"
    ):
        films.check("--out", Path("a.avi"))
    with pytest.raises(UserError, match=r"^--out a\.gif: a strip is one picture, so its name ends in \.png$"):
        films.check("--out", Path("a.gif"), strip=True)
    monkeypatch.setattr(films, "ffmpeg", lambda: None)
    with pytest.raises(UserError, match=r"^--out a\.mp4: needs a package .*\[video\]', or install ffmpeg, or write a "):
        films.check("--out", Path("a.mp4"))
    for name in ("a.gif", "a.png", "A.PNG"):
        films.check("--out", Path(name))


def test_ffmpeg_is_the_systems_or_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films.shutil, "which", lambda _: "/usr/bin/ffmpeg")
    assert films.ffmpeg() == "/usr/bin/ffmpeg"
    monkeypatch.setattr(films.shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert films.ffmpeg() is None


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A program in ffmpeg's place."""
    script = tmp_path / "ffmpeg"
    script.write_text(f"#!{sys.executable}\nimport sys\n{program}")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(films, "ffmpeg", lambda: str(script))


def test_ffmpeg_gets_every_frame_in_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, "open(sys.argv[-1], 'wb').write(' '.join(sys.argv).encode() + sys.stdin.buffer.read())")
    films.write(FRAMES, tmp_path / "film.mp4", fps=4, hold=0.5, scale=1)
    command, _, frames = (tmp_path / "film.mp4").read_bytes().partition(b"film.mp4")
    assert b"-s 10x8 -r 4 -i -" in command
    assert len(frames) == (4 + 2) * 8 * 10 * 3
    assert frames[240:243] == bytes([60, 60, 60])
    assert frames[-1] == 180


@pytest.mark.parametrize("says", [f"av: {os.strerror(errno.ENOSPC)}", "Unknown encoder"])
def test_ffmpegs_failure_is_one_line(says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, f"print({says!r}, file=sys.stderr)\nsys.exit(1)")
    expected = OSError if os.strerror(errno.ENOSPC) in says else UserError
    with pytest.raises(expected, match=says.partition(": ")[2] or r"ffmpeg could not write film\.mp4: Unknown encoder"):
        films.write(FRAMES * 5000, tmp_path / "film.mp4", fps=4, scale=1)


def test_frames_that_fail_end_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, "sys.stdin.buffer.read()")

    def frames():  # type: ignore[no-untyped-def]
        yield FRAMES[0]
        raise UserError("no more")

    with pytest.raises(UserError, match="no more"):
        films.write(frames(), tmp_path / "film.mp4", fps=4)


def test_a_real_film_is_written(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="the extra video is not installed")
    odd = [torch.full((1, 9, 11), value, dtype=torch.uint8) for value in (0, 120, 250)]
    films.write(odd, tmp_path / "film.mp4", fps=5, scale=3)
    content = (tmp_path / "film.mp4").read_bytes()
    assert content[4:8] == b"ftyp"
    assert b"moov" in content[:2000], "players begin before they have all of it"

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import gan_lab
from gan_lab.api.explore import paths
from gan_lab.cli import main
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.api.test_untouched import state
from tests.conftest import alike, read_image


def test_a_path_is_that_of_the_command(conditional_run: Run) -> None:
    run = gan_lab.load(conditional_run.folder)
    frames = run.interpolate([1, 2], classes=[3, "8"], frames=4, out="film.png", fps=10)
    assert (frames.dtype, frames.shape) == (torch.uint8, (4, 1, 8, 8))
    with Image.open("film.png") as film:
        assert film.n_frames == 4
    main(
        [
            "interpolate",
            "conditional",
            "--seeds",
            "1,2",
            "--classes",
            "3,8",
            "--frames",
            "4",
            "--strip",
            "--out",
            "s.png",
        ]
    )
    assert alike(read_image(Path("s.png"))[:1, 2:10, 32:40], frames[3])
    before = state()
    run.interpolate([1, 2], frames=2)
    assert state() == before


def test_a_training_is_a_film(run: Run) -> None:
    run.samples.mkdir()
    Image.new("L", (40, 40)).save(run.samples / "000000000.png")
    film = gan_lab.load(run.folder).timelapse("film.gif")
    assert film.shape[:2] == (1, 3)
    assert Image.open("film.gif").size == (film.shape[3], film.shape[2])


def test_a_walk_has_its_sheet_and_directions(run: Run) -> None:
    walk = gan_lab.load(run.folder).walk(count=2, steps=3)
    assert walk.picture.size == (3 * 10 + 2, 2 * 10 + 2)
    assert walk.directions is not None
    assert walk.directions.vectors.shape == (2, 4)


def test_images_are_projected_from_tensors_and_files(conditional_run: Run) -> None:
    run = gan_lab.load(conditional_run.folder)
    targets = run.sample(2, label=4, seed=9)
    found = run.project(targets, label=4, steps=100, out="latents.npy")
    assert found.latents.shape == (2, 4)
    assert found.labels is not None
    assert found.labels.tolist() == [4, 4]
    assert found.psnr.min() > 25
    assert run.interpolate(latents="latents.npy", classes=[4], frames=2).shape == (2, 1, 8, 8)
    run.grid(1, label=4).save("one.png")
    assert run.project("one.png", label=4, steps=1, starts=1).images.shape == (1, 1, 8, 8)
    assert paths("a.png") == paths(["a.png"]) == [Path("a.png")]


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("interpolate", {"seeds": [1]}, "seeds: a path needs two points or more"),
        ("interpolate", {"classes": [12]}, "classes=12: there is no class 12"),
        ("interpolate", {"space": "w"}, "space=w: the generator of this run has no styles"),
        ("interpolate", {"latents": "nowhere.npy"}, "latents=nowhere.npy: can't be read"),
        ("interpolate", {"out": "film.avi"}, "out=film.avi: unknown format .avi"),
        ("interpolate", {"truncation": -1}, "truncation=-1: must be 0 or more"),
        ("interpolate", {"space": "q"}, "space='q': must be 'z' or 'w'"),
        ("interpolate", {"weights": "average"}, "weights='average': must be 'ema' or 'raw'"),
        ("interpolate", {"frames": 1}, "frames=1: must be a whole number of at least 2"),
        ("interpolate", {"seeds": [1, -2]}, "seeds=-2: must be a whole number of at least 0"),
        ("interpolate", {"out": "film.gif", "fps": 0}, "fps=0: must be above 0"),
        ("timelapse", {"out": "film.gif", "fps": -1.5}, "fps=-1.5: must be above 0"),
        ("walk", {"method": "stroll"}, "method='stroll': must be 'sefa' or 'pca' or 'mix'"),
        ("walk", {"steps": 1}, "steps=1: must be a whole number of at least 2"),
        ("project", {"pictures": "run", "starts": 0}, "starts=0: must be a whole number of at least 1"),
        ("project", {"pictures": "run", "checkpoint": "first"}, "checkpoint='first': must be 'last' or 'best'"),
        ("timelapse", {}, "has no grid of samples"),
        ("walk", {"method": "mix"}, "method=mix: the generator of this run has no styles"),
        ("walk", {"label": "eel"}, "label=eel: no such class"),
        ("project", {"pictures": torch.zeros(1, 1, 9, 9)}, "pictures: must be uint8 of shape (n, 1, 8, 8)"),
        ("project", {"pictures": "run", "out": "exists.npy"}, "out=exists.npy: exists already"),
    ],
)
def test_a_wrong_request_is_one_line(method: str, options: dict[str, Any], message: str, conditional_run: Run) -> None:
    Path("exists.npy").touch()
    with pytest.raises(UserError) as refused:
        getattr(gan_lab.load(conditional_run.folder), method)(**options)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)

"""Images that are no squares, through the whole house: folders, training, grids, samples, translations and scores."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.cli import main
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run
from tests.config.test_conf import LATENT, MODELS, NO_SCORES, TRANSLATING
from tests.conftest import OFFLINE, Command, read_image

SHAPES = ((48, 96), (64, 48))  # height and width; the second is 4:3
GENERATED = sorted(set(MODELS) - set(TRANSLATING))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Colour pictures of several shapes, in two classes."""
    generator = np.random.default_rng(0)
    for name, top in (("dark", 100), ("light", 255)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for index in range(12):
            pixels = generator.integers(0, top, (5 + index % 3, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(pixels).resize((100, 60), Image.Resampling.BICUBIC)
            picture.save(tmp_path / "pictures" / name / f"{index:02}.png")
    return tmp_path / "pictures"


def option(shape: tuple[int, int]) -> str:
    return f"data.image_size=[{shape[0]},{shape[1]}]"


def data_of(model: str) -> tuple[str, ...]:
    """The choice of data that a model learns from, all of them the pictures."""
    if model == "pix2pix":
        return ("data=paired_folders", "data.source=pictures/dark", "data.target=pictures/light")
    if model in TRANSLATING:
        return ("data=unpaired_folders", "data.domain_a=pictures/dark", "data.domain_b=pictures/light")
    return ("data=image_folder", "data.root=pictures", "data.num_classes=2")


def tiny(model: str) -> tuple[str, ...]:
    """What makes a model's own network tiny; a choice of one for those whose own one is large."""
    if model in TRANSLATING:
        network = next(name for name in TRANSLATING[model] if name.endswith("_small"))
        return (f"model/network={network}", *TRANSLATING[model][network])
    network = {"stylegan2": "stylegan2_small", "r3gan": "resnet"}.get(model, "dcgan_small")
    norm = () if model in ("vanilla", "dcgan", "cgan", "acgan", "infogan") else ("norm=none",)
    return (f"model/network={network}", *LATENT[network], *(f"model.network.discriminator.{each}" for each in norm))


def quick(folder: str, *more: str) -> tuple[str, ...]:
    steps = ("data.batch_size=4", "trainer.max_steps=3", "trainer.log_every_n_steps=3", f"hydra.run.dir={folder}")
    return (*OFFLINE[1:], *NO_SCORES, *steps, "callbacks.samples.rows=2", "callbacks.samples.columns=3", *more)


@pytest.mark.parametrize("shape", [SHAPES[0], pytest.param(SHAPES[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize("model", MODELS)
def test_every_variant_trains_on_oblongs(
    model: str, shape: tuple[int, int], pictures: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(*quick("run"), f"model={model}", *data_of(model), *tiny(model), option(shape)) is None
    run = Run.open("run")
    saved = run.load_checkpoint()["state_dict"]
    assert all(value.isfinite().all() for value in saved.values())
    grids = [read_image(path) for path in sorted(Path("run/samples").glob("*.png"))]
    height, width = (length + 2 for length in shape)  # a line between images
    assert len(grids) == 2
    assert (grids[0].shape[1] - 2) % height == (grids[0].shape[2] - 2) % width == 0
    assert not torch.equal(*grids), "the generator has moved"
    if isinstance(run.load_model(), LatentGAN):
        main(["sample", "run", "--count", "3", "--out", "three.pt"])
        assert torch.load("three.pt", weights_only=True).shape == (3, 3, *shape)
    else:
        main(["translate", "run", "--input", "pictures/dark", "--out", "translated"])
        assert read_image(next(Path("translated").glob("**/*.png"))).shape == (3, 60, 100), "at their own size"

"""Images that are no squares, all the way from folders through training to samples, translations and scores."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.cli import main
from gan_lab.config.schema import build
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run
from tests.config.test_conf import FEW_SCORES, LATENT, MODELS, NO_SCORES, TRANSLATING
from tests.conftest import OFFLINE, Command, composed, read_image

SHAPES = ((48, 96), (64, 48))  # height and width; the second is 4:3


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
    steps = ("data.batch_size=4", "trainer.max_steps=5", "trainer.log_every_n_steps=5", f"hydra.run.dir={folder}")
    return (*OFFLINE[1:], *NO_SCORES, *steps, "callbacks.samples.rows=2", "callbacks.samples.columns=3", *more)


@pytest.mark.parametrize("shape", [SHAPES[0], pytest.param(SHAPES[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize("model", MODELS)
def test_every_variant_trains_on_oblongs(model: str, shape: tuple[int, int], pictures: Path, command: Command) -> None:
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


def test_oblongs_are_scored_watched_and_looked_up(tmp_path: Path, command: Command) -> None:
    generator = np.random.default_rng(0)
    for label in range(2):
        (tmp_path / f"grey/{label}").mkdir(parents=True)
        for index in range(30):
            pixels = generator.integers(0, 128 * (label + 1), (16, 24), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"grey/{label}/{index}.png")
    data = ("data=image_folder", "data.root=grey", "data.channels=1", "data.num_classes=2", "data.image_size=[16,24]")
    watched = ("callbacks.health.every_n_images=8", "callbacks.health.images=8", "callbacks.scores.at_least=0")
    steps = ("data.batch_size=8", "data.test_fraction=0.3", "trainer.max_steps=4", "hydra.run.dir=run")
    assert command(*OFFLINE[1:], *FEW_SCORES, "model=cgan", *LATENT["dcgan_small"], *data, *watched, *steps) is None
    assert "fid" in Run.open("run").record()["scores"]["values"]
    main(["evaluate", "run", "--count", "12", "--neighbours", "neighbours.png", "--out", "scores.json"])
    width, height = Image.open("neighbours.png").size
    assert ((width - 2) % 26, (height - 2) % 18) == (0, 0), "whole images with a line between them"


def test_what_pads_a_picture_is_the_background_of_the_batch(tmp_path: Path) -> None:
    (tmp_path / "red").mkdir()
    for index in range(10):
        Image.new("RGB", (20, 20), "red").save(tmp_path / f"red/{index}.png")
    options = ("data.image_size=[8,16]", "data.fit=pad", "data.background=black", "data.batch_size=4")
    data = build(composed("data=image_folder", f"data.root={tmp_path}/red", *options).data)
    data.prepare_data()
    data.setup("fit")
    pixels = data.train_dataloader().batch(0).images
    assert pixels.shape == (4, 3, 8, 16)
    assert pixels[:, 0].unique(dim=0).tolist() == [[[0] * 4 + [255] * 8 + [0] * 4] * 8]

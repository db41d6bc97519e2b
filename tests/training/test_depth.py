"""Images of more than 8 bits, and of more than three channels, from files through training to files."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from torch import Tensor, nn

from gan_lab import cli
from gan_lab.models.cyclegan import CycleGAN
from gan_lab.runs.run import Run
from tests.conftest import Command
from tests.training.leftovers import checkpoint, differing, left
from tests.training.test_exactness import EVERYTHING, SMALL, STOPS, VARIANTS, stopped

__all__ = ["stopped"]  # a fixture

QUICK = (
    *(option for option in EVERYTHING if not option.startswith(("data.", "callbacks.scores.groups"))),
    "callbacks.scores.groups_during=[]",
    "callbacks.scores.groups=[]",
)
SIDE = 16
CT = ("data.depth=16", "data.window=[0,4095]", "data.channels=1", f"data.image_size={SIDE}", "trainer.max_steps=3")
CHANNELS = 5


def phantom(rotation: int, seed: int) -> np.ndarray:
    """A slice of a head of 12 bits: air at 24, water at 1024, bone at 2424, noise, and what a scanner never says."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    angle = rotation * np.pi / 8
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    radius = (along / 0.9) ** 2 + (across / 0.7) ** 2
    values = np.where(radius > 1, 24, np.where(radius > 0.75, 2424, 1024))
    values += np.random.default_rng(seed).integers(-20, 20, values.shape)
    values[0, :2] = 0, 4095
    return values.astype(np.uint16)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two folders of sixteen slices each, of 16 bits: a, and b at half the contrast."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(16):
            pixels = phantom(index, index)
            Image.fromarray(pixels if name == "a" else (pixels // 2 + 1000).astype(np.uint16)).save(
                tmp_path / name / f"{index:02}.png"
            )
    return tmp_path


def values(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "I;16"
        return np.array(image)


def typed(*arguments: str) -> None:
    cli.main([*arguments])


def test_a_gan_learns_a_ct_and_draws_16_bits(command: Command, scans: Path) -> None:
    options = ("model=dcgan", "model/network=dcgan_upsample", *SMALL, "data=image_folder", "data.root=a", *CT)
    assert command(*QUICK, *options, "data.batch_size=4", "hydra.run.dir=run") is None
    assert Run("run").data_record()["window"] == [0, 4095]
    typed("sample", "run", "--count", "3", "--format", "png-folder", "--out", "drawn")
    drawn = np.stack([values(path) for path in sorted(Path("drawn").iterdir())])
    assert drawn.shape == (3, SIDE, SIDE)
    assert 255 < drawn.max() <= 4095
    typed("sample", "run", "--count", "3", "--out", "drawn.npy")
    assert np.array_equal(np.load("drawn.npy")[:, 0], drawn)
    typed("sample", "run", "--count", "3", "--out", "grid.png")
    with Image.open("grid.png") as grid:
        assert grid.mode == "RGB"


class Unchanged(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images


def test_a_translator_of_cts_gives_back_16_bits(command: Command, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = ("data=unpaired_folders", "data.domain_a=a", "data.domain_b=b", "data.batch_size=2")
    assert command(*QUICK, *VARIANTS["cyclegan"], *folders, *CT, "hydra.run.dir=run") is None
    typed("translate", "run", "--input", "a", "--out", "translated")
    for path in sorted(Path("a").iterdir()):
        assert values(Path("translated") / path.name).shape == (SIDE, SIDE)
    monkeypatch.setattr(CycleGAN, "translator", lambda *_: Unchanged())
    typed("translate", "run", "--input", "a", "--out", "same")
    for path in sorted(Path("a").iterdir()):
        assert np.array_equal(values(Path("same") / path.name), values(path)), "every value comes back"


@pytest.mark.parametrize(("depth", "ending"), [("16", ".tif"), ("float", ".npy")])
def test_values_below_zero_come_back_through_an_identity(
    depth: str, ending: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(8):
            np.save(tmp_path / name / f"{index}.npy", phantom(index, index).astype(np.int16) - 1024)
    folders = ("data=unpaired_folders", "data.domain_a=a", "data.domain_b=b", "data.batch_size=2")
    options = (*VARIANTS["cyclegan"], *folders, *CT, f"data.depth={depth}", "data.window=[-1024,3071]")
    assert command(*QUICK, *options, "hydra.run.dir=run") is None
    monkeypatch.setattr(CycleGAN, "translator", lambda *_: Unchanged())
    typed("translate", "run", "--input", "a", "--out", "same")
    for index in range(8):
        expected = np.load(f"a/{index}.npy")
        path = Path(f"same/{index}{ending}")
        if ending == ".npy":
            assert np.abs(np.load(path) - expected).max() < 4096 * 2**-22
        else:
            assert np.array_equal(tifffile.imread(path), expected)
            assert tifffile.imread(path).dtype == np.int16


def test_pairs_are_scored_in_their_own_units(command: Command, scans: Path) -> None:
    folders = ("data=paired_folders", "data.source=a", "data.target=b", "data.source_channels=1", "data.batch_size=2")
    options = (*VARIANTS["pix2pix"], *folders, *CT, "data.test_fraction=0.25")
    assert command(*QUICK, *options, "hydra.run.dir=run") is None
    scores = Run("run").record()["scores"]["values"]
    assert scores["mae_units"] == pytest.approx(scores["mae"] * 4095, rel=0.05), "but for the rounding to 8 bits"


def many_channels(path: Path) -> Path:
    """Twenty images of five channels in two classes, of 16 bits."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 5000, (20, SIDE, SIDE, CHANNELS)).astype(np.uint16)
    np.savez(path, images=images, labels=np.arange(20) % 2, classes=np.array(["wheat", "corn"]))
    return path


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    for name in ("fields", "others"):
        many_channels(tmp_path / f"{name}.npz")
    return tmp_path


TWO_SIDED = ("model=cyclegan", "model=pix2pix", "model=cut")
OPTIONS = (f"data.channels={CHANNELS}", "data.depth=16", "data.display=[5,3,1]", f"data.image_size={SIDE}")


def of_five_channels(variant: str) -> tuple[str, ...]:
    data: tuple[str, ...] = ("data=image_folder", "data.root=fields.npz", "data.num_classes=2", "data.batch_size=4")
    if variant == "pix2pix":
        data = ("data=paired_folders", "data.source=fields.npz", "data.target=others.npz")
        data = (*data, f"data.source_channels={CHANNELS}", "data.batch_size=4")
    elif VARIANTS[variant][0] in TWO_SIDED:
        data = ("data=unpaired_folders", "data.domain_a=fields.npz", "data.domain_b=others.npz", "data.batch_size=4")
    own = [option for option in VARIANTS[variant] if not option.startswith("data.")]
    every = ("callbacks.samples.every_n_images=16", "callbacks.health.every_n_images=16")
    return (*QUICK, *own, *data, *OPTIONS, *every, "callbacks.checkpoint.every_n_images=8", "trainer.max_steps=6")


def train_and_resume(variant: str, command: Command, stopped: list[int]) -> None:
    options = of_five_channels(variant)
    assert command(*options, "hydra.run.dir=whole") is None
    stopped[:] = STOPS[:1]
    assert command(*options, "hydra.run.dir=parts") == 143
    stopped[:] = []
    assert command("resume=parts") is None
    assert left("parts") == left("whole")


@pytest.mark.bits
def test_five_channels_are_trained_on_drawn_and_resumed(command: Command, stopped: list[int], fields: Path) -> None:
    train_and_resume("cgan", command, stopped)
    assert Run("whole").data_record()["classes"] == ["wheat", "corn"]
    typed("sample", "whole", "--count", "2", "--class", "corn", "--format", "png-folder", "--out", "drawn")
    assert [path.name for path in sorted(Path("drawn").iterdir())] == ["00000.tif", "00001.tif"]
    typed("sample", "whole", "--count", "2", "--class", "corn", "--out", "drawn.npy")
    drawn = np.load("drawn.npy")
    assert (drawn.shape, drawn.dtype) == ((2, CHANNELS, SIDE, SIDE), np.uint16)


@pytest.mark.bits
@pytest.mark.slow
@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "cgan"])
def test_every_variant_trains_on_five_channels_and_goes_on(
    variant: str, command: Command, stopped: list[int], fields: Path
) -> None:
    train_and_resume(variant, command, stopped)


@pytest.mark.bits
@pytest.mark.slow
def test_two_processes_learn_the_same_from_five_channels_each_time(command: Command, fields: Path) -> None:
    options = (*of_five_channels("vanilla"), "trainer.max_steps=3", "trainer.devices=2")
    for folder in ("first", "second"):
        assert command(*options, f"hydra.run.dir={folder}") is None
    first, second = (checkpoint(f"{folder}/checkpoints/last.ckpt")["state_dict"] for folder in ("first", "second"))
    assert differing(first, second) == []

"""The command's tests are in tests/cli/test_translate.py; these look at what becomes of the pixels."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from gan_lab.data.unpaired import UnpairedDataModule
from gan_lab.evaluation import translation
from gan_lab.evaluation.translation import Options, Translation, names, trained_window, without_training_images
from gan_lab.models.cyclegan import CycleGAN
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.conftest import composed

RANDOM = np.random.default_rng(0)


class Inverse(nn.Module):
    """A network that gives the negative, takes multiples of 8 only, and remembers the sizes of its batches."""

    multiple = 8

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        assert all(side % self.multiple == 0 for side in images.shape[-2:])
        self.seen.append(tuple(images.shape))
        return -images


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    run.save_config(composed("model=cyclegan"))
    run.update_record(status="finished")
    return run


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Inverse:
    network = Inverse()
    model = CycleGAN.__new__(CycleGAN)
    nn.Module.__init__(model)
    model.images_seen = 640
    monkeypatch.setattr(CycleGAN, "translator", lambda self, direction, ema: network)
    monkeypatch.setattr(Run, "load_model", lambda self, which: model)
    return network


def saved(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def translated(run: Run, files: Sequence[Path], **options: Any) -> list[np.ndarray]:
    """The results in the files' order, as (height, width, channels)."""
    found = dict(Translation(run, Options(**options)).files(files, {}))
    return [found[index].permute(1, 2, 0).numpy() for index in range(len(files))]


@pytest.mark.parametrize("options", [{}, {"tile": 16}, {"tile": 16, "overlap": 0}, {"tile": 24, "batch_size": 3}])
def test_images_come_out_at_their_own_size(options: dict[str, Any], run: Run, network: Inverse, tmp_path: Path) -> None:
    pictures = [noise(101, 257, 3), noise(1, 1, 3), noise(9, 5, 3), noise(101, 257, 3)]
    files = [saved(tmp_path / f"{index}.png", pixels) for index, pixels in enumerate(pictures)]
    results = translated(run, files, **options)
    assert all(np.array_equal(255 - before, after) for before, after in zip(pictures, results, strict=True))
    if options:
        assert max(max(shape[2:]) for shape in network.seen) <= options["tile"]
        assert max(shape[0] for shape in network.seen) <= options.get("batch_size", 99)


def test_images_of_one_size_are_translated_together(
    run: Run, network: Inverse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [8, 16, 8, 8, 16, 8, 8]
    files = [saved(tmp_path / f"{index}.png", noise(size, size, 3)) for index, size in enumerate(sizes)]
    translated(run, files, batch_size=2)
    assert [shape[::3] for shape in network.seen] == [(2, 8), (2, 16), (2, 8), (1, 8)]
    network.seen.clear()
    monkeypatch.setattr(translation, "AT_ONCE", 3 * 64)
    monkeypatch.setattr(translation, "WAITING", 1 << 30)
    translated(run, files)
    assert [shape[::3] for shape in network.seen] == [(1, 16), (3, 8), (1, 16), (2, 8)]
    network.seen.clear()
    monkeypatch.setattr(translation, "WAITING", 2 * 64)
    translated(run, files, batch_size=99)
    assert [shape[0] for shape in network.seen] == [1, 1, 2, 1, 2]


def test_large_images_are_tiled_and_one_line_says_so(
    run: Run, network: Inverse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(translation, "WHOLE", 20 * 20)
    monkeypatch.setattr(translation, "TILE", 15)
    files = [saved(tmp_path / f"{size}.png", noise(size, size, 3)) for size in (20, 21, 22)]
    translated(run, files)
    assert network.seen[0][2] == 24
    assert {shape[2] for shape in network.seen[1:]} == {16}
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line.startswith("21x21 pixels are translated by tiles of 16")
    network.seen.clear()
    translated(run, files, tile=0)
    assert {shape[2] for shape in network.seen} == {24}


def test_transparency_is_put_back(run: Run, network: Inverse, tmp_path: Path) -> None:
    pixels = noise(9, 6, 4)
    pixels[:3, :, 3], pixels[3:, :, 3] = 0, 255
    file = saved(tmp_path / "a.png", pixels)
    (result,) = translated(run, [file])
    assert np.array_equal(result[..., 3], pixels[..., 3])
    assert np.array_equal(result[3:, :, :3], 255 - pixels[3:, :, :3])
    assert (result[:3, :, :3] == 0).all()  # of the white background
    (beside,) = translated(run, [file], side_by_side=True)
    assert beside.shape == (9, 12, 4)
    assert np.array_equal(beside[:, 6:], result)


def test_pictures_are_upright_and_resized_by_their_shorter_side(run: Run, network: Inverse, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    pixels = noise(10, 20, 3)
    (result,) = translated(run, [saved(tmp_path / "a.png", pixels, exif=exif)])
    assert np.array_equal(result, 255 - np.rot90(pixels, -1))
    (small,) = translated(run, [tmp_path / "a.png"], side=5)
    assert small.shape == (10, 5, 3)


def test_wide_grey_pixels_come_out_in_the_range_of_the_target(run: Run, network: Inverse, tmp_path: Path) -> None:
    files = [saved(tmp_path / "w.png", (np.arange(256) * 4).astype(np.uint16).reshape(16, 16))]
    run.update_record(data={"window": {"a": [0, 1020], "b": [100, 60000]}})
    result = Translation(run)
    result.data = Grey()
    ((_, image),) = result.files(files, {})
    assert image.dtype == torch.uint16
    expected = 60000 - (60000 - 100) * torch.arange(256).reshape(1, 16, 16) / 255
    assert (image.double() - expected).abs().max() <= 0.51
    run.update_record(data={"window": {"a": [0, 1020], "b": None}})
    result = Translation(run)
    result.data = Grey()
    ((_, image),) = result.files(files, {})
    assert torch.equal(image, 255 - torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16))


class Grey(UnpairedDataModule):
    """Pictures of two grey domains."""

    def __init__(self) -> None:
        super().__init__(image_size=8, channels=1, batch_size=1, seed=0)

    def load(self, split: str) -> Any:
        raise AssertionError("translating loads no images of the data")

    def describe(self) -> dict[str, object]:
        return {}


def test_the_data_module_says_what_is_translated_and_what_is_seen(run: Run, network: Inverse, tmp_path: Path) -> None:
    """As for colours: the network gets grey pictures, and what it makes is seen beside them."""

    class Coloured(Grey):
        source_channels = 1

        def render(self, source: Tensor, translated: Tensor) -> Tensor:
            return torch.cat((source, translated, source), dim=1)

    result = Translation(run, Options(side_by_side=True))
    result.data = Coloured()
    pixels = noise(8, 8)
    ((_, image),) = result.files([saved(tmp_path / "a.png", pixels)], {})
    assert np.array_equal(image[1, :, 8:], 255 - pixels)
    assert all(np.array_equal(channel, pixels) for channel in (image[0, :, 8:], *image[:, :, :8]))


def test_damaged_files_are_collected(run: Run, network: Inverse, tmp_path: Path) -> None:
    files = [saved(tmp_path / "a.png", noise(8, 8, 3)), tmp_path / "b.png", tmp_path / "c.png"]
    files[1].write_text("no image")
    damaged: dict[int, Exception] = {}
    assert [index for index, _ in Translation(run).files(files, damaged)] == [0]
    assert list(damaged) == [1, 2]


def test_images_that_share_a_name_keep_their_extensions() -> None:
    folder = Path("photos")
    files = [folder / name for name in ("a.b.jpg", "c.jpg", "c.png", "c.png.bmp", "d/c.png")]
    assert [path.as_posix() for path in names(files, folder)] == [
        "a.b.png",
        "c.jpg.png",
        "c.png.png",
        "c.png_2.png",
        "d/c.png",
    ]


def test_the_training_images_may_be_elsewhere(tmp_path: Path) -> None:
    overrides = ("data=unpaired_folders", f"data.domain_a={tmp_path}", "data.domain_b=/nowhere")
    config = without_training_images(composed("model=cyclegan", *overrides))
    assert (config.data.domain_a, config.data.domain_b) == (str(tmp_path), ".")


def test_tiles_too_small_and_directions_that_are_not_learnt_are_refused(run: Run, network: Inverse) -> None:
    for options, direction, message in (
        (Options(tile=7), "a2b", "--tile 7: this network takes no fewer than 8 pixels"),
        (Options(tile=8, overlap=8), "a2b", "--overlap 8: must be less than the side of a tile, 8 pixels"),
        (Options(), "a2c", "--direction a2c: .* translates a2b and b2a only"),
    ):
        with pytest.raises(UserError, match=message):
            Translation(run, options, direction=direction)


def test_each_domain_has_the_range_it_was_trained_on(run: Run) -> None:
    run.update_record(data={"window": {"a": [0, 1020], "b": None}})
    assert (trained_window(run, "a"), trained_window(run, "b")) == ((0, 1020), None)
    run.update_record(data={"window": {"source": None, "target": [0, 9]}})
    assert (trained_window(run, "a"), trained_window(run, "b")) == (None, (0, 9))

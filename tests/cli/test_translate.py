from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from gan_lab.cli import main
from gan_lab.config.schema import build
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from gan_lab.utils import images
from tests.conftest import alike, composed, read_image

SIZE = 8


@pytest.fixture
def cyclegan(tmp_path: Path) -> Run:
    """A finished run's folder, made without training."""
    run = Run(tmp_path / "run")
    tiny = (
        "model.network.generator.width=2",
        "model.network.generator.blocks=1",
        "model.network.discriminator.width=2",
    )
    run.save_config(composed("model=cyclegan", "data.image_size=8", "model.network.discriminator.layers=1", *tiny))
    torch.manual_seed(7)
    model = build(run.config().model)
    torch.nn.init.normal_(model.generator_ema.network.a2b[-2].weight)  # so that the directions, and ema and raw, differ
    AtomicCheckpointIO().save_checkpoint({"state_dict": model.state_dict(), "images_seen": 640}, run.checkpoint)
    run.update_record(status="finished")
    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    noise = np.random.default_rng(0)
    for name in ("a.png", "deeper/b.jpg", "c.bmp", "a.bmp"):
        Image.fromarray(noise.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(folder / name)
    return folder


def pngs(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def refused(run: Run, *arguments: object) -> str:
    with pytest.raises(SystemExit) as ending:
        translate(run, *arguments)  # type: ignore[arg-type]
    return str(ending.value.code)


def translate(run: Run, folder: Path, out: Path, *options: str) -> None:
    main(["translate", str(run.folder), "--input", str(folder), "--out", str(out), *options])


def test_every_image_is_translated_under_its_name(
    cyclegan: Run, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    translate(cyclegan, photos, out)
    assert pngs(out) == ["a.bmp.png", "a.png.png", "c.png", "deeper/b.png"]
    assert capsys.readouterr().out == f"4 images translated after 640 training images: {out}\n"
    original = torch.from_numpy(np.array(Image.open(photos / "c.bmp"))).permute(2, 0, 1)
    model = cyclegan.load_model()
    expected = images.to_uint8(model.translate(images.to_float(original)[None], "a2b"))[0]  # type: ignore[operator]
    assert alike(read_image(out / "c.png"), expected)


def test_direction_and_weights_are_those_asked_for(cyclegan: Run, photos: Path, tmp_path: Path) -> None:
    asked = {"a2b": (), "b2a": ("--direction", "b2a"), "raw": ("--weights", "raw"), "one": ("--batch-size", "1")}
    for name, options in asked.items():
        translate(cyclegan, photos, tmp_path / name, *options)
    a2b, b2a, raw, one = (read_image(tmp_path / name / "c.png") for name in asked)
    assert not alike(a2b, b2a)
    assert not alike(a2b, raw)
    assert alike(a2b, one)


def test_wide_pixels_have_the_range_that_the_run_was_trained_on(cyclegan: Run, tmp_path: Path) -> None:
    for name, scale in (("wide", 4), ("narrow", 1)):
        (tmp_path / name).mkdir()
        values = (np.arange(64).reshape(8, 8) * scale).astype(np.uint16 if name == "wide" else np.uint8)
        Image.fromarray(values).save(tmp_path / name / "a.png")
    cyclegan.update_record(data={"window": {"a": [0, 1020], "b": None}})
    translated = {}
    for name, direction in (("narrow", "a2b"), ("wide", "a2b"), ("wide", "b2a")):
        out = tmp_path / f"{name}_{direction}"
        translate(cyclegan, tmp_path / name, out, "--direction", direction)
        translated[name, direction] = read_image(out / "a.png")
    assert alike(translated["wide", "a2b"], translated["narrow", "a2b"])


def test_damaged_images_are_named_and_the_others_done(cyclegan: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "aa.png").write_text("not an image")
    said = refused(cyclegan, photos, tmp_path / "out")
    assert "1 of 5 images can't be read: " in said
    assert f"{photos / 'aa.png'} (not an image); the others are in {tmp_path / 'out'}" in said
    assert pngs(tmp_path / "out") == ["a.bmp.png", "a.png.png", "c.png", "deeper/b.png"]


def test_an_image_of_any_size_is_the_padded_forward_to_the_bit(cyclegan: Run, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (257, 101, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    translate(cyclegan, tmp_path / "a.png", tmp_path / "out.png")
    padded = F.pad(images.to_float(torch.from_numpy(pixels).permute(2, 0, 1)[None]), (1, 2, 1, 2), mode="reflect")
    model = cyclegan.load_model()
    expected = model.translate(padded, "a2b")[0, :, 1:258, 1:102]  # type: ignore[operator]
    assert torch.equal(read_image(tmp_path / "out.png"), images.to_uint8(expected))


def test_a_single_image_becomes_a_file_or_a_folder(cyclegan: Run, photos: Path, tmp_path: Path) -> None:
    translate(cyclegan, photos / "c.bmp", tmp_path / "one.png")
    translate(cyclegan, photos / "c.bmp", tmp_path / "folder")
    assert alike(read_image(tmp_path / "one.png"), read_image(tmp_path / "folder" / "c.png"))
    said = refused(cyclegan, photos / "c.bmp", photos / "c.bmp", "--force")
    assert "contains the images to translate" in said or "holds more than" in said
    assert read_image(photos / "c.bmp").shape == (3, SIZE, SIZE)


def test_the_options_reach_the_translation(cyclegan: Run, photos: Path, tmp_path: Path) -> None:
    AtomicCheckpointIO().save_checkpoint(cyclegan.load_checkpoint() | {"images_seen": 7}, cyclegan.best)
    source = tmp_path / "wide.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 40, 3), dtype=np.uint8)).save(source)
    options = {"whole": (), "tiled": ("--tile", "8", "--overlap", "3"), "small": ("--size", "10")}
    options |= {"beside": ("--side-by-side",), "cpu": ("--device", "cpu", "--checkpoint", "best")}
    for name, more in options.items():
        translate(cyclegan, source, tmp_path / f"{name}.png", *more)
    whole, tiled, small, beside, cpu = (read_image(tmp_path / f"{name}.png") for name in options)
    assert small.shape == (3, 10, 20)
    assert tiled.shape == whole.shape
    assert not alike(whole, tiled)
    assert torch.equal(beside, torch.cat((read_image(source), whole), dim=2))
    assert alike(whole, cpu)


def test_wrong_requests_change_nothing(cyclegan: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed" / "thesis.tex").write_text("precious")
    out = tmp_path / "out"
    wrong = [
        ((cyclegan, tmp_path / "nowhere", out), "--input"),
        ((cyclegan, tmp_path / "empty", out), "contains no images"),
        ((cyclegan, photos, tmp_path / "mixed"), "exists already"),
        ((cyclegan, photos, tmp_path / "mixed", "--force"), "holds more than images"),
        ((cyclegan, photos, out, "--direction", "b2c"), "translates a2b and b2a only"),
        ((cyclegan, photos, out, "--tile", "3"), "no fewer than 4 pixels"),
        ((cyclegan, photos, out, "--tile", "8", "--overlap", "8"), "must be less than the side of a tile"),
        ((cyclegan, photos, out, "--device", "abacus"), "not on this machine"),
        ((cyclegan, photos, out, "--batch-size", "0"), ""),
    ]
    before = sorted(tmp_path.rglob("*"))
    for arguments, message in wrong:
        with pytest.raises(SystemExit) as ending:
            translate(*arguments)  # type: ignore[arg-type]
        assert ending.value.code not in (0, None)
        assert message in str(ending.value.code) or not message
        assert sorted(tmp_path.rglob("*")) == before


def test_each_kind_of_run_names_the_other_command(cyclegan: Run, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["sample", str(cyclegan.folder), "--out", str(tmp_path / "x.png")])
    assert "CycleGAN translates images and generates none from noise; use gan-lab translate" in str(ending.value.code)


def test_a_run_that_draws_from_noise_translates_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ending:
        translate(run, photos, tmp_path / "out")
    assert "VanillaGAN generates from noise; use gan-lab sample" in str(ending.value.code)


def test_force_replaces_a_folder_of_images(cyclegan: Run, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    translate(cyclegan, photos, out)
    (photos / "c.bmp").unlink()
    translate(cyclegan, photos, out, "--force")
    assert not (out / "c.png").exists()


@pytest.mark.parametrize("out", ["photos", "."])
def test_the_originals_are_never_replaced(out: str, cyclegan: Run, photos: Path, tmp_path: Path) -> None:
    for path in photos.rglob("*.*"):
        if path.suffix != ".png":
            path.unlink()
    (photos / "deeper").rmdir()
    before = (photos / "a.png").read_bytes()
    with pytest.raises(SystemExit) as ending:
        translate(cyclegan, photos, photos / out if out == "." else tmp_path / out, "--force")
    assert "contains the images to translate" in str(ending.value.code)
    assert (photos / "a.png").read_bytes() == before


def test_the_current_folder_is_not_replaced(
    cyclegan: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(SystemExit) as ending:
        translate(cyclegan, photos, Path(), "--force")
    assert "is the current folder" in str(ending.value.code)

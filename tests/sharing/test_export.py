import io
import json
from pathlib import Path

import pytest
from PIL import Image

import gan_lab
from gan_lab.runs.names import CONFIG, WEIGHTS
from gan_lab.runs.run import Run
from gan_lab.sharing import export
from gan_lab.sharing.export import OURS, Wanted, checked_licence, exported, picture, published, refuse_others
from gan_lab.sharing.portable import portable
from gan_lab.utils.errors import UserError
from tests.conftest import alike
from tests.sharing.conftest import MakeRun


def write(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("variant", ["cgan", pytest.param("biggan", marks=pytest.mark.slow), "stylegan2", "infogan"])
def test_safetensors_come_back_as_a_run(variant: str, make: MakeRun, tmp_path: Path) -> None:
    run = make(variant)
    for weights in ("ema", "raw"):
        folder = write(exported(run, Wanted(form="safetensors", ema=weights == "ema")), tmp_path / weights)
        assert {path.name for path in folder.iterdir()} == {CONFIG, WEIGHTS, "MODEL_CARD.md", "grid.png"} <= OURS
        expected = gan_lab.load(run.folder).sample(6, weights=weights)  # type: ignore[arg-type]
        assert alike(gan_lab.load(folder).sample(6), expected)


@pytest.mark.parametrize("kind", ["ct", "float", "channels"])
def test_safetensors_keep_the_depth(kind: str, make_deep: MakeRun, tmp_path: Path) -> None:
    run = make_deep(kind)
    folder = write(exported(run, Wanted(form="safetensors")), tmp_path / "out")
    expected, again = (portable(each, each.load_model()) for each in (run, Run.open(str(folder))))
    assert again.depth == expected.depth
    assert alike(again.module(*again.examples).float(), expected.module(*expected.examples).float())


def test_both_directions_come_along(make: MakeRun, tmp_path: Path) -> None:
    run = make("cyclegan")
    folder = write(exported(run, Wanted(form="safetensors")), tmp_path / "out")
    loaded = gan_lab.load(folder).model()
    original = run.load_model()
    for direction in ("a2b", "b2a"):
        generator = portable(run, original, direction=direction)
        assert alike(
            generator.module(*generator.examples),
            portable(run, loaded, direction=direction).module(*generator.examples),
        )


def test_the_program_of_torch_has_its_card(make: MakeRun) -> None:
    files = exported(make("vanilla"), Wanted(form="torch", licence="cc0-1.0"))
    assert set(files) == {"generator.pt2", "MODEL_CARD.md", "grid.png"}
    assert "| Licence of the weights | cc0-1.0 |" in files["MODEL_CARD.md"].decode()
    with Image.open(io.BytesIO(files["grid.png"])) as grid:
        assert grid.size == (82, 82)  # 8 x 8 images of 8 pixels


def test_a_published_run_has_all_players(make: MakeRun) -> None:
    run = make("cyclegan")
    files = published(run, Wanted(form="safetensors", licence="mit"), "hf://me/mine")
    assert set(files) == {CONFIG, WEIGHTS, "README.md"}
    told = json.loads(files[CONFIG])
    assert told["weights"] == "all"
    assert "gan-lab translate hf://me/mine" in files["README.md"].decode()
    assert b"pool_a" not in files[WEIGHTS], "images that a run keeps, generated ones, are none of the weights"


def test_a_translator_shows_its_latest_grid(make: MakeRun) -> None:
    run = make("cut")
    generator = portable(run, run.load_model())
    assert picture(run, generator, Wanted(form="torch")) is None
    run.samples.mkdir()
    Image.new("RGB", (4, 4)).save(run.samples / "000000000.png")
    Image.new("RGB", (9, 5)).save(run.samples / "000000640.png")
    shown = picture(run, generator, Wanted(form="torch"))
    assert shown is not None
    with Image.open(io.BytesIO(shown)) as grid:
        assert grid.size == (9, 5)
    (run.samples / "000000999.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"000000999\.png can't be read"):
        picture(run, generator, Wanted(form="torch"))


def test_many_classes_make_no_huge_picture(make: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make("cgan")
    monkeypatch.setattr(export, "MOST_ROWS", 5)
    shown = picture(run, portable(run, run.load_model()), Wanted(form="torch"))
    assert shown is not None
    with Image.open(io.BytesIO(shown)) as grid:
        assert grid.size == (82, 82)


def test_a_licence_is_a_line(make: MakeRun) -> None:
    assert checked_licence(None) == "not stated"
    assert checked_licence(" mit ") == "mit"
    for wrong in ("", " ", "a\nb", "x" * 101):
        with pytest.raises(UserError, match=r"--licence [\s\S]*: must be a line of up to 100 characters"):
            checked_licence(wrong)


def test_a_folder_is_replaced_where_it_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_others(tmp_path / "new", False)
    ours = write({"generator.onnx": b"", "MODEL_CARD.md": b""}, tmp_path / "ours")
    with pytest.raises(UserError, match="exists already; choose another name, or replace it with --force"):
        refuse_others(ours, False)
    refuse_others(ours, True)
    monkeypatch.chdir(ours)
    with pytest.raises(UserError, match="is the current folder or above it"):
        refuse_others(ours, True)
    monkeypatch.chdir(tmp_path)
    (ours / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="holds more than an exported run, which --force won't replace"):
        refuse_others(ours, True)
    with pytest.raises(UserError, match="is a file; name a folder"):
        refuse_others(ours / "thesis.tex", True)

from pathlib import Path

import pytest

from gan_lab.cli import main, outputs
from gan_lab.metrics import tensor_files
from gan_lab.runs.run import Run
from tests.conftest import full_disk, read_image

QUICK = ("--starts", "8", "--steps", "100")


def test_a_latent_is_found_kept_and_used(conditional_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    main(["sample", "conditional", "--format", "png-folder", "--seeds", "5,6", "--class", "3", "--out", "images"])
    files = ("images/00000.png", "images/00001.png")
    main(["project", "conditional", *files, "--class", "3", *QUICK, "--picture", "found.png"])
    said = capsys.readouterr().out.splitlines()[1:]
    assert [line.partition(":")[0] for line in said[:2]] == [*files]
    assert all(float(line.split()[1]) > 25 and line.endswith(" dB, class 3") for line in said[:2])
    assert said[2] == "Written to latent.safetensors, found.png"
    tensors, description = tensor_files.read(Path("latent.safetensors"))
    assert tensors["latent"].shape == (2, 4)
    assert tensors["label"].tolist() == [3, 3]
    assert description == {"run": "conditional", "images_seen": 320}
    assert read_image(Path("found.png")).shape == (3, 2 * 10 + 2, 2 * 10 + 2)
    main(["interpolate", "conditional", "--latent", "latent.safetensors", "--strip", "--out", "strip.png"])
    main(["sample", "conditional", "--latent", "latent.safetensors", "--format", "png-folder", "--out", "again"])
    for index in range(2):
        again, found = read_image(Path(f"again/{index:05d}.png")), read_image(Path("found.png"))
        tile = found[:1, 2 + 10 * index :, 12:20][:, :8]
        assert (again.int() - tile.int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("nowhere.png",), "nowhere.png: can't be read as an image: No such file or directory"),
        (("text.png",), "text.png: can't be read as an image"),
        (("text.png", "--out", "a.pkl"), "--out a.pkl: unknown format .pkl; a file of latents is .safetensors or .npy"),
        (("text.png", "--out", "text.png"), "--out text.png: exists already"),
        (("text.png", "--picture", "a.gif"), "--picture a.gif: unknown format .gif; a picture is a .png"),
        (("text.png", "--class", "3"), "--class 3: VanillaGAN knows no classes"),
    ],
)
def test_wrong_requests_change_nothing(options: tuple[str, ...], message: str, run: Run, tmp_path: Path) -> None:
    Path("text.png").write_text("no image")
    before = {*tmp_path.rglob("*")}
    with pytest.raises(SystemExit) as ending:
        main(["project", "run", *options])
    assert str(ending.value.code).startswith(f"Error: {message}")
    assert {*tmp_path.rglob("*")} == before


def test_a_full_disk_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["sample", "run", "--count", "1"])
    before = {*tmp_path.rglob("*")}
    monkeypatch.setattr(outputs, "write_atomically", full_disk)
    with pytest.raises(SystemExit, match=r"--out \S+: can't be written: No space left on device"):
        main(["project", "run", "samples.png", "--steps", "1"])
    assert {*tmp_path.rglob("*")} == before

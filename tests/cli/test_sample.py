from pathlib import Path

import numpy as np
import pytest
import torch

import gan_lab
from gan_lab.cli import main
from gan_lab.evaluation import sampling
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from tests.conftest import alike, composed, read_image, untrained


def sample(run: Run, out: Path, *options: str) -> None:
    main(["sample", str(run.folder), "--out", str(out), *options])


def test_a_grid_is_the_default(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample(run, tmp_path / "grid.png", "--count", "10")
    assert read_image(tmp_path / "grid.png").shape == (3, 3 * 10 + 2, 4 * 10 + 2)
    assert capsys.readouterr().out == f"10 images after 640 training images: {tmp_path / 'grid.png'}\n"


@pytest.mark.bits
def test_every_format_holds_the_same_images(run: Run, tmp_path: Path) -> None:
    sample(run, tmp_path / "a.pt", "--count", "5")
    sample(run, tmp_path / "a.npy", "--count", "5")
    sample(run, tmp_path / "folder", "--count", "5")
    sample(run, tmp_path / "named.images", "--count", "5", "--format", "npy")
    tensor = torch.load(tmp_path / "a.pt", weights_only=True)
    assert tensor.shape == (5, 1, 8, 8)
    assert tensor.dtype == torch.uint8
    assert np.array_equal(np.load(tmp_path / "a.npy"), tensor.numpy())
    assert np.array_equal(np.load(tmp_path / "named.images"), tensor.numpy())
    files = sorted((tmp_path / "folder").iterdir())
    assert [file.name for file in files] == [f"{index:05d}.png" for index in range(5)]
    assert torch.equal(torch.stack([read_image(file) for file in files]), tensor)


@pytest.mark.bits
def test_the_seed_decides(run: Run, tmp_path: Path) -> None:
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        sample(run, tmp_path / f"{name}.pt", "--seed", seed)
    a, b, c = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in "abc")
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("exists.png", (), "exists already"),
        ("grid.jpg", (), "unknown format .jpg"),
        ("new.png", ("--count", "0"), "must be a whole number of at least 1"),
        ("new.png", ("--seed", "-1"), "must be a whole number of at least 0"),
        ("new.png", ("--format", "gif"), "invalid choice"),
        ("new.png", ("--device", "abacus"), "--device abacus: not on this machine, which has "),
        ("new.png", ("--truncation", "1.5"), "must be a number from 0 to 1, not 1.5"),
        ("new.png", ("--truncation", "0.7"), "--truncation 0.7: the generator of this run knows no truncation"),
        ("mixed", ("--force",), "holds more than images"),
    ],
)
def test_wrong_requests_change_nothing(
    out: str,
    options: tuple[str, ...],
    message: str,
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "exists.png").write_text("precious")
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed" / "thesis.tex").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as ending:
        sample(run, tmp_path / out, *options)
    assert ending.value.code not in (0, None)
    assert message in f"{capsys.readouterr().err}{ending.value.code}"
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "exists.png").read_text() == "precious"


def test_any_number_of_images_is_written_as_they_come(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample(run, tmp_path / "few.npy", "--count", "70")
    monkeypatch.setattr(sampling, "at_once", lambda *_: 16)
    monkeypatch.setattr(sampling.memory, "available", lambda: 1)
    for name in ("many.npy", "many.pt", "many"):
        sample(run, tmp_path / name, "--count", "70", "--device", "cpu")
    few, many = (torch.from_numpy(np.load(tmp_path / f"{name}.npy")) for name in ("few", "many"))
    assert alike(many, few)
    assert torch.equal(torch.load(tmp_path / "many.pt", weights_only=True), many)
    assert len(list((tmp_path / "many").iterdir())) == 70
    assert {path.name for path in tmp_path.iterdir()} == {"run", "few.npy", "many.npy", "many.pt", "many"}
    with pytest.raises(SystemExit, match="--count 70: a grid of these images needs"):
        sample(run, tmp_path / "grid.png", "--count", "70")


def test_force_replaces_files_and_folders_of_images(run: Run, tmp_path: Path) -> None:
    for out in (tmp_path / "a.png", tmp_path / "folder"):
        sample(run, out, "--count", "4")
        sample(run, out, "--count", "2", "--force")
    assert len(list((tmp_path / "folder").iterdir())) == 2


def test_a_missing_run_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["sample", "/nowhere"])
    assert ending.value.code == "Error: /nowhere: no such run folder"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["--version"])
    assert ending.value.code == 0
    assert capsys.readouterr().out.split()[-1] == gan_lab.__version__


def test_the_best_checkpoint_draws_if_it_is_asked(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"it ended before best\.ckpt was first saved"):
        sample(run, tmp_path / "best.pt", "--checkpoint", "best")
    checkpoint = torch.load(run.checkpoint, weights_only=True)
    torch.save(checkpoint | {"images_seen": 320}, run.best)
    sample(run, tmp_path / "best.pt", "--count", "3", "--checkpoint", "best")
    assert "3 images after 320 training images" in capsys.readouterr().out


def test_truncation_draws_nearer_to_the_mean_style(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path / "styles")
    run.save_config(composed("model=stylegan2", "data.image_size=8", "model.latent_dim=4"))
    checkpoint = {"state_dict": untrained(run).state_dict(), "images_seen": 640}
    AtomicCheckpointIO().save_checkpoint(checkpoint, run.checkpoint)
    run.update_record(status="finished")
    drawn = []
    for number, truncation in enumerate(("1", "0.5", "0")):
        sample(run, tmp_path / f"{number}.npy", "--count", "4", "--truncation", truncation)
        drawn.append(np.load(tmp_path / f"{number}.npy").astype(float))
    assert "4 images, truncated to 0.5, after 640 training images" in capsys.readouterr().out
    spreads = [images.std(0).mean() for images in drawn]
    assert spreads[0] > spreads[1] > spreads[2] == 0
    sample(run, tmp_path / "plain.npy", "--count", "4")
    assert np.array_equal(np.load(tmp_path / "plain.npy"), drawn[0])

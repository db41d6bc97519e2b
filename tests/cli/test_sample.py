from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

import gan_lab
from gan_lab.cli import main
from gan_lab.data.image_folder import ImageFolder
from gan_lab.evaluation import sampling
from gan_lab.evaluation.latents import Points, Space
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from gan_lab.utils import image_content, images
from tests.conftest import alike, composed, full_disk, read_image, untrained


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
        ("new.png", ("--truncation", "-1"), "must be a number of at least 0, not -1"),
        ("new.png", ("--count", "2", "--per-class", "2"), "not allowed with argument"),
        ("new.png", ("--per-class", "2"), "--per-class 2: VanillaGAN knows no classes"),
        ("new.png", ("--seeds", "1,2", "--count", "2"), "--count: --seeds says which images"),
        ("new.png", ("--latent", "a.npy", "--per-class", "2"), "--per-class: --latent says which images"),
        ("new.png", ("--seeds", "1,2", "--seed", "0"), "--seed: --seeds says which images"),
        ("new.png", ("--latent", "a.npy"), "--latent a.npy: can't be read: No such file or directory"),
        ("new.png", ("--labels", "labels.csv"), "--labels labels.csv: these images have no labels"),
        ("new.png", ("--labels", "labels.txt"), "--labels labels.txt: unknown format .txt; labels are .npy or .csv"),
        ("new.png", ("--grid", "grid.jpg"), "--grid grid.jpg: unknown format .jpg; a grid is a .png"),
        ("new.png", ("--grid", "exists.png"), "--grid exists.png: exists already"),
        ("new.png", ("--labels", "mixed"), "--labels mixed: is a folder; name a file"),
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


def test_a_tree_is_what_every_reader_takes_for_the_same_dataset(
    conditional_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"kind {label}" for label in range(10)]
    conditional_run.update_record(data={"classes": names})
    tree = ("--per-class", "3", "--format", "image-folder", "--grid", "grid.png", "--labels", "labels.npy")
    sample(conditional_run, tmp_path / "tree", *tree)
    sample(conditional_run, tmp_path / "all.npy", "--per-class", "3", "--labels", "labels.csv")
    drawn = np.load("all.npy")
    assert np.load("labels.npy").tolist() == [*range(10)] * 3
    assert Path("labels.csv").read_text().splitlines()[:3] == ["index,label,class", "0,0,kind 0", "1,1,kind 1"]
    assert read_image(Path("grid.png")).shape == (3, 10 * 10 + 2, 3 * 10 + 2)
    of_torchvision = torchvision.datasets.ImageFolder("tree")
    assert of_torchvision.classes == names
    assert [label for _, label in of_torchvision] == sorted([*range(10)] * 3)
    own = ImageFolder(
        root="tree",
        image_size=8,
        channels=1,
        num_classes=10,
        batch_size=4,
        seed=0,
        test_fraction=0.5,
        validation_count=0,
        cache="cache",
    )
    images, labels = own.load("train")
    assert own.listing.names == names
    assert sorted(labels.tolist()) == sorted([*range(10)] * 2)
    expected = {(label, drawn[index].tobytes()) for index, label in enumerate([*range(10)] * 3)}
    assert {(int(label), image.numpy().tobytes()) for image, label in zip(images, labels, strict=True)} < expected
    again = {(label, np.asarray(image.convert("L")).tobytes()) for image, label in of_torchvision}
    assert again == expected


def test_images_without_labels_are_a_tree_of_one_class(run: Run, tmp_path: Path) -> None:
    sample(run, tmp_path / "tree", "--count", "3", "--format", "image-folder")
    assert [path.relative_to("tree").as_posix() for path in sorted(Path("tree").rglob("*.png"))] == [
        f"0/{index:05d}.png" for index in range(3)
    ]
    sample(run, tmp_path / "tree", "--count", "2", "--format", "image-folder", "--force")
    assert len(list(Path("tree").rglob("*.png"))) == 2


def test_the_name_follows_the_format(run: Run) -> None:
    for form, name in (("png", "samples.png"), ("npy", "samples.npy"), ("image-folder", "samples")):
        main(["sample", "run", "--count", "2", "--format", form])
        assert Path(name).exists()


@pytest.mark.bits
def test_seeds_are_each_the_first_image_of_theirs(run: Run, conditional_run: Run, tmp_path: Path) -> None:
    sample(run, tmp_path / "several.npy", "--seeds", "1,5,9")
    several = np.load("several.npy")
    for index, seed in enumerate(("1", "5", "9")):
        sample(run, tmp_path / "one.npy", "--seed", seed, "--count", "1", "--force")
        assert alike(torch.from_numpy(np.load("one.npy")), torch.from_numpy(several[index : index + 1]))
    sample(conditional_run, tmp_path / "all.npy", "--seeds", "1,5", "--labels", "labels.npy")
    assert np.load("labels.npy").tolist() == [*range(10)] * 2
    sample(conditional_run, tmp_path / "seven.npy", "--seed", "5", "--class", "7", "--count", "1")
    assert alike(torch.from_numpy(np.load("seven.npy")), torch.from_numpy(np.load("all.npy")[17:18]))
    sample(conditional_run, tmp_path / "grid.png", "--seeds", "1,5")
    assert read_image(Path("grid.png")).shape == (3, 10 * 10 + 2, 2 * 10 + 2), "a row for each class"


def test_a_file_of_latents_is_drawn(run: Run, conditional_run: Run, tmp_path: Path) -> None:
    space = Space(run, which="last", ema=True, device="cpu")
    np.save("latents.npy", space.seeds([3, 4]).numpy())
    for options in (("--latent", "latents.npy"), ("--seeds", "3,4")):
        sample(run, tmp_path / f"{options[0][2:]}.npy", *options)
    assert alike(torch.from_numpy(np.load("latent.npy")), torch.from_numpy(np.load("seeds.npy")))
    points = Points(space.seeds([3, 4]), torch.tensor([7, 2]))
    Path("known.safetensors").write_bytes(space.content(points, Path("known.safetensors")))
    sample(conditional_run, tmp_path / "known.npy", "--latent", "known.safetensors", "--labels", "labels.npy")
    assert np.load("labels.npy").tolist() == [7, 2]
    sample(conditional_run, tmp_path / "ones.npy", "--latent", "known.safetensors", "--class", "1")
    sample(conditional_run, tmp_path / "seeds_of_one.npy", "--seeds", "3,4", "--class", "1")
    assert alike(torch.from_numpy(np.load("ones.npy")), torch.from_numpy(np.load("seeds_of_one.npy")))


def test_truncated_latents_draw_images_that_are_more_alike(run: Run, tmp_path: Path) -> None:
    spreads = []
    for number, truncation in enumerate(("1000", "0.5", "0")):
        sample(run, tmp_path / f"{number}.npy", "--count", "8", "--truncation", truncation)
        spreads.append(np.load(f"{number}.npy").astype(float).std(0).mean())
    assert spreads[0] > 1.5 * spreads[1] > spreads[2] == 0
    sample(run, tmp_path / "plain.npy", "--count", "8")
    assert alike(torch.from_numpy(np.load("plain.npy")), torch.from_numpy(np.load("0.npy")))


def test_a_full_disk_leaves_nothing(conditional_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {*tmp_path.rglob("*")}
    monkeypatch.setattr(images, "save_png", full_disk)
    with pytest.raises(SystemExit, match=r"--grid \S+grid.png: can't be written: No space left on device"):
        sample(conditional_run, tmp_path / "all.npy", "--grid", "grid.png")
    monkeypatch.setattr(image_content, "of", full_disk)
    with pytest.raises(SystemExit, match=r"--out \S+tree: can't be written: No space left on device"):
        sample(conditional_run, tmp_path / "tree", "--format", "image-folder")
    assert {*tmp_path.rglob("*")} == before

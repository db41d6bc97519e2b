"""`gan-lab dataset`: check, pack and show."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lab.cli import main
from tests.conftest import read_image
from tests.data.archives import noise
from tests.data.test_survey import save


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        save(Path(f"photos/{'ab'[number % 2]}/{number}.png"), noise(number, 20, 20, 3))


def test_check_reports_and_draws(capsys: pytest.CaptureFixture[str]) -> None:
    main(["dataset", "check", "photos"])
    said = capsys.readouterr().out
    assert said.startswith("images   20 in photos\n")
    assert "\nsheet    contact_sheet.png\n" in said
    assert said.endswith(
        "    gan-lab train data=image_folder data.root=photos data.image_size=16 data.channels=3 model/network=resnet\n"
    )
    assert read_image(Path("contact_sheet.png")).shape == (3, 2 * 66 + 2, 10 * 66 + 2)


def test_check_ends_with_its_report_where_something_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/a/0.png").write_bytes(b"")
    with pytest.raises(SystemExit, match=r"Error: 1 of 20 images can't be read: photos/a/0\.png"):
        main(["dataset", "check", "photos", "--out", "sheet.png"])
    assert "1 can't be read" in capsys.readouterr().out
    assert Path("sheet.png").exists()


def test_check_takes_labels_and_groups_as_a_training_does(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        f"{path.relative_to('photos')},{'odd' if int(path.stem) % 2 else 'even'},p{int(path.stem) // 4}"
        for path in sorted(Path("photos").rglob("*.png"))
    ]
    Path("labels.csv").write_text("\n".join(["file,class,patient", *rows]))
    main(["dataset", "check", "photos", "--labels", "labels.csv", "--groups", "patient"])
    said = capsys.readouterr().out
    assert "\nclasses  2: even (10), odd (10)\n" in said
    assert "\ngroups   5 of 4 images, 1 of them for testing; none on both sides\n" in said
    assert said.endswith(
        "    gan-lab train data=image_folder data.root=photos data.labels=labels.csv data.groups=patient "
        "data.image_size=16 data.channels=3 data.num_classes=2 model/network=resnet\n"
    )
    command = said.splitlines()[-1].split()[2:]
    main(["dataset", "show", *command, "--out", "shown.png"])
    assert "16 of 16 training images" in capsys.readouterr().out


def test_pack_writes_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    main(["dataset", "pack", "photos", "out/packed.npz", "--image-size", "8,16", "--channels", "1"])
    assert capsys.readouterr().out == "out/packed.npz: 20 images of [8,16] pixels, 2 classes\n"
    with np.load("out/packed.npz", allow_pickle=False) as content:
        assert content["images"].shape == (20, 8, 16, 1)
        assert content["labels"].tolist() == [0] * 10 + [1] * 10
    with pytest.raises(SystemExit, match=r"OUT\.npz out/packed\.npz: exists already"):
        main(["dataset", "pack", "photos", "out/packed.npz", "--image-size", "8"])
    main(["dataset", "pack", "photos", "out/packed.npz", "--image-size", "8", "--force"])
    with np.load("out/packed.npz") as content:
        assert content["images"].shape == (20, 8, 8, 3)


def test_pack_takes_labels_as_a_training_does(capsys: pytest.CaptureFixture[str]) -> None:
    paths = sorted(Path("photos").rglob("*.png"), key=lambda path: int(path.stem))
    kinds = ["cat,yes", "dog,no", "dog,yes"]
    rows = [f"{path.relative_to('photos')},{kinds[int(path.stem) % 3]}" for path in paths]
    Path("labels.csv").write_text("\n".join(["file,class,outside", *rows]))
    options = ["--image-size", "20", "--labels", "labels.csv"]
    main(["dataset", "pack", "photos", "classes.npz", *options])
    main(["dataset", "pack", "photos", "both.npz", *options, "--attributes", "class,outside"])
    said = "classes.npz: 20 images of 20 pixels, 2 classes\nboth.npz: 20 images of 20 pixels, 3 classes\n"
    assert capsys.readouterr().out == said
    with np.load("both.npz") as content:
        assert content["classes"].tolist() == [f"class={kind.replace(',', ',outside=')}" for kind in kinds]
        assert content["labels"].tolist() == [0] * 7 + [1] * 7 + [2] * 6
    with np.load("classes.npz") as content:
        assert content["classes"].tolist() == ["cat", "dog"]
        for label, kind in enumerate(["cat", "dog"]):
            own = [path for path in sorted(paths) if kinds[int(path.stem) % 3].startswith(kind)]
            pictures = np.stack([np.asarray(Image.open(path)) for path in own])
            assert np.array_equal(content["images"][content["labels"] == label], pictures)


def test_pack_keeps_the_depth_of_scans(capsys: pytest.CaptureFixture[str]) -> None:
    Path("scans").mkdir()
    for number in range(3):
        Image.fromarray(np.full((8, 8), 1000 * number, np.uint16)).save(f"scans/{number}.png")
    main(["dataset", "pack", "scans", "s.npz", "--image-size", "8", "--channels", "1", "--depth", "16"])
    assert capsys.readouterr().out.endswith(
        "s.npz: 3 images of 8 pixels; train on it with data.depth=16 'data.window=[0,2000]'\n"
    )
    with np.load("s.npz", allow_pickle=False) as content:
        assert content["images"].dtype == np.uint16
        assert content["images"][:, 0, 0, 0].tolist() == [0, 1000, 2000]


def test_show_draws_what_a_training_would_see(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["data=image_folder", "data.root=photos", "data.image_size=16"]
    main(["dataset", "show", *chosen, "--count", "10"])
    assert capsys.readouterr().out == (
        "training_images.png: 10 of 18 training images of image_folder, 16x16 pixels, 3 channels\n"
    )
    assert read_image(Path("training_images.png")).shape == (3, 2 * 18 + 2, 8 * 18 + 2)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("check nowhere", "FOLDER=nowhere: no such folder"),
        ("check photos --out sheet.jpg", r"--out sheet\.jpg: the name of a picture ends in \.png"),
        ("check photos --labels nowhere.csv", r"--labels nowhere\.csv: can't be read"),
        ("check photos --labels few.csv", r"--labels few\.csv: has no line for a/10\.png, .* in FOLDER; add them"),
        (
            "check photos --labels strange.csv",
            r"--labels strange\.csv: c/1\.png \(line 2\) can't be found among the im",
        ),
        ("check photos --labels several.csv", r"--labels several\.csv: .* choose: --attributes \[x,y\]"),
        (
            "check photos --labels several.csv --attributes x,z",
            r"--attributes \[x,z\]: .* has no column z. Available: x, y",
        ),
        ("check photos --attributes x,y", "--attributes x,y: are columns of a table; name it with --labels"),
        ("check photos --groups patient", "--groups patient: is no column of --labels and not folder, and as a reg"),
        ("check splits --groups folder", "--groups folder: p1 is among the training and among the test images"),
        ("check photos --out photos", r"--out photos: the name of a picture ends"),
        ("pack photos packed.zip --image-size 8", r"packed\.zip: the name of a packed dataset ends in \.npz"),
        ("pack photos a.npz --image-size 0", "--image-size: must be a whole number from 1 on, or HEIGHT,WIDTH, not 0"),
        ("pack photos a.npz --image-size 8 --window 5", "--window: must be two numbers with a comma, not 5"),
        ("pack photos a.npz --image-size 8 --window 5,1", "--window: the first value must be below the second"),
        (
            "pack photos a.npz --image-size 8 --depth 16 --window 0,70000",
            r"--depth 16 holds whole numbers from 0 to 65,535, .*; set --window, or take --depth float",
        ),
        ("pack photos a.npz --image-size 8 --background blau", "--background blau: no such colour"),
        ("pack photos a.npz --image-size 8 --split test", "--split test: photos has no images for testing"),
        ("pack photos a.npz", "the following arguments are required: --image-size"),
        ("show data=cifar11", r"data=cifar11: no such choice\. Did you mean cifar10"),
        ("show data=cifar10 data.download=false", r"cifar10 lacks cifar-10-binary\.tar\.gz of CIFAR-10, and data\.dow"),
        ("show data.image_sise=3", r"data\.image_sise: no such option\. Did you mean image_size"),
        ("show data=mnist data.image_size=0", r"data\.image_size=0: must be a whole number from 1 on"),
        ("show data=image_folder data.root=photos data.window=5", r"data\.window=5: must be a list, data\.window=\[5,"),
        ("show data=image_folder", r"data\.root: this value is missing; set data\.root="),
        ("show --count 0 data=mnist", "--count: must be a whole number of at least 1, not 0"),
    ],
)
def test_what_is_wrong_is_one_line_and_writes_nothing(typed: str, message: str) -> None:
    every = "\n".join(f"{'ab'[number % 2]}/{number}.png,1,2" for number in range(20))
    for name, line in (
        ("few", "file,class\na/0.png,x"),
        ("strange", "file,class\nc/1.png,x"),
        ("several", f"file,x,y\n{every}"),
    ):
        Path(f"{name}.csv").write_text(line)
    for split in ("train", "test"):
        save(Path(f"splits/{split}/p1/{split}.png"), noise(0, 8, 8))
    before = set(Path().rglob("*"))
    with pytest.raises(SystemExit, match=message) as ending:
        main(["dataset", *typed.split()])
    assert "\n" not in str(ending.value.code)
    assert set(Path().rglob("*")) == before

from pathlib import Path

import pytest
import torch

from gan_lab.cli import main
from gan_lab.data.mnist import MNIST
from gan_lab.metrics.dataset_classifier import DatasetClassifier


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset that need not be fetched."""

    def load(self: MNIST, split: str) -> tuple[torch.Tensor, torch.Tensor]:
        assert self.fallback == "error"
        images = torch.randint(0, 256, (60, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
        return images, torch.arange(60) % 10

    monkeypatch.setattr(MNIST, "prepare_data", lambda _: None)
    monkeypatch.setattr(MNIST, "load", load)


@pytest.mark.bits
@pytest.mark.usefixtures("few_digits")
def test_the_same_command_makes_the_same_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train-features", "--dataset", "KMNIST", "--epochs", "1", "--out"]
    main([*command, str(tmp_path / "a.safetensors")])
    main([*command, str(tmp_path / "b.safetensors")])
    main([*command, str(tmp_path / "c.safetensors"), "--seed", "1"])
    a, b, c = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    extractor = DatasetClassifier(file=str(tmp_path / "a.safetensors"))
    assert extractor.identity["name"] == "digits KMNIST"
    printed = capsys.readouterr().out
    assert f"{extractor.identity['accuracy']:.2%} on the test images" in printed
    assert str(extractor.identity["sha256"]) in printed


@pytest.mark.usefixtures("few_digits")
def test_nothing_is_replaced_without_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mnist.safetensors").write_text("precious")
    with pytest.raises(SystemExit, match=r"--out mnist.safetensors: exists already"):
        main(["train-features"])
    assert Path("mnist.safetensors").read_text() == "precious"
    main(["train-features", "--epochs", "1", "--force"])
    assert DatasetClassifier(file="mnist.safetensors").num_classes == 10


@pytest.mark.usefixtures("few_digits")
def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SystemExit, match=r"--out .*: can't be written"):
        main(["train-features", "--epochs", "1", "--out", str(tmp_path / "file" / "x.safetensors")])


def test_any_labelled_set_trains_one_which_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gan_lab.metrics import dataset_classifier
    from gan_lab.utils.images import save_png

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dataset_classifier, "epochs_for", lambda _: 1)
    monkeypatch.setattr("gan_lab.metrics.classifier.BATCH_SIZE", 8)
    for index in range(80):
        folder = tmp_path / "pictures" / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        save_png(torch.full((3, 12, 12), 150 * (index % 2) + index, dtype=torch.uint8), folder / f"{index}.png")
    command = ["train-features", "--data", "image_folder", "--root", str(tmp_path / "pictures")]
    main(command)
    said = capsys.readouterr().out
    assert "on the test images: kept for --extractor classifier on " in said
    (kept,) = (tmp_path / "data/cache/extractors").glob("*.safetensors")
    assert DatasetClassifier(file=str(kept)).num_classes == 2
    before = kept.stat().st_mtime_ns
    main(command)
    assert kept.stat().st_mtime_ns == before, "the second time it is there"
    main([*command, "--epochs", "1", "--out", "own.safetensors"])
    assert DatasetClassifier(file="own.safetensors").num_classes == 2
    with pytest.raises(SystemExit, match=r"--epochs: the classifier that runs find is made with its own"):
        main([*command, "--epochs", "3"])
    with pytest.raises(SystemExit, match=r"--data nowhere: no dataset of this name"):
        main(["train-features", "--data", "nowhere"])

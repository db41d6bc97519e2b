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
    assert f"{extractor.identity['accuracy']:.2%} of the test images right" in printed
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

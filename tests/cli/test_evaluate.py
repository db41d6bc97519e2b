import json
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.cli import main
from gan_lab.cli.evaluate import EXTRACTORS, RESIZES
from gan_lab.evaluation import evaluate as module
from gan_lab.metrics import classifier, dataset_classifier, inception, scores, select_extractor, tensor_files
from gan_lab.metrics.inception import Resize
from gan_lab.metrics.select_extractor import Choice
from gan_lab.runs.run import Run
from gan_lab.utils import hardware
from gan_lab.utils.images import save_png
from tests.conftest import Serve, all_digits, read_image


@pytest.fixture(autouse=True)
def few_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "KID_SUBSETS", 2)


def evaluate(source: Path, root: Path, *options: str) -> None:
    main(["evaluate", str(source), "--data-root", str(root), *options])


def written(run: Run) -> dict[str, Any]:
    (file,) = (run.folder / "evaluations").glob("*.json")
    told: dict[str, Any] = json.loads(file.read_text())
    assert file.stem == told["protocol"]["id"]
    return told


def ending(*command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that is refused says."""
    with pytest.raises(SystemExit) as end:
        main(["evaluate", *command])
    assert end.value.code not in (0, None)
    return f"{capsys.readouterr().err}{end.value.code}"


def test_the_command_knows_the_extractors_that_there_are() -> None:
    assert get_args(Choice) == EXTRACTORS
    assert get_args(Resize) == RESIZES


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.pt"
    torch.save(all_digits("train")[0][::45], path)
    return path


def test_a_run_is_printed_and_written_into_its_folder(
    run: Run, few_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(run.folder, few_digits, "--count", "20")
    told = written(run)
    assert told["images_seen"] == 640
    assert told["values"].keys() >= {"fid", "kid", "inception_score", "coverage", "modes", "class_kl"}
    assert "class_accuracy" not in told["values"]
    protocol = told["protocol"]
    assert (protocol["n_fake"], protocol["n_real"], protocol["split"]) == (20, 500, "test")
    assert protocol["weights"] == "ema"
    assert protocol["extractor"]["name"] == "digits MNIST"
    printed = capsys.readouterr().out
    assert f"FID (n=20, biased)    {told['values']['fid']:.3f}\n" in printed
    assert "20 of" in printed
    assert "after 640 training images, weights ema, seed 0" in printed
    assert "500 of MNIST (test, NOT the full dataset)" in printed
    assert protocol["id"] in printed
    assert run.record() == {"status": "finished"}, "evaluating leaves the run's record alone"


@pytest.mark.parametrize(("place", "whose"), [("run/cache", "mine"), ("data/cache", "theirs")])
def test_statistics_that_came_with_a_run_are_not_believed(
    place: str, whose: str, run: Run, few_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(user: str) -> dict[str, float]:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / user))
        evaluate(run.folder, few_digits, "--count", "20")
        values: dict[str, float] = written(run)["values"]
        return values

    monkeypatch.chdir(tmp_path)
    config = OmegaConf.load(run.config_file)
    config.callbacks.scores.cache = "${run_dir}/cache"
    OmegaConf.save(config, run.config_file)
    honest = scored(whose)
    (file,) = Path("data/cache/statistics").iterdir()
    tensors, description = tensor_files.read(file)
    tensor_files.write(file, tensors | {"total": tensors["total"] + 100 * description["count"]}, description)
    assert scored(whose) != honest, "a user believes what is the user's own"
    planted = run.folder.parent / place / "statistics"
    if planted.resolve() != file.parent.resolve():
        planted.parent.mkdir(parents=True)
        file.parent.rename(planted)
    assert scored("mine") == honest
    assert (planted / file.name).exists()


@pytest.mark.bits
def test_the_same_command_gives_the_same_numbers(run: Run, few_digits: Path) -> None:
    evaluate(run.folder, few_digits, "--count", "20")
    first = written(run)
    evaluate(run.folder, few_digits, "--count", "20")
    assert written(run) == first
    evaluate(run.folder, few_digits, "--count", "20", "--seed", "1")
    assert written(run)["values"] != first["values"], "another seed is of the same protocol"


def test_split_weights_and_place_are_as_asked(run: Run, few_digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "scores.json"
    evaluate(run.folder, few_digits, "--count", "20", "--split", "train", "--weights", "raw", "--out", str(out))
    protocol = json.loads(out.read_text())["protocol"]
    assert (protocol["split"], protocol["weights"]) == ("train", "raw")
    assert not (run.folder / "evaluations").exists()


def test_a_conditional_run_is_asked_for_its_classes(
    conditional_run: Run, few_digits: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_classifier, "epochs_for", lambda _: 1)
    monkeypatch.setattr(classifier, "BATCH_SIZE", 16)
    evaluate(conditional_run.folder, few_digits, "--count", "20", "--gan-train-test")
    values = written(conditional_run)["values"]
    assert values["gan_test"] == values["class_accuracy"], "the same classifier judges"
    assert re.search(rf"GAN-train accuracy +{values['gan_train']:.2%}\n", capsys.readouterr().out)


@pytest.mark.parametrize("kind", ["pt", "npy", "folder"])
def test_anyones_images_are_held_against_a_dataset(kind: str, samples: Path, few_digits: Path, tmp_path: Path) -> None:
    source, out = tmp_path / f"images.{kind}", tmp_path / "scores.json"
    images = torch.load(samples)
    if kind == "pt":
        source = samples
    elif kind == "npy":
        np.save(source, images.numpy())
    else:
        source.mkdir()
        for index, image in enumerate(images):
            save_png(image, source / f"{index:03d}.png")
    before = sorted(tmp_path.glob("*"))
    evaluate(source, few_digits, "--data", "mnist", "--out", str(out))
    told = json.loads(out.read_text())
    assert told["images_seen"] is None
    assert told["protocol"]["weights"] == "given"
    assert told["protocol"]["n_fake"] == 100
    assert told["values"]["fid"] < 6
    assert set(tmp_path.glob("*")) == {*before, out}, "nothing else is written"
    evaluate(source, few_digits, "--data", "mnist", "--count", "50")
    assert set(tmp_path.glob("*")) == {*before, out}


def test_neighbours_are_drawn(run: Run, samples: Path, few_digits: Path, tmp_path: Path) -> None:
    for source, options in ((run.folder, ("--count", "20")), (samples, ("--data", "mnist"))):
        evaluate(source, few_digits, *options, "--neighbours", str(tmp_path / "near.png"), "--force")
        cell = (8 if source == run.folder else 28) + 2
        assert read_image(tmp_path / "near.png").shape == (3, 10 * cell + 2, 6 * cell + 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--count", "0"), "must be a whole number of at least 1, not 0"),
        (("--count", "5"), "--count 5: scores need 6 generated images or more"),
        (("--seed", "-1"), "must be a whole number of at least 0"),
        (("--extractor", "vgg"), "must be auto, classifier, inception or package.module:Class, not vgg"),
        (("--extractor", ":Net"), "must be auto, classifier, inception or package.module:Class, not :Net"),
        (("--extractor", "nowhere.net:Net"), "--extractor nowhere.net:Net: ModuleNotFoundError: No module named"),
        (
            ("--extractor", "torch.nn:Identity", "--weights-file", "w.pth"),
            "these weights are for the inception extractor",
        ),
        (("--split", "tests"), "invalid choice: 'tests'"),
        (("--split", "validation"), "no image of MNIST was held out: data.validation_count is 0"),
        (("--weights", "best"), "invalid choice: 'best'"),
        (("--extractor", "inception", "--weights-file", "/nowhere.pth"), "inception"),
        (("--resize", "nearest"), "invalid choice: 'nearest'"),
        (("--resize", "tensorflow1"), "resize tensorflow1: is for the inception extractor; classifier has its own"),
        (("--extractor", "torch.nn:Identity", "--resize", "tensorflow1"), "--resize tensorflow1: is for the inception"),
        (("--weights-file", "/nowhere.pth"), "/nowhere.pth: weights are for the inception extractor"),
        (("--checkpoint", "best"), "has no checkpoint: it ended before best.ckpt was first saved"),
        (("--data", "mnist"), "a run is compared with its own dataset"),
        (("--gan-train-test",), "VanillaGAN is not conditional; evaluate a run of model=cgan"),
        (
            ("--out", "exists.json"),
            "--out exists.json: exists already; choose another name, or",
        ),
        (("--neighbours", "exists.json"), "--neighbours exists.json: exists already"),
        (("--out", "folder"), "--out folder: is a folder"),
    ],
)
def test_wrong_requests_for_a_run(
    options: tuple[str, ...],
    message: str,
    run: Run,
    few_digits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("exists.json").write_text("precious")
    Path("folder").mkdir()
    said = ending(str(run.folder), "--data-root", str(few_digits), *options, capsys=capsys)
    assert message in said
    assert Path("exists.json").read_text() == "precious"
    assert not (run.folder / "evaluations").exists()


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("nowhere", ("--data", "mnist"), "no such file or folder"),
        ("nowhere", (), "no such file or folder"),
        ("empty", (), "is not a run folder (it has no run.json). To evaluate images"),
        ("empty", ("--data", "mnist"), "contains no images"),
        ("samples.pt", (), "name the dataset to compare them with: --data mnist|fashion_mnist|kmnist"),
        ("samples.pt", ("--data", "imagenet"), "invalid choice: 'imagenet'"),
        ("samples.pt", ("--data", "mnist", "--count", "101"), "only 100 images are given"),
        ("samples.pt", ("--data", "mnist", "--gan-train-test"), "needs the run of a conditional model"),
        ("samples.pt", ("--data", "mnist", "--checkpoint", "best"), "only a run has checkpoints"),
        ("floats.pt", ("--data", "mnist"), "must hold images uint8 (n, 1 or 3, height, width), not float32"),
        ("pickled.npy", ("--data", "mnist"), "can't be read as images"),
    ],
)
def test_wrong_requests_for_images(
    source: str,
    options: tuple[str, ...],
    message: str,
    samples: Path,
    few_digits: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    torch.save(torch.zeros(10, 1, 28, 28), tmp_path / "floats.pt")
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    said = ending(str(tmp_path / source), "--data-root", str(few_digits), *options, capsys=capsys)
    assert message in said


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("checkpoints/last.ckpt", "has no checkpoint"),
        ("run.json", "is not a run folder: it has no run.json"),
    ],
)
def test_half_a_run_says_what_it_lacks(
    removed: str, message: str, run: Run, few_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.folder / removed).unlink()
    assert message in ending(str(run.folder), "--data-root", str(few_digits), capsys=capsys)


def test_inception_without_weights_says_what_to_do(
    run: Run, few_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gan_lab.metrics.inception.find_spec", lambda _: object())
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    said = ending(str(run.folder), "--data-root", str(few_digits), "--extractor", "inception", capsys=capsys)
    assert "weights are missing, and fetching them failed (<urlopen error there is no network in tests>). " in said
    assert f"put the file to {tmp_path}/checkpoints/weights-inception-2015-12-05-6726825d.pth" in said


def test_nothing_is_fetched_for_a_run_unless_inception_is_typed(
    run: Run,
    few_digits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    serve: Serve,
) -> None:
    monkeypatch.setattr(inception, "find_spec", lambda _: object())
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(select_extractor, "suits_a_classifier", lambda _: False)  # says a stranger's folder
    config = OmegaConf.load(run.config_file)
    config.callbacks.scores.extractor, config.callbacks.scores.download = "inception", True
    OmegaConf.save(config, run.config_file)
    asked = serve(b"weights")
    said = ending(str(run.folder), "--data-root", str(few_digits), capsys=capsys)
    assert "are missing. callbacks.scores.download=true and gan-lab evaluate --extractor inception fetch them." in said
    assert asked == []
    said = ending(str(run.folder), "--data-root", str(few_digits), "--extractor", "inception", capsys=capsys)
    assert asked == [inception.URL]
    assert "the checksum is " in said


def test_a_device_and_a_resize_are_as_asked(run: Run, few_digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor, asked = dataset_classifier.shipped(), list[dict[str, Any]]()
    monkeypatch.setattr(module, "make_extractor", lambda *given, **options: asked.append(options) or extractor)
    devices: list[str] = []
    monkeypatch.setattr(hardware, "device", lambda name: devices.append(name) or torch.device("cpu"))
    evaluate(run.folder, few_digits, "--count", "20", "--extractor", "inception", "--resize", "tensorflow1")
    evaluate(run.folder, few_digits, "--count", "20", "--device", "mps")
    assert asked == [{"resize": "tensorflow1", "download": True}, {"resize": "antialiased", "download": False}]
    assert devices == ["auto", "mps"]


def test_a_device_that_is_not_there_is_one_line(
    run: Run, samples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for source, options in ((run.folder, ()), (samples, ("--data", "mnist"))):
        said = ending(str(source), *options, "--device", "cuda", capsys=capsys)
        assert said.startswith("Error: --device cuda: not on this machine, which has ")

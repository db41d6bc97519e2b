import json
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.cli import main
from gan_lab.cli.evaluate import EXTRACTORS, PROTOCOLS, RESIZES
from gan_lab.evaluation import evaluate as module
from gan_lab.metrics import classifier, dataset_classifier, inception, scores, select_extractor, tensor_files
from gan_lab.metrics.inception import Resize
from gan_lab.metrics.presets import PRESETS
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
    assert tuple(PRESETS) == PROTOCOLS


def test_sets_with_the_same_classes_are_compared_within_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = (part[::11] for part in all_digits("train"))
    names = np.array(["d", "b", "a", "c", "e", "f", "g", "h", "i", "j"])
    np.savez(tmp_path / "a.npz", images=images[::2].numpy(), labels=labels[::2].numpy(), classes=names)
    order = np.argsort(names)
    place = np.argsort(order)
    np.savez(tmp_path / "b.npz", images=images[1::2].numpy(), labels=place[labels[1::2].numpy()], classes=names[order])
    np.savez(tmp_path / "c.npz", images=images[1::2].numpy(), labels=labels[1::2].numpy())
    options = ["--extractor", "classifier", "--weights-file", str(dataset_classifier.SHIPPED["MNIST"])]
    main(["evaluate", str(tmp_path / "a.npz"), "--against", str(tmp_path / "b.npz"), *options])
    said = capsys.readouterr().out
    assert "Classes      10, by their names" in said
    assert "Class accuracy" not in said, "the classifier's classes are digits"
    table = said[said.index("Class  ") :].splitlines()
    assert [row.split()[0] for row in table[1:11]] == sorted(names)
    assert all(float(row.split()[-1]) > 0.5 for row in table[1:11]), "coverage within each class"
    main(["evaluate", str(tmp_path / "a.npz"), "--against", str(tmp_path / "c.npz"), *options])
    said = capsys.readouterr().out
    assert "Classes      none: only the first set has a, b, c, d, e" in said or "only the first set has d, b, a" in said
    assert "within classes" not in said


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
        (
            ("--extractor", "vgg"),
            "must be auto, classifier, inception, inception-clean, dinov2, clip or package.module:Class, not vgg",
        ),
        (
            ("--extractor", ":Net"),
            "must be auto, classifier, inception, inception-clean, dinov2, clip or package.module:Class, not :Net",
        ),
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
        ("samples.pt", (), "name the dataset to compare them with: --data mnist|fashion_mnist|kmnist, or other"),
        (
            "samples.pt",
            ("--data", "imagenet"),
            "--data imagenet: no dataset of this name. ",
        ),
        ("samples.pt", ("--data", "mnist", "--count", "101"), "only 100 images are given"),
        ("samples.pt", ("--data", "mnist", "--gan-train-test"), "needs the run of a conditional model"),
        ("samples.pt", ("--data", "mnist", "--checkpoint", "best"), "only a run has checkpoints"),
        (
            "floats.pt",
            ("--data", "mnist"),
            "must hold images uint8 (n, 1 or 3, height, width) or (n, height, width, 1 or 3), not float32",
        ),
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


def test_a_run_that_names_the_classifier_is_scored_by_it(
    run: Run, few_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select_extractor, "suits_a_classifier", lambda _: False)  # as for images in colour
    monkeypatch.setattr(inception, "find_spec", lambda _: None)
    config = OmegaConf.load(run.config_file)
    config.callbacks.scores.extractor = "classifier"
    OmegaConf.save(config, run.config_file)
    evaluate(run.folder, few_digits, "--count", "20")
    assert written(run)["protocol"]["extractor"]["name"].startswith("digits")
    with pytest.raises(SystemExit, match="torch-fidelity"):
        evaluate(run.folder, few_digits, "--count", "20", "--resize", "antialiased")


def test_a_device_and_a_resize_are_as_asked(run: Run, few_digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor, asked = dataset_classifier.shipped(), list[dict[str, Any]]()
    monkeypatch.setattr(module, "make_extractor", lambda *given, **options: asked.append(options) or extractor)
    devices: list[str] = []
    monkeypatch.setattr(hardware, "device", lambda name: devices.append(name) or torch.device("cpu"))
    evaluate(run.folder, few_digits, "--count", "20", "--extractor", "inception", "--resize", "tensorflow1")
    evaluate(run.folder, few_digits, "--count", "20", "--device", "mps")
    assert asked == [{"resize": "tensorflow1", "download": True}, {"resize": None, "download": False}]
    assert devices == ["auto", "mps"]


def test_a_device_that_is_not_there_is_one_line(
    run: Run, samples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for source, options in ((run.folder, ()), (samples, ("--data", "mnist"))):
        said = ending(str(source), *options, "--device", "cuda", capsys=capsys)
        assert said.startswith("Error: --device cuda: not on this machine, which has ")


def scores_of(file: Path) -> tuple[dict[str, float], dict[str, Any]]:
    told = json.loads(file.read_text())
    return told["values"], told["protocol"]


def as_folder(archive: Path, folder: Path) -> Path:
    """The images of a .npz file as a folder of .png files."""
    folder.mkdir()
    for index, image in enumerate(np.load(archive)["images"]):
        save_png(torch.from_numpy(image).permute(2, 0, 1), folder / f"{index:05d}.png")
    return folder


def test_a_folder_of_a_runs_samples_has_the_runs_own_number(run: Run, few_digits: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.npz"
    evaluate(run.folder, few_digits, "--count", "30", "--out", str(tmp_path / "own.json"), "--images", str(kept))
    own, protocol = scores_of(tmp_path / "own.json")
    for source in (kept, as_folder(kept, tmp_path / "folder")):
        out = tmp_path / "again.json"
        evaluate(source, few_digits, "--data", str(run.folder), "--out", str(out), "--force")
        again, other = scores_of(out)
        assert again == pytest.approx(own, rel=1e-6)
        assert (other["data"], other["split"], other["n_real"]) == (protocol["data"], "test", protocol["n_real"])
        assert (protocol["weights"], other["weights"]) == ("ema", "given"), "it can't be known what made the images"


def zipped(folder: Path, archive: Path) -> Path:
    import zipfile

    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, path.name)
    return archive


def test_two_sets_are_compared_in_whatever_form_they_come(
    run: Run, few_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = all_digits("train")[0]
    one, other = images[::45], images[1::45]
    np.savez(tmp_path / "one.npz", images=one.permute(0, 2, 3, 1).numpy())
    np.save(tmp_path / "other.npy", other.permute(0, 2, 3, 1).numpy())
    torch.save(one, tmp_path / "one.pt")
    folder = as_folder(tmp_path / "one.npz", tmp_path / "one")
    archive = zipped(folder, tmp_path / "one.zip")
    weights = ("--extractor", "classifier", "--weights-file", str(dataset_classifier.SHIPPED["MNIST"]))
    found = []
    for source in (tmp_path / "one.npz", tmp_path / "one.pt", folder, archive):
        out = tmp_path / f"{source.name}.json"
        main(["evaluate", str(source), "--against", str(tmp_path / "other.npy"), *weights, "--out", str(out)])
        found.append(scores_of(out))
    assert all(values == pytest.approx(found[0][0]) for values, _ in found)
    assert len({protocol["id"] for _, protocol in found}) == 1
    values, protocol = found[0]
    assert values["fid"] < 6
    assert (protocol["n_real"], protocol["n_fake"], protocol["split"]) == (100, 100, "given")
    printed = capsys.readouterr().out
    assert f"Real images  100 of {tmp_path / 'other.npy'}, sha256 " in printed
    main(["evaluate", str(archive), "--against", str(folder), *weights, "--out", str(tmp_path / "same.json")])
    assert scores_of(tmp_path / "same.json")[0]["fid"] == pytest.approx(0, abs=1e-4), "a set and itself"


def test_a_run_stands_for_what_it_generates(run: Run, few_digits: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", all_digits("train")[0][::45].numpy())
    options = ("--count", "40", "--scores", "fid,manifold,path_length")
    out = tmp_path / "scores.json"
    evaluate(run.folder, few_digits, "--against", str(tmp_path / "digits.npy"), *options, "--out", str(out))
    values, protocol = scores_of(out)
    assert values.keys() == {"fid", "precision", "recall", "density", "coverage", "path_length"}
    assert (protocol["weights"], protocol["n_fake"], protocol["n_real"]) == ("ema", 40, 100)
    assert protocol["extractor"]["name"] == "digits MNIST", "the one that suits the run"
    evaluate(run.folder, few_digits, "--against", str(run.folder), *options, "--out", str(out), "--force")
    same, _ = scores_of(out)
    assert 0 < same["fid"] < values["fid"], "other latents of the same generator"


def test_statistics_are_written_and_take_the_place_of_images(
    run: Run, samples: Path, few_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "mnist.npz", tmp_path / "scores.json"
    evaluate(samples, few_digits, "--data", "mnist", "--statistics", str(file), "--out", str(out))
    full, _ = scores_of(out)
    assert "of 500 real images" in capsys.readouterr().out
    weights = ("--extractor", "classifier", "--weights-file", str(dataset_classifier.SHIPPED["MNIST"]))
    main(["evaluate", str(samples), "--statistics", str(file), *weights, "--out", str(out), "--force"])
    values, protocol = scores_of(out)
    assert values["fid"] == pytest.approx(full["fid"], rel=1e-6)
    assert "kid" not in values
    assert (protocol["split"], protocol["n_real"]) == ("statistics", 500)
    own = tmp_path / "own.npz"  # of digits of 8 pixels, which this run learned
    found = []
    for _ in range(2):
        evaluate(run.folder, few_digits, "--count", "20", "--statistics", str(own), "--out", str(out), "--force")
        found.append(scores_of(out)[0])
    assert "kid" in found[0], "at first the file is written, then read"
    assert "kid" not in found[1]
    assert found[1]["fid"] == pytest.approx(found[0]["fid"], rel=1e-6)


def test_a_published_protocol_sets_what_it_says(
    run: Run, few_digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extractor, asked = dataset_classifier.shipped(), list[Any]()
    monkeypatch.setattr(
        module, "make_extractor", lambda *given, **options: asked.append((given[0], options)) or extractor
    )
    small = PRESETS["fid50k"].__class__(**{**vars(PRESETS["fid50k"]), "count": 50})
    monkeypatch.setitem(PRESETS, "fid50k", small)
    evaluate(run.folder, few_digits, "--protocol", "fid50k", "--seed", "3")
    (file,) = (run.folder / "evaluations").glob("*.json")
    values, protocol = scores_of(file)
    assert values.keys() == {"fid"}
    assert (protocol["preset"], protocol["n_fake"], protocol["split"]) == ("fid50k", 50, "train")
    assert file.name == f"fid50k-{protocol['id']}.json"
    assert asked == [("inception", {"resize": "tensorflow1", "download": True})]
    assert f"Protocol     fid50k-{protocol['id']}; only scores" in capsys.readouterr().out
    said = ending(str(run.folder), "--protocol", "fid50k", "--count", "60", capsys=capsys)
    assert "--count 60: --protocol fid50k has 50; leave one of the two out" in said
    said = ending(str(run.folder), "--protocol", "fid50k", "--scores", "kid", capsys=capsys)
    assert "--scores kid: --protocol fid50k has fid; leave one of the two out" in said


def test_classes_have_a_table_and_spectra_a_picture(
    conditional_run: Run, few_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "spectrum.svg"
    options = ("--scores", "fid,fid_interval,class_manifold,class_halves,memorisation,spectrum")
    evaluate(conditional_run.folder, few_digits, "--count", "100", *options, "--spectrum", str(picture))
    told = written(conditional_run)
    assert len(told["per_class"]["recall"]) == len(told["per_class"]["half_floor"]) == 10
    assert told["values"].keys() >= {"fid_low", "authenticity", "copying", "spectrum_error", "class_recall"}
    printed = capsys.readouterr().out
    assert re.search(r"^FID \(n=100, biased\) +\S+ \(95 %: \S+ to \S+\)$", printed, re.MULTILINE)
    columns = ("Class", "Precision", "Recall", "Density", "Coverage", "Half", "FID to half", "Half to half")
    assert re.search(f"^{' +'.join(columns)}$", printed, re.MULTILINE)
    assert picture.read_text().startswith("<svg ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--against", "s.pt", "--data", "mnist"),
            "--against s.pt: there is --data mnist too; leave one of the two out",
        ),
        (("--against", "nowhere"), "nowhere: no such file or folder"),
        (("--against", "s.npz"), "s.npz can't be read as images"),
        (("--against", "s.pt", "--gan-train-test"), "--gan-train-test: learns the classes of a dataset"),
        (
            ("--statistics", "s.npz", "--data", "mnist"),
            "--statistics s.npz: exists, and takes the place of --data mnist",
        ),
        (("--statistics", "s.npz"), "they are of 3 features"),
        (("--statistics", "s.txt"), "--statistics s.txt: must be a .npz file"),
        (("--statistics", "s.npz", "--neighbours", "n.png"), "--neighbours: needs real images"),
        (
            ("--statistics", "s.npz", "--scores", "kid"),
            "--scores kid: needs real images, and --statistics gives mu and",
        ),
        (("--images", "images.png", "--data", "mnist"), "--images images.png: must be a .npz file"),
        (("--spectrum", "s.svg", "--data", "mnist"), "--spectrum s.svg: add --scores spectrum"),
        (("--scores", "fid,nice", "--data", "mnist"), "nice is none of fid, kid, inception_score"),
        (("--scores", "path_length", "--data", "mnist"), "--scores path_length: goes through a generator's latents"),
        (("--scores", "cmmd", "--data", "mnist"), "--scores cmmd: is of CLIP's features; add --extractor clip"),
        (("--data", "mnist", "--protocol", "fid10k-test"), "--protocol fid10k-test: only 100 images are given"),
        (("--data", "mnist", "--protocol", "fid9k"), "invalid choice: 'fid9k'"),
        (("--data", "mnist", "--extractor", "dinov2"), "the dinov2 extractor's weights are missing"),
    ],
)
def test_wrong_requests_for_two_sets(
    options: tuple[str, ...],
    message: str,
    samples: Path,
    few_digits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    torch.save(all_digits("train")[0][:20], "s.pt")
    np.savez("s.npz", mu=np.zeros(3), sigma=np.eye(3))
    weights = (
        ()
        if "--protocol" in options or "--extractor" in options or "--data" in options
        else (*("--extractor", "classifier", "--weights-file", str(dataset_classifier.SHIPPED["MNIST"])),)
    )
    said = ending(str(samples), "--data-root", str(few_digits), *options, *weights, capsys=capsys)
    assert message in said

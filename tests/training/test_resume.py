"""Runs that were stopped go on as if they never had been, or say why they can't."""

import signal
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from gan_lab.evaluation.sampling import prepare
from gan_lab.runs.run import Run
from gan_lab.training import train
from tests.conftest import QUICK, REPOSITORY, Command, last_weights, metrics_table, same, started, wait_for


@pytest.mark.bits
@pytest.mark.parametrize("first", [3, 35, 40])  # within, at the end of and after the first epoch of 35 batches
def test_resume_ends_with_the_bits_of_an_uninterrupted_run(first: int, command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=45", "hydra.run.dir=whole") is None
    assert command(*QUICK, f"trainer.max_steps={first}", "hydra.run.dir=parts") is None
    assert command("resume=parts", "trainer.max_steps=45") is None
    assert same(last_weights("parts"), last_weights("whole"))
    assert metrics_table("parts") == metrics_table("whole")
    assert Run.open("parts").record()["batches"] == 45
    assert Run.open("parts").config().trainer.max_steps == 45


def test_what_was_read_to_go_on_takes_no_memory_while_training(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(*QUICK) is None
    load_state, fit = train.load_state, train.fit
    read: list[weakref.ref[torch.Tensor]] = []
    kept: list[bool] = []

    def load(run: Run) -> Any:
        checkpoint = load_state(run)
        assert checkpoint is not None
        read.extend(weakref.ref(tensor) for tensor in checkpoint["state_dict"].values())
        return checkpoint

    def fit_without(*told: Any) -> None:
        kept.extend(tensor() is not None for tensor in read)
        fit(*told)

    monkeypatch.setattr(train, "load_state", load)
    monkeypatch.setattr(train, "fit", fit_without)
    assert command("resume=run", "trainer.max_steps=8") is None
    assert len(kept) > 1
    assert not any(kept)


def test_a_finished_run_says_so(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*QUICK) is None
    before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.name != "train.log"}
    capsys.readouterr()
    assert command("resume=run") is None
    assert "run is finished: 6 batches, 768 images" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.name != "train.log"} == before


@pytest.mark.bits
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_real_run_that_can_go_on(ending: signal.Signals, tmp_path: Path, command: Command) -> None:
    arguments = [*QUICK, "trainer.max_steps=100000"]
    process = started(tmp_path, *arguments)
    wait_for((tmp_path / "run/metrics.csv").exists, "a row", process)
    process.send_signal(ending)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 128 + ending
    assert "Traceback" not in output
    assert f"To go on: python {REPOSITORY / 'train.py'} resume=" in output
    stopped = Run.open(tmp_path / "run").record()
    assert stopped["status"] == "interrupted"
    end = stopped["batches"] + 5
    assert command("resume=run", f"trainer.max_steps={end}") is None
    assert Run.open("run").record()["status"] == "finished"
    assert command(*QUICK, f"trainer.max_steps={end}", "hydra.run.dir=whole") is None
    assert same(last_weights("run"), last_weights("whole"))


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
    pictures("pictures/2", "pictures/10")
    own = ("data=image_folder", "data.root=pictures", "data.image_size=8", "data.num_classes=2", "data.batch_size=4")
    quick = [argument for argument in QUICK if not argument.startswith("data.")]
    assert command(*quick, *own) is None
    record = Run("run").record()["data"]
    assert (record["source"], record["train_images"], record["classes"]) == (
        f"{tmp_path}/pictures",
        18,
        ["2", "10"],
    )
    Run("run").update_record(data=record | {"classes": ["10", "2"]})  # the order of an older version
    config = Run("run").config().data
    assert (config.root, config.cache) == (f"{tmp_path}/pictures", f"{tmp_path}/data/cache")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command(f"resume={tmp_path}/run", "trainer.max_steps=8") is None
    assert Run(tmp_path / "run").record()["data"]["classes"] == ["10", "2"]
    (tmp_path / "pictures/2").rename(tmp_path / "pictures/cats")
    message = str(command(f"resume={tmp_path}/run", "trainer.max_steps=9"))
    assert (
        f"began on data with classes=['10', '2'] from {tmp_path}/pictures, but finds classes=['10', 'cats']" in message
    )
    assert f"data.root={tmp_path}/elsewhere/pictures: no such folder" in str(command(*own))
    assert "data.root: this value is missing; set data.root=..." in str(command("data=image_folder"))


@pytest.mark.parametrize(("content", "message"), [(b"half", "last.ckpt is damaged"), (None, "has no checkpoint")])
def test_a_run_without_a_sound_checkpoint_can_not_go_on(content: bytes | None, message: str, command: Command) -> None:
    assert command(*QUICK) is None
    for file in (Run("run").checkpoint, Run("run").previous):
        file.unlink() if content is None else file.write_bytes(content)
    before = Run("run").record()
    assert message in str(command("resume=run", "trainer.max_steps=9"))
    assert Run("run").record() == before


@pytest.mark.bits
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    every = "callbacks.checkpoint.every_n_images=512"
    assert command(*QUICK, every, "trainer.max_steps=9", "hydra.run.dir=whole") is None
    assert command(*QUICK, every, "trainer.max_steps=9") is None
    content = bytearray(Run("run").checkpoint.read_bytes())
    content[len(content) // 2] ^= 1  # one bit of a weight: it would load
    Run("run").checkpoint.write_bytes(content)
    assert command("resume=run", "trainer.max_steps=10") is None
    output = capsys.readouterr().out
    assert "last.ckpt is damaged: the checksum of " in output
    assert "Taking the one before it, " in output
    assert "previous.ckpt, of batch 8" in output
    assert Run("run").record()["resumed"][0]["batch"] == 8
    assert bytes(content) == (Run("run").folder / "checkpoints/damaged.ckpt").read_bytes()
    assert command("resume=whole", "trainer.max_steps=10") is None
    assert same(last_weights("run"), last_weights("whole"))
    assert metrics_table("run") == metrics_table("whole")


def test_the_images_decide_and_not_where_they_lie(command: Command, tmp_path: Path) -> None:
    pictures("pictures/cats", "pictures/dogs")
    own = ("data=image_folder", "data.root=pictures", "data.image_size=8", "data.num_classes=2", "data.batch_size=4")
    quick = [argument for argument in QUICK if not argument.startswith("data.")]
    assert command(*quick, *own) is None
    Path("pictures").rename("moved")
    assert command("resume=run", "trainer.max_steps=8", "data.root=moved") is None
    assert Run("run").record()["resumed"][0]["mode"] == "exact"
    Image.new("RGB", (9, 8), (1, 2, 3)).save("moved/cats/3.png")  # as many images as before
    refused = str(command("resume=run", "trainer.max_steps=9"))
    assert "the run began on data with train_sha256=" in refused
    assert command("resume=run", "trainer.max_steps=9", "resume_mode=continue", "data.root=moved/../moved") is None


@pytest.mark.bits
def test_a_run_goes_on_with_as_many_threads_as_it_had(
    command: Command, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(3)
    assert command(*QUICK, "hydra.run.dir=whole") is None
    assert command(*QUICK, "trainer.max_steps=3") is None
    torch.set_num_threads(1)
    assert command("resume=run", "trainer.max_steps=6") is None
    assert "Going on with 3 threads, as the run began, not with 1" in capsys.readouterr().out
    assert Run("run").record()["threads"] == torch.get_num_threads() == 3
    assert same(last_weights("run"), last_weights("whole"))
    torch.set_num_threads(1)
    assert command("resume=run", "trainer.max_steps=7", "resume_mode=continue") is None
    record = Run("run").record()
    assert record["threads"] == 1
    assert record["resumed"][-1]["changed"]["threads"] == [3, 1]


RATE = 2.0e-4  # of the model


@pytest.mark.parametrize(
    ("values", "rolled_back", "expected"),
    [
        ({"betas": (0.1, 0.2), "eps": 1.0, "weight_decay": 9.0, "maximize": True}, 0, {"lr": RATE}),
        ({"lr": RATE / 2, "initial_lr": RATE / 2}, 0, {"lr": RATE, "initial_lr": RATE}),
        ({"lr": RATE / 2, "initial_lr": RATE / 2}, 1, {"lr": RATE / 2, "initial_lr": RATE / 2}),
        ({"lr": RATE * 2, "initial_lr": RATE * 2}, 1, {"lr": RATE, "initial_lr": RATE}),
        ({"lr": torch.tensor(RATE), "capturable": True}, 0, {"lr": float(torch.tensor(RATE))}),  # as CUDA leaves them
    ],
)
def test_optimizers_have_the_options_of_the_configuration(
    values: dict[str, object], rolled_back: int, expected: dict[str, object], command: Command
) -> None:
    assert command(*QUICK) is None
    checkpoint = Run("run").load_checkpoint()
    untouched = [dict(state["param_groups"][0]) for state in checkpoint["optimizer_states"]]
    checkpoint["callbacks"]["Health"]["rolled_back"] = rolled_back
    for state in checkpoint["optimizer_states"]:
        state["param_groups"][0] |= values
    torch.save(checkpoint, Run("run").checkpoint)
    assert command("resume=run", "trainer.max_steps=7") is None
    found = [state["param_groups"][0] for state in Run("run").load_checkpoint()["optimizer_states"]]
    assert found == [group | expected for group in untouched]


def test_a_changed_rate_outlives_a_kill_before_the_next_checkpoint(command: Command) -> None:
    assert command(*QUICK) is None
    before = Run("run").checkpoint.read_bytes()
    changes = (
        "resume_mode=continue",
        "model.optimizer.generator.lr=1.0e-3",
        "model.optimizer.generator.betas=[0.0,0.9]",
    )
    assert command("resume=run", "trainer.max_steps=7", *changes) is None
    Run("run").checkpoint.write_bytes(before)
    Run("run").update_record(status="running", batches=6)
    assert command("resume=run", "trainer.max_steps=8") is None
    for state in Run("run").load_checkpoint()["optimizer_states"]:
        (group,) = state["param_groups"]
        assert (group["lr"], group["initial_lr"], tuple(group["betas"])) == (1.0e-3, 1.0e-3, (0.0, 0.9))


@pytest.mark.bits
def test_a_run_of_attributes_balanced_classes_and_groups_goes_on_with_the_same_bits(command: Command) -> None:
    names = [f"{kind}/p{patient}/{index}" for kind in ("cat", "dog") for patient in range(8) for index in range(3)]
    for number, name in enumerate(names):
        Path(f"pictures/{name}.png").parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 5 * number).save(f"pictures/{name}.png")
    rows = [f"{name}.png,{name[:3]},{'big' if index % 5 else 'small'}" for index, name in enumerate(names)]
    Path("labels.csv").write_text("\n".join(("file,animal,size", *rows)))
    own = ("data=image_folder", "data.root=pictures", "data.labels=labels.csv", "data.attributes=[animal,size]")
    options = ("data.num_classes=[2,2]", "data.sampler=balanced", "data.groups=p.", "data.channels=1")
    sizes = ("data.image_size=8", "data.batch_size=4", "model=cgan", "model/network=mlp", "model/schedule=constant")
    quick = [argument for argument in QUICK if not argument.startswith(("data.", "model="))]
    typed = [*quick, *own, *options, *sizes]
    assert command(*typed, "hydra.run.dir=whole", "trainer.max_steps=15") is None
    assert command(*typed) is None
    data = Run("run").record()["data"]
    assert data["classes"] == [f"animal={animal},size={size}" for animal in ("cat", "dog") for size in ("big", "small")]
    assert data["attributes"] == {"animal": ["cat", "dog"], "size": ["big", "small"]}
    assert command("resume=run", "trainer.max_steps=15") is None
    resumed, whole = (Run(name).load_checkpoint()["state_dict"] for name in ("run", "whole"))
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    drawn = prepare(Run("run"), which="last", count=3, of_class="animal=dog,size=small", seed=0, ema=True)
    assert drawn.title == "3 images of class 3 (animal=dog,size=small)"
    Path("labels.csv").write_text(Path("labels.csv").read_text().replace("small", "big", 1))
    message = str(command("resume=run", "trainer.max_steps=20"))
    assert "the run began on data with train_sha256=" in message


def test_an_older_record_without_names_of_classes_goes_on(command: Command) -> None:
    pictures("pictures/cats", "pictures/dogs")
    own = ("data=image_folder", "data.root=pictures", "data.image_size=8", "data.num_classes=2", "data.batch_size=4")
    assert command(*(argument for argument in QUICK if not argument.startswith("data.")), *own) is None
    record = Run("run").record()["data"]
    del record["classes"]
    Run("run").update_record(data=record)
    assert command("resume=run", "trainer.max_steps=8") is None

"""A new run from old weights: those, and nothing else."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gan_lab.runs import checkpoint_io, initial_weights
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.conftest import QUICK, Command, last_weights, same

STILL = ("model.optimizer.generator.lr=0", "trainer.max_steps=1")  # ends with the weights that it began with


def players(folder: str, *parts: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in last_weights(folder).items() if name.partition(".")[0] in parts}


def test_a_run_begins_with_the_weights_of_another_and_with_nothing_else(command: Command) -> None:
    assert command(*QUICK, "hydra.run.dir=old") is None
    assert command(*QUICK, *STILL, "seed=5", "init_from=old") is None
    for part in ("generator", "discriminator"):
        assert same(players("run", part), players("old", part))
    record = Run("run").record()
    assert (record["batches"], record["images_seen"], record["status"]) == (1, 128, "finished")
    assert record["init_from"] == dict.fromkeys(initial_weights.PARTS, str(Path("old").absolute()))
    assert "resumed" not in record
    for optimizer in Run("run").load_checkpoint()["optimizer_states"]:
        assert {float(state["step"]) for state in optimizer["state"].values()} == {1.0}
    assert command("resume=run", "trainer.max_steps=2") is None, "and goes on without the other"
    assert "init_from" in Run("run").record()


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.ckpt"])
def test_a_file_will_do_and_what_it_lacks_begins_anew(name: str, command: Command) -> None:
    assert command(*QUICK, "hydra.run.dir=old") is None
    generator = players("old", "generator")
    save_file(generator, name) if name.endswith("safetensors") else torch.save({"state_dict": generator}, name)
    assert command(*QUICK, *STILL, f"init_from={name}") is None
    begun = players("run", "generator")
    assert same(begun, generator)
    average = {
        f"generator.{key.removeprefix('generator_ema.network.')}": v
        for key, v in players("run", "generator_ema").items()
    }
    for key, value in average.items():
        torch.testing.assert_close(value, generator[key])
    assert not same(players("run", "discriminator"), players("old", "discriminator"))
    source = str(Path(name).absolute())
    expected = {"generator": source, "discriminator": "a new beginning", "generator_ema": "the generator"}
    assert Run("run").record()["init_from"] == expected


def test_a_frozen_lower_part_keeps_what_was_brought_and_the_run_goes_on(command: Command) -> None:
    assert command(*QUICK, "hydra.run.dir=old") is None
    assert command(*QUICK, "init_from=old", "model.freeze_discriminator=1", "trainer.max_steps=3") is None
    assert command("resume=run", "trainer.max_steps=6") is None
    before, after = players("old", "discriminator"), players("run", "discriminator")
    kept = [name for name in before if torch.equal(before[name], after[name])]
    assert kept == ["discriminator.features.1.weight", "discriminator.features.1.bias"]


def test_what_brings_no_discriminator_can_not_freeze_one(command: Command) -> None:
    assert command(*QUICK, "hydra.run.dir=old", "trainer.max_steps=1") is None
    save_file(players("old", "generator"), "weights.safetensors")
    found = command(*QUICK, "init_from=weights.safetensors", "model.freeze_discriminator=1")
    assert "holds no weights of a discriminator for model.freeze_discriminator=1 to keep; set it to 0" in str(found)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("nowhere", (), "nowhere: no such run folder or file"),
        ("empty", (), "empty is not a run folder: it has no .hydra/config.yaml"),
        ("half.ckpt", (), "half.ckpt is damaged"),
        ("half.safetensors", (), "half.safetensors: is damaged"),
        ("none.safetensors", (), "holds no weights of a generator"),
        ("list.ckpt", (), "is not a checkpoint of a run, it has no state_dict"),
        ("old", ("model.network.generator.hidden=[9]",), "does not fit this model: generator."),
        ("old", ("model=cgan",), "does not fit this model: generator."),
    ],
)
def test_what_does_not_fit_is_one_line_before_anything_is_written(
    source: str, options: tuple[str, ...], message: str, command: Command, tmp_path: Path
) -> None:
    Path("empty").mkdir()
    Path("half.ckpt").write_bytes(b"PK\x03\x04half")
    Path("half.safetensors").write_bytes(b"half")
    save_file({"other": torch.zeros(1)}, "none.safetensors")
    torch.save({"state_dict": [1]}, "list.ckpt")
    if source == "old":
        assert command(*QUICK, "hydra.run.dir=old", "trainer.max_steps=1") is None
    before = sorted(tmp_path.rglob("*"))
    found = str(command(*QUICK, *options, f"init_from={source}"))
    assert message in found
    assert "\n" not in found
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["a.safetensors", "a.ckpt"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    save_file({"generator.x": torch.zeros(1)}, tmp_path / name)
    for module in (initial_weights, checkpoint_io):
        monkeypatch.setattr(module, "open_regular", refuse)
    with pytest.raises(UserError, match=f"{name}:? can't be read: Permission denied$"):
        initial_weights.read(str(tmp_path / name))


def test_a_pipe_makes_nothing_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.safetensors")
    with pytest.raises(UserError, match=r"a\.safetensors: can't be read: is not a regular file"):
        initial_weights.read(str(tmp_path / "a.safetensors"))


def test_reading_runs_no_code(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"state_dict": Payload()}, tmp_path / "hostile.ckpt")
    with pytest.raises(UserError, match="is damaged"):
        initial_weights.read(str(tmp_path / "hostile.ckpt"))
    assert not (tmp_path / "executed").exists()


def test_the_moving_average_of_0_1_is_taken_by_its_old_name(tmp_path: Path) -> None:
    state = {"generator.x": torch.zeros(1), "average.network.x": torch.ones(1), "averages.x": torch.ones(1)}
    torch.save({"state_dict": state}, tmp_path / "old.ckpt")
    weights = initial_weights.read(str(tmp_path / "old.ckpt"))
    assert weights == {"generator.x": torch.zeros(1), "generator_ema.network.x": torch.ones(1)}

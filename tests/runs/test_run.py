import json
from pathlib import Path
from typing import BinaryIO

import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Before, Run, git_commit, provenance
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import link_or_copy
from gan_lab.utils.run_layout import EVENTS
from tests.conftest import TINY, composed, same, untrained, weights


def test_a_model_comes_back_with_its_weights_in_evaluation_mode(run: Run) -> None:
    model = Run.open(run.folder).load_model()
    assert same(weights(model), weights(untrained(run)))
    assert model.images_seen == 640
    assert not model.training


def test_the_best_state_is_loaded_where_it_is_asked_for(run: Run) -> None:
    with pytest.raises(UserError, match=r"has no checkpoint: it ended before best\.ckpt was first saved"):
        run.load_model("best")
    earlier = untrained(run)
    earlier.generator.output[0].bias.data.fill_(1.0)
    AtomicCheckpointIO().save_checkpoint({"state_dict": earlier.state_dict(), "images_seen": 320}, run.best)
    best = run.load_model("best")
    assert same(weights(best), weights(earlier))
    assert (best.images_seen, run.load_model().images_seen) == (320, 640)
    run.best.write_bytes(b"half")
    with pytest.raises(UserError, match=r"best\.ckpt is damaged"):
        run.load_model("best")


def test_a_moved_folder_still_works(run: Run, tmp_path: Path) -> None:
    elsewhere = run.folder.rename(tmp_path / "elsewhere")
    moved = Run.open(elsewhere)
    assert moved.config().run_dir == str(elsewhere)
    assert moved.config().callbacks.samples.folder == str(elsewhere / "samples")
    moved.load_model()


def test_the_record_keeps_what_is_not_updated(run: Run) -> None:
    run.update_record(batches=3)
    assert run.record() == {"status": "finished", "batches": 3}


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        (".hydra/config.yaml", "is not a run folder: it has no .hydra/config.yaml"),
        ("run.json", "is not a run folder: it has no run.json"),
        ("checkpoints/last.ckpt", "has no checkpoint: it ended before last.ckpt was first saved"),
    ],
)
def test_what_is_missing_is_named(remove: str, message: str, run: Run) -> None:
    (run.folder / remove).unlink()
    with pytest.raises(UserError, match=message):
        Run.open(run.folder).load_model()


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="/nowhere: no such run folder"):
        Run.open("/nowhere")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04half", b"not a checkpoint"])
def test_a_damaged_checkpoint_is_named(content: bytes, run: Run) -> None:
    run.checkpoint.write_bytes(content)
    with pytest.raises(UserError, match=r"last\.ckpt is damaged"):
        run.load_model()


def test_a_checkpoint_runs_no_code(run: Run, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"state_dict": Payload()}, run.checkpoint)
    with pytest.raises(UserError, match="is damaged"):
        run.load_model()
    assert not (tmp_path / "executed").exists()


def test_a_hostile_configuration_is_refused(run: Run) -> None:
    config = run.config()
    config.model._target_ = "os.system"
    run.save_config(config)
    with pytest.raises(UserError, match=r"model\._target_=os\.system: not a class"):
        run.load_model()


def test_a_model_must_be_a_model(run: Run) -> None:
    config = run.config()
    config.model = {"_target_": "lightning.pytorch.loggers.TensorBoardLogger", "save_dir": "x"}
    run.save_config(config)
    with pytest.raises(UserError, match="not a subclass of LightningModule"):
        run.load_model()


def test_others_may_read_what_is_written(run: Run) -> None:
    expected = run.checkpoint.stat().st_mode
    assert {file.stat().st_mode for file in (run.config_file, run.record_file)} == {expected}


def test_a_checkpoint_of_another_model_is_refused(run: Run) -> None:
    config = run.config()
    config.model.network.generator.hidden = [9]
    run.save_config(config)
    with pytest.raises(UserError, match="does not fit the run's configuration"):
        run.load_model()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (".hydra/config.yaml", "a: [1", "can't be read"),
        (".hydra/config.yaml", "- a", "is not a configuration"),
        ("run.json", "{", "can't be read"),
    ],
)
def test_a_damaged_file_is_named(file: str, content: str, message: str, run: Run) -> None:
    (run.folder / file).write_text(content)
    with pytest.raises(UserError, match=f"{file}.*{message}"):
        run.config(), run.record()


def test_provenance_is_plain_and_complete() -> None:
    told = json.loads(json.dumps(provenance()))
    assert told["versions"]["torch"] == torch.__version__
    assert {"git_commit", "host", "command"} <= told.keys()
    assert git_commit() is None or len(git_commit().removesuffix("-dirty")) == 40


def test_saved_configuration_is_the_composed_one(run: Run) -> None:
    saved = run.config()
    original = composed(*TINY)
    saved.run_dir = None
    fetching = [saved.data.download, saved.callbacks.scores.download]
    assert fetching == [False, False], "a saved configuration fetches nothing"
    saved.data.download = original.data.download
    saved.callbacks.scores.download = "${oc.select:data.download,true}"
    saved.callbacks.scores.cache = original.callbacks.scores.cache
    assert OmegaConf.to_container(saved) == OmegaConf.to_container(original)


def begin(run: Run) -> None:
    """Make what every run begins with."""
    run.save_config(composed(*TINY))
    run.update_record(status="running")
    run.tensorboard.mkdir(exist_ok=True)
    (run.tensorboard / f"{EVENTS}1").touch()


def test_a_run_that_never_began_is_discarded_with_the_folders_made_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs/other").mkdir(parents=True)
    run = Run("logs/runs/one")
    before = Before.at(run)
    begin(run)
    assert run.discard(before)
    assert [path.name for path in tmp_path.rglob("*")] == ["logs", "other"]


@pytest.mark.parametrize(
    "name", ["events.of.others", "tensorboard/events.of.others", "train.log", ".hydra/mine.yaml", "samples/1.png", ""]
)
def test_what_a_run_found_at_its_place_stays(name: str, tmp_path: Path) -> None:
    run = Run(tmp_path / "mine")
    run.folder.mkdir()
    if name:
        (run.folder / name).parent.mkdir(exist_ok=True)
        (run.folder / name).write_text("mine")
    found, before = sorted(tmp_path.rglob("*")), Before.at(run)
    begin(run)
    assert run.discard(before)
    assert sorted(tmp_path.rglob("*")) == found


def test_a_run_that_left_something_is_not_discarded(run: Run) -> None:
    before = sorted(run.folder.rglob("*"))
    assert not run.discard(Before((), ()))
    assert sorted(run.folder.rglob("*")) == before


@pytest.mark.parametrize("content", ["[]", "{}", "3", "[" * 5000])
def test_a_record_that_is_none_is_refused(content: str, run: Run) -> None:
    run.record_file.write_text(content)
    with pytest.raises(UserError, match=r"run\.json"):
        run.record()


@pytest.mark.parametrize("content", [[1], {"state_dict": {}}, torch.zeros(1)])
def test_a_file_that_is_no_checkpoint_is_refused(content: object, run: Run) -> None:
    torch.save(content, run.checkpoint)
    with pytest.raises(UserError, match=r"last\.ckpt is not a checkpoint of a run: it lacks images_seen or state_dict"):
        run.load_model()


def test_only_damage_has_the_checkpoint_before_the_last_taken(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    link_or_copy(run.checkpoint, run.previous)
    load = torch.load

    def refuse(file: BinaryIO, **options: object) -> object:
        if Path(file.name) == run.checkpoint:
            raise PermissionError(13, "Permission denied")
        return load(file, **options)

    with monkeypatch.context() as patched:
        patched.setattr(torch, "load", refuse)
        with pytest.raises(UserError, match=r"last\.ckpt can't be read: Permission denied"):
            run.restore_previous()
    run.checkpoint.unlink()
    run.checkpoint.write_bytes(b"half")
    assert run.restore_previous()["images_seen"] == 640

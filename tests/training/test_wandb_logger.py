"""Runs of W&B offline, read back from its own files; nothing is faked but what there is no server for."""

import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gan_lab.config.own_code import seal_of
from gan_lab.runs.run import Run
from gan_lab.training import wandb_logger
from gan_lab.training.wandb_logger import WandB, refuse_other_servers
from gan_lab.utils import extras
from gan_lab.utils.errors import UserError
from gan_lab.utils.loggers import Setup
from tests.conftest import QUICK, Command, wait_for
from tests.training.wandb_file import Kept, read

SETUP = Setup(name="2026_dcgan_mnist", group="sweep", choices={"model": "dcgan"}, options={"seed": 1, "a": {"b": None}})


def logger(folder: Path, **options: Any) -> WandB:
    return WandB(**{"folder": str(folder), "project": "gans", "entity": None, "name": None} | options)


def kept(folder: Path) -> list[Kept]:
    """What lies there, once W&B's own program has written all of it."""

    def written() -> list[Kept]:
        found = [read(file) for file in sorted(folder.glob("wandb/*/*.wandb"))]
        return found if all(run.code is not None for run in found) else []

    found: list[Kept] = wait_for(written, "W&B has written the end of the run")
    return found


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """W&B, without a server, at work in a folder of its own."""
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    for name, value in {"MODE": "offline", "SILENT": "true", "CONSOLE": "off", "CACHE_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("offline")
def test_scalars_pictures_and_texts_stand_over_images_seen(tmp_path: Path) -> None:
    run = logger(tmp_path)
    run_id = run.begin(SETUP, None)
    run.log_metrics({"loss/generator": 0.5, "images_seen": 640.0}, 5)
    run.images_seen = 704
    run.log_image("samples", [torch.zeros(3, 4, 6, dtype=torch.uint8)], 6)
    run.images_seen = 768
    run.log_metrics({"health/distance": 0.25}, 6)
    run.log_message("alarm/nan", "batch 6: nan begins", 6)
    run.end("finished")
    (found,) = kept(tmp_path)
    assert (found.id, found.name, found.group, found.project) == (run_id, SETUP.name, "sweep", "gans")
    assert found.axes["*"] == "images_seen"
    assert found.config["seed"] == 1
    assert found.config["choices"] == {"model": "dcgan"}
    assert [row["images_seen"] for row in found.rows] == [640, 704, 768]
    assert [row.get("batches") for row in found.rows] == [5, 6, 6]
    assert found.rows[0]["loss/generator"] == 0.5
    assert (found.rows[1]["samples.width"], found.rows[1]["samples.height"]) == (6, 4)
    assert (found.rows[2]["health/distance"], found.code) == (0.25, 0)
    assert found.alerts == [("alarm/nan", "batch 6: nan begins")]
    assert found.summary["alarm/nan/text"] == "batch 6: nan begins"


@pytest.mark.usefixtures("offline")
def test_a_run_goes_on_behind_its_rows_under_the_same_id(tmp_path: Path) -> None:
    first = logger(tmp_path / "first", name="mine")
    run_id = first.begin(SETUP, None)
    for step in (1, 2, 3):
        first.log_metrics({"images_seen": 8.0 * step}, step)
    state = first.state_dict()
    first.end("interrupted")
    second = logger(tmp_path / "second", name="mine")
    assert second.begin(SETUP, run_id) == run_id
    second.load_state_dict(state)
    second.log_metrics({"images_seen": 32.0}, 4)
    second.end("finished")
    (before,), (after,) = kept(tmp_path / "first"), kept(tmp_path / "second")
    assert before.id == after.id
    assert ([row["_step"] for row in before.rows], [row["_step"] for row in after.rows]) == ([0, 1, 2], [3])
    assert (before.code, after.code) == (1, 0)
    assert before.name == "mine"
    assert after.name != "mine", "it may have been renamed at W&B meanwhile"


@pytest.mark.usefixtures("offline")
def test_a_training_arrives_as_a_whole_and_goes_on_in_the_same_run(command: Command) -> None:
    scored = [option for option in QUICK if option != "callbacks.scores=null"]
    scores = ("count_during=8", "real_during=8", "count=8", "groups=[fid]", "groups_during=[fid]")
    few = [f"callbacks.scores.{score}" for score in scores]
    chosen = "logger=[tensorboard,csv,wandb]"
    assert command(*scored, *few, chosen) is None
    run = Run("run")
    (before,) = kept(run.folder)
    assert run.record()["run_ids"] == {"wandb": before.id}
    assert before.name == "run"
    assert before.config["choices"]["model"] == "vanilla"
    assert before.config["choices"]["trainer.max_steps"] == 6
    assert before.config["data"]["batch_size"] == 128
    seen = [row["images_seen"] for row in before.rows]
    assert seen == sorted(seen)
    assert [row["images_seen"] for row in before.rows if "samples.path" in row] == [0, 768]
    finals = [row["final/fid"] for row in before.rows if "final/fid" in row]
    assert finals == [run.record()["scores"]["values"]["fid"]]
    seal_of(run.config_file).unlink()
    longer = ("resume=run", "trainer.max_steps=8")
    refused = str(command(*longer))
    assert "logger.wandb: may contact a server, which someone else's run does only if you say so" in refused
    assert f"add '{chosen}'" in refused
    assert command(*longer, chosen) is None
    again, after = kept(run.folder)
    assert (again.id, after.id) == (before.id, before.id)
    assert after.rows[0]["_step"] == len(before.rows) - 1, "behind those of its checkpoint: final scores came later"
    assert max(row["images_seen"] for row in after.rows) == 1024
    assert run.record()["run_ids"] == {"wandb": before.id}
    assert command("resume=run", "trainer.max_steps=10", "logger=default") is None, "without it"
    assert len(kept(run.folder)) == 2
    assert not [path for path in run.folder.rglob("*") if path.is_symlink()]


@pytest.mark.usefixtures("offline")
def test_the_end_waits_no_longer_than_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for said, seconds in ((None, 120.0), ("7", 7.0)):
        monkeypatch.delenv("WANDB_FINISH_TIMEOUT", raising=False)
        if said is not None:
            monkeypatch.setenv("WANDB_FINISH_TIMEOUT", said)
        run = logger(tmp_path)
        run.begin(SETUP, None)
        assert run.run.settings.finish_timeout == seconds
        run.end("finished")
        run.end("finished")
        assert run.run is None
    monkeypatch.setenv("WANDB_FINISH_TIMEOUT", "soon")
    with pytest.raises(UserError, match=r"^logger=wandb: Input should be a valid number"):
        logger(tmp_path).begin(SETUP, None)


class Broken:
    """A run whose connection to W&B's own program is lost."""

    def __init__(self) -> None:
        self.summary: dict[str, str] = {}
        self.works = False
        self.steps: list[int] = []

    def log(self, row: dict[str, Any], step: int) -> None:
        if not self.works:
            raise ConnectionResetError("Connection lost")
        self.steps.append(step)

    def alert(self, **_: str) -> None:
        raise Exception("the mailbox is closed")  # W&B's errors have no other base in common

    def finish(self, exit_code: int) -> None:
        raise ConnectionResetError("Connection lost")


def test_training_goes_on_without_wandb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wandb_logger, "require", lambda *_: None)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(Image=lambda pixels: pixels))
    run = logger(tmp_path)
    run.run = broken = Broken()
    with caplog.at_level(logging.WARNING):
        run.log_metrics({"images_seen": 8.0}, 1)
        run.log_image("samples", [torch.zeros(3, 4, 6, dtype=torch.uint8)], 1)
        run.log_message("alarm/nan", "batch 1: nan begins", 1)
        broken.works = True
        run.log_metrics({"images_seen": 16.0}, 2)
        run.log_metrics({"images_seen": 24.0}, 3)
    assert broken.steps == [0, 1], "no place is left for rows that did not arrive"
    assert [record.getMessage() for record in caplog.records] == [
        "W&B can't be written to: Connection lost. Training goes on, and W&B lacks some rows"
    ]
    link = tmp_path / "wandb" / "latest-run"
    link.parent.mkdir()
    link.symlink_to(tmp_path)
    with pytest.raises(ConnectionResetError):
        run.end("finished")
    assert (link.is_symlink(), run.run) == (False, None)


@pytest.mark.usefixtures("offline")
def test_a_training_outlives_wandbs_program(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What W&B raises is its own: its program is told to end in the middle of a training."""
    import wandb

    began = WandB.begin

    def begin(self: WandB, *arguments: Any) -> str:
        run_id = began(self, *arguments)
        wandb.teardown()
        return run_id

    monkeypatch.setattr(WandB, "begin", begin)
    assert command(*QUICK, "logger=[csv,wandb]") is None
    assert Run("run").record()["status"] == "finished"
    assert Path("run/train.log").read_text().count("W&B can't be written to: ") == 1


@pytest.mark.usefixtures("offline")
def test_what_wandb_does_not_take_is_one_line(command: Command) -> None:
    tag = "x" * 64
    assert command(*QUICK, "logger=wandb", f"tags=[{tag}]") is None
    assert [*Run("run").record()["tags"]] == [tag]
    assert str(command(*QUICK, "logger=wandb", "hydra.run.dir=no", "logger.wandb.project=a/b")).startswith(
        "Error: logger=wandb: Invalid project name 'a/b'"
    )
    setup = Setup(name="run", group=None, choices={}, options={"tags": ["x" * 65]})
    with pytest.raises(UserError, match=r"^logger=wandb: .* is 65 characters[^\n]*$"):
        logger(Path()).begin(setup, None)


def test_without_the_package_nothing_begins(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert command(*QUICK, "logger=wandb") == f"Error: {extras.missing('logger=wandb', 'wandb')}"
    assert not list(Path().iterdir())


@pytest.mark.usefixtures("offline")
def test_who_has_not_logged_in_gets_a_line_and_no_run(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    def init(**options: Any) -> None:
        Path(options["dir"], "wandb", "logs").mkdir(parents=True)
        raise wandb.errors.UsageError("No API key configured. Use `wandb login` to log in.")

    monkeypatch.setattr(wandb, "init", init)
    hint = "WANDB_MODE=offline in the environment does without a server"
    assert command(*QUICK, "logger=wandb") == (
        f"Error: logger=wandb: No API key configured. Use `wandb login` to log in; {hint}"
    )
    assert not Path("run").exists()


@pytest.mark.parametrize("folder", ["wandb", ".wandb"])
@pytest.mark.parametrize("line", ["base_url = http://example.org", "base_url: http://example.org", "x_any=1"])
def test_settings_that_may_have_come_with_a_strangers_files_lead_nowhere(
    folder: str, line: str, tmp_path: Path
) -> None:
    settings = tmp_path / folder / "settings"
    refuse_other_servers(tmp_path)
    settings.parent.mkdir()
    settings.write_text("[default]\n# a note\nmode = offline\nproject = mine\n")
    refuse_other_servers(tmp_path)
    settings.write_text(f"[default]\nmode = offline\r{line}\n")
    with pytest.raises(UserError, match=f"settings has {line.partition('=')[0].partition(':')[0].strip()}, and"):
        refuse_other_servers(tmp_path)


def test_they_are_looked_at_before_wandb_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb_logger, "require", lambda *_: None)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=None))
    monkeypatch.chdir(tmp_path)
    Path("wandb").mkdir()
    Path("wandb/settings").write_text("[default]\nbase_url=http://127.0.0.1:1\n")
    with pytest.raises(UserError, match="has base_url"):
        logger(tmp_path).begin(SETUP, None)

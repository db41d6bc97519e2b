"""Runs in MLflow's SQLite file, read back with MLflow's own client."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.runs.run import Run
from gan_lab.training import mlflow_logger
from gan_lab.training.mlflow_logger import MLflow
from gan_lab.utils import extras
from gan_lab.utils.errors import UserError
from gan_lab.utils.loggers import Setup
from tests.conftest import QUICK, Command

SETUP = Setup(name="2026_dcgan_mnist", group="sweep", choices={"model": "dcgan"}, options={"seed": 1, "a": {"b": [1]}})


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tables, which take seconds to make, and no server to be found."""
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path_factory.getbasetemp() / "mlflow"


def logger(folder: Path, **options: Any) -> MLflow:
    return MLflow(**{"tracking_uri": None, "folder": str(folder), "experiment": "gans", "name": None} | options)


def client(folder: Path) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(f"sqlite:///{folder.absolute()}/mlflow.db")


def history(folder: Path, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in client(folder).get_metric_history(run_id, name)]


def artifacts(folder: Path, run_id: str) -> Path:
    return folder / "artifacts" / run_id / "artifacts"


def test_scalars_pictures_and_texts_stand_over_images_seen(store: Path) -> None:
    logger(store / "another")
    assert not (store / "another").exists(), "nothing is made before the run begins"
    run = logger(store)
    run_id = run.begin(SETUP, None)
    picture = torch.randint(0, 256, (3, 4, 6), dtype=torch.uint8)
    run.log_metrics({"loss/generator": 0.5, "images_seen": 640.0}, 5)
    run.images_seen = 704
    run.log_image("samples", [picture], 6)
    run.images_seen = 768
    run.log_metrics({"health/distance": 0.25}, 6)
    run.log_message("alarm/nan", "batch 6: nan begins", 6)
    run.end("finished")
    found = client(store).get_run(run_id)
    assert (found.info.run_name, found.info.status) == (SETUP.name, "FINISHED")
    assert found.data.params == {"choices.model": "dcgan", "seed": "1", "a.b": "[1]"}
    assert (found.data.tags["group"], found.data.tags["alarm/nan"]) == ("sweep", "batch 6: nan begins")
    assert history(store, run_id, "loss/generator") == [(640, 0.5)]
    assert history(store, run_id, "health/distance") == [(768, 0.25)]
    assert history(store, run_id, "batches") == [(640, 5.0), (768, 6.0)]
    (shown,) = artifacts(store, run_id).glob("images/samples*step*704*.png")
    assert np.array_equal(np.array(Image.open(shown)), picture.permute(1, 2, 0).numpy())
    (text,) = artifacts(store, run_id).glob("alarm/nan/*.txt")
    assert (text.name, text.read_text()) == ("batch_000000006.txt", "batch 6: nan begins")


def test_a_run_goes_on_under_the_same_id_and_may_have_changed(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = logger(store, name="mine")
    run_id = first.begin(SETUP, None)
    first.log_metrics({"images_seen": 8.0}, 1)
    first.end("interrupted")
    assert client(store).get_run(run_id).info.status == "KILLED"
    second = logger(store, name="another")
    changed = Setup(name="x", group=None, choices={"model": "dcgan"}, options={"seed": 2, "new": True})
    assert second.begin(changed, run_id) == run_id
    assert client(store).get_run(run_id).info.status == "RUNNING"
    second.log_metrics({"images_seen": 16.0}, 2)
    second.end("failed")
    found = client(store).get_run(run_id)
    assert (found.info.run_name, found.info.status) == ("mine", "FAILED")
    assert (found.data.params["seed"], found.data.tags["seed"], found.data.params["new"]) == ("1", "2", "True")
    assert history(store, run_id, "images_seen") == [(8, 8.0), (16, 16.0)]
    third = logger(store)
    assert third.begin(SETUP, "0" * 32) != "0" * 32
    third.end("finished")
    assert f"MLflow has no run {'0' * 32} any more" in caplog.text


def test_a_training_arrives_as_a_whole_and_goes_on_in_the_same_run(command: Command, store: Path) -> None:
    scored = [option for option in QUICK if option != "callbacks.scores=null"]
    scores = ("count_during=8", "real_during=8", "count=8", "groups=[fid]", "groups_during=[fid]")
    few = [f"callbacks.scores.{score}" for score in scores]
    chosen = ("logger=[csv,mlflow]", f"logger.mlflow.folder={store}")
    assert command(*scored, *few, *chosen) is None
    run = Run("run")
    run_id = run.record()["run_ids"]["mlflow"]
    found = client(store).get_run(run_id)
    assert (found.info.run_name, found.info.status) == ("run", "FINISHED")
    assert found.data.metrics["final/fid"] == run.record()["scores"]["values"]["fid"]
    assert (found.data.params["choices.model"], found.data.params["data.batch_size"]) == ("vanilla", "128")
    assert [step for step, _ in history(store, run_id, "loss/generator")] == [256, 512, 768]
    assert len([*artifacts(store, run_id).glob("images/samples*.png")]) == 2
    assert command("resume=run", "trainer.max_steps=8") is None
    assert run.record()["run_ids"] == {"mlflow": run_id}
    assert [step for step, _ in history(store, run_id, "loss/generator")] == [256, 512, 768, 1024]
    assert client(store).get_run(run_id).data.tags["trainer.max_steps"] == "8"


@pytest.fixture
def contacted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The addresses that somebody tries to reach."""
    tried: list[object] = []

    def refuse(_: object, address: object, *__: object) -> None:
        tried.append(address)
        raise OSError("there is no network in tests")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *names, **__: refuse(None, names))
    return tried


def test_a_file_of_ones_own_is_told_to_nobody(store: Path, contacted: list[object]) -> None:
    run = logger(store)
    run.begin(SETUP, None)
    run.log_metrics({"images_seen": 8.0}, 1)
    run.end("finished")
    assert contacted == []


def test_a_server_is_the_one_of_the_environment_or_of_the_option(
    store: Path, contacted: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example.org:5000")
    with pytest.raises(UserError, match="logger=mlflow: http://tracking.example.org:5000 can't be used: "):
        logger(store).begin(SETUP, None)
    assert "tracking.example.org" in str(contacted[0])
    with pytest.raises(UserError, match="logger=mlflow: http://other.example.org can't be used: "):
        logger(store, tracking_uri="http://other.example.org").begin(SETUP, None)


class Broken:
    """A store that takes nothing for a while."""

    def __init__(self) -> None:
        self.works = False
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(run_id: str, **arguments: Any) -> None:
            if not self.works:
                raise OSError("the server is gone")
            self.calls.append(name)

        return call


def test_training_goes_on_while_the_store_takes_nothing_and_what_waits_comes_later(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(mlflow_logger, "monotonic", lambda: now.seconds)
    run, broken = logger(store), Broken()
    run.client = broken
    for step in (1, 2, 3):
        run.log_metrics({"images_seen": 8.0 * step}, step)
    assert caplog.text.count("MLflow can't be written to: the server is gone") == 1
    broken.works = True
    run.log_metrics({"images_seen": 32.0}, 4)
    assert broken.calls == [], "not before a minute is over"
    now.seconds = mlflow_logger.RETRY_SECONDS + 1
    run.log_message("alarm/nan", "batch 4: nan begins", 4)
    assert broken.calls == [*["log_batch"] * 4, "set_tag", "log_text"]
    assert "MLflow can be written to again" in caplog.text
    broken.works = False
    run.end("finished")
    assert "MLflow has not got the last 1 entries" in caplog.text


def test_an_entry_that_is_not_taken_holds_up_nothing(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    from mlflow.exceptions import INVALID_PARAMETER_VALUE, MlflowException
    from sqlalchemy.exc import OperationalError

    run, broken = logger(store), Broken()
    run.client = broken
    run.log_metrics({"images_seen": 8.0}, 1)
    broken.works = True
    refused = [MlflowException("too long", error_code=INVALID_PARAMETER_VALUE), ValueError("no picture")]

    def refuse(*_: Any, **__: Any) -> None:
        raise refused[len(run.waiting) % 2]

    broken.set_tag = broken.log_text = refuse  # type: ignore[attr-defined]
    run.log_message("alarm/nan", "batch 1: nan begins", 1)
    run.log_message("alarm/nan", "batch 2: nan begins", 2)
    run.end("finished")
    assert broken.calls == ["log_batch", "set_terminated"]
    assert not run.waiting
    assert [caplog.text.count(f"MLflow does not take an entry of {call}: ") for call in ("set_tag", "log_text")] == [
        1,
        1,
    ]
    assert "has not got" not in caplog.text
    assert mlflow_logger.is_of_the_store(OperationalError("x", None, Exception("locked")))


@pytest.mark.parametrize("name", ["good", "x" * 251])
def test_a_run_ends_in_the_store_whatever_it_has_not_taken(
    name: str, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = logger(store)
    run_id = run.begin(SETUP, None)
    run.retry_at = float("inf")  # all waits for the end
    run.log_metrics({name: 1.0, "images_seen": 8.0}, 1)
    run.log_metrics({"images_seen": 16.0}, 2)
    run.end("finished")
    assert client(store).get_run(run_id).info.status == "FINISHED"
    assert history(store, run_id, "images_seen")[-1] == (16, 16.0)
    assert ("MLflow does not take an entry of log_batch" in caplog.text) == (name != "good")


def test_without_the_package_nothing_begins(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert command(*QUICK, "logger=mlflow") == f"Error: {extras.missing('logger=mlflow', 'mlflow')}"
    assert not list(Path().iterdir())

import copy
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context

from gan_lab.training import event_files, loggers
from gan_lab.training.loggers import MetricsCSV, TensorBoard
from gan_lab.utils.loggers import Setup
from tests.conftest import fit, full_disk, tiny_gan


def test_scores_stand_on_both_axes_while_training(tmp_path: Path) -> None:
    logger = TensorBoard(folder=str(tmp_path))
    logger.log_metrics({"scores/fid": 2.0, "final/kid": 0.5, "images_seen": 640.0}, 5)
    logger.save()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("Scores/FID")] == [(5, 2.0)]
    assert [(event.step, event.value) for event in events.Scalars("by_images_seen/scores/fid")] == [(640, 2.0)]
    assert [(event.step, event.value) for event in events.Scalars("final/kid")] == [(5, 0.5)]
    assert "by_images_seen/final/kid" not in events.Tags()["scalars"], "a point is no curve: one axis will do"


def hparams(logs: Path) -> tuple[set[str], set[str], dict[str, tuple[dict[str, object], dict[str, float], str]]]:
    """TensorBoard's tab HPARAMS: its columns, its scores, and the rows by their session's name."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(logs))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(logs))
    context = Context(TBContext(logdir=str(logs), multiplexer=multiplexer, data_provider=provider))
    request = RequestContext()
    metadata = context.hparams_metadata(request, "x")
    experiment = context.experiment_from_metadata(request, "x", True, metadata, None)
    statuses = api_pb2.Status.values()
    listing = api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=100, allowed_statuses=statuses)
    for metric in experiment.metric_infos:
        listing.col_params.add().metric.CopyFrom(metric.name)
    answer = list_session_groups.Handler(request, context, "x", listing).run()
    rows = {}
    for group in answer.session_groups:
        values = {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}
        scores = {metric.name.tag: metric.value for metric in group.metric_values}
        rows[group.sessions[0].name] = (values, scores, api_pb2.Status.Name(group.sessions[0].status))
    columns = {column.name for column in experiment.hparam_infos}
    return columns, {metric.name.tag for metric in experiment.metric_infos}, rows


def test_the_tab_hparams_lists_runs_with_their_final_scores(tmp_path: Path) -> None:
    """As TensorBoard's own code reads it."""
    for name, fid in {"a": 2.5, "b": 1.5}.items():
        logger = TensorBoard(folder=str(tmp_path / name / "tensorboard"))
        choices: dict[str, Any] = {"model": name, "seed": 1, "model.ema": True}
        logger.begin(Setup(name=name, group=None, choices=choices, options={}), None)
        logger.log_metrics({"loss/a": 1.0, "scores/fid": 9.0, "images_seen": 10.0}, 1)
        if name == "b":  # a program that goes on with the run
            logger = TensorBoard(folder=str(tmp_path / name / "tensorboard"))
            logger.begin(Setup(name=name, group=None, choices=choices, options={}), None)
        logger.log_metrics({"final/fid": fid, "images_seen": 20.0}, 2)
        logger.finalize("success")
    columns, scores, rows = hparams(tmp_path)
    assert columns == {"model", "seed", "model.ema"}
    assert scores == {"final/fid"}
    assert rows == {
        f"{name}/tensorboard": ({"model": name, "seed": 1.0, "model.ema": True}, {"final/fid": fid}, "STATUS_SUCCESS")
        for name, fid in {"a": 2.5, "b": 1.5}.items()
    }


def test_a_run_that_has_not_ended_is_listed_too(tmp_path: Path) -> None:
    logger = TensorBoard(folder=str(tmp_path))
    logger.begin(Setup(name="a", group=None, choices={"model": "a"}, options={}), None)
    logger.log_metrics({"loss/a": 1.0, "images_seen": 10.0}, 1)
    logger.finalize("failed")
    columns, _, rows = hparams(tmp_path)
    assert columns == {"model"}
    assert [(values, status) for values, _, status in rows.values()] == [({"model": "a"}, "STATUS_UNKNOWN")]


def table(file: Path) -> list[str]:
    return file.read_text().splitlines()


def test_a_row_for_each_logging_point(tmp_path: Path) -> None:
    logger = MetricsCSV(file=str(tmp_path / "run" / "metrics.csv"))
    logger.log_metrics({"loss": 0.5, "images_seen": 640.0}, 5)
    logger.log_metrics({"loss": 0.25, "images_seen": 1280.0}, 10)
    assert table(logger.file) == ["step,loss,images_seen", "5,0.5,640", "10,0.25,1280"]


def test_a_metric_that_comes_later_gets_a_column(tmp_path: Path) -> None:
    logger = MetricsCSV(file=str(tmp_path / "metrics.csv"))
    logger.log_metrics({"loss": 1.0}, 1)
    logger.log_metrics({"loss": 2.0, "fid": 3.0}, 2)
    logger.log_metrics({"fid": 4.0}, 3)
    assert table(logger.file) == ["step,loss,fid", "1,1,", "2,2,3", "3,,4"]


def test_a_resumed_run_keeps_the_rows_before_it_and_repeats_none(tmp_path: Path) -> None:
    file = str(tmp_path / "metrics.csv")
    killed = MetricsCSV(file=file)
    for step in (5, 10, 15):  # killed after 15, its last checkpoint at 8
        killed.log_metrics({"loss": float(step), "early": 1.0}, step)
    resumed = MetricsCSV(file=file)
    resumed.log_metrics({"loss": -10.0, "new": 1.0}, 10)
    resumed.log_metrics({"loss": -15.0, "new": 2.0}, 15)
    assert table(Path(file)) == ["step,loss,early,new", "5,5,1,", "10,-10,,1", "15,-15,,2"]


def test_a_run_that_goes_back_by_itself_keeps_no_row_twice(tmp_path: Path) -> None:
    logger = MetricsCSV(file=str(tmp_path / "metrics.csv"))
    for step in (5, 10, 15):
        logger.log_metrics({"loss": float(step)}, step)
    logger.finalize("failed")
    logger.log_metrics({"loss": -10.0}, 10)
    assert table(logger.file) == ["step,loss", "5,5", "10,-10"]


def test_counts_keep_every_digit(tmp_path: Path) -> None:
    logger = MetricsCSV(file=str(tmp_path / "metrics.csv"))
    logger.log_metrics({"images_seen": 1_235_201.0, "loss": 0.123456789}, 1)
    assert table(logger.file)[1] == "1,1235201,0.123456789"


def test_half_a_row_of_a_killed_run_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    file.write_text("step,loss\n5,0.5\n1")
    MetricsCSV(file=str(file)).log_metrics({"loss": 0.25}, 10)
    assert table(file) == ["step,loss", "5,0.5", "10,0.25"]


def test_losses_and_accuracies_stand_on_both_axes(tmp_path: Path) -> None:
    logger = TensorBoard(folder=str(tmp_path))
    fit(tiny_gan(), max_steps=6, log_every_n_steps=2, logger=logger)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    expected = {f"loss/{player}" for player in ("generator", "discriminator")} | {"accuracy/real", "accuracy/fake"}
    assert {tag for tag in tags if tag.startswith("by_images_seen/")} == {f"by_images_seen/{name}" for name in expected}
    assert {"logit/real", "gradient_norm/generator", "images_seen", "images_per_second"} <= tags
    for name in expected:
        over_batches, over_images = events.Scalars(name), events.Scalars(f"by_images_seen/{name}")
        assert [event.step for event in over_batches] == [2, 4, 6]
        assert [event.step for event in over_images] == [16, 32, 48]
        assert [event.value for event in over_batches] == [event.value for event in over_images]


def test_a_checkpoint_says_how_many_rows_come_before_it(tmp_path: Path) -> None:
    killed = MetricsCSV(file=str(tmp_path / "metrics.csv"))
    killed.log_metrics({"loss": 1.0}, 5)
    killed.log_metrics({"fid": 2.0}, 5)
    state = killed.state_dict()
    killed.log_metrics({"final": 3.0}, 5)
    resumed = MetricsCSV(file=str(killed.file))
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state == {"rows": 2, "waiting": []}
    resumed.log_metrics({"final": 3.0}, 5)
    assert table(killed.file) == ["step,loss,fid,final", "5,1,,", "5,,2,", "5,,,3"]
    assert resumed.state_dict() == {"rows": 3, "waiting": []}


def test_rows_wait_while_the_disk_is_full_and_in_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    logger = MetricsCSV(file=str(tmp_path / "metrics.csv"))
    logger.log_metrics({"loss": 1.0}, 1)
    with monkeypatch.context() as full:
        full.setattr(loggers, "append", full_disk)
        logger.log_metrics({"loss": 2.0}, 2)
        logger.log_metrics({"loss": 3.0}, 3)
        assert table(logger.file) == ["step,loss", "1,1"]
    state = copy.deepcopy(logger.state_dict())
    logger.log_metrics({"loss": 4.0}, 4)
    assert table(logger.file) == ["step,loss", "1,1", "2,2", "3,3", "4,4"]
    assert caplog.text.count("can't be written: No space left on device") == 1
    (tmp_path / "metrics.csv").write_text("step,loss\n1,1\n")  # as a program leaves it that was killed meanwhile
    resumed = MetricsCSV(file=str(tmp_path / "metrics.csv"))
    resumed.load_state_dict(state)
    resumed.log_metrics({"loss": 4.0}, 4)
    assert table(logger.file) == ["step,loss", "1,1", "2,2", "3,3", "4,4"]


def test_a_full_disk_costs_tensorboard_nothing_not_even_with_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = Setup(name="run", group=None, choices={"model": "dcgan"}, options={})
    logger = TensorBoard(folder=str(tmp_path))
    logger.begin(setup, None)
    logger.log_metrics({"loss/a": 1.0, "images_seen": 10.0}, 1)
    with monkeypatch.context() as full:
        full.setattr(event_files, "append", full_disk)
        logger.log_metrics({"loss/a": 2.0, "images_seen": 20.0}, 2)
        logger.log_image("samples", [torch.zeros(1, 2, 2, dtype=torch.uint8)], 2)
        logger.log_message("alarm/nan", "batch 2: nan begins", 2)
    torch.save(logger.state_dict(), tmp_path / "state")
    resumed = TensorBoard(folder=str(tmp_path))
    resumed.begin(setup, None)
    assert resumed.experiment, "Lightning asks for it before it loads a checkpoint"
    resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    resumed.log_metrics({"loss/a": 3.0, "images_seen": 30.0}, 3)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Scalars("loss/a")] == [1, 2, 3]
    assert [event.step for event in events.Images("Snapshots/samples")] == [2]
    assert [event.step for event in events.Tensors("alarm/nan/text_summary")] == [2]


def test_events_that_wait_do_so_once_also_after_a_rollback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = TensorBoard(folder=str(tmp_path))
    monkeypatch.setattr(event_files, "append", full_disk)
    logger.log_metrics({"loss/a": 1.0}, 1)
    state = logger.state_dict()
    logger.load_state_dict(state)
    assert logger.state_dict() == state
    assert logger.unwritten is not None
    monkeypatch.undo()
    logger.finalize("success")
    assert logger.unwritten is None


def test_rows_that_wait_are_written_when_training_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = MetricsCSV(file=str(tmp_path / "metrics.csv"))
    with monkeypatch.context() as full:
        full.setattr(loggers, "append", full_disk)
        logger.log_metrics({"loss": 1.0}, 1)
        logger.finalize("success")
    assert logger.unwritten == tmp_path / "metrics.csv"
    logger.finalize("success")
    assert logger.unwritten is None
    assert table(logger.file) == ["step,loss", "1,1"]


def test_tensorboard_shows_pictures_and_texts(tmp_path: Path) -> None:
    logger = TensorBoard(folder=str(tmp_path))
    picture = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)
    logger.log_image("samples", [picture], 64)
    logger.log_image("pair", [picture, picture], 64)
    logger.log_message("alarm/nan", "batch 2: nan begins", 2)
    logger.save()
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0, "tensors": 0})
    events.Reload()
    assert sorted(events.Tags()["images"]) == ["Snapshots/samples", "pair/0", "pair/1"]
    (event,) = events.Images("Snapshots/samples")
    assert event.step == 64
    shown = torch.from_numpy(np.array(Image.open(io.BytesIO(event.encoded_image_string)))).permute(2, 0, 1)
    assert torch.equal(shown, picture)
    (text,) = events.Tensors("alarm/nan/text_summary")
    assert (text.step, text.tensor_proto.string_val[0].decode()) == (2, "batch 2: nan begins")

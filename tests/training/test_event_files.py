"""Events are on disk once they are flushed, or wait."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_lab.training import event_files
from gan_lab.training.event_files import EventWriter
from tests.conftest import full_disk


def test_a_full_disk_costs_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = EventWriter(str(tmp_path))
    for step in range(100):
        with monkeypatch.context() as patched:
            if 30 <= step < 70:
                patched.setattr(event_files, "append", full_disk)
            writer.add_scalar("loss", step / 2, step)
            writer.flush()
    assert not writer.waiting
    (file,) = tmp_path.iterdir()
    events = EventAccumulator(str(file))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(step, step / 2) for step in range(100)]
    writer.close()


def test_what_is_flushed_needs_no_thread_and_no_close(tmp_path: Path) -> None:
    writer = EventWriter(str(tmp_path))
    assert not list(tmp_path.iterdir()), "nothing to write yet"
    writer.add_text("note", "hello", 3)
    writer.flush()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Tensors("note/text_summary")] == [3]


def test_files_of_one_second_are_read_in_the_order_in_which_they_were_begun(tmp_path: Path) -> None:
    for step in range(120):
        writer = EventWriter(str(tmp_path))
        writer.add_scalar("loss", step, step)
        writer.flush()
    events = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == list(range(120))

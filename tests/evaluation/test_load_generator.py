import pytest

from gan_lab.evaluation.load_generator import load
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.conftest import untrained


def test_either_checkpoint_is_loaded(run: Run) -> None:
    assert load(run, "last").images_seen == 640
    with pytest.raises(UserError, match=r"no checkpoint: it ended before best\.ckpt was first saved"):
        load(run, "best")
    AtomicCheckpointIO().save_checkpoint({"state_dict": untrained(run).state_dict(), "images_seen": 320}, run.best)
    assert load(run, "best").images_seen == 320


def test_a_translator_generates_nothing_from_noise(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class CycleGAN:
        pass

    monkeypatch.setattr(Run, "load_model", lambda *_: CycleGAN())
    with pytest.raises(UserError, match="CycleGAN translates images and generates none from noise"):
        load(run, "last")

from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.runs.run import Run
from gan_lab.usefulness import generators
from gan_lab.usefulness.generators import (
    TARGET,
    Drawn,
    Training,
    refuse_more_images,
    refuse_unfit,
    steps_of,
)
from gan_lab.utils import hashes
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError

CPU = torch.device("cpu")


def chosen(count: int = 20, seed: int = 0) -> LabelledImages:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.arange(count) % 10)


def test_the_configuration_is_the_runs_but_for_what_a_row_decides(tiny: Run) -> None:
    config = Training(tiny, chosen(), seed=7, steps=3, accelerator="cpu").config()
    own = tiny.config()
    own.seed = 7
    assert config.model == own.model
    assert config.data._target_ == TARGET
    assert config.data.batch_size == 20  # the run has more a batch than the row has images
    assert (config.seed, config.data.seed) == (7, 7)
    assert (config.trainer.max_steps, config.trainer.max_epochs, config.trainer.accelerator) == (3, None, "cpu")
    assert set(config.callbacks) == {"checkpoint", "graceful_stop"}, (
        "the others look at images that were not to be seen"
    )
    assert not config.logger


def test_a_run_of_attributes_has_its_combinations_as_classes(tiny: Run, tmp_path: Path) -> None:
    config = tiny.config()
    config.data.num_classes = [2, 5]
    tiny.save_config(config)
    run = Training(tiny, chosen(), seed=7, steps=2, accelerator="cpu").run_in(tmp_path / "generator")
    assert run.state() == "finished"


def test_a_generator_sees_the_rows_images_and_is_trained_once(
    tiny: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    training = Training(tiny, chosen(), seed=7, steps=3, accelerator="cpu")
    run = training.run_in(tmp_path / "generator")
    assert run.record()["status"] == "finished"
    assert run.record()["batches"] == 3
    assert run.data_record()["train_sha256"] == hashes.of_tensors(*chosen())
    assert run.data_record()["train_images"] == 20
    assert capsys.readouterr().out == ""
    weights = run.load_checkpoint()["state_dict"]
    run.update_record(status="interrupted")
    assert training.run_in(run.folder).record()["status"] == "finished"  # goes on where it stood
    again = run.load_checkpoint()["state_dict"]
    assert all(torch.equal(weights[name], again[name]) for name in weights)

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(generators, "train", never)
    training.run_in(run.folder)
    with pytest.raises(UserError, match="has seen 20 training images, not just the 20 of this row"):
        Training(tiny, chosen(seed=1), seed=7, steps=3).run_in(run.folder)


def test_the_key_changes_with_all_that_decides_a_generator(tiny: Run) -> None:
    keys = {
        Training(tiny, chosen(), seed=7, steps=3).key,
        Training(tiny, chosen(), seed=8, steps=3).key,
        Training(tiny, chosen(), seed=7, steps=4).key,
        Training(tiny, chosen(seed=1), seed=7, steps=3).key,
    }
    assert len(keys) == 4
    assert Training(tiny, chosen(), seed=7, steps=3).key in keys


def test_a_run_that_saw_more_is_refused(tiny: Run) -> None:
    own = hashes.of_tensors(*chosen())
    with pytest.raises(UserError, match="doesn't say which images it has seen"):
        refuse_more_images(tiny, own, 20)
    tiny.update_record(data={"train_sha256": "abc", "train_images": 60000})
    with pytest.raises(UserError, match="has seen 60,000 training images, not just the 20 of this row"):
        refuse_more_images(tiny, own, 20)
    tiny.update_record(data={"train_sha256": own, "train_images": 20})
    refuse_more_images(tiny, own, 20)


def test_a_run_without_classes_or_with_older_weights_is_refused(tiny: Run, run: Run) -> None:
    refuse_unfit(tiny)
    with pytest.raises(UserError, match="VanillaGAN draws no class that is asked for"):
        refuse_unfit(run)
    config = tiny.config()
    config.init_from = "another"
    tiny.save_config(config)
    with pytest.raises(UserError, match="began with the weights of another"):
        refuse_unfit(tiny)


def test_a_run_that_would_write_elsewhere_is_refused(tiny: Run, tmp_path: Path) -> None:
    config = tiny.config()
    config.callbacks.checkpoint.file = str(tmp_path / "elsewhere")
    tiny.save_config(config)
    with pytest.raises(UserError, match=r"callbacks.checkpoint.file=.*lies outside the run folder"):
        refuse_unfit(tiny)


@pytest.mark.parametrize(
    ("record", "trainer", "steps"),
    [
        ({"last_batch": 7}, {}, 7),
        ({"last_batch": None}, {"max_steps": 9}, 9),
        ({"last_batch": None, "batches": 4}, {"max_steps": -1}, 4),
    ],
)
def test_generators_get_as_many_batches_as_the_run(
    tiny: Run, record: dict[str, Any], trainer: dict[str, Any], steps: int
) -> None:
    config = tiny.config()
    config.trainer.update(trainer)
    tiny.save_config(config)
    tiny.update_record(**record)
    assert steps_of(tiny) == steps


def test_who_does_not_know_how_long_says_what_to_name(tiny: Run) -> None:
    config = tiny.config()
    config.trainer.max_epochs = 3
    tiny.save_config(config)
    tiny.update_record(last_batch=None)
    with pytest.raises(UserError, match="name them with --generator-steps"):
        steps_of(tiny)


def test_images_of_a_class_follow_from_the_seed_and_their_index(tiny: Run) -> None:
    one, other = (Drawn(tiny, seed=seed, native_size=(8, 8), ema=True, device=CPU) for seed in (1, 2))
    few, more = one.of_class(3, 4), one.of_class(3, 9)
    assert more.dtype == torch.uint8
    assert more.shape == (9, 1, 8, 8)
    assert torch.equal(few, more[:4])
    assert float((one.of_class(4, 9).double() - more).abs().mean()) > 1
    assert float((other.of_class(3, 9).double() - more).abs().mean()) > 1
    assert one.of_class(3, 0).shape == (0, 1, 8, 8)
    assert one.logits(more, 3).shape == (9,)
    assert one.logits(more[:0], 3).shape == (0,)
    assert one.without_border(torch.zeros(2, 1, 12, 12)).shape == (2, 1, 8, 8)


def test_values_that_are_not_finite_are_no_images(tiny: Run) -> None:
    drawn = Drawn(tiny, seed=1, native_size=(8, 8), ema=True, device=CPU)
    for weight in drawn.model.parameters():
        weight.data.fill_(float("nan"))
    with pytest.raises(UserError, match="draws values that are not finite"):
        drawn.of_class(0, 2)

from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_lab.callbacks.image_axis import ImageAxis
from tests.conftest import fit, tiny_gan


def test_losses_and_accuracies_stand_on_both_axes(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path, name="", version="")
    fit(tiny_gan(), max_steps=6, log_every_n_steps=2, callbacks=[ImageAxis()], logger=logger)
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

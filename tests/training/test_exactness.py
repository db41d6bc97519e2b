"""A run that is stopped anywhere and resumed leaves what it would have left: every bit of it, for every variant."""

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from gan_lab.callbacks.scores import Scores
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.run import Run
from tests.conftest import Command
from tests.training.leftovers import checkpoint, differing, left

EVERYTHING = (
    "data.root=datasets",
    "data.download=false",
    "data.batch_size=50",  # ten batches an epoch
    "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false",
    "trainer.max_steps=24",
    "trainer.log_every_n_steps=3",
    "model.optimizer.generator.lr=0.01",
    "callbacks.samples.rows=2",
    "callbacks.samples.columns=2",
    "callbacks.samples.every_n_images=150",
    "callbacks.scores.every_n_images=200",
    "callbacks.scores.at_least=0",
    "callbacks.scores.count_during=8",
    "callbacks.scores.real_during=8",
    "callbacks.scores.groups_during=[fid]",
    "callbacks.scores.count=8",
    "callbacks.scores.groups=[fid]",
    "callbacks.scores.cache=cache",
    "callbacks.health.every_n_images=250",
    "callbacks.health.images=8",
    "callbacks.health.classified_images=4",
    "callbacks.health.patience=1",
    "callbacks.checkpoint.every_n_images=350",
    "logger.tensorboard=null",
)
MLP = ("model/network=mlp", "model.network.generator.hidden=[8]", "model.network.discriminator.hidden=[8]")
SMALL = ("model.network.generator.width=2", "model.network.discriminator.width=2")
VARIANTS = {
    "vanilla": ("model=vanilla", *MLP),
    "dcgan with dropout": ("model=dcgan", "model/network=dcgan_upsample", *SMALL),
    "dcgan under spectral norm": ("model=dcgan", *SMALL, "model.network.discriminator.norm=spectral"),
    "wgan": ("model=wgan", *MLP),  # n_critic=5
    "wgan_gp": ("model=wgan_gp", *MLP, "model.n_critic=4"),
    "cgan": ("model=cgan", *SMALL),
    "acgan": ("model=acgan", *SMALL),
    "infogan": ("model=infogan", *SMALL),
    "r3gan": ("model=r3gan", *MLP),
    "stylegan2": (
        "model=stylegan2",
        "model/network=stylegan2_small",
        "data.image_size=16",
        *(f"model.network.{player}.channel_max=4" for player in ("generator", "discriminator")),
    ),
    "oblongs": ("model=dcgan", *SMALL, "data.image_size=[12,20]"),
    "linear schedule": ("model=vanilla", *MLP, "model/schedule=linear", "model.n_critic=2"),
    "cosine schedule": ("model=vanilla", *MLP, "model/schedule=cosine", "model.ema_half_life=null"),
    "cyclegan": (
        "model=cyclegan",
        "model/network=resnet_patchgan_small",
        *SMALL,
        "model.network.generator.blocks=1",
        "model.network.discriminator.layers=1",
        "model.pool_size=7",
        "data.batch_size=4",
        "callbacks.samples.every_n_images=24",
        "callbacks.health.every_n_images=40",
        "callbacks.checkpoint.every_n_images=56",
    ),
    "cyclegan of oblongs": (
        "model=cyclegan",
        "model/network=resnet_patchgan_small",
        *SMALL,
        "model.network.generator.blocks=1",
        "model.network.discriminator.layers=1",
        "model.pool_size=7",
        "data.image_size=[16,24]",
        "data.batch_size=4",
        "callbacks.samples.every_n_images=24",
        "callbacks.health.every_n_images=40",
        "callbacks.checkpoint.every_n_images=56",
    ),
    "pix2pix": (
        "model=pix2pix",
        "model/network=unet_patchgan_small",
        *SMALL,
        "model.network.discriminator.layers=1",
        "data.batch_size=8",
        "callbacks.samples.every_n_images=24",
        "callbacks.health.every_n_images=40",
        "callbacks.checkpoint.every_n_images=56",
    ),
    "cut": (
        "model=cut",
        "model/network=contrastive_patchgan_small",
        *SMALL,
        "model.network.generator.blocks=1",
        "model.network.discriminator.layers=1",
        "data.batch_size=8",
        "callbacks.samples.every_n_images=24",
        "callbacks.health.every_n_images=40",
        "callbacks.checkpoint.every_n_images=56",
    ),
}
# The batch that a signal comes in: after 4 of 5 a critic has moved alone, and a generator's numbers may wait to be
# reported; 10 is the last of an epoch; at 12 scores are due, a report and a grid; 24 is the last of all.
STOPS = (4, 10, 12, 24)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batches that a signal comes in, between the two players' turns; or, where that batch is scored, then."""
    stops: list[int] = []
    step, score = AdversarialModule.after_discriminator_step, Scores._score_during

    def between_players(self: AdversarialModule) -> None:
        step(self)
        scored = self.global_step + 1 == 12 and hasattr(self, "sample")
        if self.global_step + 1 in stops and not scored:
            signal.raise_signal(signal.SIGTERM)

    def while_scoring(self: Scores, trainer: Any, pl_module: Any) -> None:
        if pl_module.global_step in stops and pl_module.global_step == 12:
            signal.raise_signal(signal.SIGTERM)
        score(self, trainer, pl_module)

    monkeypatch.setattr(AdversarialModule, "after_discriminator_step", between_players)
    monkeypatch.setattr(Scores, "_score_during", while_scoring)
    return stops


@pytest.mark.bits
@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_stopped_anywhere_it_goes_on_as_if_nothing_had_been(
    variant: str, command: Command, stopped: list[int], few_digits: Path
) -> None:
    options = (*EVERYTHING, *VARIANTS[variant])
    images = 8 if variant.startswith(("cyclegan", "pix2pix", "cut")) else 50  # a batch; CycleGAN has 4 of each domain
    assert command(*options, "callbacks.checkpoint.keep_every_n_images=1", "hydra.run.dir=whole") is None
    stopped[:] = STOPS[:1]
    assert command(*options, "hydra.run.dir=parts") == 143
    for stop, following in zip(STOPS, (*STOPS[1:], None), strict=True):
        # What a later stop breaks is told from what this one has broken.
        expected = checkpoint(f"whole/checkpoints/{stop * images:09d}.ckpt")
        assert differing(checkpoint("parts/checkpoints/last.ckpt"), expected) == []
        assert Run("parts").record()["status"] == "interrupted"
        stopped[:] = [following]
        assert command("resume=parts") == (None if following is None else 143)
    assert left("parts") == left("whole")


@pytest.mark.bits
def test_alarms_are_remembered(command: Command, stopped: list[int], few_digits: Path) -> None:
    options = (
        *EVERYTHING,
        *VARIANTS["vanilla"],
        "callbacks.health.collapse_diversity=9",
        "callbacks.health.patience=2",
    )
    assert command(*options, "hydra.run.dir=whole") is None
    stopped[:] = [8]
    assert command(*options, "hydra.run.dir=parts") == 143
    stopped[:] = []
    shutil.copytree("parts", "killed")
    Run("killed").write_record({"status": "running"})
    for folder in ("parts", "killed"):
        assert command(f"resume={folder}") is None
        assert left(folder) == left("whole")
    assert Run("parts").record()["alarms"]


@pytest.mark.bits
def test_a_run_goes_on_from_a_copy_of_any_of_its_states(command: Command, few_digits: Path) -> None:
    options = (*EVERYTHING, *VARIANTS["wgan"])
    assert command(*options, "callbacks.checkpoint.keep_every_n_images=300", "hydra.run.dir=whole") is None
    expected = left("whole")
    for step in (0, 6, 18, 24):  # a kill may leave any
        shutil.copytree("whole", f"from_{step}")
        run = Run(f"from_{step}")
        if step:
            shutil.copy(run.folder / f"checkpoints/{50 * step:09d}.ckpt", run.checkpoint)
        else:
            shutil.rmtree(run.folder / "checkpoints")
            run.write_record({"status": "running"})
        run.update_record(status="running")
        assert command(f"resume=from_{step}") is None
        assert left(f"from_{step}") == expected

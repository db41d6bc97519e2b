"""The one alternating step, and what every adversarial model shares.

A variant says *what* its players minimise, as named terms; this module is the only place where they move.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import torch
from lightning import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab import seeding
from gan_lab.losses import Objective
from gan_lab.models.counting import BatchCountingLoop
from gan_lab.models.player import Player, Terms, frozen
from gan_lab.models.reporting import Report
from gan_lab.types import NonNegativeInt, PositiveInt

Condition = tuple[Tensor, ...]


class AdversarialModule(LightningModule):
    """A generator against a discriminator, one alternating step a batch.

    Every random number of a step (latents, dropout) is a pure function of (seed, step, rank): ranks differ,
    and a resumed run draws what an uninterrupted one would have.

    Args:
        network: the players: `generator` maps latents (batch, latent_dim) to images in [-1, 1], shape
            (batch, channels, height, width); `discriminator` maps images to logits (batch, 1).
        objective: the losses of both players, functions of logits.
        optimizer: for each player, what makes its optimizer from its parameters.
        latent_dim: size of the standard normal latent z.
        n_critic: the discriminator learns on every batch, the generator on every n-th.
        seed: of the noise; the networks' first weights come from whoever built them.
    """

    def __init__(
        self,
        *,
        network: Mapping[str, nn.Module],
        objective: Objective,
        optimizer: Mapping[str, Callable[[Iterable[nn.Parameter]], Optimizer]],
        latent_dim: PositiveInt,
        n_critic: PositiveInt,
        seed: NonNegativeInt,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = network["generator"]
        self.discriminator = network["discriminator"]
        self.objective = objective
        self.optimizer = optimizer
        self.latent_dim = latent_dim
        self.n_critic = n_critic
        self.seed = seed
        self.images_seen = 0  # real images trained on so far, by all processes together
        self.report = Report()
        self.players: list[Player] = []  # while training
        self.scores: dict[str, Tensor] = {}  # the discriminator's latest logits, for whoever watches

    # What a variant may say differently.

    def split(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Condition]:
        """Take a batch apart into real images and what both players are told about them: here, nothing."""
        images, _ = batch
        return images, ()

    def discriminator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """What the discriminator minimises, given images (batch, channels, height, width); the sum counts."""
        real_scores, fake_scores = self.score_both(real, fake, condition)
        return {"adversarial": self.objective.discriminator(real_scores, fake_scores)}

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """What the generator minimises; gradients flow into it through `fake`."""
        return {"adversarial": self.objective.generator(self.score(fake, condition))}

    def after_discriminator_step(self) -> None:
        """A chance to constrain the discriminator's weights."""

    # What stays.

    def score(self, images: Tensor, condition: Condition) -> Tensor:
        """Logits in float32 or better: a half-precision loss would round away the discriminator's edge."""
        scores: Tensor = self.discriminator(images, *condition)
        return scores.float() if scores.dtype in (torch.bfloat16, torch.float16) else scores

    def draw(self, real: Tensor, condition: Condition) -> Tensor:
        """As many generated images as there are real ones, from fresh latents."""
        latents = torch.randn(len(real), self.latent_dim, device=real.device, dtype=real.dtype)
        return cast(Tensor, self.generator(latents, *condition))

    def rehearse(self, batch: tuple[Tensor, Tensor]) -> None:
        """Go through a step without moving anything: do the players fit the images and each other?

        Raises:
            ValueError: the generator draws images of another shape.
            RuntimeError: a player can't take what it is given.
        """
        real, condition = self.split(batch)
        fake = self.draw(real, condition)
        if fake.shape != real.shape:
            raise ValueError(f"the generator draws {tuple(fake.shape[1:])}, the data has {tuple(real.shape[1:])}")
        self.discriminator_terms(real, fake, condition)
        self.generator_terms(real, fake, condition)

    def score_both(self, real: Tensor, fake: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        """Logits of real and of generated images, in one forward where the discriminator says it makes no difference.

        It does make one where images of a batch meet, in batch norm for example: then each kind keeps its own batch.
        """
        if getattr(self.discriminator, "scores_each_image_alone", False):
            both = self.score(torch.cat((real, fake)), tuple(torch.cat((part, part)) for part in condition))
            real_scores, fake_scores = both[: len(real)], both[len(real) :]
        else:
            real_scores, fake_scores = self.score(real, condition), self.score(fake, condition)
        self.scores.update(real=real_scores.detach(), fake=fake_scores.detach())
        return real_scores, fake_scores

    def sample(self, latents: Tensor, *condition: Tensor) -> Tensor:
        """Images in [-1, 1] for latents (batch, latent_dim), drawn in evaluation mode, without gradients."""
        training = self.generator.training
        self.generator.eval()
        with torch.no_grad():
            images: Tensor = self.generator(latents, *condition)
        self.generator.train(training)
        return images

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """The discriminator descends its terms, then, on every `n_critic`-th batch, the generator its own."""
        step, trainer = self.global_step, self.trainer
        seeding.seed_device(self.device, seeding.derive(self.seed, "step", step, trainer.global_rank))
        generator, discriminator = self.players
        generator_learns = (step + 1) % self.n_critic == 0
        # Reading a number off the device waits for it, so it happens at logging points only. There each player tells
        # of its latest turn: the generator's may lie some batches back.
        until_report = -(step + 1) % trainer.log_every_n_steps  # type: ignore[attr-defined]
        real, condition = self.split(batch)

        # One drawing serves both players: the discriminator sees it detached, the generator learns through it.
        with torch.set_grad_enabled(generator_learns):
            fake = self.draw(real, condition)

        terms = self.discriminator_terms(real, fake.detach(), condition)
        discriminator.descend(terms, self.report if until_report == 0 else None)
        self.after_discriminator_step()

        if generator_learns:
            with frozen(discriminator.parameters):
                terms = self.generator_terms(real, fake, condition)
                generator.descend(terms, self.report if until_report < self.n_critic else None)

        self.images_seen += len(real) * trainer.world_size
        if until_report == 0:
            self.report.add_scores(self.scores)
            self.report.send(trainer, step + 1, self.images_seen)

    # Lightning's side of it.

    def configure_optimizers(self) -> list[Optimizer]:
        """One optimizer a player, the generator's first."""
        return [
            self.optimizer["generator"](self.generator.parameters()),
            self.optimizer["discriminator"](self.discriminator.parameters()),
        ]

    def setup(self, stage: str) -> None:
        """Count batches, not optimizer steps, in whichever trainer this runs."""
        epoch_loop = self.trainer.fit_loop.epoch_loop
        if not isinstance(epoch_loop.manual_optimization, BatchCountingLoop):
            epoch_loop.manual_optimization = BatchCountingLoop(self.trainer)

    def on_train_start(self) -> None:
        """Put the players in place, generator first, and start the clock."""
        names, optimizers = ("generator", "discriminator"), cast(list[LightningOptimizer], self.optimizers())
        self.players = [
            Player(name, self, getattr(self, name), optimizer)
            for name, optimizer in zip(names, optimizers, strict=True)
        ]
        self.report.start(self.images_seen)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the image count with the weights."""
        checkpoint["images_seen"] = self.images_seen

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting images where the checkpoint stood."""
        self.images_seen = checkpoint["images_seen"]

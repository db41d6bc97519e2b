"""The one alternating step, and what every adversarial model shares.

A variant says *what* its players minimise, as named terms; this module is the only place where they move.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import MappingProxyType
from typing import Any, Literal, cast

import torch
from lightning import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized
from torch.optim import Optimizer

from gan_lab.distributed import collectives
from gan_lab.losses import Objective
from gan_lab.models import cuda_graphs
from gan_lab.models.batch_counting import BatchCountingLoop
from gan_lab.models.compile import compile_in_place, eager
from gan_lab.models.ema import MovingAverage
from gan_lab.models.player import Player, PlayerName, Terms, frozen
from gan_lab.models.report import Report
from gan_lab.penalties import Penalty, input_gradients
from gan_lab.schedules import Constant, Schedule
from gan_lab.utils import seeding
from gan_lab.utils.errors import UserError
from gan_lab.utils.precision import full_precision
from gan_lab.utils.types import NonNegativeInt, PositiveFloat, PositiveInt

Condition = tuple[Tensor, ...]
PLAYERS: tuple[PlayerName, ...] = ("generator", "discriminator")
NOTHING: Mapping[str, Tensor] = MappingProxyType({})


class AdversarialModule(LightningModule):
    """A generator against a discriminator, one alternating step a batch.

    Every random number of a step (latents, dropout, penalties) is a pure function of (seed, step, rank): ranks differ,
    and a resumed run draws what an uninterrupted one would have.

    Of several processes, each has the whole model and its own batch. They average gradients before every optimizer
    step, and the running statistics of batch norm after every batch, so weights and statistics stay the same on all;
    batch norm itself sees a process's own batch, unless it is synchronised (trainer.sync_batchnorm).

    Args:
        network: the players: `generator` makes images (batch, channels, height, width), `discriminator` maps images to
            logits (batch, ...).
        objective: the losses of both players, functions of logits.
        penalty: named terms that are added to the discriminator's loss.
        clip: after each of its steps the discriminator's parameters are cut off at [-clip, clip]; None leaves them.
        clip_grad_norm: for each player, the length to which a longer gradient, of all parameters together, is shortened
            before its step; None leaves it, and so does not to name the player.
        optimizer: for each player, what makes its optimizer from its parameters.
        schedule: for each player, the factor of its learning rate over the run.
        ema_half_life: of a moving average of the generator, in images that the generator learns from; samples are
            drawn with it. None keeps no average.
        n_critic: the discriminator learns on every batch, the generator on every n-th.
        seed: of the noise; the networks' first weights come from whoever built them.

    Raises:
        ValueError: a penalty on a discriminator whose scores depend on the rest of the batch, or clipped weights under
            spectral norm, which would scale them up again.
    """

    per_rank_state: tuple[
        str, ...
    ] = ()  # beginnings of the names of what each process has of its own in the state_dict

    def __init__(
        self,
        *,
        network: Mapping[str, nn.Module],
        objective: Objective,
        penalty: Mapping[str, Penalty],
        clip: PositiveFloat | None,
        clip_grad_norm: Mapping[PlayerName, PositiveFloat | None],
        optimizer: Mapping[str, Callable[[Iterable[nn.Parameter]], Optimizer]],
        schedule: Mapping[str, Schedule],
        ema_half_life: PositiveInt | None,
        n_critic: PositiveInt,
        seed: NonNegativeInt,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = network["generator"]
        self.discriminator = network["discriminator"]
        self.generator_ema = MovingAverage(self.generator, ema_half_life) if ema_half_life else None
        self.objective = objective
        self.penalty = penalty
        self.clip = clip
        self.clip_grad_norm = clip_grad_norm
        self.optimizer = optimizer
        self.schedule = schedule
        self.n_critic = n_critic
        self.seed = seed
        self.images_seen = 0  # real images trained on so far, by all processes together
        self.report = Report()
        self.reported: tuple[dict[str, float], dict[str, float]] = {}, {}  # of a resumed run: what waits, what is known
        self.players: list[Player] = []  # while training
        self.running_statistics: list[Tensor] = []  # of batch norm, while training
        self.total_batches: float = float("inf")  # of the run, while training
        self.wants_cuda_graphs: bool | Literal["auto"] = False  # set by the trainer; "auto" takes what is possible
        self.graphs: cuda_graphs.StepGraphs | None = None  # while training
        self.latest_logits: dict[str, Tensor] = {}  # the discriminator's latest logits, for whoever watches
        if penalty and any(isinstance(layer, _BatchNorm) for layer in self.discriminator.modules()):
            raise ValueError(
                f"a gradient penalty ({', '.join(penalty)}) needs scores that don't depend on other images, but the "
                "discriminator has batch norm: set model.network.discriminator.norm=layer, or model/penalty=none"
            )
        if clip and any(is_parametrized(layer) for layer in self.discriminator.modules()):
            raise ValueError(
                "spectral norm scales clipped weights up again: set model.clip=null, or "
                "model.network.discriminator.norm=none"
            )

    # What a variant may say differently.

    def unpack_batch(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Condition]:
        """Take a batch apart into real images and what both players are told about them: here, nothing.

        Raises:
            ValueError: the batch is not of images and labels, but of images of two domains.
        """
        images, labels = batch
        if labels.dim() > 1:
            raise ValueError("the data are images of two domains, which model=cyclegan translates; choose data=mnist")
        return images, ()

    @abstractmethod
    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """As many generated images as there are real ones; gradients flow back into the generator."""

    @abstractmethod
    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """What a grid shows while the model learns: images in [-1, 1], from the same inputs at every call, row by row.

        Args:
            rows: wanted; the model may have its reasons for another number.
            columns: wanted.
            seed: of the inputs.
            ema: whether the generator's moving average draws, where there is one.

        Returns:
            The images (n, channels, height, width), and how many make a row.
        """

    def discriminator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """What the discriminator minimises, given images (batch, channels, height, width); the sum counts."""
        penalties, scored = self.penalty_terms(real, fake, condition)
        real_scores, fake_scores = self.real_and_fake_logits(real, fake, condition, scored)
        return {"adversarial": self.objective.discriminator(real_scores, fake_scores), **penalties}

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """What the generator minimises; gradients flow into it through `fake`."""
        compared = (self.logits(real, condition),) if self.objective.relativistic else ()
        return {"adversarial": self.objective.generator(self.logits(fake, condition), *compared)}

    def after_discriminator_step(self) -> None:
        """Constrain the discriminator's weights: by default, clip them if they are to be clipped."""
        if self.clip is not None:
            with torch.no_grad():
                parameters: list[Tensor] = list(self.discriminator.parameters())
                torch._foreach_clamp_min_(parameters, -self.clip)
                torch._foreach_clamp_max_(parameters, self.clip)

    # What stays.

    def logits(self, images: Tensor, condition: Condition) -> Tensor:
        """Logits in float32 or better: a half-precision loss would round away the discriminator's edge."""
        scores: Tensor = self.discriminator(images, *condition)
        return scores.float() if scores.dtype in (torch.bfloat16, torch.float16) else scores

    def eval_logits(self, images: Tensor, condition: Condition) -> Tensor:
        """Logits for whoever watches: in evaluation mode, without gradients, and leaving the discriminator as it is."""
        with evaluating(self.discriminator), torch.no_grad():
            return self.logits(images, condition)

    def dry_run(self, batch: tuple[Tensor, Tensor]) -> None:
        """Go through a step without moving anything: do the players fit the images and each other?

        Raises:
            ValueError: the generator draws images of another shape.
            RuntimeError: a player can't take what it is given.
        """
        real, condition = self.unpack_batch(batch)
        fake = self.generate(real, condition)
        if fake.shape != real.shape:
            raise ValueError(f"the generator draws {tuple(fake.shape[1:])}, the data has {tuple(real.shape[1:])}")
        self.discriminator_terms(real, fake, condition)
        self.generator_terms(real, fake, condition)

    def penalty_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> tuple[Terms, Terms]:
        """The penalties, and the scores of "real" or "fake" images where one has needed them already."""
        terms: Terms = {}
        scored: Terms = {}
        for name, penalty in self.penalty.items():
            points = penalty.points(real, fake)
            with eager(self.discriminator):
                scores, gradients = input_gradients(lambda images: self.logits(images, condition), points)
            terms[name] = penalty.cost(gradients)
            scored |= {kind: scores for kind, images in (("real", real), ("fake", fake)) if images is points}
        return terms, scored

    def real_and_fake_logits(
        self, real: Tensor, fake: Tensor, condition: Condition, scored: Mapping[str, Tensor] = NOTHING
    ) -> tuple[Tensor, Tensor]:
        """Logits of real and of generated images, in one forward where the discriminator says it makes no difference.

        It does make one where images of a batch meet, in batch norm for example: then each kind keeps its own batch.
        What is `scored` already isn't scored again.
        """
        if not scored and getattr(self.discriminator, "batch_independent", False):
            both = self.logits(torch.cat((real, fake)), tuple(torch.cat((part, part)) for part in condition))
            real_scores, fake_scores = both[: len(real)], both[len(real) :]
        else:
            # What is compared with float32 scores is scored in float32.
            with full_precision(real.device) if scored else nullcontext():
                real_scores = scored["real"] if "real" in scored else self.logits(real, condition)
                fake_scores = scored["fake"] if "fake" in scored else self.logits(fake.to(real.dtype), condition)
        self.latest_logits.update(real=real_scores.detach(), fake=fake_scores.detach())
        return real_scores, fake_scores

    def compile_networks(self) -> None:
        """Compile both players for training. Penalties, and whoever watches, call them as they are written."""
        compile_in_place(self.generator, self.discriminator)

    def capture_steps(self) -> None:
        """Train by CUDA graphs from now on, where that is possible.

        Raises:
            UserError: it was demanded, and is not possible.
        """
        reason = cuda_graphs.why_not(self)
        if reason is None:
            for player in self.players:
                cuda_graphs.make_capturable(player.optimizer.optimizer)
            self.graphs = cuda_graphs.StepGraphs(self)
        elif self.wants_cuda_graphs is True:
            raise UserError(f"trainer.cuda_graphs=true: {reason}; set trainer.cuda_graphs=auto")

    def sampling_network(self, ema: bool = True) -> nn.Module:
        """The network that draws samples: the generator's moving average if there is one and it is wanted."""
        return self.generator_ema if ema and self.generator_ema is not None else self.generator

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """The discriminator descends its terms, then, on every `n_critic`-th batch, the generator its own."""
        step, trainer = self.global_step, self.trainer
        seeding.seed_device(self.device, seeding.derive(self.seed, "step", step, trainer.global_rank))
        generator_learns = (step + 1) % self.n_critic == 0
        # Reading a number off the device waits for it, so it happens at logging points only. There each player tells
        # of its latest turn: the generator's may lie some batches back.
        until_report = -(step + 1) % trainer.log_every_n_steps  # type: ignore[attr-defined]
        self.set_learning_rates(step)
        real, condition = self.unpack_batch(batch)
        wanted = until_report == 0, generator_learns and until_report < self.n_critic
        if self.graphs is None:
            self.take_turns(real, condition, generator_learns, *(self.report if report else None for report in wanted))
        else:
            for report, is_wanted in zip(self.graphs.take(real, condition, generator_learns), wanted, strict=True):
                if is_wanted:
                    self.report.take_over(report)

        self.images_seen += len(real) * trainer.world_size
        if until_report == 0:
            self.add_diagnostics()
            self.report.send(trainer, step + 1, self.images_seen)

    def take_turns(
        self,
        real: Tensor,
        condition: Condition,
        generator_learns: bool,
        discriminator_report: Report | None,
        generator_report: Report | None,
    ) -> None:
        """Move both players on one batch: device work alone, so that a CUDA graph can hold all of it."""
        generator, discriminator = self.players
        # One drawing serves both players: the discriminator sees it detached, the generator learns through it.
        with torch.set_grad_enabled(generator_learns):
            fake = self.generate(real, condition)

        discriminator.descend(self.discriminator_terms(real, fake.detach(), condition), discriminator_report)
        self.after_discriminator_step()

        if generator_learns:
            with frozen(discriminator.parameters):
                generator.descend(self.generator_terms(real, fake, condition), generator_report)
        collectives.all_reduce_mean(self.running_statistics)
        if generator_learns and self.generator_ema is not None:
            self.generator_ema.follow(len(real) * self.trainer.world_size)

    @property
    def has_settled(self) -> bool:
        """Whether every further step launches the same kernels: a variant that still fills a memory says no."""
        return True

    @property
    def needs_an_end(self) -> bool:
        """Whether learning rates depend on how long the run is going to be."""
        return not all(isinstance(schedule, Constant) for schedule in self.schedule.values())

    def set_learning_rates(self, step: int) -> None:
        """Follow the schedules, which are functions of the step alone."""
        for player in self.players:
            schedule = self.schedule[player.name]
            if not isinstance(schedule, Constant):
                player.scale_learning_rate(schedule(step / self.total_batches))

    def add_diagnostics(self) -> None:
        """What else a report tells: scores, what the objective reads from them, learning rates that change."""
        for kind, scores in self.latest_logits.items():
            self.report.add(f"logit/{kind}", scores.mean())
        if self.latest_logits:
            for name, reading in self.objective.diagnostics(**self.latest_logits).items():
                self.report.add(name, reading)
        for player in self.players:
            if not isinstance(self.schedule[player.name], Constant):
                self.report.add(f"learning_rate/{player.name}", player.learning_rate)

    # Lightning's side of it.

    def configure_optimizers(self) -> list[Optimizer]:
        """One optimizer a player, the generator's first."""
        optimizers = [self.optimizer[name](getattr(self, name).parameters()) for name in PLAYERS]
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]  # as torch's schedulers call it; checkpoints keep it
        return optimizers

    def setup(self, stage: str) -> None:
        """Count batches, not optimizer steps, in whichever trainer this runs."""
        epoch_loop = self.trainer.fit_loop.epoch_loop
        if not isinstance(epoch_loop.manual_optimization, BatchCountingLoop):
            epoch_loop.manual_optimization = BatchCountingLoop(self.trainer)

    def on_train_start(self) -> None:
        """Put the players in place, generator first, and start the clock."""
        optimizers = cast(list[LightningOptimizer], self.optimizers())
        self.players = [
            Player(name, self, getattr(self, name), optimizer, self.clip_grad_norm.get(name))
            for name, optimizer in zip(PLAYERS, optimizers, strict=True)
        ]
        for player in self.players:
            if not isinstance(self.schedule[player.name], Constant):
                player.place_learning_rate(self.device)
        norms = [layer for layer in self.modules() if isinstance(layer, _BatchNorm) and layer.training]
        self.running_statistics = [
            statistic for norm in norms for statistic in (norm.running_mean, norm.running_var) if statistic is not None
        ]
        self.total_batches = self.trainer.estimated_stepping_batches
        if self.generator_ema is not None:
            self.generator_ema.watch(self.generator)
        self.graphs = None
        if self.wants_cuda_graphs:
            self.capture_steps()
        pending, latest = self.reported
        self.report.load_state_dict(pending, self.device)
        self.trainer.callback_metrics.update({name: torch.tensor(value) for name, value in latest.items()})
        self.report.start(self.images_seen)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep, with the weights, the image count, what is reported or judged later, and what is each process's own."""
        checkpoint["images_seen"] = self.images_seen
        measured = self.trainer.callback_metrics.items()
        latest = {name: float(value) for name, value in measured if name != "images_per_second"}  # the clock's
        checkpoint["reported"] = {"pending": self.report.state_dict(), "latest": latest}
        own = {name: value for name, value in checkpoint["state_dict"].items() if name.startswith(self.per_rank_state)}
        if own and collectives.is_distributed():
            checkpoint["per_rank_state"] = collectives.all_gather(own)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting and reporting where the checkpoint stood."""
        self.images_seen = checkpoint["images_seen"]
        reported = checkpoint.get("reported", {})
        self.reported = reported.get("pending", {}), reported.get("latest", {})
        of_each = checkpoint.get("per_rank_state", [])
        rank = self.trainer.global_rank if self._trainer is not None else 0
        if rank < len(of_each):
            checkpoint["state_dict"].update(of_each[rank])


@contextmanager
def evaluating(network: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode, as it is written, and afterwards in the mode that it was in."""
    training = network.training
    try:
        with eager(network):
            yield network.eval()
    finally:
        network.train(training)

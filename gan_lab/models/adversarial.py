"""The alternating step, and everything else that every adversarial model shares.

A variant says *what* its players minimise (`two_players.py`), as named terms; this module is the only place where the
players move.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Literal, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.augment import Augment
from gan_lab.augment.controller import Scheduled
from gan_lab.distributed import collectives
from gan_lab.losses import Objective
from gan_lab.models import accumulation, cuda_graphs, scheduled
from gan_lab.models.batch_counting import BatchCountingLoop
from gan_lab.models.player import PLAYERS, Player, PlayerName, frozen, make_capturable
from gan_lab.models.report import Report
from gan_lab.models.turns import Condition, Images, Turn, feeds_generator, share_of_main_steps, turns_of_a_cycle
from gan_lab.models.two_players import TwoPlayers
from gan_lab.penalties import Penalty, has_gamma
from gan_lab.schedules import Moment, Schedule
from gan_lab.stabilisers import Stabiliser
from gan_lab.utils import seeding
from gan_lab.utils.batches import AnyBatch
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import NonNegativeInt, PositiveFloat, PositiveInt


class AdversarialModule(TwoPlayers):
    """A generator against a discriminator, one alternating step a batch.

    Every random number of a step (latents, dropout, penalties) is a pure function of (seed, step, rank): ranks differ,
    and a resumed run draws what an uninterrupted one would have.

    Of several processes, each has the whole model and its own batch. They average gradients before every optimizer
    step, and running statistics (buffers named running_...) after every batch, so weights and statistics stay the same
    on all; batch norm itself sees a process's own batch, unless it is synchronised (trainer.sync_batchnorm).

    Args:
        network: both players: `generator` makes images (batch, channels, height, width), `discriminator` maps images to
            logits (batch, ...), or to logits and named extras {"name": (batch, ...)}, which `head_terms` gets.
        objective: the losses of both players, functions of logits.
        penalty: named terms that are added to the discriminator's loss, or lazily take a step of their own: those whose
            `every` is more than 1.
        augment: changes every image that the players' turns show to the discriminator; None shows them as they are.
        stabiliser: by name, terms of the discriminator's loss that are made of logits, and choices of the images that
            the generator learns from.
        freeze_discriminator: layers of the discriminator, from the image up, that don't learn: they keep the weights
            that the run begins with.
        clip_grad_norm: for each player, the length to which a longer gradient, of all parameters together, is shortened
            before its step; None leaves it, and so does not to name the player.
        optimizer: for each player, what makes its optimizer from its parameters.
        schedule: for each player, the factor of its learning rate over the run; and for further numbers their values in
            place of those that are stated elsewhere. `beta1` and `beta2` are of both players' Adam, `gamma` is of all
            penalties that have one, `ema_half_life` of the moving average, and `augment` is the probability of
            model/augment=scheduled.
        ema_half_life: of a moving average of the generator, in images that the generator learns from; samples are
            drawn with it. None keeps no average.
        n_critic: the discriminator learns on every batch, the generator on every n-th.
        n_generator: steps that the generator takes then, from the second on with fresh noise.
        generator_batch: what the generator's first step learns from: the batch and noise that the discriminator has
            just learned from ("shared"), that batch with fresh "noise", or a batch of its "own", which follows those of
            the discriminator.
        seed: of the noise; the networks come with their first weights.

    Raises:
        ValueError: a penalty on a discriminator whose logits depend on the rest of the batch, an augmentation that
            goes by logits whose sign says nothing, a schedule of what isn't there, or a discriminator with no layer
            that learns.
    """

    images_per_place: ClassVar[int] = 1  # real images that a place of a batch brings: two, of two domains in a tensor
    per_rank_state: tuple[str, ...] = ()  # prefixes of names in the state_dict, of what each process has of its own

    def __init__(
        self,
        *,
        network: Mapping[str, nn.Module],
        objective: Objective,
        penalty: Mapping[str, Penalty],
        clip_grad_norm: Mapping[PlayerName, PositiveFloat | None],
        optimizer: Mapping[str, Callable[[Iterable[nn.Parameter]], Optimizer]],
        schedule: Mapping[str, Schedule],
        ema_half_life: PositiveInt | None,
        n_critic: PositiveInt,
        seed: NonNegativeInt,
        n_generator: PositiveInt = 1,
        generator_batch: Literal["shared", "noise", "own"] = "shared",
        augment: Augment | None = None,
        stabiliser: Mapping[str, Stabiliser] = MappingProxyType({}),
        freeze_discriminator: NonNegativeInt = 0,
    ) -> None:
        super().__init__(network, objective, penalty, augment, stabiliser, freeze_discriminator, ema_half_life)
        self.automatic_optimization = False
        self.clip_grad_norm = clip_grad_norm
        self.optimizer = optimizer
        self.schedule = schedule
        self.n_critic = n_critic
        self.n_generator = n_generator
        self.generator_batch = generator_batch
        self.seed = seed
        self.report = Report()
        self.reported: dict[str, dict[str, Any]] = {}  # of a resumed run: what waits, what is known, the latest logits
        self.players: list[Player] = []  # while training, generator first
        self.plan: Sequence[Turn] = ()  # while training
        self.parts = 1  # that each batch is split into, set by the trainer
        self.running_statistics: list[Tensor] = []  # of batch norm and the like, while training
        self.total_batches: float = float("inf")  # of the run, while training
        self.wants_cuda_graphs: bool | Literal["auto"] = False  # set by the trainer; "auto" takes what is possible
        self.graphs: cuda_graphs.StepGraphs | None = None  # while training
        self.scheduled: dict[str, float] = {}  # numbers of the latest batch that follow a schedule
        self.gamma: Tensor | None = None  # of the penalties, while training by a schedule
        there = {
            "gamma": any(has_gamma(each) for each in penalty.values()),
            "ema_half_life": ema_half_life is not None,
            "augment": isinstance(augment, Scheduled),
        }
        scheduled.check(schedule, [name for name, is_there in there.items() if is_there])

    # What a variant says.

    def after_discriminator_step(self) -> None:
        """Constrain the discriminator's weights where a variant does."""

    def turns(self) -> list[Turn]:
        """The moves of a step in their order; a variant with other moves changes or extends the list."""
        cycle, critic, generator = turns_of_a_cycle(self.n_critic, self.generator_batch)
        of_critic = partial(Turn, player="discriminator", cycle=cycle, at=tuple(critic))
        turns = [of_critic(name="discriminator", terms=self.discriminator_terms)]
        for every in sorted({penalty.every for penalty in self.penalty.values()} - {1}):
            terms = partial(self.penalty_terms, every=every)
            turns.append(of_critic(name=f"discriminator/every_{every}", terms=terms, every=every))
        for number in range(self.n_generator):
            images: Images = "fresh" if number or self.generator_batch == "noise" else "shared"
            of_generator = partial(Turn, player="generator", cycle=cycle, at=(generator,), images=images)
            turns.append(of_generator(name="generator", terms=self.generator_terms))
        return turns

    # What all variants share.

    def dry_run(self, batch: AnyBatch) -> None:
        """Go through a step without moving anything: do the players fit the images and each other?

        Raises:
            ValueError: the generator draws images of another shape.
            RuntimeError: a player can't take what it is given.
        """
        real, condition = self.unpack_batch(batch)
        fake = self.generate(real, condition)
        if fake.shape != real.shape:
            raise ValueError(f"the generator draws {tuple(fake.shape[1:])}, the data has {tuple(real.shape[1:])}")
        shown = self.augmented(real), self.augmented(fake)
        for turn in self.turns():
            turn.terms(*(shown if turn.player == "discriminator" else (real, fake)), condition)

    def capture_steps(self) -> None:
        """Train by CUDA graphs from now on, where that is possible.

        Raises:
            UserError: it was demanded, and is not possible.
        """
        reason = cuda_graphs.why_not(self)
        if reason is None:
            for player in self.players:
                make_capturable(player.optimizer.optimizer)
            self.graphs = cuda_graphs.StepGraphs(self)
        elif self.wants_cuda_graphs is True:
            raise UserError(f"trainer.cuda_graphs=true: {reason}; set trainer.cuda_graphs=auto")

    def training_step(self, batch: AnyBatch, batch_idx: int) -> None:
        """Take the turns that fall on this batch, in order: by default the discriminator's, then the generator's."""
        step, trainer = self.global_step, self.trainer
        seeding.seed_device(self.device, seeding.derive(self.seed, "step", step, trainer.global_rank))
        due = tuple(turn for turn in self.plan if turn.falls_on(step))
        # Reading a number off the device waits for it, so it happens at logging points only. There each turn tells of
        # its latest time: the generator's may lie some batches back.
        until_report = -(step + 1) % trainer.log_every_n_steps  # type: ignore[attr-defined]
        self.follow_schedules(step)
        real, condition = self.unpack_batch(batch)
        wanted = [turn.is_latest(step, step + until_report) for turn in due]
        if self.graphs is None:
            self.take_turns(real, condition, due, [self.report if report else None for report in wanted])
        else:
            for report, is_wanted in zip(self.graphs.take(real, condition, due), wanted, strict=True):
                if is_wanted:
                    self.report.take_over(report)

        if any(turn.name == "discriminator" and report for turn, report in zip(due, wanted, strict=True)):
            self.add_logits()
        self.images_seen += len(real) * trainer.world_size
        if until_report == 0:
            self.add_diagnostics()
            self.report.send(trainer, step + 1, self.images_seen)

    def take_turns(
        self, real: Tensor, condition: Condition, due: Sequence[Turn], reports: Sequence[Report | None]
    ) -> None:
        """Move the players on one batch: device work alone, so that a CUDA graph can hold all of it."""
        if self.parts > 1:
            accumulation.take_turns(self, real, condition, due, reports)
        else:
            self.take_turns_at_once(real, condition, due, reports)
        collectives.all_reduce_mean(self.running_statistics)
        learned = len(real) * self.trainer.world_size
        steps = sum(turn.name == "generator" for turn in due)
        if steps and self.generator_ema is not None:
            self.generator_ema.follow(learned * steps)
        if self.augment is not None:
            self.augment.adjust(learned)

    def take_turns_at_once(
        self, real: Tensor, condition: Condition, due: Sequence[Turn], reports: Sequence[Report | None]
    ) -> None:
        """Move the players, each step from one forward of the whole batch."""
        generator, discriminator = self.players
        fake: Tensor | None = None
        shown: tuple[Tensor, Tensor] | None = None
        for number, (turn, report) in enumerate(zip(due, reports, strict=True)):
            if turn.images == "fresh" or (turn.images == "shared" and fake is None):
                # The same images serve both players: the discriminator sees them detached, the generator learns
                # through them.
                with torch.set_grad_enabled(feeds_generator(due[number:])):
                    fake, shown = self.generate(real, condition), None
            generated = real if turn.images == "own" or fake is None else fake
            if turn.player == "discriminator":
                shown = shown or self.shown_to_discriminator(real, generated.detach())
                discriminator.descend(turn.terms(*shown, condition), report, turn)
                self.after_discriminator_turn(turn)
            else:
                with frozen(discriminator.parameters):
                    generator.descend(turn.terms(real, generated, condition), report, turn)

    def shown_to_discriminator(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Real and generated images as the discriminator's turn gets them."""
        return self.augmented(real), self.augmented(self.shown_fakes(fake))

    def after_discriminator_turn(self, turn: Turn) -> None:
        """Constrain the weights, and tell the augmentation and the stabilisers how the discriminator does."""
        self.after_discriminator_step()
        if turn.name != "discriminator":
            return
        if self.augment is not None:
            self.augment.observe(self.latest_logits["real"] - (self.objective.decision_threshold or 0.0))
        for _, stabiliser in self.stabilisers():
            stabiliser.observe(self.latest_logits["real"], self.latest_logits["fake"])

    @property
    def has_settled(self) -> bool:
        """True where every further step launches the same kernels: not while a variant still fills a memory, say."""
        return all(stabiliser.has_settled(self.images_seen) for _, stabiliser in self.stabilisers())

    @property
    def needs_an_end(self) -> bool:
        """True where a number depends on the length of the run."""
        return any(getattr(schedule, "needs_an_end", True) for schedule in self.schedule.values())

    def follow_schedules(self, step: int) -> None:
        """Set the numbers of a batch, which are functions of the step and the images seen alone."""
        moment = Moment(step / self.total_batches, self.images_seen)
        self.scheduled = numbers = scheduled.numbers(self.schedule, moment)
        for player in self.players:
            if player.name in numbers:
                player.scale_learning_rate(numbers[player.name])
            player.set_betas(numbers.get("beta1"), numbers.get("beta2"))
        if self.gamma is not None:
            self.gamma.fill_(numbers["gamma"])
        if self.generator_ema is not None and "ema_half_life" in numbers:
            self.generator_ema.half_life = numbers["ema_half_life"]
        if isinstance(self.augment, Scheduled) and "augment" in numbers:
            self.augment.set_strength(numbers["augment"])

    def add_logits(self) -> None:
        """Add to the report the mean logits of the discriminator's turn, and the objective's diagnostics of them."""
        for kind, logits in self.latest_logits.items():
            self.report.add(f"logit/{kind}", logits.mean())
        if self.latest_logits:
            for name, value in self.objective.diagnostics(**self.latest_logits).items():
                self.report.add(name, value)

    def add_diagnostics(self) -> None:
        """Add to the report what the augmentation and the stabilisers say, and numbers that follow a schedule."""
        if self.augment is not None:
            for name, value in self.augment.diagnostics().items():
                self.report.add(name, value)
        for _, stabiliser in self.stabilisers():
            for name, number in stabiliser.diagnostics(self.images_seen).items():
                self.report.add(name, number)
        for player in self.players:
            if player.name in self.scheduled:
                self.report.add(f"learning_rate/{player.name}", player.learning_rate)
        for name in self.scheduled.keys() - {*PLAYERS, "augment"}:  # the augmentation tells of its own
            self.report.add(f"schedule/{name}", self.scheduled[name])

    # Lightning's side of it.

    def configure_optimizers(self) -> list[Optimizer]:
        """One optimizer a player, the generator's first.

        A player whose lazy turns take steps of their own takes more steps than its batches ask for. Adam's steps hardly
        get shorter with the gradient, so its rate and its memory shrink by the share c of the main steps: c lr,
        beta^c (Karras et al. 2020, appendix B, arXiv:1912.04958).

        Raises:
            ValueError: betas have a schedule, and an optimizer has none.
        """
        optimizers = [self.optimizer[name](getattr(self, name).parameters()) for name in PLAYERS]
        turns = self.turns()
        for name, optimizer in zip(PLAYERS, optimizers, strict=True):
            share = share_of_main_steps([turn for turn in turns if turn.player == name])
            for beta in ("beta1", "beta2"):
                if beta in self.schedule and "betas" not in optimizer.defaults:
                    raise ValueError(
                        f"{type(optimizer).__name__} has no betas for model.schedule.{beta}: choose "
                        "model/optimizer=adam, or leave the schedule out"
                    )
            for group in optimizer.param_groups:
                if share < 1 and "betas" in group:
                    group["lr"] *= share
                    group["betas"] = tuple(beta**share for beta in group["betas"])
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
        self.total_batches = self.trainer.estimated_stepping_batches
        changing = scheduled.numbers(self.schedule, Moment(0.0, 0))
        if "gamma" in changing:  # in a tensor, which a CUDA graph reads anew in each step
            self.gamma = torch.zeros((), device=self.device)
            changed: dict[str, Any] = {"gamma": self.gamma}
            self.penalty = {
                name: replace(penalty, **changed) if has_gamma(penalty) else penalty
                for name, penalty in self.penalty.items()
            }
        self.plan = self.turns()
        self.players = [
            Player(
                name,
                self,
                getattr(self, name),
                optimizer,
                self.clip_grad_norm.get(name),
                share_of_main_steps([turn for turn in self.plan if turn.player == name]),
            )
            for name, optimizer in zip(PLAYERS, optimizers, strict=True)
        ]
        for player in self.players:
            if player.name in changing:
                player.place_learning_rate(self.device)
        learning = [module for module in self.modules() if module.training]
        self.running_statistics = [
            buffer
            for module in learning
            for name, buffer in module.named_buffers(recurse=False)
            if name.startswith("running_")
        ]
        if self.generator_ema is not None:
            self.generator_ema.watch(self.generator)
        self.graphs = None
        if self.wants_cuda_graphs:
            self.capture_steps()
        self.report.load_state_dict(self.reported.get("pending", {}), self.device)
        known = {name: torch.tensor(value) for name, value in self.reported.get("latest", {}).items()}
        self.trainer.callback_metrics.update(known)
        self.latest_logits = {kind: values.to(self.device) for kind, values in self.reported.get("logits", {}).items()}
        self.report.start(self.images_seen)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the image count, the numbers that later reports need, and each process's own state."""
        checkpoint["images_seen"] = self.images_seen
        measured = self.trainer.callback_metrics.items()
        latest = {name: float(value) for name, value in measured if name != "images_per_second"}  # the clock's
        pending = self.report.state_dict()
        checkpoint["reported"] = {"pending": pending, "latest": latest, "logits": self.latest_logits}
        own = {name: value for name, value in checkpoint["state_dict"].items() if name.startswith(self.per_rank_state)}
        if own and collectives.is_distributed():
            checkpoint["per_rank_state"] = collectives.gather_to_first(own)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting and reporting where the checkpoint stood."""
        self.images_seen = checkpoint["images_seen"]
        self.reported = checkpoint.get("reported", {})
        of_each = checkpoint.get("per_rank_state", [])
        rank = self.trainer.global_rank if self._trainer is not None else 0
        if rank < len(of_each):
            checkpoint["state_dict"].update(of_each[rank])

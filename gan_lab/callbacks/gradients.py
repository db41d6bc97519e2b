"""The gradient of each term of a loss by itself: how long it is, and whether it pulls the same way as the others."""

from itertools import combinations
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from gan_lab.distributed import collectives
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import PositiveInt

SHORTEST = 1e-30  # that a norm counts as when it divides


class TermGradients(Callback):
    """Logs the norm of each term's gradient, and the cosine of the angle between those of each two terms.

    Of a player that descends several terms, `gradient_norm/discriminator/r1` is the length of the gradient of one
    term, all parameters together and before any clipping, and `gradient_cosine/discriminator/adversarial_r1` lies
    between -1, where one term undoes what the other does, and 1. The cosine is 0 where a gradient vanishes. Both are of
    the batch of all processes together. As everywhere in the logs, each player's numbers come from its latest step. A
    lazy penalty takes steps of its own, and has no angle to the other terms.

    Each step that is looked at takes one backward pass more for each term. The others cost nothing, but no step can be
    replayed as a CUDA graph. Training stays the same to the last bit.

    Args:
        every_n_logs: of so many logging points one gets these numbers.
    """

    looks_into_steps = True  # no step can be a CUDA graph

    def __init__(self, *, every_n_logs: PositiveInt) -> None:
        self.every_n_logs = every_n_logs

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse compiled networks.

        Raises:
            UserError: torch.compile gives up a graph's memory with the first backward pass.
        """
        if any(getattr(callback, "compiles_networks", False) for callback in trainer.callbacks):  # type: ignore[attr-defined]
            raise UserError(
                "callbacks.gradients goes through a step's graph once for each term, and that of compiled networks "
                "serves but once: set trainer.compile=false, or callbacks.gradients=null"
            )

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Look at those players' steps that are the latest ones before a logging point whose turn it is."""
        interval: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        step = trainer.global_step
        until = -(step + 1) % interval
        is_wanted = (step + until + 1) // interval % self.every_n_logs == 0
        due = [turn for turn in pl_module.plan if turn.falls_on(step) and turn.is_latest(step, step + until)]
        for player in pl_module.players:
            moves = any(turn.player == player.name for turn in due)
            player.watch = GradientsOfTerms() if is_wanted and moves else None


class GradientsOfTerms:
    """The gradients of a step's terms: gathered from the parts of a batch, then told."""

    def __init__(self) -> None:
        self.gradients: dict[str, list[Tensor]] = {}

    def begin(self) -> None:
        """Forget a step that nobody asked about: the main one where a lazy one is the latest, say."""
        self.gradients = {}

    def learn(self, player: Any, terms: dict[str, Tensor], share: float) -> None:
        """Take the gradient of each of several terms, on images that are this share of the batch."""
        if len(terms) < 2:
            return
        for name, term in terms.items():
            # A gradient scaler keeps half-precision gradients from vanishing on their way back.
            scale = torch.ones_like(term) if player.scaler is None else player.scaler.scale(torch.ones_like(term))
            found = torch.autograd.grad(
                term, player.parameters, scale, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            parts = [gradient * (share / scale).to(gradient.dtype) for gradient in found]
            before = self.gradients.get(name)
            self.gradients[name] = parts if before is None else list(torch._foreach_add(before, parts))

    def move(self, player: Any, report: Any) -> None:
        """Add norms and cosines to the report on the step."""
        for gradients in self.gradients.values():
            collectives.all_reduce_mean(gradients)
        norms = {name: torch.nn.utils.get_total_norm(gradients) for name, gradients in self.gradients.items()}
        for name, norm in norms.items():
            report.add(f"gradient_norm/{player.name}/{name}", norm)
        for one, other in combinations(norms, 2):
            products = [(a * b).sum() for a, b in zip(self.gradients[one], self.gradients[other], strict=True)]
            lengths = norms[one].clamp_min(SHORTEST) * norms[other].clamp_min(SHORTEST)
            report.add(f"gradient_cosine/{player.name}/{one}_{other}", torch.stack(products).sum() / lengths)
        self.gradients = {}

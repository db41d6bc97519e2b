"""One side of the game while it is trained: the parameters and their optimizer step."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol

import torch
from lightning import LightningModule
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.plugins.precision import DoublePrecision, MixedPrecision, Precision
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.distributed import collectives
from gan_lab.distributed.buckets import Buckets
from gan_lab.distributed.strategy import UnwrappedDDPStrategy
from gan_lab.models.report import Report
from gan_lab.utils.precision import full_precision

if TYPE_CHECKING:
    from gan_lab.models.turns import Turn

Terms = dict[str, Tensor]
PlayerName = Literal["generator", "discriminator"]
PLAYERS: tuple[PlayerName, ...] = ("generator", "discriminator")
HOOKS = ("on_before_backward", "on_after_backward", "on_before_optimizer_step")
METHODS = (*HOOKS, "backward", "manual_backward", "optimizer_step")


class Watch(Protocol):
    """An onlooker of a player's steps, which leaves them as they are."""

    def begin(self) -> None:
        """Forget the step before."""

    def learn(self, player: "Player", terms: Terms, share: float) -> None:
        """Look at terms before their gradient is taken, which their graph must still be good for afterwards.

        Args:
            player: who descends them.
            terms: scalars, each a mean over images.
            share: of the batch, that these images are.
        """

    def move(self, player: "Player", report: Report) -> None:
        """Tell what was found, before a step that is reported on."""


class Player:
    """A network's parameters with their optimizer, which descends a sum of terms.

    Args:
        name: "generator" or "discriminator".
        module: the LightningModule that is trained.
        network: the one whose parameters the player moves.
        optimizer: of the network's parameters.
        clip_grad_norm: the length to which a longer gradient, of all parameters together, is shortened; None leaves it.
        share_of_main_steps: of all steps that the player takes, lazy turns included; betas shrink by it.
    """

    def __init__(
        self,
        name: PlayerName,
        module: LightningModule,
        network: nn.Module,
        optimizer: LightningOptimizer,
        clip_grad_norm: float | None = None,
        share_of_main_steps: float = 1.0,
    ) -> None:
        self.name = name
        self.optimizer = optimizer
        self.clip_grad_norm = clip_grad_norm
        self.share_of_main_steps = share_of_main_steps
        self.parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.terms: Terms = {}  # of the step that is under way
        self.loss: Tensor | None = None  # their sum
        self.watch: Watch | None = None  # on steps that a callback asks for
        self.buckets = Buckets(self.parameters) if collectives.is_distributed() else None
        self.scaler = getattr(module.trainer.precision_plugin, "scaler", None)
        self.steps_directly = direct = can_skip_lightning_hooks(module)
        self.backward: Callable[[Tensor], None] = Tensor.backward if direct else module.manual_backward
        self.step: Callable[[], object] = optimizer.optimizer.step if direct else optimizer.step

    def descend(self, terms: Terms, report: Report | None, turn: "Turn") -> None:
        """Take one optimizer step down the sum of the terms, and report on it where a report is wanted."""
        self.forget()
        self.learn(terms, turn.every)
        self.move(report, turn)

    def forget(self) -> None:
        """Begin a step: without gradients."""
        for parameter in self.parameters:
            parameter.grad = None
        if self.watch is not None:
            self.watch.begin()
        self.terms, self.loss = {}, None

    def learn(self, terms: Terms, weight: float = 1, share: float = 1, is_last: bool = True) -> None:
        """Add the gradient of the terms' sum.

        Args:
            terms: scalars, each a mean over images.
            weight: of all of them in the gradient. The report shows them without it.
            share: of the batch, that these images are.
            is_last: no other part of the batch follows, so that gradients may leave for the other processes.
        """
        values = list(terms.values())
        loss = torch.stack(values).sum() if len(values) > 1 else values[0]
        descended = loss if weight * share == 1 else loss * (weight * share)
        if torch.is_autocast_enabled(loss.device.type):
            # Backward runs in the precisions of the forward; autocast would round a penalty's second derivatives.
            with full_precision(loss.device):
                self._take_gradients(terms, descended, share, is_last)
        else:
            self._take_gradients(terms, descended, share, is_last)
        if share == 1:
            self.terms, self.loss = terms, loss
        else:
            self.terms = {name: self.terms.get(name, 0) + share * term.detach() for name, term in terms.items()}
            self.loss = (0 if self.loss is None else self.loss) + share * loss.detach()

    def move(self, report: Report | None, turn: "Turn") -> None:
        """Take the optimizer's step, with the gradients of all processes."""
        # Losses are means over a batch, so the mean of the processes' gradients is that of all their batches' mean.
        if self.buckets is not None:
            self.buckets.average()
        if report is not None or self.clip_grad_norm is not None:
            norm = self.gradient_norm()
            if self.clip_grad_norm is not None:
                nn.utils.clip_grads_with_norm_(self.parameters, self.clip_grad_norm, norm)
            if report is not None:
                self._add_to(report, turn, norm)
                if self.watch is not None:
                    self.watch.move(self, report)
        self.terms, self.loss = {}, None
        self.step()

    def gradient_norm(self) -> Tensor:
        """The length of the gradient, all parameters together, as it is without a scaler's scale.

        The gradients themselves stay scaled. A factor that this norm decides on shortens them alike before and after
        they are unscaled, so that is left to who steps: an optimizer that unscales by itself, as fused ones do, or
        Lightning, which would refuse to do it a second time. Infinite ones become NaN, and the scaler skips the step.
        """
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm: Tensor = nn.utils.get_total_norm(gradients)
        if self.scaler is None:
            return norm
        scale: Tensor = self.scaler.scale(torch.ones_like(norm))  # unlike get_scale, it doesn't wait for the device
        return norm / scale

    @property
    def learning_rate(self) -> float:
        """Of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    def scale_learning_rate(self, factor: float) -> None:
        """Set every group's rate to a share of what it began with."""
        for group in self.optimizer.param_groups:
            rate = group["initial_lr"] * factor
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def set_betas(self, *betas: float | None) -> None:
        """Set every group's betas, corrected for lazy turns as they were at first; None leaves one as it is."""
        if all(beta is None for beta in betas):
            return
        for group in self.optimizer.param_groups:
            group["betas"] = tuple(
                now if beta is None else beta**self.share_of_main_steps
                for now, beta in zip(group["betas"], betas, strict=True)
            )

    def place_learning_rate(self, device: torch.device) -> None:
        """Keep rates that change on a CUDA device, where a graph reads them; everywhere else they are numbers.

        With and without graphs: an optimizer rounds a rate in a tensor differently. One that no graph can hold would
        read a tensor from the device at each step.
        """
        on_cuda = device.type == "cuda"
        if on_cuda:
            make_capturable(self.optimizer.optimizer)
        for group in self.optimizer.param_groups:
            rate = float(group["lr"])
            group["lr"] = torch.tensor(rate, device=device) if on_cuda and group.get("capturable") else rate

    def _take_gradients(self, terms: Terms, descended: Tensor, share: float, is_last: bool) -> None:
        if self.watch is not None:
            self.watch.learn(self, terms, share)
        with self.buckets.filling() if self.buckets is not None and is_last else nullcontext():
            self.backward(descended)

    def _add_to(self, report: Report, turn: "Turn", norm: Tensor) -> None:
        if turn.name == self.name and self.loss is not None:
            report.add(f"loss/{self.name}", self.loss)
        report.add(f"gradient_norm/{turn.name}", norm)
        if turn.name != self.name or len(self.terms) > 1:
            for name, term in self.terms.items():
                report.add(f"loss/{self.name}/{name}", term)


def can_skip_lightning_hooks(module: LightningModule) -> bool:
    """True where plain `loss.backward()` and `optimizer.step()` are all that Lightning would do.

    Its own versions call some twenty hooks a step, a tenth of the smallest GAN's time. Where no
    callback overrides one, and nothing is scaled or profiled, they can be left out.
    """
    trainer = module.trainer
    callbacks: Sequence[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    plugin = trainer.precision_plugin
    return (
        type(plugin) in (Precision, DoublePrecision, MixedPrecision)
        and getattr(plugin, "scaler", None) is None
        and type(trainer.strategy) in (SingleDeviceStrategy, UnwrappedDDPStrategy)
        and isinstance(trainer.profiler, PassThroughProfiler)  # type: ignore[attr-defined]
        and not any(is_overridden(method, module, LightningModule) for method in METHODS)
        and not any(is_overridden(hook, callback, Callback) for hook in HOOKS for callback in callbacks)
    )


@contextmanager
def frozen(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Gradients flow through what uses the parameters, but none are computed for them."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def make_capturable(optimizer: Optimizer) -> None:
    """Have an optimizer keep its count of steps on the device, where a graph can raise it."""
    for group in optimizer.param_groups:
        if "capturable" in group:
            group["capturable"] = True
            for parameter in group["params"]:
                state = optimizer.state.get(parameter, {})
                if "step" in state:
                    state["step"] = state["step"].to(parameter.device)

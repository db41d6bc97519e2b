"""A training step replayed as one CUDA graph: the processor launches one graph instead of hundreds of kernels.

Small GANs leave a GPU idle between kernels. A graph holds all kernels of a step: both players' turns, their optimizers
and the moving average. There is one graph for each kind of step: with and without the generator's turn, for
example.

Random numbers stay functions of (seed, step): torch reads the device generator's seed anew at every replay, and the
generator is seeded before each step as always. So a step leaves the same bits with graphs and without.
"""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gan_lab.distributed import collectives
from gan_lab.models import scheduled
from gan_lab.models.compile import is_compiled
from gan_lab.models.report import Report
from gan_lab.schedules import Moment
from gan_lab.utils.errors import UserError

if TYPE_CHECKING:
    from gan_lab.models.adversarial import AdversarialModule
    from gan_lab.models.turns import Condition, Turn

WARM_UP = 3  # steps of a kind that run as they are written: optimizers make their state, cuDNN picks its kernels


@dataclass(frozen=True)
class CapturedStep:
    """One kind of step: the graph, and the tensors that every replay reads and writes.

    Args:
        graph: to replay.
        inputs: real images (batch, ...), then the condition's tensors: filled before a replay.
        reports: of each turn: what a replay has found.
        logits: the discriminator's of real and generated images.
    """

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    reports: tuple[Report, ...]
    logits: dict[str, Tensor]


class StepGraphs:
    """Take a model's steps, as they are written at first and then by replaying graphs of them.

    Args:
        model: whose steps are taken, on a CUDA device.
    """

    def __init__(self, model: "AdversarialModule") -> None:
        self.model = model
        self.taken: Counter[tuple[Turn, ...]] = Counter()
        self.captured: dict[tuple[Turn, ...], CapturedStep] = {}
        self.pool: Any = None  # memory that the graphs share: no two run at once

    def take(self, real: Tensor, condition: "Condition", due: "tuple[Turn, ...]") -> tuple[Report, ...]:
        """Take the turns of one batch; returns what each of them reports."""
        if due not in self.captured:
            if self.taken[due] < WARM_UP or not self.model.has_settled:
                self.taken[due] += 1
                reports = tuple(Report() for _ in due)
                self.model.take_turns(real, condition, due, reports)
                return reports
            self.captured[due] = self._capture(real, condition, due)
        step = self.captured[due]
        for static, fresh in zip(step.inputs, (real, *condition), strict=True):
            static.copy_(fresh)
        step.graph.replay()
        if step.logits:  # cloned: another kind of step may write over them
            self.model.latest_logits = {kind: logits.clone() for kind, logits in step.logits.items()}
        return step.reports

    def _capture(self, real: Tensor, condition: "Condition", due: "tuple[Turn, ...]") -> CapturedStep:
        """Record a step without taking it.

        Raises:
            UserError: something in the step, in a network of one's own say, waits for the device or can't be captured.
        """
        inputs = tuple(part.clone() for part in (real, *condition))
        reports = tuple(Report() for _ in due)
        known, self.model.latest_logits = self.model.latest_logits, {}
        torch.clear_autocast_cache()  # the graph must round the weights of each replay, not those of a step before
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self.pool):
                self.model.take_turns(inputs[0], inputs[1:], due, reports)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise UserError(f"the step can't be a CUDA graph ({reason}): set trainer.cuda_graphs=false") from error
        self.pool = self.pool or graph.pool()
        captured, self.model.latest_logits = self.model.latest_logits, known  # which a step without logits leaves
        return CapturedStep(graph, inputs, reports, captured)


def why_not(model: "AdversarialModule") -> str | None:
    """Give the reason why a model's steps can't be captured here; None where they can."""
    trainer = model.trainer
    if model.device.type != "cuda":
        return "they need a CUDA device"
    if collectives.is_distributed():
        return "several processes exchange gradients within a step"
    if is_compiled(model.generator):
        return "trainer.compile=true launches kernels in its own way"
    if getattr(trainer.precision_plugin, "scaler", None) is not None:
        return "trainer.precision=16-mixed decides on the host whether to step; bf16-mixed doesn't"
    if model.parts > 1:
        return "trainer.accumulate_grad_batches sets the random generator back within a step"
    if torch.is_anomaly_enabled():
        return "trainer.detect_anomaly=true looks at every result"
    if any(getattr(callback, "looks_into_steps", False) for callback in trainer.callbacks):  # type: ignore[attr-defined]
        return "callbacks.gradients takes the gradient of each term by itself"
    for name in ("beta1", "beta2", "ema_half_life"):
        if name in scheduled.numbers(model.schedule, Moment(0.0, 0)):
            return f"model.schedule.{name} is a number of the host, which a graph would keep as it was"
    for player in model.players:
        if not all("capturable" in group for group in player.optimizer.param_groups):
            kind = type(player.optimizer.optimizer).__name__
            return f"{kind} counts its steps, or reads its rate, on the host; Adam and RMSprop don't need to"
    if not all(player.steps_directly for player in model.players):
        return "a callback, or the profiler, hooks into the backward pass or the optimizer's step"
    return None

"""Lightning's Trainer with the types and ranges of what a command line sets, and an end that is counted in batches."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated, Any, Literal

import lightning
import torch
from lightning import LightningModule
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loops.fit_loop import _FitLoop
from lightning.pytorch.profilers import PassThroughProfiler, Profiler
from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector

from gan_lab.distributed import collectives
from gan_lab.distributed.launcher import surroundings
from gan_lab.distributed.strategy import UnwrappedDDPStrategy
from gan_lab.utils import hardware
from gan_lab.utils.precision import Precision as PenaltyPrecision
from gan_lab.utils.types import HARMLESS, Fact, OnResume, PositiveInt

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
MatmulPrecision = Literal["highest", "high", "medium"]
Limit = Literal[-1] | PositiveInt
# Also of the length of an epoch, in which max_epochs counts.
END = OnResume("learning rates that fall until the end differ from the first batch on", only_with_an_end=True)
Switch = Annotated[bool | None, HARMLESS, Fact.INCIDENTAL]
# Options of Lightning's that can't work here, and what to do instead.
REFUSED = {
    "gradient_clip_val": "Lightning can't clip with two optimizers; set model.clip_grad_norm.generator instead",
    "strategy": "follows from trainer.devices and trainer.num_nodes",
}


class Trainer(lightning.Trainer):
    """Everything else is as in Lightning.

    Args:
        max_steps: batches to train on, -1 for no limit.
        max_epochs: passes over the training images, None or -1 for no limit; the lower of the two limits counts.
        devices: how many on each machine, a process for each; "auto" is one, or what torchrun or srun has started.
        num_nodes: machines that take part.
        precision: of the networks; weights, losses and penalties stay in float32.
        penalty_precision: of the discriminator where a penalty takes its gradient, whatever `precision` is; R3GAN's
            loss is of the same forward.
        matmul_precision: of float32 matrix products while training: on CUDA "high" and "medium" are TensorFloat32, as
            torch takes in convolutions by default; on a CPU that can, "medium" is bfloat16.
        compile: whether the networks are compiled, which can take minutes in the first batches.
        cuda_graphs: whether each training step is replayed as one CUDA graph, with the same bits; "auto" does so
            wherever that is possible, true demands it.
        accumulate_grad_batches: parts that each process's batch is computed in: less memory for the same step.
        log_every_n_steps: batches between two logging points; nothing waits for the device in between.

    Raises:
        ValueError: an option that can't work here.
    """

    def __init__(
        self,
        *,
        accelerator: Annotated[
            Literal["auto", "cpu", "gpu", "cuda", "mps"], OnResume("different order of summation"), Fact.INCIDENTAL
        ],
        devices: Annotated[PositiveInt | Literal["auto"], OnResume("different noise and order of summation")],
        num_nodes: Annotated[PositiveInt, OnResume("different noise and order of summation")],
        precision: Annotated[Precision, OnResume("different rounding")],
        matmul_precision: Annotated[MatmulPrecision, OnResume("different rounding")],
        compile: Annotated[bool, OnResume("different rounding")],
        cuda_graphs: Annotated[bool | Literal["auto"], HARMLESS, Fact.INCIDENTAL],
        max_steps: Annotated[Limit, END],
        max_epochs: Annotated[Limit | None, END],
        log_every_n_steps: Annotated[PositiveInt, HARMLESS, Fact.INCIDENTAL],
        penalty_precision: Annotated[PenaltyPrecision, OnResume("different rounding")] = "32-true",
        accumulate_grad_batches: Annotated[PositiveInt, OnResume("different order of summation")] = 1,
        limit_train_batches: Annotated[int | float | None, END] = None,
        deterministic: Annotated[bool | Literal["warn"] | None, Fact.INCIDENTAL] = None,
        detect_anomaly: Annotated[bool, HARMLESS, Fact.INCIDENTAL] = False,
        enable_checkpointing: Switch = None,
        enable_progress_bar: Switch = None,
        enable_model_summary: Switch = None,
        callbacks: list[Callback] | None = None,
        profiler: Annotated[str | Profiler | None, HARMLESS, Fact.INCIDENTAL] = None,
        plugins: Sequence[Any] = (),
        **options: Any,
    ) -> None:
        for option, reason in REFUSED.items():
            if option in options:
                raise ValueError(f"{option}: {reason}")
        self.has_no_end = last_batch(max_steps, max_epochs, 1) is None
        several = devices != "auto" and devices * num_nodes > 1
        # Alone, a batch system's variables are no invitation to wait for others.
        around = surroundings() if several else LightningEnvironment()
        # Each costs every batch a call or two, so only those that have something to do.
        ways = {"parts": accumulate_grad_batches, "wants_cuda_graphs": cuda_graphs}
        helpers: list[Callback] = [EpochLimit(max_epochs), WayOfSteps(**ways, penalty_precision=penalty_precision)]
        if several:
            helpers.append(SameWeights())
        if matmul_precision != torch.get_float32_matmul_precision():
            helpers.append(MatrixProducts(matmul_precision))
        if compile:
            helpers.append(CompiledNetworks())
        super().__init__(
            accelerator=accelerator,
            devices=1 if devices == "auto" else devices,
            num_nodes=num_nodes,
            strategy=UnwrappedDDPStrategy() if several else "auto",
            use_distributed_sampler=False,  # the data divides itself
            precision=precision,
            max_steps=max_steps,
            max_epochs=-1,
            log_every_n_steps=log_every_n_steps,
            limit_train_batches=limit_train_batches,
            deterministic=deterministic,
            detect_anomaly=detect_anomaly,
            enable_checkpointing=enable_checkpointing,
            enable_progress_bar=enable_progress_bar,
            enable_model_summary=enable_model_summary,
            callbacks=[*helpers, *(callbacks or [])],
            profiler=profiler or NoProfiler(),
            plugins=[*plugins, around],
            **options,
        )
        self._signal_connector = NoSignals(self)
        loop = ResumableFitLoop(self, min_epochs=self.fit_loop.min_epochs, max_epochs=self.fit_loop.max_epochs)
        loop.epoch_loop = self.fit_loop.epoch_loop
        # Lightning has processes wait for their devices at each batch, to hear of a signal. `GracefulStop` tells them.
        loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]
        self.fit_loop = loop


class ResumableFitLoop(_FitLoop):
    """Comes to the end that a run was killed before: between its last batch and what callbacks do after it.

    Lightning's own has nothing to do where all batches are done, and calls no `on_train_end`.
    """

    @property
    def skip(self) -> bool:
        """Only where there are no batches at all."""
        return self.max_batches == 0 or self.trainer.limit_train_batches == 0


class NoSignals(_SignalConnector):
    """Leaves signals to the callback `GracefulStop`.

    Lightning's own handlers save a SLURM job's state inside the handler, between any two instructions, and talk to
    other processes there.
    """

    def register_signal_handlers(self) -> None:
        """Register none."""

    def teardown(self) -> None:
        """There is none to restore."""


class NoProfiler(PassThroughProfiler):
    """Profiles nothing, faster than Lightning's own, which makes a generator at some thirty places a batch."""

    nothing = nullcontext()

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]
        """A context that does nothing."""
        return self.nothing


class EpochLimit(Callback):
    """Turns the limit in epochs into one in batches.

    Lightning counts an epoch that was cut short as a whole one, so a resumed run would end too early.
    """

    def __init__(self, max_epochs: int | None) -> None:
        self.max_epochs = max_epochs

    def on_train_start(self, trainer: lightning.Trainer, pl_module: LightningModule) -> None:
        """Set the limit, now that the length of an epoch is known."""
        loop = trainer.fit_loop.epoch_loop
        limit = last_batch(loop.max_steps, self.max_epochs, trainer.num_training_batches)
        loop.max_steps = -1 if limit is None else limit


class MatrixProducts(Callback):
    """Sets the precision of matrix products while a batch is trained on: scores in between must not depend on it."""

    def __init__(self, precision: MatmulPrecision) -> None:
        self.precision = precision
        self.before = torch.get_float32_matmul_precision()

    def on_train_batch_start(self, *_: Any) -> None:
        """Set it."""
        torch.set_float32_matmul_precision(self.precision)

    def on_train_batch_end(self, *_: Any) -> None:
        """Leave it as it was."""
        torch.set_float32_matmul_precision(self.before)

    def on_exception(self, *_: Any) -> None:
        """Leave it as it was."""
        torch.set_float32_matmul_precision(self.before)


class CompiledNetworks(Callback):
    """Has the model compile its networks."""

    compiles_networks = True

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Arrange for it; torch compiles with the first batches."""
        hardware.check_compiler(str(trainer.strategy.root_device))
        pl_module.compile_networks()


class WayOfSteps(Callback):
    """Tells the model how its steps are to be computed, by attributes that it has."""

    def __init__(self, **ways: Any) -> None:
        self.ways = ways

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Say so before the model gets its players ready."""
        for name, value in self.ways.items():
            setattr(pl_module, name, value)


class SameWeights(Callback):
    """Makes sure, wherever numbers are logged, that all processes have the same weights, to the last bit."""

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Compare, at a logging point."""
        if trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self.compare(trainer, pl_module)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: LightningModule) -> None:
        """Compare what is about to be saved."""
        self.compare(trainer, pl_module)

    def compare(self, trainer: lightning.Trainer, pl_module: LightningModule) -> None:
        """Compare all parameters.

        Raises:
            RuntimeError: they have drifted apart, so the run has become worthless since the last checkpoint.
        """
        names, parameters = zip(*pl_module.named_parameters(), strict=True)
        places = collectives.mismatched(parameters)
        if places:
            raise RuntimeError(
                f"batch {trainer.global_step}: the processes' weights have drifted apart, first in {names[places[0]]} "
                f"({len(places)} of {len(names)} tensors): something is random or different on each of them, or a "
                "device is broken. The last checkpoint is from before"
            )


def last_batch(max_steps: int, max_epochs: int | None, batches_per_epoch: float) -> int | None:
    """The batch after which a run ends; None where it has no end."""
    limits = [max_steps] if max_steps != -1 else []
    if max_epochs is not None and max_epochs != -1:
        limits.append(int(max_epochs * batches_per_epoch))
    return min(limits, default=None)

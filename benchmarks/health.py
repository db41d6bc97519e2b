"""What watching a run's health costs, as a share of the time that the run trains."""

import tempfile
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import lightning
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import open_dict

from benchmarks.steps import CONF
from gan_lab.callbacks.health import Health
from gan_lab.config.schema import build

WARM_UP = 20  # batches that don't count


@dataclass(frozen=True)
class Case:
    """A model, and how many checks are measured."""

    model: str
    checks: int
    limit: float  # the share that this project promises


CASES = (Case("vanilla", checks=8, limit=0.02), Case("dcgan", checks=6, limit=0.02))


class Cost(Callback):
    """Notes how long each look takes, which hides between two others, and each batch.

    A check is made at every third logging point instead of every `every_n_images` images, and counted as rarely as it
    really comes.
    """

    def __init__(self, health: Health, checks: int) -> None:
        self.look, self.examine = health.on_train_batch_end, health.examine
        timed: Any = health
        timed.on_train_batch_end, timed.examine = self.timed_look, self.timed_check
        self.health = health
        self.wanted = checks + 1  # the first one loads images and isn't part of the course of things
        self.looks: list[float] = []
        self.checks: list[float] = []
        self.batches: list[float] = []
        self.end = 0.0

    def timed_look(self, trainer: lightning.Trainer, *rest: Any) -> None:
        """A logging point, without its check."""
        step = trainer.global_step
        if step > WARM_UP:
            self.batches.append(perf_counter() - self.end)
        at_logging_point = step % trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        due = at_logging_point and step // trainer.log_every_n_steps % 3 == 0  # type: ignore[attr-defined]
        model: Any = trainer.lightning_module
        self.health.trigger.last = -self.health.trigger.every if due else model.images_seen
        before, checks = perf_counter(), len(self.checks)
        self.look(trainer, *rest)
        if at_logging_point:
            spent = self.checks[-1] if len(self.checks) > checks else 0.0
            self.looks.append(perf_counter() - before - spent)
        if len(self.checks) == self.wanted:
            trainer.should_stop = True
        self.end = perf_counter()

    def timed_check(self, *arguments: Any) -> None:
        """What comes every `every_n_images` images."""
        before = perf_counter()
        self.examine(*arguments)
        self.checks.append(perf_counter() - before)


def measure(case: Case) -> tuple[float, float, float, float]:
    """Median seconds of a batch, of a look at a logging point, of a check, and the share that both add."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"model={case.model}", "trainer.accelerator=cpu", "trainer.max_steps=-1"])
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        with open_dict(config):
            config.run_dir = folder
        data, model, health = build(config.data), build(config.model), build(config.callbacks.health)
        shape = (data.channels, *data.image_size)
        for split, count in (("train", 60_000), ("test", 10_000)):
            images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8)
            data.splits[split] = images, torch.randint(0, 10, (count,))
        data.prepare_data = lambda: None  # nothing to fetch
        cost = Cost(health, case.checks)
        loggers = [build(node) for node in config.logger.values()]
        options = {"enable_progress_bar": False, "enable_checkpointing": False}
        trainer = build(config.trainer, callbacks=[health, cost], logger=loggers, **options)
        trainer.fit(model, data)
    batch, look, check = median(cost.batches), median(cost.looks), median(cost.checks[1:])
    batches = health.trigger.every / data.batch_size
    share = (look / config.trainer.log_every_n_steps + check / batches) / batch
    return batch, look, check, share


def report() -> list[str]:
    """The table, a Markdown line each."""
    lines = [
        "| model | a batch, ms | a logging point's look, ms | a check, ms | of training time | promised |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for case in CASES:
        batch, look, check, share = measure(case)
        times = f"{batch * 1e3:.2f} | {look * 1e3:.2f} | {check * 1e3:.1f}"
        lines.append(f"| {case.model} | {times} | {share:.1%} | <= {case.limit:.0%} |")
    return lines

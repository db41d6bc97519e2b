"""Generators that have seen the real images of one row and nothing else: trained for it, or proved by their record."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import Tensor

from gan_lab.config import allowed, saved_config, schema
from gan_lab.config.handed_over import HandedOver, handing_over
from gan_lab.data.chosen import ChosenImages
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.evaluation import load_generator
from gan_lab.metrics.extractors import without_border
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run
from gan_lab.training.train import train
from gan_lab.utils import hashes, images, seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from gan_lab.utils.memory import at_once
from gan_lab.utils.sizes import height_and_width

TARGET = f"{ChosenImages.__module__}.{ChosenImages.__qualname__}"
KEPT = ("checkpoint", "graceful_stop")  # callbacks; all others look on, or choose by images that were not to be seen
SAMPLED_AT_ONCE = 500  # images, at most


def refuse_unfit(run: Run) -> None:
    """Refuse a run whose generator can't make images of a class that is asked for, or may have seen other images.

    One whose files, perhaps a stranger's, would have the training write elsewhere is refused as well.

    Raises:
        UserError: saying why.
    """
    config = run.config()
    schema.check(config)
    kind = allowed.resolve(config.model._target_, "model._target_")
    if not (isinstance(kind, type) and issubclass(kind, LatentGAN)):
        raise UserError(
            f"{run.folder}: {getattr(kind, '__name__', kind)} translates images; a classifier learns from images of "
            "classes that are drawn, as of model=cgan"
        )
    with torch.device("meta"):
        model = schema.build(config.model)
    if not hasattr(model, "num_classes"):
        raise UserError(
            f"{run.folder}: {type(model).__name__} draws no class that is asked for, and a classifier needs labels; "
            "name a conditional run, such as of model=cgan"
        )
    if config.get("init_from"):
        raise UserError(
            f"{run.folder}: began with the weights of {config.init_from}, which may have seen more images than a row "
            "has; name a run without init_from"
        )
    without_watchers(config)
    saved_config.refuse_hostile(config, run.folder, [])


def without_watchers(config: DictConfig) -> None:
    """Leave a configuration no logger and no callback that looks at images or chooses by them."""
    with open_dict(config):
        config.callbacks = {name: config.callbacks[name] for name in KEPT if config.callbacks.get(name)}
        config.logger = {}


def steps_of(run: Run) -> int:
    """The number of batches that a run was to be trained for, from its record or its configuration.

    Raises:
        UserError: neither says so.
    """
    record, config = run.record(), run.config()
    steps = record.get("last_batch") or (config.trainer.max_steps if config.trainer.get("max_epochs") is None else None)
    steps = steps if steps is None or steps > 0 else record.get("batches")
    if not steps:
        raise UserError(
            f"{run.folder}: its record doesn't say how many batches it was trained for; name them with "
            "--generator-steps"
        )
    return int(steps)


def refuse_more_images(run: Run, own: str, count: int) -> None:
    """Refuse a trained run unless its record proves that it has seen the images of a row and no others.

    Args:
        run: that was trained.
        own: the hash of the row's images and labels.
        count: their number.

    Raises:
        UserError: it has seen others, or its record doesn't say.
    """
    described = run.data_record()
    seen = described.get("train_sha256")
    if seen is None:
        raise UserError(
            f"{run.folder}: its record doesn't say which images it has seen (train_sha256); leave --generator run out, "
            "so that a generator is trained for each row"
        )
    if seen != own:
        number = described.get("train_images")
        saw = f"{number:,} training images" if isinstance(number, int) else "other training images"
        raise UserError(
            f"--generator run: {run.folder} has seen {saw}, not just the {count:,} of this row; leave the "
            "option out, so that a generator is trained for each row, or compare with --real all"
        )


@dataclass(frozen=True)
class Training:
    """The training of a generator for a row.

    Args:
        run: whose configuration it has.
        chosen: the real images of the row, uint8 (n, channels, height, width), with labels.
        seed: of its weights and noise.
        steps: batches.
        accelerator: "cpu", or None for that of the configuration.
    """

    run: Run
    chosen: LabelledImages
    seed: int
    steps: int
    accelerator: str | None = None

    def config(self) -> DictConfig:
        """The run's configuration, with these images, this seed and length, and no callback that looks at others."""
        config = self.run.config()
        before, trainer = config.data, config.trainer
        devices = 1 if trainer.get("devices", "auto") == "auto" else int(trainer.devices)
        batch_size = int(before.batch_size) * devices * int(trainer.get("num_nodes", 1))
        with open_dict(config):
            config.data = {
                "_target_": TARGET,
                "image_size": before.image_size,
                "channels": before.channels,
                "num_classes": before.num_classes,
                "validation_count": 0,
                "mirror": before.get("mirror", False),
                "batch_size": min(batch_size, len(self.chosen.labels)),
                "seed": "${seed}",
                **({"sampler": before.sampler} if "sampler" in before else {}),  # runs of before have none
            }
            config.seed, config.resume, config.init_from = self.seed, None, None
            config.resume_mode = "exact"
            trainer.update({"max_epochs": None, "max_steps": self.steps, "devices": 1, "num_nodes": 1})
            trainer.update({"enable_progress_bar": False, "sync_batchnorm": False})
            if self.accelerator:
                trainer.accelerator = self.accelerator
            config.tags, config.notes = ["augment"], None
        without_watchers(config)
        return config

    @property
    def key(self) -> str:
        """A hash of all that decides the generator."""
        config = self.config()
        config.run_dir = "."
        values: Any = OmegaConf.to_container(config, resolve=True)
        parts = {name: values.get(name) for name in ("model", "data", "seed")}
        steps = {"steps": self.steps, "precision": config.trainer.precision}
        return hashes.of_values(parts | steps | {"images": hashes.of_tensors(*self.chosen)})

    def run_in(self, folder: Path) -> Run:
        """Train in a folder, or go on there, unless it is done already; what the program prints is left out.

        Returns:
            The finished run, whose record was held against the images.

        Raises:
            UserError: the training failed.
            Interrupted: a signal came; the state is saved.
        """
        run = Run(folder)
        if not run.record_file.is_file() or run.state() != "finished":
            config = self.config()
            if run.record_file.is_file():
                with open_dict(config):
                    config.resume = str(folder)
            objects = {TARGET: HandedOver(ChosenImages, self._give, takes_options=True)}
            # What it prints is its summary, and how to resume it, which this command does itself.
            with handing_over(objects), redirect_stdout(io.StringIO()):
                train(config, folder)
        run = Run.open(folder)
        if run.state() != "finished":
            raise UserError(f"{folder}: the generator's training has ended as {run.state()}; look into its run.json")
        refuse_more_images(run, hashes.of_tensors(*self.chosen), len(self.chosen.labels))
        return run

    @property
    def _give(self) -> Any:
        chosen, name = self.chosen, f"{self.run.data_record().get('name', 'images')}_chosen"

        def give(**options: Any) -> InMemoryDataModule:
            return ChosenImages(**options).hand_over(chosen, name)

        return give


class Drawn:
    """Generated images of each class, by the seed and their index.

    Args:
        run: trained.
        seed: of the latents.
        native_size: (height, width) of the dataset's images, without the border that a generator adds.
        ema: whether the generator's moving average draws, where there is one.
        device: to draw on.

    Raises:
        UserError: there is no checkpoint.
    """

    def __init__(self, run: Run, *, seed: int, native_size: Sequence[int], ema: bool, device: torch.device) -> None:
        self.run, self.seed, self.native_size, self.ema = run, seed, native_size, ema
        self.model = load_generator.load(run, "last").to(device)
        data = run.config().data
        self.together = at_once(data.channels * prod(height_and_width(data.image_size)), SAMPLED_AT_ONCE)

    def of_class(self, label: int, count: int) -> Tensor:
        """The first images of a class, uint8 (count, channels, height, width), with the border that it may have.

        Raises:
            UserError: they are not finite: the training has failed.
        """
        latents = self.model.seeded_latents(max(1, count), seeding.derive(self.seed, "augment", label))
        parts = []
        for part in torch.split(latents, self.together):
            drawn = self.model.sample(part, *self.model.make_condition(len(part), label), ema=self.ema)
            if not bool(drawn.isfinite().all()):
                raise UserError(f"{self.run.folder}: draws values that are not finite; its training has failed")
            parts.append(images.to_uint8(drawn).cpu())
        return torch.cat(parts)[:count]

    def logits(self, drawn: Tensor, label: int) -> Tensor:
        """The discriminator's mean logit of each image of a class, float64 (n,) on the CPU; higher is more real."""
        found = []
        for part in torch.split(drawn, self.together):
            pixels = images.to_float(part.to(self.model.device))
            logits = self.model.eval_logits(pixels, self.model.make_condition(len(part), label))
            found.append(logits.flatten(1).double().mean(1).cpu() if logits.ndim > 1 else logits.double().cpu())
        return torch.cat(found) if found else torch.empty(0, dtype=torch.double)

    def without_border(self, drawn: Tensor) -> Tensor:
        """Images without the border that the dataset's own haven't got."""
        return without_border(drawn, self.native_size)

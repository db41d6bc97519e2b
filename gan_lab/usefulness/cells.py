"""The classifiers of one row of real images and one seed, and their results, each of which is kept in a file."""

import json
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import torch
from pydantic import TypeAdapter
from torch import Tensor
from typing_extensions import TypedDict

from gan_lab.metrics.classifier import Classifier
from gan_lab.usefulness import learner
from gan_lab.usefulness.arms import Arm, repeated
from gan_lab.usefulness.copies import Copies
from gan_lab.usefulness.filters import Filter, all_kept
from gan_lab.usefulness.generators import Drawn, Training
from gan_lab.usefulness.learner import Recipe
from gan_lab.usefulness.selection import Row
from gan_lab.usefulness.subject import Subject
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import write_atomically
from gan_lab.utils.terminal import say
from gan_lab.utils.typed_json import read_json

COPIES_AMONG = 2000  # generated images, and as many unseen ones, that are looked at
CORRUPTED = 2000  # test images that are corrupted as well


class Result(TypedDict):
    """The result of one classifier: what it learned from, and its measures; the content of its file."""

    run: str
    real: str
    arm: str
    generated: int
    filter: str
    seed: int
    learned_from: int
    accuracy: float
    recall: list[float]
    calibration_error: float
    corrupted: dict[str, float]
    copies: float | None
    copies_unseen: float | None


RESULT = TypeAdapter(Result)


class Cell:
    """The classifiers of one row and one seed, which share real images and a generator.

    Args:
        subject: the run.
        row: number of real images.
        seed: of all.
        place: folder of the study.
    """

    def __init__(self, subject: Subject, row: Row, seed: int, place: Path) -> None:
        self.subject, self.options, self.row, self.seed, self.place = subject, subject.options, row, seed, place
        self.chosen = subject.chosen(row, seed)
        self._latest: tuple[tuple[list[int], Filter], tuple[Tensor, Tensor]] | None = None

    @property
    def name(self) -> str:
        """A name for messages."""
        return f"{self.subject.run.folder.name}, {self.row.name} real images of each class, seed {self.seed}"

    @property
    def lock(self) -> Path:
        """The file that stands for the cell while a process is at it."""
        return self.place / f"{self.subject.run.folder.name}_real{self.row.name}_seed{self.seed}.lock"

    @cached_property
    def content(self) -> str:
        """A hash of the real images."""
        return hashes.of_tensors(*self.chosen)

    @cached_property
    def training(self) -> Training:
        """The training of the generator."""
        accelerator = "cpu" if self.subject.device.type == "cpu" else None
        return Training(self.subject.run, self.chosen, self.seed, self.subject.generator_steps, accelerator)

    @cached_property
    def generator_key(self) -> str:
        """A hash of what decides the generated images."""
        own = self.options.generator == "run"
        return hashes.of_file(self.subject.run.checkpoint) if own else self.training.key

    @cached_property
    def drawn(self) -> Drawn:
        """The generator, trained now if it has not been."""
        run = self.subject.run
        if self.options.generator == "train":
            folder = self.place / "generators" / f"real{self.row.name}_seed{self.seed}_{self.generator_key[:8]}"
            say(f"{self.name}: a generator, {self.training.steps:,} batches ({folder})")
            run = self.training.run_in(folder)
        return Drawn(
            run,
            seed=self.seed,
            native_size=self.chosen.images.shape[-2:],
            ema=self.options.ema,
            device=self.subject.device,
        )

    @cached_property
    def copies(self) -> Copies:
        """Finds copies of the row's real images."""
        return Copies(self.chosen.images)

    @cached_property
    def copies_unseen(self) -> float:
        """The share of unseen real images that would be taken for copies."""
        unseen = self.subject.test.images
        return self.copies.share(unseen[learner.spread(len(unseen), COPIES_AMONG)])

    @cached_property
    def real_classifier(self) -> Classifier:
        """The classifier of the real images alone."""
        return self.train(*self.chosen, self.recipe(Arm("real")))

    def recipe(self, arm: Arm) -> Recipe:
        """The training of an arm's classifier: all are alike but for the classical augmentation."""
        augment = arm.augment
        return Recipe(self.options.steps, self.options.batch_size, augment, augment and self.subject.mirror)

    def train(self, images: Tensor, labels: Tensor, recipe: Recipe) -> Classifier:
        """Train a classifier."""
        return learner.train(
            images,
            labels,
            recipe,
            num_classes=len(self.subject.classes),
            seed=self.seed,
            device=self.subject.device,
        )

    def key(self, arm: Arm) -> str:
        """A hash of all that decides a result."""
        parts: dict[str, object] = {
            "learner": learner.RECIPE,
            "real": self.content,
            "test": self.subject.test_content,
            "arm": asdict(arm),
            "recipe": asdict(self.recipe(arm)),
            "seed": self.seed,
            "measured": [COPIES_AMONG, CORRUPTED],
        }
        if arm.generated:
            parts |= {"generator": self.generator_key, "ema": self.options.ema, "wanted": self.wanted(arm)}
        return hashes.of_values(parts)

    def file(self, arm: Arm) -> Path:
        """The file of a result."""
        filtered = "" if arm.filter == "none" else f"_{arm.filter}"
        times = f"{arm.generated}{filtered}" if arm.generated else ""
        name = f"real{self.row.name}_seed{self.seed}_{arm.name.replace(', ', '-')}{times}"
        return self.place / "results" / f"{name}_{self.key(arm)[:12]}.json"

    def result(self, arm: Arm) -> Result:
        """The result of an arm, from its file or computed now."""
        file = self.file(arm)
        if file.is_file():
            return read_json(file, RESULT) | {"run": self.subject.run.folder.name}
        images, labels, generated = self.learned_from(arm)
        if not len(labels):
            raise UserError(f"--filters {arm.filter}: keeps no image of {self.name}; leave it out")
        filtered = "" if arm.filter == "none" else f", filter {arm.filter}"
        times = f" {arm.generated}" if arm.generated else ""
        say(f"{self.name}: a classifier, {arm.name}{times}{filtered} ({len(labels):,} images)")
        model = self.real_classifier if arm.name == "real" else self.train(images, labels, self.recipe(arm))
        measured = learner.measure(model, *self.subject.test, CORRUPTED, len(self.subject.classes))
        found = None if generated is None or not len(generated) else generated
        result: Result = {
            "run": self.subject.run.folder.name,
            "real": self.row.name,
            "arm": arm.name,
            "generated": arm.generated,
            "filter": arm.filter,
            "seed": self.seed,
            "learned_from": len(labels),
            "accuracy": measured.accuracy,
            "recall": measured.recall,
            "calibration_error": measured.calibration_error,
            "corrupted": measured.corrupted,
            "copies": None if found is None else self.copies.share(found[learner.spread(len(found), COPIES_AMONG)]),
            "copies_unseen": None if found is None else self.copies_unseen,
        }
        write_atomically(file, json.dumps(result, indent=2) + "\n")
        return result

    def wanted(self, arm: Arm) -> list[int]:
        """The number of generated images of each class.

        So many for each real image. Where a class is starved, a classifier of real and generated images gets images of
        that class alone, so many for each that it lacks; one that learns from generated images alone gets all classes.
        """
        counts = self.chosen.labels.bincount(minlength=len(self.subject.classes))
        if not self.row.starved:
            return [arm.generated * int(count) for count in counts]
        most = int(counts.max())
        if arm.name == "alone":
            return [arm.generated * most for _ in counts]
        return [
            arm.generated * (most - int(counts[label])) * (label in self.subject.starved)
            for label in range(len(counts))
        ]

    def generated(self, wanted: list[int], chosen: Filter) -> tuple[Tensor, Tensor]:
        """Generated images with their labels; several arms in a row have the same."""
        if self._latest is None or self._latest[0] != (wanted, chosen):
            classifier = self.real_classifier if chosen == "confidence" else None
            self._latest = (wanted, chosen), all_kept(self.drawn, wanted, chosen, classifier, self.copies)
        return self._latest[1]

    def learned_from(self, arm: Arm) -> tuple[Tensor, Tensor, Tensor | None]:
        """The images that an arm's classifier learns from, their labels, and the generated ones among them."""
        images, labels = self.chosen
        if arm.name.startswith("repeated"):
            places = repeated(labels, self.subject.starved)
            return images[places], labels[places], None
        if not arm.generated:
            return images, labels, None
        drawn, requested = self.generated(self.wanted(arm), arm.filter)
        if arm.name == "alone":
            return drawn, requested, drawn
        return torch.cat((images, drawn)), torch.cat((labels, requested)), drawn

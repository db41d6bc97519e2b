"""A study of what generated images are worth: classifiers of real, augmented and generated images, side by side.

Each row has so many real images of each class. For each seed these are drawn anew, a generator is trained on these
alone, and classifiers learn from

- real images: "real"; augmented in the classical way: "classical";
- with a starved class, its images repeated until it has as many as the others: "repeated", "repeated, classical";
- real and generated images: "generated"; both, all augmented in the classical way: "both";
- generated images alone: "alone".

All take the same number of steps, and are measured on the whole test split, which nothing else has seen. Each result is
kept in a file of its own, named by a hash of all that decides it, so that a study that was stopped goes on.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import TypeAdapter
from torch import Tensor
from typing_extensions import TypedDict

from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.evaluation import run_scores
from gan_lab.evaluation.datasets import dataset_of_run
from gan_lab.evaluation.groups import setup
from gan_lab.metrics.classifier import Classifier
from gan_lab.metrics.real_images import RealImages
from gan_lab.runs.names import folder_of
from gan_lab.runs.run import Run
from gan_lab.usefulness import learner
from gan_lab.usefulness.copies import Copies
from gan_lab.usefulness.filters import Filter, all_kept
from gan_lab.usefulness.generators import Drawn, Training, refuse_more_images, refuse_unfit, steps_of
from gan_lab.usefulness.learner import Recipe
from gan_lab.usefulness.selection import Row, choose
from gan_lab.utils import hardware, hashes
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError, nearest
from gan_lab.utils.files import write_atomically
from gan_lab.utils.terminal import say
from gan_lab.utils.typed_json import read_json

COPIES_AMONG = 2000  # generated images, and as many unseen ones, that are looked at
CORRUPTED = 2000  # test images that are corrupted as well
# By the arm's name, the arm that it is fairly compared with.
REFERENCES = {
    "classical": "real",
    "repeated": "real",
    "repeated, classical": "classical",
    "generated": "real",
    "both": "classical",
    "alone": "real",
}
Source = Literal["train", "run"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a study.

    Args:
        real: rows, numbers of real images of each class; None takes all.
        generated: numbers of generated images for each real one, or, with a starved class, for each that it lacks; 0
            stands for the classifiers of real images, which there are anyway.
        seeds: of the choice of real images, the generators and the classifiers.
        steps: batches of each classifier.
        batch_size: of each classifier.
        generator: "train" trains a generator for each row; "run" takes the run's own, if it has seen just that row.
        generator_steps: batches of each generator; None takes as many as the run's.
        starve: classes by name or number, with the number of images that are left of them.
        filters: of generated images.
        mirror: whether classical augmentation mirrors; None does so where the run trains on mirror images.
        ema: whether generators' moving averages draw.
        device: of classifiers and drawn images; "cpu" holds for the training of generators as well.
        data_root: folder of the dataset, where it has moved.
    """

    real: Sequence[int | None]
    generated: Sequence[int]
    seeds: Sequence[int] = (1, 2, 3)
    steps: int = 500
    batch_size: int = 64
    generator: Source = "train"
    generator_steps: int | None = None
    starve: Sequence[tuple[str, int]] = ()
    filters: Sequence[Filter] = ("none",)
    mirror: bool | None = None
    ema: bool = True
    device: str = "auto"
    data_root: str | None = None


@dataclass(frozen=True)
class Arm:
    """One way to train a classifier.

    Args:
        name: one of "real" and the keys of `REFERENCES`.
        generated: images for each real one.
        filter: of the generated images.
    """

    name: str
    generated: int = 0
    filter: Filter = "none"

    @property
    def augment(self) -> bool:
        """Tell if images are augmented in the classical way."""
        return self.name in ("classical", "repeated, classical", "both")


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


@dataclass(frozen=True, kw_only=True)
class Study:
    """The outcome of a study.

    Args:
        results: of all classifiers.
        classes: names by label.
        starved: the labels of starved classes.
        folder: where all lies.
        facts: in plain values, for whoever reads the table.
    """

    results: list[Result]
    classes: list[str]
    starved: list[int]
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)


def study(source: str | Path, options: Options, folder: str | Path) -> Study:
    """Do a study, or go on with it.

    Args:
        source: a run, or a sweep, whose runs are compared; runs that differ in their seed alone count as one.
        options: of the study.
        folder: for results and generators.

    Raises:
        UserError: a run can't be used, images are missing, or the folder can't be written to.
        Interrupted: a signal came while a generator was trained; the same call goes on.
    """
    place = Path(folder)
    subjects = [Subject(run, options) for run in runs_of(source)]
    for subject in subjects:
        refuse_unfit(subject.run)
    for subject in subjects:
        subject.check()
    first = subjects[0]
    for other in subjects[1:]:
        if other.content != first.content:
            raise UserError(
                f"{other.run.folder} has other images than {first.run.folder}: study them one after the other"
            )
    try:
        (place / "results").mkdir(parents=True, exist_ok=True)
        write_atomically(place / "options.json", json.dumps(asdict(options), indent=2) + "\n")
        results = [result for subject in subjects for result in subject.results(place)]
    except OSError as error:
        raise UserError(f"--out {folder}: can't be written: {error.strerror}") from error
    facts = {
        "dataset": first.real.name,
        "test_images": len(first.test.labels),
        "corrupted_images": min(CORRUPTED, len(first.test.labels)),
        "classifier_steps": options.steps,
        "classifier_batch_size": options.batch_size,
        "generator_steps": {subject.run.folder.name: subject.generator_steps for subject in subjects},
        "generator": options.generator,
        "seeds": list(options.seeds),
    }
    return Study(results=results, classes=first.classes, starved=first.starved, folder=place, facts=facts)


def runs_of(source: str | Path) -> list[Run]:
    """A run, or those of a sweep, one of each setup.

    Raises:
        UserError: there are none.
    """
    folder = folder_of(source)
    if Run(folder).config_file.is_file():
        return [Run.open(folder)]
    found, _ = run_scores.find([folder])
    one_of_each: dict[str, Run] = {}
    for run in found:
        one_of_each.setdefault(json.dumps(setup(run), sort_keys=True, default=str), run)
    return list(one_of_each.values())


class Subject:
    """One run that is put to the test.

    Args:
        run: the run.
        options: of the study.
    """

    def __init__(self, run: Run, options: Options) -> None:
        self.run, self.options = run, options
        self.device = hardware.device(options.device)

    @cached_property
    def real(self) -> RealImages:
        """The dataset of the run."""
        return dataset_of_run(self.run.config(), self.run.data_record(), self.options.data_root)

    @cached_property
    def images(self) -> LabelledImages:
        """All images that the run may train on, without a border."""
        return LabelledImages(*self.real.load("train"))

    @cached_property
    def test(self) -> LabelledImages:
        """The images of the test split, all of them."""
        return LabelledImages(*self.real.load("test"))

    @cached_property
    def content(self) -> str:
        """A hash of all images."""
        return hashes.of_tensors(*self.images, *self.test)

    @cached_property
    def classes(self) -> list[str]:
        """The names of the classes by label; numbers where they have none."""
        names = self.real.data.describe().get("classes") or range(self.real.num_classes)
        assert isinstance(names, list | range)
        return [str(name) for name in names]

    @cached_property
    def starved(self) -> list[int]:
        """The labels of the starved classes.

        Raises:
            UserError: there is no such class.
        """
        for name, count in self.options.starve:
            if name not in self.classes:
                raise UserError(f"--starve {name}={count}: no such class. {nearest(name, self.classes)}")
        return [self.classes.index(name) for name, _ in self.options.starve]

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of the table."""
        counts = [count for _, count in self.options.starve]
        return [Row(each, tuple(zip(self.starved, counts, strict=True))) for each in self.options.real]

    @cached_property
    def generator_steps(self) -> int:
        """The number of batches of each generator."""
        return self.options.generator_steps or steps_of(self.run)

    @property
    def mirror(self) -> bool:
        """Tell if classical augmentation mirrors."""
        data = self.real.data
        own = isinstance(data, InMemoryDataModule) and data.mirror
        return own if self.options.mirror is None else self.options.mirror

    def check(self) -> None:
        """Refuse, before anything is written, what can't be studied.

        Raises:
            UserError: naming the option.
        """
        data = self.real.data
        assert isinstance(data, InMemoryDataModule)
        self.images  # noqa: B018 - which the depth may follow from
        if data.depth().dtype != torch.uint8 or data.channels not in (1, 3):
            raise UserError(
                f"{self.run.folder}: its images have {data.channels} channels of {data.depth().dtype}, and classifiers "
                "learn from grey or colour images of 8 bits; train the run on such"
            )
        for row in self.rows:
            for seed in self.options.seeds:
                chosen = self.chosen(row, seed)
                if self.options.generator == "run" and any(self.options.generated):
                    is_all = len(chosen.labels) == len(self.images.labels)
                    own = self.loaded if is_all else hashes.of_tensors(*chosen)
                    refuse_more_images(self.run, own, len(chosen.labels))
        if len(self.test.labels) == 0:
            raise UserError(f"{self.run.folder}: its dataset has no test images")
        if any(self.options.generated) and self.options.generator == "train":
            self.generator_steps  # noqa: B018 - which names the option where nobody knows

    def chosen(self, row: Row, seed: int) -> LabelledImages:
        """The real images of a row, for a seed."""
        places = choose(self.images.labels, row, self.classes, seed)
        if len(places) < 2:
            raise UserError(f"--real {row.each}: {len(places)} images in all are too few; ask for more of each class")
        return LabelledImages(self.images.images[places], self.images.labels[places])

    @property
    def loaded(self) -> str:
        """The hash of all training images as they were loaded, as a run's record has it."""
        self.images  # noqa: B018 - has them loaded
        data = self.real.data
        return str(data.identity()["train_sha256"]) if isinstance(data, InMemoryDataModule) else ""

    def arms(self) -> Iterator[Arm]:
        """The ways to train a classifier, those without generated images first."""
        for name in ("real", "classical", *(["repeated", "repeated, classical"] if self.options.starve else [])):
            yield Arm(name)
        for chosen in self.options.filters:
            for generated in sorted({count for count in self.options.generated if count}):
                for name in ("generated", "both", "alone"):
                    yield Arm(name, generated, chosen)

    def results(self, place: Path) -> Iterator[Result]:
        """Train or read all classifiers, and keep each result in a file."""
        for row in self.rows:
            for seed in self.options.seeds:
                cell = Cell(self, row, seed, place)
                for arm in self.arms():
                    yield cell.result(arm)


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
            "real": hashes.of_tensors(*self.chosen),
            "test": hashes.of_tensors(*self.subject.test),
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
        has_copies = generated is not None and len(generated) > 0
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
            "copies": self.copies.share(generated[learner.spread(len(generated), COPIES_AMONG)])
            if has_copies and generated is not None
            else None,
            "copies_unseen": self.copies_unseen if has_copies else None,
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


def repeated(labels: Tensor, starved: Sequence[int]) -> Tensor:
    """Indices of all images, with those of starved classes repeated until each has as many as the largest class."""
    most = int(labels.bincount().max())
    parts = [torch.arange(len(labels))]
    for label in starved:
        places = (labels == label).nonzero()[:, 0]
        if len(places):
            more = most - len(places)
            parts.append(places.repeat(-(-more // len(places)))[:more])
    return torch.cat(parts)

"""Measures, things that are scored: the interface, and its form for models that generate from noise."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any

from gan_lab.metrics import path_length, spectra
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.generated_images import classes_like, generate_images, weights_of
from gan_lab.metrics.groups import NAMES, Group
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import FEWEST, Scorer
from gan_lab.metrics.statistics import RealStatistics
from gan_lab.utils.errors import UserError


class Measure(ABC):
    """Scores of one kind of model against the images of one split.

    Attributes:
        count: number of images that a model makes for them.
    """

    count: int

    @abstractmethod
    def names(self, model: Any) -> list[str]:
        """Names of the scores that `score` gives of a model, without those that only stand beside another."""

    @abstractmethod
    def score(self, model: Any, *, ema: bool, rank: int = 0, world_size: int = 1) -> ScoreRecord:
        """Compute the scores of a model as it is now; several processes each bring their share, and get all scores.

        Args:
            model: of the kind, on its device.
            ema: True takes the generator's moving average where there is one.
            rank: this process.
            world_size: number of processes.
        """


class Subject(ABC):
    """A kind of model and the data that it is scored against.

    Attributes:
        split_during: split of the scores while training, by which choices are made.
        split_at_end: split of the final scores.
    """

    split_during: str
    split_at_end: str

    def refuse(self, groups: Collection[Group]) -> None:  # noqa: B027 - most can be computed
        """Refuse groups of scores that can't be computed, whatever the split.

        Raises:
            UserError: naming the first of them.
        """

    @abstractmethod
    def against(self, split: str, *, groups: Collection[Group], count: int, at_most: int | None = None) -> Measure:
        """Make a measure.

        Args:
            split: of the real images.
            groups: of scores to compute, where they apply.
            count: number of images that the model makes, at most.
            at_most: number of real images, always the same ones; None takes all.

        Raises:
            UserError: the split has no images, or too few.
        """


class Samples(Subject):
    """Models that generate from noise.

    Args:
        real: the dataset.
        extractor: of the features, on the model's device.
        seed: of latents and random subsets.
    """

    split_during = "train"

    def __init__(self, real: RealImages, extractor: Extractor, seed: int) -> None:
        self.real = real
        self.extractor = extractor
        self.seed = seed
        self.split_at_end = real.data.eval_split

    def refuse(self, groups: Collection[Group]) -> None:
        """Refuse groups of scores that this extractor can't compute; as of `Subject.refuse`."""
        refuse_unsuited(groups, self.extractor, "set callbacks.scores.extractor=clip")
        if "path_length" in groups:
            path_length.distance_for(self.extractor, min(self.real.data.image_size))

    def against(self, split: str, *, groups: Collection[Group], count: int, at_most: int | None = None) -> Measure:
        """Make a measure of samples; arguments and errors as of `Subject.against`."""
        statistics = self.real.statistics(self.extractor, split, at_most)
        if statistics.moments.count < FEWEST:
            raise UserError(f"it has {statistics.moments.count} images")
        scorer = scorer_of(self.real, self.extractor, statistics, groups=groups, seed=self.seed, at_most=at_most)
        return SampleScores(scorer, self.real, count)


def refuse_unsuited(groups: Collection[Group], extractor: Extractor, remedy: str) -> None:
    """Refuse a group of scores that is of another extractor's features, and say what to do.

    Raises:
        UserError: naming it.
    """
    if "cmmd" in groups and not str(extractor.identity["name"]).startswith("clip"):
        raise UserError(f"cmmd: is of CLIP's features; {remedy}")


def scorer_of(
    real: RealImages,
    extractor: Extractor,
    statistics: RealStatistics,
    *,
    groups: Collection[Group],
    seed: int,
    at_most: int | None = None,
) -> Scorer:
    """Make a scorer with all that its groups need of the real images.

    Args:
        real: the dataset.
        extractor: of the features.
        statistics: of a split of the dataset.
        groups: of scores.
        seed: of random subsets.
        at_most: number of real images that the statistics are of, as of `RealImages.statistics`.
    """
    training = spectrum = None
    if "memorisation" in groups and statistics.split != "train" and real.has_training:
        training = real.statistics(extractor, "train").features
    if "spectrum" in groups and len(statistics.features):
        spectrum = spectra.mean_spectrum(real.load(statistics.split, at_most)[0])
    return Scorer(extractor=extractor, real=statistics, seed=seed, groups=groups, training=training, spectrum=spectrum)


class SampleScores(Measure):
    """Scores of samples. The latents are the same each time, so that scores of different states differ by these alone.

    Args:
        scorer: with the statistics of the split.
        real: the dataset.
        count: number of samples.
    """

    def __init__(self, scorer: Scorer, real: RealImages, count: int) -> None:
        self.scorer = scorer
        self.real = real
        self.count = count
        wanted = "path_length" in scorer.groups
        self.distance = path_length.distance_for(scorer.extractor, min(real.data.image_size)) if wanted else None

    def names(self, model: Any) -> list[str]:
        """Names of the scores; as of `Measure.names`."""
        asked = bool(model.make_condition(1))
        found = self.scorer.names(classes_like(self.scorer.real.labels, self.count) if asked else None)
        distances = {self.distance[0]} if self.distance else set()
        return [name for name in found if name in distances or name not in NAMES["path_length"]]

    def score(self, model: Any, *, ema: bool, rank: int = 0, world_size: int = 1) -> ScoreRecord:
        """Score samples; arguments as of `Measure.score`."""
        scorer = self.scorer
        scorer.reset()
        options: dict[str, Any] = {"like": scorer.real.labels, "rank": rank, "world_size": world_size}
        options["display"] = self.real.display
        for images, requested in generate_images(model, self.count, seed=scorer.seed, ema=ema, **options):
            scorer.update(self.real.without_border(images), requested)
        values = scorer.compute()
        if self.distance:
            name, distance = self.distance
            values[name] = path_length.path_length(model, self.count, distance, seed=scorer.seed, ema=ema)
        scored = ScoreRecord(
            images_seen=model.images_seen,
            values=values,
            protocol=scorer.protocol(weights_of(model, ema=ema)),
            class_counts=scorer.class_counts,
            per_class=scorer.per_class,
        )
        scorer.reset()  # the images need memory
        return scored

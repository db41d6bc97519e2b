"""Scores of generated images: a few while training, all of them at the end."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from math import isfinite, nan
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal, NotRequired

from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from pydantic import Field
from typing_extensions import TypedDict

from gan_lab.callbacks.trigger import EveryNImages, interval, promised
from gan_lab.distributed.collectives import refusing_together
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.groups import Group, group_of, may_be_computed
from gan_lab.metrics.inception import Resize
from gan_lab.metrics.measure import Measure, Samples, Subject
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import FEWEST
from gan_lab.metrics.select_extractor import PAPERS, Choice, make_extractor
from gan_lab.metrics.titles import title
from gan_lab.metrics.translation_scores import Translations
from gan_lab.utils.errors import UserError
from gan_lab.utils.loggers import log_scalars
from gan_lab.utils.terminal import bars_if
from gan_lab.utils.typed_json import Finite
from gan_lab.utils.types import CachePath, Download, NonNegativeInt, PositiveFloat, PositiveInt

log = logging.getLogger(__name__)

Count = Annotated[int, Field(ge=FEWEST)]
AUTO = "auto"
BY_ITSELF = ("fid", "psnr")  # what "auto" takes, in this order


@dataclass(frozen=True)
class Best:
    """The best score while training, in plain values for checkpoints.

    Args:
        images_seen: real images that the generator had been trained on.
        by: name of the score.
        value: of the score, against training images or those of the validation split.
        protocol: of the score, as `Protocol.to_dict` gives it.
    """

    images_seen: int
    by: str
    value: float
    protocol: dict[str, Any]

    @classmethod
    def of(cls, scored: ScoreRecord, by: Sequence[str]) -> "Best | None":
        """Take the score that decides, the first of these names that there is; None where there is none."""
        name = next((name for name in by if isfinite(scored.values.get(name, nan))), None)
        return cls(scored.images_seen or 0, name, scored.values[name], scored.protocol.to_dict()) if name else None

    @classmethod
    def from_state(cls, state: "BestState") -> "Best":
        """Restore what `asdict` gave; up to 0.3 it was a FID, or a PSNR, by that name."""
        by = state.get("by") or ("fid" if "fid" in state else "psnr")
        value: Any = state.get("value", state.get(by))
        return cls(state["images_seen"], by, value, state["protocol"])

    def is_better_than(self, other: "Best") -> bool:
        """Compare; what was scored in another way, before a resumed run's options were changed, is no competitor."""
        if any(self.protocol.get(name) != other.protocol.get(name) for name in ("id", "labels")):
            return True
        return self.by != other.by or self.minimised < other.minimised

    @property
    def minimised(self) -> float:
        """The number of which less is better."""
        return title(self.by).minimised(self.value)

    def plain(self) -> dict[str, Any]:
        """The entry of run.json."""
        told = {"images_seen": self.images_seen, "by": self.by, self.by: self.value, "minimised": self.minimised}
        return told | {"protocol": self.protocol}


class BestState(TypedDict):
    """The fields of `Best`, or a FID or PSNR by its name."""

    images_seen: NonNegativeInt
    by: NotRequired[str]
    value: NotRequired[Finite]
    fid: NotRequired[Finite]
    psnr: NotRequired[Finite]
    protocol: dict[str, Any]


class ScoresState(TypedDict):
    """State in checkpoints; these are held against this type before they are loaded."""

    scored_at: NonNegativeInt
    best: BestState | None


class Scores(Callback):
    """Scores a model: one that generates from noise (`Samples`) or one that translates images (`Translations`).

    While training, scores are taken against images of the training split, always the same ones, and logged as
    `scores/...`. The best checkpoint, and a sweep, go by one of them, `best_by`. At the end the generator
    is scored against the evaluation split, as `final/...`: the test split, or the validation split where there is one.
    So no choice depends on the test images, and the final scores say how well a choice made without them does. FID to
    training images does not notice memorised ones; the final scores and a look at neighbours do.

    Scores don't change training. The latents are the same each time, so that scores of different states differ by the
    states alone. All processes take part.

    Where the extractor "auto" finds none for the data, a line in the log says so and what to get, and nothing is
    scored that needs one. An extractor that is named must be there.

    Args:
        extractor: the extractor, or its name; "auto" takes the one that suits the data
            (`gan_lab.metrics.select_extractor`).
        weights: "ema" scores the generator's moving average where there is one, "raw" the generator as it is.
        every_n_images: images seen between two scores while training, at most; the last state is scored in any case.
        count_during: images generated, or translated, for them. FID of so few is biased upwards, by the same amount
            each time.
        real_during: training images that they are compared with, at most.
        groups_during: groups of scores while training; without one that has `best_by` there is no best
            checkpoint.
        count: images generated or translated at the end, at most, compared with all of the evaluation split.
        groups: groups of scores at the end.
        cache: folder of what is computed once for each dataset: statistics of real images, trained extractors.
        seed: of latents and random subsets.
        best_by: score while training that decides on the best checkpoint, by its name in the logs, as "kid" or
            "a2b/lpips"; "auto" takes the FID, or where there is none, the PSNR of pairs.
        resize: of images for the inception extractor, "antialiased", or "tensorflow1" as for most papers' numbers;
            None takes the latter where that extractor is.
        download: fetch that extractor's weights where they are needed and missing.
        at_least: scores while training in a run with an end, which come at shorter intervals where that takes it; 0
            leaves the interval as it is.
        seconds_apart: seconds between two scores while training, at least, where images come faster; None goes by
            images alone. The scores of `at_least` come in any case.

    Raises:
        ValueError: a resize for an extractor that has its own.
    """

    def __init__(
        self,
        *,
        extractor: Choice | Extractor,
        weights: Literal["ema", "raw"],
        every_n_images: PositiveInt,
        count_during: Count,
        real_during: Count,
        groups_during: list[Group],
        count: Count,
        groups: list[Group],
        cache: CachePath,
        seed: NonNegativeInt,
        best_by: str = AUTO,
        resize: Resize | None = "antialiased",
        download: Download = False,
        at_least: NonNegativeInt = 0,
        seconds_apart: PositiveFloat | None = None,
    ) -> None:
        if resize == PAPERS and extractor not in ("auto", "inception"):
            raise ValueError(f"resize={resize}: is for extractor=inception; others have their own")
        self.extractor = extractor
        self.weights = weights
        self.every_n_images = every_n_images
        self.at_least = at_least
        self.trigger = EveryNImages(every_n_images, seconds_apart=seconds_apart)
        self.count_during = count_during
        self.real_during = real_during
        self.groups_during = groups_during
        self.count = count
        self.groups = groups
        self.cache = Path(cache)
        self.seed = seed
        self.best_by = best_by
        self.resize = resize
        self.download = download
        self.during: Measure | None = None  # None where nothing can be scored
        self.at_end: Measure | None = None
        self.best: Best | None = None
        self.has_begun = False  # True where a checkpoint's state was restored
        self.final: ScoreRecord | None = None
        self.seconds = 0.0  # spent on scoring since the program began

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Prepare all parts, so that a missing one is noticed before training and not after it."""
        with self._clock(trainer):
            subject = self._subject(pl_module, trainer.datamodule)  # type: ignore[attr-defined]
            if subject is None:
                self._refuse_absent([])
                return
            for option, groups in (("groups_during", self.groups_during), ("groups", self.groups)):
                with refusing_together():
                    self._refuse_impossible(subject, option, groups)
            few = {"groups": self.groups_during, "count": self.count_during, "at_most": self.real_during}
            self.during = self._measure(subject, subject.split_during, **few)
            self.at_end = self._measure(subject, subject.split_at_end, groups=self.groups, count=self.count)
            self._refuse_absent(self.during.names(pl_module) if self.during else [])

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Find the interval, now that the length of the run is known."""
        batch_size: int = trainer.datamodule.batch_size  # type: ignore[attr-defined]
        of_a_batch = batch_size * pl_module.images_per_place * trainer.world_size
        end = trainer.estimated_stepping_batches * of_a_batch
        self.trigger.promised = promised(self.at_least, end)
        self.trigger.every = interval(self.every_n_images, self.at_least, end)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Score whenever another interval's images have been seen."""
        if self.during and self.trigger.comes(trainer, pl_module.images_seen):
            self._score_during(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Score the last state, which may be the best, unless it has just been scored."""
        if pl_module.images_seen > self.trigger.last:
            self._score_during(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Score the trained generator, now that its last checkpoint is on disk. This takes a while."""
        if self.at_end is None:
            return
        log.info("Scoring %s images", f"{self.at_end.count:,}")
        with self._clock(trainer):
            pl_module.to(trainer.strategy.root_device)  # from where Lightning has just taken it
            self.final = self._scored(trainer, pl_module, self.at_end)
            pl_module.cpu()
            self._publish(trainer, "final", self.final)

    def check(self, model: Any, data: Any) -> None:
        """Refuse a `best_by` that no group of scores while training has, before there are images.

        Args:
            model: that would be trained.
            data: its data module, with nothing loaded.

        Raises:
            UserError: saying which scores there are.
        """
        self._refuse_absent(may_be_computed(model, data, self.groups_during))

    def _refuse_absent(self, computed: Sequence[str]) -> None:
        """Refuse a `best_by` that is not computed; a run that goes on, whose score was there before, does without.

        Raises:
            UserError: saying which scores there are.
        """
        if self.best_by == AUTO or self.best_by in computed:
            return
        group = group_of(self.best_by)
        more = f", or callbacks.scores.groups_during=[{','.join([*self.groups_during, group])}]" if group else ""
        there = f"choose {AUTO}, {', '.join(computed)}" if computed else "no score is; leave the option out"
        problem = f"callbacks.scores.best_by={self.best_by}: is not computed while training; {there}"
        if not self.has_begun:
            raise UserError(problem + ("" if group in self.groups_during else more))
        log.warning("%s. What there is decides", problem)
        self.best_by = AUTO

    def state_dict(self) -> ScoresState:  # type: ignore[override]
        """Images seen at the last scores, and the best so far."""
        best: Any = asdict(self.best) if self.best else None
        return {"scored_at": self.trigger.last, "best": best}

    def load_state_dict(self, state_dict: ScoresState) -> None:  # type: ignore[override]
        """Restore the state of a checkpoint."""
        self.trigger.last = state_dict["scored_at"]
        best: Any = state_dict["best"]
        self.best = Best.from_state(best) if best else None
        self.has_begun = True

    def results(self) -> dict[str, Any]:
        """Collect plain values for the run's record: final `scores` and the `best` while training, if there are any."""
        results: dict[str, Any] = {}
        if self.best:
            results["best"] = self.best.plain()
        if self.final:
            results["scores"] = self.final.to_dict()
        return results

    @contextmanager
    def _clock(self, trainer: Trainer) -> Iterator[None]:
        start = perf_counter()
        try:
            with bars_if(trainer.is_global_zero and trainer.progress_bar_callback is not None):
                yield
        finally:
            self.seconds += perf_counter() - start

    def _subject(self, model: Any, data: Any) -> Subject | None:
        """Find what is scored of a model; None where that is nothing."""
        if hasattr(model, "translate"):
            translations = Translations.of(model, data, self.cache, self._extractor, seed=self.seed)
            return translations if translations.is_scored else None
        real = RealImages(data, self.cache)
        extractor = self._extractor(real)
        return Samples(real, extractor.to(model.device), self.seed) if extractor else None

    def _extractor(self, real: RealImages) -> Extractor | None:
        """Make the named extractor, or the one that suits the data; None where "auto" finds none on some process.

        Raises:
            UserError: the named extractor is missing, on any of the processes.
        """
        if isinstance(self.extractor, Extractor):
            return self.extractor
        try:
            with refusing_together():
                return make_extractor(self.extractor, real, resize=self.resize, download=self.download)
        except UserError as error:
            if self.extractor != "auto" or self.resize == PAPERS:  # which only the named one has
                raise
            log.warning("There will be no %s. %s. Or name one: callbacks.scores.extractor", real.scored_by, error)
            return None

    def _refuse_impossible(self, subject: Subject, option: str, groups: Sequence[Group]) -> None:
        try:
            subject.refuse(groups)
        except UserError as error:
            raise UserError(f"callbacks.scores.{option}: {error}") from error

    def _measure(self, subject: Subject, split: str, **options: Any) -> Measure | None:
        """Make a measure against the images of a split; None where the split has too few."""
        try:
            return subject.against(split, **options)
        except UserError as error:  # no test images, say
            log.warning("There will be no scores against the %s split: %s", split, error)
            return None

    def _score_during(self, trainer: Trainer, pl_module: Any) -> None:
        if self.during is None:
            return
        with self._clock(trainer):
            scored = self._scored(trainer, pl_module, self.during)
            self._publish(trainer, "scores", scored)
        self.trigger.happened(pl_module.images_seen)
        pl_module.report.start(pl_module.images_seen)  # images/s are those of training
        found = Best.of(scored, BY_ITSELF if self.best_by == AUTO else [self.best_by])
        if found and (self.best is None or found.is_better_than(self.best)):
            self.best = found

    def _scored(self, trainer: Trainer, pl_module: Any, measure: Measure) -> ScoreRecord:
        share = {"rank": trainer.global_rank, "world_size": trainer.world_size}
        scored = measure.score(pl_module, ema=self.weights == "ema", **share)
        # Processes must agree to the last bit on what is best: they save it together.
        return replace(scored, values=trainer.strategy.broadcast(scored.values))

    def _publish(self, trainer: Trainer, prefix: str, scored: ScoreRecord) -> None:
        """Log scores with their prefix, and the images seen beside them."""
        metrics = {f"{prefix}/{name}": value for name, value in scored.values.items()}
        metrics["images_seen"] = float(scored.images_seen or 0)
        log_scalars(trainer, metrics, trainer.global_step)

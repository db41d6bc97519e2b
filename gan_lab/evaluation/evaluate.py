"""All scores of generated images against a dataset."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from torch import Tensor

from gan_lab.config.saved_config import own_cache
from gan_lab.evaluation import classifiers, datasets, load_generator
from gan_lab.evaluation.custom_extractor import import_extractor
from gan_lab.metrics.domain_images import DomainImages
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.generated_images import Generated, generate_images, weights_of
from gan_lab.metrics.inception import Resize
from gan_lab.metrics.protocol import Weights
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import FEWEST, GROUPS, Scorer
from gan_lab.metrics.select_extractor import Choice, make_extractor
from gan_lab.metrics.translation_scores import Translations, translate
from gan_lab.models.latent import LatentGAN
from gan_lab.models.translation import TranslationGAN
from gan_lab.runs.run import Run, Which
from gan_lab.utils import hardware
from gan_lab.utils.errors import UserError

log = logging.getLogger(__name__)

COUNT = 10_000  # generated images by default
FIRST = 10  # generated images that an evaluation keeps


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of an evaluation, of a run or of a user's images.

    Args:
        extractor: one of `select_extractor.Choice`, or "package.module:Class" of the user's own. Only for "inception"
            by name are missing weights fetched: what "auto" takes follows from a run's folder, perhaps a stranger's.
        weights_file: Inception's weights, where they don't lie in their usual place.
        resize: of images for Inception, "antialiased", or "tensorflow1" as for the numbers of most papers.
        count: number of generated images; by default `COUNT`, the `test_count` of a run's data, or all images.
        split: of the real images; by default the dataset's eval split.
        data_root: folder of the dataset; by default that of the run, or "data".
        seed: of the latents and of random subsets.
        device: for generating images and their features, by its name in torch; "auto" is the best there is.
    """

    extractor: str = "auto"
    weights_file: str | None = None
    resize: Resize = "antialiased"
    count: int | None = None
    split: str | None = None
    data_root: str | None = None
    seed: int = 0
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores, and what they were computed with.

    Args:
        record: the scores and their protocol.
        real: the dataset; of a translation, the targets of the first direction.
        extractor: of the features; None where pixels alone are compared.
        first: the first generated images, uint8 (at most `FIRST`, channels, height, width).
    """

    record: ScoreRecord
    real: RealImages
    extractor: Extractor | None
    first: Tensor


def evaluate_run(run: Run, options: Options, *, which: Which, ema: bool, gan_train_test: bool) -> Evaluation:
    """Evaluate a run against the dataset that it was trained on.

    Args:
        run: finished or not.
        options: of the evaluation.
        which: the run's last or best checkpoint.
        ema: use the generator's moving average where there is one.
        gan_train_test: add the GAN-train and GAN-test accuracy of a conditional model.

    Raises:
        UserError: the run has no such checkpoint; the dataset, the extractor or the device is not available; there are
            too few images.
    """
    _check_count(options.count)
    device = hardware.device(options.device)
    loaded = run.load_model(which).to(device)
    if gan_train_test and not (isinstance(loaded, LatentGAN) and loaded.make_condition(1)):
        raise UserError(f"--gan-train-test: {type(loaded).__name__} is not conditional; evaluate a run of model=cgan")
    if isinstance(loaded, TranslationGAN):
        return evaluate_translator(loaded, run, options, ema=ema)
    model = load_generator.as_generator(loaded, run)
    config = run.config()
    real = datasets.dataset_of_run(config, run.data_record(), options.data_root)
    split = options.split or real.data.eval_split
    datasets.refuse_other_data(real, run.data_record(), split)
    extractor = _extractor(options, real).to(model.device)
    count = options.count or config.data.get("test_count", COUNT)
    _, like = real.load(split)
    record = evaluate(
        generate_images(model, count, seed=options.seed, ema=ema, like=like),
        real,
        extractor,
        split=split,
        weights=weights_of(model, ema=ema),
        seed=options.seed,
        images_seen=model.images_seen,
    )
    if gan_train_test:
        again = generate_images(model, count, seed=options.seed, ema=ema, like=like)
        record.values.update(classifiers.gan_train_test(again, real, seed=options.seed))
    first, _ = next(generate_images(model, FIRST, seed=options.seed, ema=ema))
    return Evaluation(record=record, real=real, extractor=extractor, first=first)


def evaluate_translator(model: TranslationGAN, run: Run, options: Options, *, ema: bool) -> Evaluation:
    """Evaluate a model that translates against the data that it was trained on; arguments as of `evaluate_run`.

    Raises:
        UserError: the dataset or a named extractor is not available; there are too few images.
    """
    config = run.config()
    data: Any = datasets.data_of_run(config, run.data_record(), options.data_root)
    cache = own_cache(Path(config.run_dir))
    split = options.split or data.eval_split
    first = DomainImages(data, model.directions[0][-1], cache)
    datasets.refuse_other_data(first, run.data_record(), split)

    def choose(real: DomainImages) -> Extractor | None:
        try:
            return _extractor(options, real)
        except UserError as error:
            if options.extractor != "auto":
                raise
            log.warning("There will be no %s. %s", real.scored_by, error)
            return None

    subject = Translations.of(model, data, cache, choose, seed=options.seed)
    if not subject.is_scored:
        raise UserError(f"{run.folder}: there is nothing to score without an extractor; name one: --extractor")
    measure = subject.against(split, groups=GROUPS, count=options.count or config.data.get("test_count", COUNT))
    record = measure.score(model, ema=ema)
    sources = measure.directions[0].sources[:FIRST].to(model.device)
    drawn = translate(model, data, model.directions[0], sources, ema=ema)
    return Evaluation(record=record, real=first, extractor=subject.extractors[model.directions[0]], first=drawn)


def evaluate_images(images: Tensor, dataset: str, options: Options) -> Evaluation:
    """Evaluate images of any origin against a published dataset.

    Args:
        images: uint8, shape (n, channels, height, width).
        dataset: one of `data.published.PUBLISHED`.
        options: of the evaluation.

    Raises:
        UserError: the dataset, the extractor or the device is not available; there are too few images.
    """
    _check_count(options.count)
    if options.count and options.count > len(images):
        raise UserError(f"--count {options.count}: only {len(images):,} images are given")
    device = hardware.device(options.device)
    images = images[: options.count]
    real = datasets.dataset_by_name(dataset, options.data_root)
    extractor = _extractor(options, real).to(device)
    record = evaluate(
        [(images, None)],
        real,
        extractor,
        split=options.split or real.data.eval_split,
        weights="given",
        seed=options.seed,
        images_seen=None,
    )
    return Evaluation(record=record, real=real, extractor=extractor, first=images[:FIRST])


def evaluate(
    generated: Iterable[Generated],
    real: RealImages,
    extractor: Extractor,
    *,
    split: str,
    weights: Weights,
    seed: int,
    images_seen: int | None,
) -> ScoreRecord:
    """Compute all scores, with their protocol.

    Args:
        generated: uint8 images and their requested classes, in chunks.
        real: the dataset.
        extractor: of the features.
        split: of the dataset.
        weights: of the generator.
        seed: of random subsets, and of the latents.
        images_seen: number of real images that the generator was trained on, if known.

    Raises:
        UserError: there are too few real or generated images.
    """
    statistics = real.statistics(extractor, split)
    if statistics.moments.count < FEWEST:
        raise UserError(f"scores need {FEWEST} real images or more, and there are {statistics.moments.count} ({split})")
    scorer = Scorer(extractor=extractor, real=statistics, seed=seed)
    for images, requested in generated:
        scorer.update(real.without_border(images), requested)
    try:
        values = scorer.compute()
    except ValueError as error:
        raise UserError(str(error)) from error
    return ScoreRecord(
        images_seen=images_seen, values=values, protocol=scorer.protocol(weights), class_counts=scorer.class_counts
    )


def _check_count(count: int | None) -> None:
    """Refuse too few images before any work is done."""
    if count and count < FEWEST:
        raise UserError(f"--count {count}: scores need {FEWEST} generated images or more")


def _extractor(options: Options, real: RealImages) -> Extractor:
    if options.extractor in get_args(Choice):
        named = cast(Choice, options.extractor)
        fetch = named == "inception"
        return make_extractor(named, real, options.weights_file, resize=options.resize, download=fetch)
    if options.weights_file:
        raise UserError("--weights-file: these weights are for the inception extractor; a class brings its own")
    if options.resize != "antialiased":
        raise UserError(f"--resize {options.resize}: is for the inception extractor; a class has its own")
    return import_extractor(options.extractor, real)

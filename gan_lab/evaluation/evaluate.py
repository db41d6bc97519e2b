"""All scores of generated images against a dataset."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast, get_args

import torch
from torch import Tensor

from gan_lab.evaluation import classifiers, datasets, load_generator
from gan_lab.evaluation.custom_extractor import import_extractor
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.generated_images import Generated, generate_images, weights_of
from gan_lab.metrics.protocol import Weights
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import FEWEST, Scorer
from gan_lab.metrics.select_extractor import Choice, make_extractor
from gan_lab.runs.run import Run, Which
from gan_lab.utils.errors import UserError

COUNT = 10_000  # generated images by default
FIRST = 10  # generated images that an evaluation keeps


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of an evaluation, of a run or of a user's images.

    Args:
        extractor: one of `select_extractor.Choice`, or "package.module:Class" of the user's own.
        weights_file: Inception's weights, where they don't lie in their usual place.
        count: number of generated images; by default `COUNT`, the `test_count` of a run's data, or all images.
        split: of the real images; by default the dataset's eval split.
        data_root: folder of the dataset; by default that of the run, or "data".
        seed: of the latents and of random subsets.
    """

    extractor: str = "auto"
    weights_file: str | None = None
    count: int | None = None
    split: str | None = None
    data_root: str | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores, and what they were computed with.

    Args:
        record: the scores and their protocol.
        real: the dataset.
        extractor: of the features.
        first: the first generated images, uint8 (at most `FIRST`, channels, height, width).
    """

    record: ScoreRecord
    real: RealImages
    extractor: Extractor
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
        UserError: the run has no such checkpoint, or does not generate from noise; the dataset or the extractor is not
            available; there are too few images.
    """
    _check_count(options.count)
    model = load_generator.load(run, which).to(_device())
    if gan_train_test and not model.make_condition(1):
        raise UserError(f"--gan-train-test: {type(model).__name__} is not conditional; evaluate a run of model=cgan")
    config = run.config()
    real = datasets.dataset_of_run(config, run.data_record(), options.data_root)
    split = options.split or real.data.eval_split
    datasets.refuse_other_data(real, run.data_record(), split)
    extractor = _extractor(options, real).to(model.device)
    count = options.count or config.data.get("test_count", COUNT)
    record = evaluate(
        generate_images(model, count, seed=options.seed, ema=ema),
        real,
        extractor,
        split=split,
        weights=weights_of(model, ema=ema),
        seed=options.seed,
        images_seen=model.images_seen,
    )
    if gan_train_test:
        again = generate_images(model, count, seed=options.seed, ema=ema)
        record.values.update(classifiers.gan_train_test(again, real, seed=options.seed))
    first, _ = next(generate_images(model, FIRST, seed=options.seed, ema=ema))
    return Evaluation(record=record, real=real, extractor=extractor, first=first)


def evaluate_images(images: Tensor, dataset: str, options: Options) -> Evaluation:
    """Evaluate images of any origin against a published dataset.

    Args:
        images: uint8, shape (n, channels, height, width).
        dataset: one of `data.published.PUBLISHED`.
        options: of the evaluation.

    Raises:
        UserError: the dataset or the extractor is not available; there are too few images.
    """
    _check_count(options.count)
    if options.count and options.count > len(images):
        raise UserError(f"--count {options.count}: only {len(images):,} images are given")
    images = images[: options.count]
    real = datasets.dataset_by_name(dataset, options.data_root)
    extractor = _extractor(options, real).to(_device())
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
        return make_extractor(cast(Choice, options.extractor), real, options.weights_file)
    if options.weights_file:
        raise UserError("--weights-file: these weights are for the inception extractor; a class brings its own")
    return import_extractor(options.extractor, real)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")

"""All scores of generated images against a dataset."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

from omegaconf import OmegaConf
from torch import Tensor

from gan_lab.config.saved_config import own_cache
from gan_lab.evaluation import class_names, classifiers, datasets, load_generator, sides
from gan_lab.evaluation.custom_extractor import import_extractor
from gan_lab.evaluation.external_images import Found
from gan_lab.evaluation.image_sets import FixedStatistics, ImageSet
from gan_lab.evaluation.options import COUNT, Options
from gan_lab.evaluation.sides import FIRST, Scored, Side, collected, relabelled, training_classes
from gan_lab.metrics import moment_files, path_length
from gan_lab.metrics.domain_images import DomainImages
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.generated_images import Generated
from gan_lab.metrics.groups import GROUPS, OF_MOMENTS, OF_TRANSLATIONS, Group
from gan_lab.metrics.measure import refuse_unsuited, scorer_of
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import FEWEST
from gan_lab.metrics.select_extractor import PAPERS, Choice, make_extractor
from gan_lab.metrics.translation_scores import Translations, translate
from gan_lab.models.latent import LatentGAN
from gan_lab.models.translation import TranslationGAN
from gan_lab.runs.run import Run, Which
from gan_lab.utils import hardware, seeding
from gan_lab.utils.errors import UserError
from gan_lab.utils.run_layout import RunLayout
from gan_lab.utils.sizes import height_and_width

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores, and what they were computed with.

    Args:
        record: the scores and their protocol.
        real: the dataset; of a translation, the targets of the first direction.
        extractor: of the features; None where pixels alone are compared.
        first: the first generated images, uint8 (at most `FIRST`, channels, height, width).
        kept: all generated images and their classes, where that was asked for.
        classes: of both sides, in a few words; empty where one set is the run's or dataset's own.
        spectra: mean spectra of the real and of the generated images, in dB; None where they were not asked for.
    """

    record: ScoreRecord
    real: RealImages
    extractor: Extractor | None
    first: Tensor
    kept: Generated | None = None
    classes: str = ""
    spectra: tuple[Tensor, Tensor] | None = None


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
    options = _as_while_training(run, options.resolved())
    device = hardware.device(options.device)
    loaded = run.load_model(which).to(device)
    if gan_train_test and not (isinstance(loaded, LatentGAN) and loaded.make_condition(1)):
        raise UserError(f"--gan-train-test: {type(loaded).__name__} is not conditional; evaluate a run of model=cgan")
    if isinstance(loaded, TranslationGAN):
        return evaluate_translator(loaded, run, options, ema=ema)
    model = load_generator.as_generator(loaded, run)
    real, split = _real_of_run(run, options)
    extractor = _extractor_of_run(run, options, real).to(model.device)
    labels = training_classes(run, model, options) if options.statistics else real.load(split)[1]
    side = sides.of_run(run, model, options, like=labels, seed=options.seed, ema=ema)
    keeping = replace(options, keep=options.keep or gan_train_test)
    evaluation = evaluate(side, real, extractor, keeping, split=split)
    if gan_train_test:
        assert evaluation.kept is not None
        evaluation.record.values.update(classifiers.gan_train_test([evaluation.kept], real, seed=options.seed))
    return evaluation


def _as_while_training(run: Run, options: Options) -> Options:
    """The options, with the classifier where the run names it and nobody asks for Inception.

    Another extractor of the run is not taken: those have weights, which a file that came with a run may not fetch.
    """
    named = OmegaConf.select(run.config(), "callbacks.scores.extractor") == "classifier"
    is_open = options.extractor == "auto" and not (options.weights_file or options.resize or options.statistics)
    return replace(options, extractor="classifier") if named and is_open else options


def _real_of_run(run: Run, options: Options) -> tuple[RealImages, str]:
    """The dataset of a run and the split to compare with, or the statistics that take its place."""
    config = run.config()
    if options.statistics:
        gaussian = moment_files.read(options.statistics)
        size, channels = height_and_width(config.data.image_size), int(config.data.get("channels", 3))
        fixed = FixedStatistics(gaussian, options.statistics, channels=channels, size=size)
        return fixed, fixed.data.eval_split
    real = datasets.dataset_of_run(config, run.data_record(), options.data_root)
    split = options.split or real.data.eval_split
    datasets.refuse_other_data(real, run.data_record(), split)
    return real, split


def _extractor_of_run(run: Run, options: Options, real: RealImages) -> Extractor:
    """The extractor; where others than its dataset are compared with, still the one that suits a run's own."""
    own = real
    if isinstance(real, (ImageSet, FixedStatistics)) and options.extractor in ("auto", "classifier"):
        own = datasets.dataset_of_run(run.config(), run.data_record(), options.data_root)
    return _extractor(options, own)


def evaluate_sets(source: Path, against: Path, options: Options, *, which: Which, ema: bool) -> Evaluation:
    """Compare two sets of images, each of which a run generates, or a folder or file holds.

    Where both sets have the same classes, by their names, and no scores are named, those within classes are added;
    otherwise no classes are looked at. Two runs get latents of different seeds: pairs of equal latents would make sets
    more alike than they are.

    Args:
        source: whose images take the place of the generated ones.
        against: whose images take the place of the real ones.
        options: of the evaluation.
        which: checkpoint of runs.
        ema: for runs, as of `evaluate_run`.

    Raises:
        UserError: a set can't be read or generated; the extractor or the device is not available; there are too few
            images.
    """
    options = options.resolved()
    device = hardware.device(options.device)
    first = sides.at(source, options, device, seed=options.seed, which=which, ema=ema)
    # All images of a file are compared with, however many are scored.
    whole = options if RunLayout(against).looks_like_run else replace(options, count=None)
    second = sides.at(against, whole, device, seed=seeding.derive(options.seed, "against"), which=which, ema=ema)
    images, labels = collected(second.generated)
    matched = class_names.match(first.classes, second.classes)
    if matched.labels is not None and options.groups is None:
        options = replace(options, groups=(*GROUPS, "class_manifold"))
    first = replace(first, generated=relabelled(first.generated, matched.labels))
    labels, names = (None, None) if matched.labels is None else (labels, second.classes)
    real = ImageSet(images, labels, str(against), names)
    run = first.run or second.run
    extractor = (_extractor_of_run(run, options, real) if run else _extractor_of_set(options, real)).to(device)
    evaluation = evaluate(first, real, extractor, options, split=real.data.eval_split)
    evaluation = replace(evaluation, classes=matched.said)
    owner = first if first.run else second
    # A classifier's classes are in the order of its own data, which may be another.
    if names is not None and not (class_names.numbered(names) if options.weights_file else owner.classes == names):
        evaluation.record.values.pop("class_accuracy", None)
    if evaluation.first.shape[-2:] != images.shape[-2:]:
        sizes = ["x".join(map(str, part.shape[-2:])) for part in (evaluation.first, images)]
        log.warning("%s has images of %s pixels, and %s of %s", source, sizes[0], against, sizes[1])
    return evaluation


def evaluate_translator(model: TranslationGAN, run: Run, options: Options, *, ema: bool) -> Evaluation:
    """Evaluate a model that translates against the data that it was trained on; arguments as of `evaluate_run`.

    Raises:
        UserError: the dataset or a named extractor is not available; there are too few images.
    """
    _refuse_for_translator(options)
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
    measure = subject.against(
        split, groups=options.chosen_groups, count=options.count or config.data.get("test_count", COUNT)
    )
    record = measure.score(model, ema=ema)
    record = replace(record, protocol=replace(record.protocol, preset=options.preset))
    sources = measure.directions[0].sources[:FIRST].to(model.device)
    drawn = translate(model, data, model.directions[0], sources, ema=ema)
    return Evaluation(record=record, real=first, extractor=subject.extractors[model.directions[0]], first=drawn)


def _refuse_for_translator(options: Options) -> None:
    """Refuse what only models that generate from noise have.

    Raises:
        UserError: naming the first option.
    """
    if options.statistics:
        raise UserError(
            f"--statistics {options.statistics}: exists, and translations are compared with the run's own targets; "
            "choose a new name, to which their statistics are written"
        )
    if options.keep:
        raise UserError("--images: translations are not kept; gan-lab translate writes them")
    for group in options.groups or ():
        if group not in OF_TRANSLATIONS:
            option = f"--protocol {options.preset}" if options.preset else "--scores"
            have = ", ".join(OF_TRANSLATIONS)
            raise UserError(f"{option}: {group} is not computed of translations; they have {have}")


def evaluate_images(found: Found, dataset: str | RealImages | None, options: Options) -> Evaluation:
    """Evaluate images of any origin against a dataset, or against statistics in a file.

    Args:
        found: the images, and their labels where they are known.
        dataset: a dataset, or one of `data.published.PUBLISHED`; None where options name statistics.
        options: of the evaluation.

    Raises:
        UserError: the dataset, the extractor or the device is not available; there are too few images.
    """
    options = options.resolved()
    side, images = sides.of_images(found, options), found.images
    device = hardware.device(options.device)
    real: RealImages
    if options.statistics:
        gaussian = moment_files.read(options.statistics)
        size = (images.shape[-2], images.shape[-1])
        real = FixedStatistics(gaussian, options.statistics, channels=images.shape[1], size=size)
        extractor = _extractor_of_set(options, real)
    else:
        assert dataset is not None
        real = datasets.dataset_by_name(dataset, options.data_root) if isinstance(dataset, str) else dataset
        extractor = _extractor(options, real)
        matched = class_names.match(side.classes, class_names.of_dataset(real), by_number=True)
        if side.classes and matched.labels is None:
            log.warning("Classes: %s; scored without", matched.said)
        side = replace(side, generated=relabelled(side.generated, matched.labels))
    split = (None if options.statistics else options.split) or real.data.eval_split
    return evaluate(side, real, extractor.to(device), options, split=split)


def evaluate(side: Side, real: RealImages, extractor: Extractor, options: Options, *, split: str) -> Evaluation:
    """Compute the scores that are chosen, with their protocol.

    Args:
        side: the images.
        real: the dataset.
        extractor: of the features.
        options: of the evaluation.
        split: of the dataset.

    Raises:
        UserError: there are too few real or generated images, or a score that was named can't be computed.
    """
    groups = options.chosen_groups
    _check_groups(groups, real, extractor, named=options.groups is not None)
    distance = _distance(side, extractor) if "path_length" in groups else None
    statistics = real.statistics(extractor, split)
    if statistics.moments.count < FEWEST:
        raise UserError(f"scores need {FEWEST} real images or more, and there are {statistics.moments.count} ({split})")
    scorer = scorer_of(real, extractor, statistics, groups=groups, seed=options.seed)
    scored = Scored(side.generated, keep=options.keep)
    try:
        for images, requested in scored:
            scorer.update(real.without_border(images), requested)
        values = scorer.compute()
    except ValueError as error:
        raise UserError(str(error)) from error
    if distance:
        name, measured = distance
        values[name] = path_length.path_length(side.model, side.count, measured, seed=options.seed, ema=side.ema)
    record = ScoreRecord(
        images_seen=side.images_seen,
        values=values,
        protocol=replace(scorer.protocol(side.weights), preset=options.preset),
        class_counts=scorer.class_counts,
        per_class=scorer.per_class,
        class_names=(class_names.of_dataset(real) or []) if scorer.per_class else [],
    )
    assert scored.first is not None
    spectra = None if scorer.spectrum is None else (scorer.spectrum.cpu(), scorer.fake_spectrum.cpu())
    return Evaluation(
        record=record, real=real, extractor=extractor, first=scored.first, kept=scored.kept, spectra=spectra
    )


def _distance(side: Side, extractor: Extractor) -> tuple[str, path_length.Distance]:
    """The distance by which paths through the latents of a run are measured, and the name of the score.

    Raises:
        UserError: there is none, or no run.
    """
    if side.run is None:
        raise UserError("--scores path_length: goes through a generator's latents; evaluate a run")
    return path_length.distance_for(extractor, min(height_and_width(side.run.config().data.image_size)))


def _check_groups(groups: Collection[Group], real: RealImages, extractor: Extractor, *, named: bool) -> None:
    """Refuse scores that can't be computed, before any work is done, where they were named.

    Raises:
        UserError: naming the first of them.
    """
    if not named:
        return
    try:
        refuse_unsuited(groups, extractor, "add --extractor clip")
    except UserError as error:
        raise UserError(f"--scores {error}") from error
    if isinstance(real, FixedStatistics):
        for group in groups:
            if group not in OF_MOMENTS:
                raise UserError(f"--scores {group}: needs real images, and --statistics gives mu and sigma alone")


def _extractor(options: Options, real: RealImages) -> Extractor:
    if options.extractor in get_args(Choice):
        named = cast(Choice, options.extractor)
        fetch = named in ("inception", "inception-clean")
        return make_extractor(named, real, options.weights_file, resize=options.resize, download=fetch)
    if options.weights_file:
        raise UserError("--weights-file: these weights are for the inception extractor; a class brings its own")
    if options.resize == PAPERS:
        raise UserError(f"--resize {options.resize}: is for the inception extractor; a class has its own")
    return import_extractor(options.extractor, real)


def _extractor_of_set(options: Options, real: RealImages) -> Extractor:
    """The extractor for images that belong to no run or dataset: "auto" is Inception, as nothing is known of them."""
    if options.extractor == "auto":
        return make_extractor("inception", real, options.weights_file, resize=options.resize)
    return _extractor(options, real)

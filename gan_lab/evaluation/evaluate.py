"""All scores of generated images against a dataset."""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import torch
from torch import Tensor

from gan_lab.config.saved_config import own_cache
from gan_lab.evaluation import classifiers, datasets, external_images, load_generator
from gan_lab.evaluation.custom_extractor import import_extractor
from gan_lab.evaluation.image_sets import FixedStatistics, ImageSet
from gan_lab.metrics import moment_files, path_length
from gan_lab.metrics.domain_images import DomainImages
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.generated_images import Generated, generate_images, weights_of
from gan_lab.metrics.inception import Resize
from gan_lab.metrics.measure import scorer_of
from gan_lab.metrics.presets import PRESETS
from gan_lab.metrics.protocol import Weights
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import FEWEST, GROUPS, OF_MOMENTS, Group, Scorer
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

COUNT = 10_000  # generated images by default
FIRST = 10  # generated images that an evaluation keeps
NO_PATHS = "--scores path_length: goes through a generator's latents; evaluate a run"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of an evaluation, of a run or of a user's images.

    Args:
        extractor: one of `select_extractor.Choice`, or "package.module:Class" of the user's own. Only for "inception"
            by name are missing weights fetched: what "auto" takes follows from a run's folder, perhaps a stranger's.
        weights_file: weights of a named extractor, where they don't lie in their usual place.
        resize: of images for Inception, "antialiased", or "tensorflow1" as for the numbers of most papers, which None
            takes.
        count: number of generated images; by default `COUNT`, the `test_count` of a run's data, or all images.
        split: of the real images; by default the dataset's eval split.
        data_root: folder of the dataset; by default that of the run, or "data".
        seed: of the latents and of random subsets.
        device: for generating images and their features, by its name in torch; "auto" is the best there is.
        groups: of scores; None takes `GROUPS`, or those of the preset.
        preset: name of a published protocol, which sets the count, the split, the extractor and the groups.
        statistics: file of mean and covariance that takes the place of the real images.
        keep: keep all images that are scored.
    """

    extractor: str = "auto"
    weights_file: str | None = None
    resize: Resize | None = None
    count: int | None = None
    split: str | None = None
    data_root: str | None = None
    seed: int = 0
    device: str = "auto"
    groups: tuple[Group, ...] | None = None
    preset: str | None = None
    statistics: Path | None = None
    keep: bool = False

    def resolved(self) -> "Options":
        """The same options with the preset's choices in place.

        Raises:
            UserError: another choice was made for one of them.
        """
        if self.preset is None:
            return self
        preset = PRESETS[self.preset]
        own: dict[str, Any] = {
            "count": preset.count,
            "split": preset.split,
            "extractor": preset.extractor,
            "groups": preset.groups,
        }
        own |= {"resize": preset.resize} if preset.resize else {}
        for name, value in own.items():
            given = getattr(self, name)
            if given not in (None, "auto", value):
                option = "scores" if name == "groups" else name
                shown, other = (",".join(each) if isinstance(each, tuple) else each for each in (given, value))
                raise UserError(f"--{option} {shown}: --protocol {self.preset} has {other}; leave one of the two out")
        return replace(self, **own)

    @property
    def chosen_groups(self) -> tuple[Group, ...]:
        """Groups of scores to compute."""
        return self.groups or GROUPS


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores, and what they were computed with.

    Args:
        record: the scores and their protocol.
        real: the dataset; of a translation, the targets of the first direction.
        extractor: of the features; None where pixels alone are compared.
        first: the first generated images, uint8 (at most `FIRST`, channels, height, width).
        kept: all generated images and their classes, where that was asked for.
        spectra: mean spectra of the real and of the generated images, in dB; None where they were not asked for.
    """

    record: ScoreRecord
    real: RealImages
    extractor: Extractor | None
    first: Tensor
    kept: Generated | None = None
    spectra: tuple[Tensor, Tensor] | None = None


class Scored:
    """Images on their way to the scorer, of which the first are kept, or all."""

    def __init__(self, generated: Iterable[Generated], *, keep: bool) -> None:
        self.generated = generated
        self.keep = keep
        self.parts: list[Generated] = []
        self.first: Tensor | None = None

    def __iter__(self) -> Iterator[Generated]:
        """Yield the images as they come."""
        for images, requested in self.generated:
            self.first = images[:FIRST] if self.first is None else torch.cat((self.first, images))[:FIRST]
            if self.keep:
                self.parts.append((images.cpu(), None if requested is None else requested.cpu()))
            yield images, requested

    @property
    def kept(self) -> Generated | None:
        """All images and their classes, on the CPU."""
        return collected(self.parts) if self.parts else None


def collected(generated: Iterable[Generated]) -> Generated:
    """All images, uint8 (n, channels, height, width), and their classes where they have some, on the CPU."""
    images, requested = zip(*generated, strict=True)
    labels = None if requested[0] is None else torch.cat([part.cpu() for part in requested])
    return torch.cat([part.cpu() for part in images]), labels


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
    options = options.resolved()
    _check_count(options.count)
    device = hardware.device(options.device)
    loaded = run.load_model(which).to(device)
    if gan_train_test and not (isinstance(loaded, LatentGAN) and loaded.make_condition(1)):
        raise UserError(f"--gan-train-test: {type(loaded).__name__} is not conditional; evaluate a run of model=cgan")
    if isinstance(loaded, TranslationGAN):
        return evaluate_translator(loaded, run, options, ema=ema)
    model = load_generator.as_generator(loaded, run)
    config = run.config()
    real, split = _real_of_run(run, options)
    extractor = _extractor_of_run(run, options, real).to(model.device)
    count = options.count or config.data.get("test_count", COUNT)
    like = _classes_of(run, model, options) if options.statistics else real.load(split)[1]
    evaluation = _evaluated(
        generate_images(model, count, seed=options.seed, ema=ema, like=like, display=real.display),
        real,
        extractor,
        options,
        split=split,
        weights=weights_of(model, ema=ema),
        images_seen=model.images_seen,
    )
    _add_path_length(evaluation, model, options, count, ema=ema)
    if gan_train_test:
        again = generate_images(model, count, seed=options.seed, ema=ema, like=like, display=real.display)
        evaluation.record.values.update(classifiers.gan_train_test(again, real, seed=options.seed))
    return evaluation


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


def _classes_of(run: Run, model: LatentGAN, options: Options) -> Tensor | None:
    """Labels of the training images of a conditional model; None for one that takes none."""
    if not model.make_condition(1):
        return None
    return datasets.dataset_of_run(run.config(), run.data_record(), options.data_root).load("train")[1]


def _extractor_of_run(run: Run, options: Options, real: RealImages) -> Extractor:
    """The extractor; where others than its dataset are compared with, still the one that suits a run's own."""
    own = real
    if isinstance(real, (ImageSet, FixedStatistics)) and options.extractor in ("auto", "classifier"):
        own = datasets.dataset_of_run(run.config(), run.data_record(), options.data_root)
    return _extractor(options, own)


def _add_path_length(evaluation: Evaluation, model: Any, options: Options, count: int, *, ema: bool) -> None:
    if "path_length" in options.chosen_groups:
        assert evaluation.extractor is not None
        name, distance = path_length.distance_for(evaluation.extractor, min(evaluation.first.shape[-2:]))
        length = path_length.path_length(model, count, distance, seed=options.seed, ema=ema)
        evaluation.record.values[name] = length


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two sets of images that are compared.

    Args:
        generated: uint8 images and their classes, in chunks.
        weights: of the generator, or "given".
        images_seen: of the run; None for images of any origin.
        run: that generates them, if one does.
        model: of the run.
        count: number of images.
    """

    generated: Iterable[Generated]
    weights: Weights
    images_seen: int | None
    run: Run | None
    model: Any
    count: int


def evaluate_sets(source: Path, against: Path, options: Options, *, which: Which, ema: bool) -> Evaluation:
    """Compare two sets of images, each of which a run generates, or a folder or file holds.

    Two runs get latents of different seeds: pairs of equal latents would make sets more alike than they are.

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
    _check_count(options.count)
    device = hardware.device(options.device)
    first = _side(source, options, device, seed=options.seed, which=which, ema=ema)
    other_seed = seeding.derive(options.seed, "against")
    second = _side(against, options, device, seed=other_seed, which=which, ema=ema, whole=True)
    images, labels = collected(second.generated)
    real = ImageSet(images, labels, str(against))
    run = first.run or second.run
    extractor = (_extractor_of_run(run, options, real) if run else _extractor_of_set(options, real)).to(device)
    evaluation = _evaluated(
        first.generated,
        real,
        extractor,
        options,
        split=real.data.eval_split,
        weights=first.weights,
        images_seen=first.images_seen,
    )
    if first.model is not None:
        _add_path_length(evaluation, first.model, options, first.count, ema=ema)
    elif "path_length" in options.chosen_groups:
        raise UserError(NO_PATHS)
    if evaluation.first.shape[-2:] != images.shape[-2:]:
        sizes = ["x".join(map(str, part.shape[-2:])) for part in (evaluation.first, images)]
        log.warning("%s has images of %s pixels, and %s of %s", source, sizes[0], against, sizes[1])
    return evaluation


def _side(
    source: Path,
    options: Options,
    device: torch.device,
    *,
    seed: int,
    which: Which,
    ema: bool,
    whole: bool = False,
) -> Side:
    layout = RunLayout(source)
    if layout.record_file.is_file() or layout.config_file.parent.is_dir():
        run = Run.open(source)
        model = load_generator.load(run, which).to(device)
        count = options.count or run.config().data.get("test_count", COUNT)
        return Side(
            generated=generate_images(
                model,
                count,
                seed=seed,
                ema=ema,
                like=_classes_of(run, model, options),
                display=run.config().data.get("display"),
            ),
            weights=weights_of(model, ema=ema),
            images_seen=model.images_seen,
            run=run,
            model=model,
            count=count,
        )
    images, labels = external_images.load_labelled(source, None)
    images = images if whole else _part(images, options)
    labels = labels if labels is None else labels[: len(images)]
    return Side(
        generated=[(images, labels)], weights="given", images_seen=None, run=None, model=None, count=len(images)
    )


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
    measure = subject.against(
        split, groups=options.chosen_groups, count=options.count or config.data.get("test_count", COUNT)
    )
    record = measure.score(model, ema=ema)
    sources = measure.directions[0].sources[:FIRST].to(model.device)
    drawn = translate(model, data, model.directions[0], sources, ema=ema)
    return Evaluation(record=record, real=first, extractor=subject.extractors[model.directions[0]], first=drawn)


def evaluate_images(
    images: Tensor, dataset: str | RealImages | None, options: Options, labels: Tensor | None = None
) -> Evaluation:
    """Evaluate images of any origin against a dataset, or against statistics in a file.

    Args:
        images: uint8, shape (n, channels, height, width).
        dataset: a dataset, or one of `data.published.PUBLISHED`; None where options name statistics.
        options: of the evaluation.
        labels: classes of the images, int64, shape (n,), where they are known.

    Raises:
        UserError: the dataset, the extractor or the device is not available; there are too few images.
    """
    options = options.resolved()
    if "path_length" in options.chosen_groups:
        raise UserError(NO_PATHS)
    images = _part(images, options)
    labels = labels if labels is None else labels[: len(images)]
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
    return _evaluated(
        [(images, labels)],
        real,
        extractor.to(device),
        options,
        split=(None if options.statistics else options.split) or real.data.eval_split,
        weights="given",
        images_seen=None,
    )


def _part(images: Tensor, options: Options) -> Tensor:
    """The images that are scored, the first ones.

    Raises:
        UserError: there are fewer than are asked for, or too few.
    """
    _check_count(options.count)
    if options.count and options.count > len(images):
        asked = f"--protocol {options.preset}" if options.preset else f"--count {options.count}"
        raise UserError(f"{asked}: only {len(images):,} images are given")
    return images[: options.count]


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
    options = Options(seed=seed)
    return _evaluated(generated, real, extractor, options, split=split, weights=weights, images_seen=images_seen).record


def _evaluated(
    generated: Iterable[Generated],
    real: RealImages,
    extractor: Extractor,
    options: Options,
    *,
    split: str,
    weights: Weights,
    images_seen: int | None,
) -> Evaluation:
    """Compute the scores that are chosen; arguments and errors as of `evaluate`."""
    groups = options.chosen_groups
    _check_groups(groups, real, extractor, named=options.groups is not None)
    statistics = real.statistics(extractor, split)
    if statistics.moments.count < FEWEST:
        raise UserError(f"scores need {FEWEST} real images or more, and there are {statistics.moments.count} ({split})")
    scorer = scorer_of(real, extractor, split, groups=groups, seed=options.seed)
    scored = Scored(generated, keep=options.keep)
    try:
        for images, requested in scored:
            scorer.update(real.without_border(images), requested)
        values = scorer.compute()
    except ValueError as error:
        raise UserError(str(error)) from error
    protocol = replace(scorer.protocol(weights), preset=options.preset)
    record = ScoreRecord(
        images_seen=images_seen,
        values=values,
        protocol=protocol,
        class_counts=scorer.class_counts,
        per_class=scorer.per_class,
    )
    assert scored.first is not None
    return Evaluation(
        record=record,
        real=real,
        extractor=extractor,
        first=scored.first,
        kept=scored.kept,
        spectra=_spectra(scorer),
    )


def _spectra(scorer: Scorer) -> tuple[Tensor, Tensor] | None:
    return None if scorer.spectrum is None else (scorer.spectrum.cpu(), scorer.fake_spectrum.cpu())


def _check_groups(groups: Collection[Group], real: RealImages, extractor: Extractor, *, named: bool) -> None:
    """Refuse scores that can't be computed, before any work is done, where they were named.

    Raises:
        UserError: naming the first of them.
    """
    if not named:
        return
    if "cmmd" in groups and not str(extractor.identity["name"]).startswith("clip"):
        raise UserError("--scores cmmd: is of CLIP's features; add --extractor clip")
    if isinstance(real, FixedStatistics):
        for group in groups:
            if group not in OF_MOMENTS:
                raise UserError(f"--scores {group}: needs real images, and --statistics gives mu and sigma alone")


def _check_count(count: int | None) -> None:
    """Refuse too few images before any work is done."""
    if count and count < FEWEST:
        raise UserError(f"--count {count}: scores need {FEWEST} generated images or more")


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

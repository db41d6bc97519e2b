"""The choice of an extractor for a dataset."""

import logging
from typing import Literal

from gan_lab.distributed.collectives import rank_zero_first, refusing_together
from gan_lab.metrics import dataset_classifier, inception, vit
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.inception import Inception, Resize
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.stacked_digits import Stacked
from gan_lab.utils.errors import UserError

log = logging.getLogger(__name__)

Choice = Literal["auto", "classifier", "inception", "inception-clean", "dinov2", "clip"]
PAPERS: Resize = "tensorflow1"  # of images for inception, where nothing else is asked for
SMALL = 64  # pixels a side, up to which a classifier is trained within minutes
STACKED = "stacked_mnist"


def make_extractor(
    choice: Choice,
    real: RealImages,
    weights: str | None = None,
    *,
    resize: Resize | None = None,
    download: bool = False,
) -> Extractor:
    """Make the extractor of a name, or the one that suits a dataset.

    Args:
        choice: "classifier", a classifier of the dataset; "inception", the published one; "inception-clean", the same
            with clean-fid's resize; "dinov2" and "clip", vision transformers from a file; "auto":
            - the classifier for grey, labelled images of up to 64 pixels a side, as MNIST and its kin, and for stacked
              digits. Features of ImageNet mean little on these.
            - Inception for all others. It was made for colour images, and without labels there is nothing to train a
              classifier on. Numbers from features that suit neither would only look like scores.
            - For the targets of a translation, where Inception is missing, the classifier of small colour images with
              classes: it tells translators of the same data apart.
        real: the dataset.
        weights: file of the weights of a named extractor; None reads it from its usual place.
        resize: of images for Inception, as TensorFlow 1 did it for most papers, or antialiased; None takes the papers'.
            It is part of the protocol.
        download: fetch Inception's weights where they are needed and missing. Nobody but the user may say so: not a
            file that came with a run.

    Raises:
        UserError: Inception or its weights are missing; weights or a resize for an extractor that brings its own; a
            classifier of a dataset without classes, or one that can't be cached.
    """
    antialias = resize == "antialiased"
    if resize == PAPERS and choice not in ("auto", "inception"):
        raise UserError(
            f"resize {resize}: is for the inception extractor; {choice} has its own. Leave it out, or name inception"
        )
    if choice in vit.EXTRACTORS:
        return vit.EXTRACTORS[choice](weights=weights)
    if choice == "classifier" and weights is not None:
        return DatasetClassifier(file=weights)
    if choice == "auto":
        choice = "classifier" if suits_a_classifier(real) else "inception"
        any_resize = resize != PAPERS  # else Inception is meant
        if choice == "inception" and weights is None and any_resize and real.any_classifier and has_a_classifier(real):
            try:
                with refusing_together():
                    return published(None, antialias=antialias, download=download)
            except UserError as error:
                if download:
                    log.warning("%s. A classifier of the data takes its place", error)
            choice = "classifier"
    if choice in ("inception", "inception-clean"):
        return published(weights, antialias=antialias, clean=choice == "inception-clean", download=download)
    if weights is not None:
        raise UserError(f"{weights}: weights are for the inception extractor; {choice} brings its own")
    if resize == PAPERS:
        raise UserError(
            f"resize {resize}: is for the inception extractor; {choice} has its own. Leave it out, or name inception"
        )
    return classifier(real)


def published(weights: str | None, *, antialias: bool, download: bool, clean: bool = False) -> Inception:
    """Make the published extractor; errors and arguments as of `make_extractor`."""
    if download and weights is None:
        with rank_zero_first():
            inception.fetch_weights()
    return Inception(weights=weights, antialias=antialias, clean=clean)


def suits_a_classifier(real: RealImages) -> bool:
    """Tell that a classifier's features suit the images better than Inception's."""
    grey = real.channels == 1 or (real.any_classifier and real.name in dataset_classifier.SHIPPED)
    return real.name == STACKED or (grey and has_a_classifier(real))


def has_a_classifier(real: RealImages) -> bool:
    """Tell that the images have classes, and are small enough that a classifier of them is trained within minutes."""
    return real.num_classes > 1 and max(real.data.image_size) <= SMALL


def classifier(real: RealImages) -> Extractor:
    """Make the classifier of a dataset: shipped for MNIST and stacks of it, else cached, or trained now.

    Raises:
        UserError: the dataset has no classes; the cache can't be written to.
    """
    if real.name == STACKED:
        return Stacked(digits=dataset_classifier.shipped())
    if real.num_classes < 2:
        raise UserError("the classifier extractor needs a dataset with classes; choose inception")
    return dataset_classifier.for_dataset(real.name, real, real.cache_folder / "extractors")

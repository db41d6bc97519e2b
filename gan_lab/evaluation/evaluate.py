"""All scores of generated images against a dataset."""

from collections.abc import Iterable

from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.generated_images import Generated
from gan_lab.metrics.protocol import Weights
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import FEWEST, Scorer
from gan_lab.utils.errors import UserError


def evaluate(
    drawn: Iterable[Generated],
    real: RealImages,
    extractor: Extractor,
    *,
    split: str,
    weights: Weights,
    seed: int,
    images_seen: int | None,
) -> ScoreRecord:
    """Scores with their protocol.

    Args:
        drawn: uint8 images and the classes asked for, in chunks.
        real: the dataset.
        extractor: to look through.
        split: of the dataset.
        weights: the generator's.
        seed: of random subsets, and of the latents.
        images_seen: that the generator was trained on, where that is known.

    Raises:
        UserError: there are too few images on either side.
    """
    statistics = real.statistics(extractor, split)
    if statistics.moments.count < FEWEST:
        raise UserError(f"scores need {FEWEST} real images or more, and there are {statistics.moments.count} ({split})")
    scorer = Scorer(extractor=extractor, real=statistics, seed=seed)
    for images, asked in drawn:
        scorer.update(real.without_border(images), asked)
    try:
        values = scorer.compute()
    except ValueError as error:
        raise UserError(str(error)) from error
    return ScoreRecord(
        images_seen=images_seen, values=values, protocol=scorer.protocol(weights), class_counts=scorer.class_counts
    )

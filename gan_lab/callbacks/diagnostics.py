"""What a check measures: how far scores lie apart, how much images differ, which classes they show.

Everything is drawn and scored in evaluation mode and without gradients, so that no statistic of batch norm and no power
iteration of spectral norm moves; and from seeds of its own.
"""

import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from gan_lab.metrics import class_scores, dataset_classifier
from gan_lab.utils import images, seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError

log = logging.getLogger(__name__)

CHEAP = 10  # times the discriminator's arithmetic on an image is what a classifier may cost


def separation(high: Tensor, low: Tensor) -> Tensor:
    """How far two sets of scores (n, ...) and (m, ...) lie apart, in standard deviations.

    The difference of their means over the root mean square of their standard deviations (Cohen's d): a critic's scale
    does not matter.
    """
    spread = ((high.var() + low.var()) / 2).sqrt()
    return (high.mean() - low.mean()) / spread.clamp_min(1e-12)


def distance(pictures: Tensor, groups: Tensor) -> Tensor:
    """Root mean square Euclidean distance of two different images of the same group, over all such pairs.

    Args:
        pictures: shape (n, ...).
        groups: int64, shape (n,).

    Returns:
        A scalar; NaN if no group has two images.
    """
    # The squared distances of m points to each other sum up to m times those to their mean.
    flat = pictures.flatten(1).float()
    _, members, counts = torch.unique(groups, return_inverse=True, return_counts=True)
    means = flat.new_zeros(len(counts), flat.shape[1]).index_add_(0, members, flat) / counts[:, None]
    from_mean = (flat - means[members]).square().sum(1)
    mean_square: Tensor = (counts[members] * from_mean).sum() / (counts * (counts - 1) / 2).sum()
    return mean_square.sqrt()


class Diagnostics:
    """Holds both players against a few fixed images, some that they train on and as many that they don't.

    Args:
        data: where the images come from; held out are those that a trained model is scored against.
        count: of images of each kind, and of samples.
        classified_images: how many of the samples a classifier looks at, where one is shipped and takes little time.
        seed: of the choice of images, and of the samples' latents.
    """

    def __init__(self, data: Any, model: Any, *, count: int, classified_images: int, seed: int) -> None:
        self.data = data
        self.count = count
        self.classified_images = classified_images
        self.seed = seed
        self.chosen = {split: self._choose(split, model.device) for split in self._splits()}
        real, condition = model.unpack_batch(self._batch("train"))
        self.distance = distance(real, grouped(real, condition))
        self.classifier = self._classifier(model, real[:1], condition) if classified_images else None

    @torch.no_grad()
    def measure(self, model: Any) -> dict[str, Tensor]:
        """All numbers by name, scalars on the device.

        The generator is taken as it is, not its moving average, which tells of a collapse late.
        """
        scores, signs = {}, {}
        for split in self.chosen:
            real, condition = model.unpack_batch(self._batch(split))
            scores[split] = model.eval_logits(real, condition)
        if self.data.eval_split in scores:
            signs["health/overfitting"] = separation(scores["train"], scores[self.data.eval_split])
            if model.objective.decision_threshold is not None:
                for split, name in (("train", "train"), (self.data.eval_split, "validation")):
                    signs[f"health/accuracy/{name}"] = (
                        (scores[split] > model.objective.decision_threshold).float().mean()
                    )
        latents = model.sample_latents(self.count, seeding.derive(self.seed, "health"))
        asked = model.make_condition(self.count)
        samples = model.sample(latents, *asked, ema=False)
        signs["health/diversity"] = distance(samples, grouped(samples, asked)) / self.distance
        if self.classifier is not None:
            # Evenly spaced, because a conditional model's samples come class by class.
            some = torch.linspace(0, self.count - 1, min(self.classified_images, self.count)).long().to(samples.device)
            signs |= self._classes(self.classifier, samples[some])
        return signs

    def _splits(self) -> list[str]:
        try:
            self.data.setup("test" if self.data.eval_split == "test" else "fit")
        except UserError as reason:
            log.info("The discriminator's overfitting is not watched: %s", reason)
            return ["train"]
        return ["train", self.data.eval_split]

    def _choose(self, split: str, device: torch.device) -> LabelledImages:
        pixels, labels = self.data.splits[split]
        order = seeding.permutation(len(pixels), seeding.derive(self.seed, "health", split))
        some = order[: self.count].to(pixels.device)
        return LabelledImages(pixels[some].to(device), labels[some].to(device))

    def _batch(self, split: str) -> LabelledImages:
        """Normalised as in training."""
        batch: LabelledImages = self.data.on_after_batch_transfer(self.chosen[split], 0)
        return batch

    def _classifier(
        self, model: Any, image: Tensor, condition: tuple[Tensor, ...]
    ) -> dataset_classifier.DatasetClassifier | None:
        """The one that is shipped for the data, unless it would cost a multiple of what training does."""
        if self.data.describe()["name"] not in dataset_classifier.SHIPPED:
            return None
        with torch.random.fork_rng(devices=[]):  # its first weights, which are replaced, are drawn at random
            classifier = dataset_classifier.shipped().to(model.device)
        with FlopCounterMode(display=False) as judging:
            model.eval_logits(image, tuple(part[:1] for part in condition))
        with FlopCounterMode(display=False) as classifying, torch.no_grad():
            classifier.features_and_logits(images.to_uint8(image))
        return classifier if classifying.get_total_flops() <= CHEAP * judging.get_total_flops() else None

    def _classes(self, classifier: dataset_classifier.DatasetClassifier, samples: Tensor) -> Mapping[str, Tensor]:
        shown = class_scores.histogram(
            classifier.features_and_logits(images.to_uint8(samples))[1].argmax(1), classifier.num_classes
        )
        return {f"health/share/{label}": share for label, share in enumerate(shown / shown.sum())}


def grouped(pictures: Tensor, condition: tuple[Tensor, ...]) -> Tensor:
    """The class of each image (n,) where the model is told one, else the same for all: to draw one image for each
    class is a collapse as well."""
    return condition[0] if condition else torch.zeros(len(pictures), dtype=torch.long, device=pictures.device)

"""Measurements of a health check: separation of logits, diversity of samples, their distance from real images, classes.

Everything runs in evaluation mode and without gradients, so that no statistic of batch norm and no power iteration of
spectral norm changes. Latents come from seeds of their own.
"""

import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from gan_lab.metrics import class_scores, dataset_classifier
from gan_lab.metrics.extractors import extract
from gan_lab.metrics.generated_images import classes_like
from gan_lab.utils import images, seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError

log = logging.getLogger(__name__)

MAX_COST = 10  # of a classifier, in forward passes of the discriminator


def separation(high: Tensor, low: Tensor) -> Tensor:
    """Difference of the means of two sets of logits (n, ...) and (m, ...), in standard deviations.

    The unit is the root mean square of their standard deviations (Cohen's d), so the scale of a critic cancels.
    """
    spread = ((high.var() + low.var()) / 2).sqrt()
    return (high.mean() - low.mean()) / spread.clamp_min(1e-12)


def pairwise_distance(pictures: Tensor, groups: Tensor) -> Tensor:
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


def energy_distance(samples: Tensor, real: Tensor) -> Tensor:
    """Energy distance of two sets of images over the mean distance of two real ones (Székely & Rizzo 2013, eq. 5, 6).

    With Euclidean distances of pixels, and each mean over pairs of different images: 0 for sets of one distribution,
    about 0.4 for samples that all are the mean of the real images, and more for noise and for one image.

    Args:
        samples: shape (n, ...), n at least 2.
        real: shape (m, ...), m at least 2.

    Returns:
        A scalar; it may fall a little below 0 by chance.
    """
    first, second = samples.flatten(1).float(), real.flatten(1).float()
    within, among = (torch.cdist(flat, flat).sum() / (len(flat) * (len(flat) - 1)) for flat in (first, second))
    distance: Tensor = (2 * torch.cdist(first, second).mean() - within) / among - 1
    return distance


class Diagnostics:
    """Measures both players on a few fixed images: some of the training split, and as many of the evaluation split.

    Args:
        data: data module of the images.
        model: the model that is measured.
        count: number of images of each split, and of samples.
        classified_images: number of samples to classify, where a classifier is shipped and takes little time.
        seed: of the choice of images, and of the samples' latents.
    """

    def __init__(self, data: Any, model: Any, *, count: int, classified_images: int, seed: int) -> None:
        self.data = data
        self.count = count
        self.classified_images = classified_images
        self.seed = seed
        self.classes = classes_like(data.splits["train"][1], count)
        self.fixed = {split: self._choose(split, model.device) for split in self._splits()}
        real, condition = model.unpack_batch(self._batch("train"))
        classes = condition if model.make_condition(1) else ()  # as samples have them; InfoGAN's condition is no class
        self.distance = pairwise_distance(real, class_groups(real, classes))
        self.classifier = self._classifier(model, real[:1], condition) if classified_images else None

    @torch.no_grad()
    def measure(self, model: Any) -> dict[str, Tensor]:
        """Compute all measurements by name, scalars on the device.

        Samples come from the raw generator: its moving average shows a collapse late.
        """
        logits, measured = {}, {}
        for split in self.fixed:
            real, condition = model.unpack_batch(self._batch(split))
            logits[split] = model.eval_logits(real, condition)
        if self.data.eval_split in logits:
            measured["health/overfitting"] = separation(logits["train"], logits[self.data.eval_split])
            threshold = model.objective.decision_threshold
            if threshold is not None:
                for split, name in (("train", "train"), (self.data.eval_split, "validation")):
                    measured[f"health/accuracy/{name}"] = (logits[split] > threshold).float().mean()
        latents = model.seeded_latents(self.count, seeding.derive(self.seed, "health"))
        condition = self._condition(model)
        samples = model.sample(latents, *condition, ema=False)
        diversity = pairwise_distance(samples, class_groups(samples, condition))
        measured["health/diversity"] = diversity / self.distance
        measured["health/distance"] = energy_distance(samples, model.unpack_batch(self._batch("train"))[0])
        if self.classifier is not None:
            measured |= self._class_shares(self.classifier, samples[: self.classified_images])
        return measured

    def _condition(self, model: Any) -> tuple[Tensor, ...]:
        """The condition of the samples: none, or classes as frequent as among the training images."""
        condition: tuple[Tensor, ...] = model.make_condition(self.count)
        return (self.classes.to(model.device),) if condition else condition

    def _splits(self) -> list[str]:
        try:
            self.data.setup("test" if self.data.eval_split == "test" else "fit")
        except UserError as reason:
            log.info("The discriminator's overfitting is not measured: %s", reason)
            return ["train"]
        return ["train", self.data.eval_split]

    def _choose(self, split: str, device: torch.device) -> LabelledImages:
        pixels, labels = self.data.splits[split]
        order = seeding.permutation(len(pixels), seeding.derive(self.seed, "health", split))
        places = order[: self.count].to(pixels.device)
        return LabelledImages(pixels[places].to(device), labels[places].to(device))

    def _batch(self, split: str) -> LabelledImages:
        """The fixed images of a split, normalised as in training."""
        batch: LabelledImages = self.data.on_after_batch_transfer(self.fixed[split], 0)
        return batch

    def _classifier(
        self, model: Any, image: Tensor, condition: tuple[Tensor, ...]
    ) -> dataset_classifier.DatasetClassifier | None:
        """Load the classifier that is shipped for the data, unless it costs a multiple of the discriminator."""
        if self.data.describe()["name"] not in dataset_classifier.SHIPPED:
            return None
        with torch.random.fork_rng(devices=[]):  # the classifier's initial weights, replaced at once, are random
            classifier = dataset_classifier.shipped().to(model.device)
        with FlopCounterMode(display=False) as discriminating:
            model.eval_logits(image, tuple(part[:1] for part in condition))
        with FlopCounterMode(display=False) as classifying, torch.no_grad():
            classifier.features_and_logits(images.to_uint8(image))
        return classifier if classifying.get_total_flops() <= MAX_COST * discriminating.get_total_flops() else None

    def _class_shares(self, classifier: dataset_classifier.DatasetClassifier, samples: Tensor) -> Mapping[str, Tensor]:
        predicted = extract(classifier, images.to_uint8(samples))[1].argmax(1)
        counts = class_scores.histogram(predicted, classifier.num_classes)
        return {f"health/share/{label}": share for label, share in enumerate(counts / counts.sum())}


def class_groups(pictures: Tensor, condition: tuple[Tensor, ...]) -> Tensor:
    """The class (n,) of each image of a conditional model, else zeros.

    Diversity is measured within groups: a single image for each class is a collapse as well.
    """
    return condition[0] if condition else torch.zeros(len(pictures), dtype=torch.long, device=pictures.device)

"""All scores of a set of generated images, in one pass through the extractor."""

from collections.abc import Collection
from typing import Literal, get_args

import torch
from torch import Tensor

from gan_lab.distributed.collectives import gather_rows
from gan_lab.metrics import class_scores, scores
from gan_lab.metrics.extractors import Extractor, extract
from gan_lab.metrics.neighbours import K_DENSITY_COVERAGE, manifold_scores, radii
from gan_lab.metrics.protocol import Protocol, Weights
from gan_lab.metrics.statistics import UNKNOWN, RealStatistics
from gan_lab.utils import seeding

Group = Literal["fid", "kid", "inception_score", "manifold", "classes"]
GROUPS: tuple[Group, ...] = get_args(Group)
FEWEST = K_DENSITY_COVERAGE + 1  # images on either side


class Scorer:
    """Takes generated images batch by batch, then computes.

    Several processes (torch.distributed) each give their share, and all get the scores of the whole; with process r
    of w giving images r, r + w, ... the same scores as one process. Nothing touches torch's random numbers.

    Args:
        extractor: to look through, the one that the real statistics are of.
        real: statistics of the real images.
        seed: of random subsets and splits, recorded in the protocol.
        groups: which scores; during training one may want the cheap ones only.

    Raises:
        ValueError: the statistics are another extractor's, or of too few images.
    """

    def __init__(
        self, *, extractor: Extractor, real: RealStatistics, seed: int, groups: Collection[Group] = GROUPS
    ) -> None:
        if real.extractor != extractor.identity:
            raise ValueError("the real statistics are another extractor's")
        if real.moments.count < FEWEST:
            raise ValueError(f"scores need {FEWEST} real images or more, not {real.moments.count}")
        self.extractor = extractor
        # Statistics are in float64, which Apple's GPUs don't have.
        device = extractor.device
        self.real = real.to(torch.device("cpu") if device.type == "mps" else device)
        self.seed = seed
        self.groups = groups
        self._real_part = self.real.features[:0], torch.empty(0)  # of the manifold, and its radii: kept, as they cost
        self.reset()

    def reset(self) -> None:
        """Forget the generated images, not the real ones."""
        self._shares: list[tuple[Tensor, Tensor, Tensor]] = []
        self.count = 0
        self.class_counts: list[int] = []

    def update(self, images: Tensor, asked: Tensor | None = None) -> None:
        """Look at a batch of this process's images.

        Args:
            images: uint8, shape (n, channels, height, width).
            asked: the classes that the generator was asked for, int64, shape (n,), where it was asked.
        """
        asked = torch.full((len(images),), UNKNOWN) if asked is None else asked
        self._shares.append((*extract(self.extractor, images), asked.to(self.extractor.device)))

    def compute(self) -> dict[str, float]:
        """Scores of the images of all processes, the same on each.

        Returns:
            By group, where the extractor allows:
            fid: `fid`, lower is better.
            kid: `kid`, `kid_std`.
            inception_score: `inception_score`, `inception_score_std`, higher is better.
            manifold: `precision`, `recall`, `density`, `coverage`, higher is better; of equally many real and generated
                images, a random part of the larger set: a thousand images could never cover ten thousand.
            classes: `modes`, the classes that occur (`class_counts` has how often); `class_kl`, of their histogram to
                that of the real images, in nats, both as classified, infinite for a class that the real ones lack.
                Where classes were asked for: `class_accuracy`; `class_fid`, the mean of the FID within the
                `class_fid_classes` classes that have 500 images on each side.

        Raises:
            ValueError: there are too few images.
        """
        features, logits, asked = self._gathered()
        self.count = len(features)
        if self.count < FEWEST:
            raise ValueError(f"scores need {FEWEST} generated images or more, not {self.count}")
        found: dict[str, float] = {}
        if "fid" in self.groups:
            found["fid"] = scores.frechet_distance(self.real.moments, features)
        if "kid" in self.groups:
            found["kid"], found["kid_std"] = scores.kernel_distance(self.real.features, features, self.seed)
        if "inception_score" in self.groups and logits.shape[1] and self.extractor.one_label:
            mean, deviation = scores.inception_score(logits, self.seed)
            found |= {"inception_score": mean, "inception_score_std": deviation}
        if "manifold" in self.groups and self.extractor.has_neighbours:
            found |= self._manifold_scores(features)
        if "classes" in self.groups and self.extractor.num_classes:
            found |= self._class_scores(features, self.extractor.predicted_class(logits), asked)
        return found

    def protocol(self, weights: Weights) -> Protocol:
        """How the scores last computed came about.

        Args:
            weights: the generator's.
        """
        return Protocol(
            extractor=self.extractor.identity,
            data=self.real.data,
            split=self.real.split,
            n_real=self.real.moments.count,
            n_fake=self.count,
            weights=weights,
            seed=self.seed,
        )

    def _gathered(self) -> tuple[Tensor, Tensor, Tensor]:
        """Features (n, d), logits (n, classes) and asked classes (n,) of all processes."""
        device = self.extractor.device
        nothing = (
            torch.empty(0, self.real.features.shape[1], device=device),
            torch.empty(0, self.real.logits.shape[1], device=device),
            torch.empty(0, dtype=torch.long, device=device),
        )
        features, logits, asked = (
            gather_rows(torch.cat(parts)).to(self.real.features.device)
            for parts in zip(*(self._shares or [nothing]), strict=True)
        )
        return features, logits, asked

    def _manifold_scores(self, features: Tensor) -> dict[str, float]:
        size = min(len(features), len(self.real.features))
        if len(self._real_part[0]) != size:
            real = self._part(self.real.features, size)
            self._real_part = real, radii(real, K_DENSITY_COVERAGE)
        real, real_radii = self._real_part
        return manifold_scores(real, self._part(features, size), real_radii)

    def _part(self, features: Tensor, size: int) -> Tensor:
        """Some of the rows, at random, or all of them."""
        if len(features) == size:
            return features
        return features[seeding.permutation(len(features), seeding.derive(self.seed, "manifold"))[:size]]

    def _class_scores(self, features: Tensor, shown: Tensor, asked: Tensor) -> dict[str, float]:
        counts = class_scores.histogram(shown, self.extractor.num_classes)
        real_counts = self.extractor.class_histogram(self.real.logits)
        self.class_counts = counts.tolist()
        found = {"modes": float(class_scores.modes(counts)), "class_kl": class_scores.divergence(counts, real_counts)}
        told = asked != UNKNOWN
        if told.any():
            found["class_accuracy"] = float((shown[told] == asked[told]).double().mean())
            within = class_scores.within_classes(self.real.features, self.real.labels, features, asked)
            within.pop(UNKNOWN, None)
            if within:
                found |= {"class_fid": sum(within.values()) / len(within), "class_fid_classes": float(len(within))}
        return found

"""All scores of a set of generated images, in one pass through the extractor."""

from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from gan_lab.distributed.collectives import gather_rows
from gan_lab.metrics import class_scores, copies, scores, spectra, uncertainty
from gan_lab.metrics.extractors import Extractor, extract
from gan_lab.metrics.groups import GROUPS, NAMES, OF_MOMENTS, OF_REQUESTS, Group
from gan_lab.metrics.neighbours import K_DENSITY_COVERAGE, manifold_scores, radii
from gan_lab.metrics.protocol import Protocol, Weights
from gan_lab.metrics.statistics import UNKNOWN, RealStatistics
from gan_lab.utils import seeding

FEWEST = K_DENSITY_COVERAGE + 1  # images on either side


class Scorer:
    """Takes generated images batch by batch, then computes their scores.

    Several processes (torch.distributed) each give their share, and all get the scores of the whole. Where process r of
    w gives images r, r + w, ..., the scores are those of one process. Torch's random state does not change.

    Args:
        extractor: of the features; the one that computed the real statistics.
        real: statistics of the real images.
        seed: of random subsets and splits, recorded in the protocol.
        groups: of scores to compute; some are cheap enough for use during training. "path_length" needs the model and
            not its images: `gan_lab.metrics.measure` computes it.
        training: features of the training images, shape (n, d), for "memorisation"; None where there are none beside
            the real images, which then are the training images.
        spectrum: mean spectrum of the real images, as `spectra.mean_spectrum` gives it, for "spectrum".

    Raises:
        ValueError: the statistics are of another extractor, or of too few images.
    """

    def __init__(
        self,
        *,
        extractor: Extractor,
        real: RealStatistics,
        seed: int,
        groups: Collection[Group] = GROUPS,
        training: Tensor | None = None,
        spectrum: Tensor | None = None,
    ) -> None:
        if real.extractor != extractor.identity:
            raise ValueError("the real statistics are another extractor's")
        if real.moments.count < FEWEST:
            raise ValueError(f"scores need {FEWEST} real images or more, not {real.moments.count}")
        self.extractor = extractor
        # Statistics are in float64, which Apple's GPUs don't have.
        device = extractor.device
        self.real = real.to(torch.device("cpu") if device.type == "mps" else device)
        self.training = training
        self.spectrum = spectrum
        self.seed = seed
        self.groups = groups if len(real.features) else [group for group in groups if group in OF_MOMENTS]
        self._real_part = self.real.features[:0], torch.empty(0)  # of the manifold, and its radii: kept, as they cost
        self.reset()

    def reset(self) -> None:
        """Drop the generated images; the real statistics stay."""
        self._shares: list[tuple[Tensor, Tensor, Tensor]] = []
        self._spectra: list[Tensor] = []
        self.count = 0
        self.conditional = False
        self.class_counts: list[int] = []
        self._within: dict[str, dict[int, float]] = {}  # scores of single classes

    def update(self, images: Tensor, requested: Tensor | None = None) -> None:
        """Extract features of a batch of this process's images.

        Args:
            images: uint8, shape (n, channels, height, width).
            requested: the classes that the images were generated for, int64, shape (n,); None without classes.

        Raises:
            ValueError: the group "spectrum" is computed, of images of another size than the real ones.
        """
        requested = torch.full((len(images),), UNKNOWN) if requested is None else requested
        self._shares.append((*extract(self.extractor, images), requested.to(self.extractor.device)))
        if "spectrum" in self.groups and self.spectrum is not None:
            on = images.cpu() if images.device.type == "mps" else images
            found = spectra.mean_spectrum(on)
            if found.shape != self.spectrum.shape:
                raise ValueError("spectra can't be compared: the images are of another size than the real ones")
            self._spectra.append(found.to(self.real.features.device) * len(images))

    def compute(self) -> dict[str, float]:
        """Scores of the images of all processes, the same on each.

        Returns:
            Scores by name. Each group adds some where the extractor allows it:
            fid: `fid`, lower is better.
            kid: `kid`, `kid_std`.
            inception_score: `inception_score`, `inception_score_std`, higher is better.
            manifold: `precision`, `recall`, `density`, `coverage`, higher is better. Real and generated images are
                equally many, a random part of the larger set: a thousand images could never cover ten thousand.
            classes: `modes`, the number of predicted classes (`class_counts` has their frequencies). `class_kl`, the
                divergence of their histogram from that of the real images, in nats, infinite for a class that the real
                images lack. Where classes were requested, `class_accuracy`, and, of any extractor, `class_fid`, the
                mean of the FID within the `class_fid_classes` classes that have 500 images on each side (intra-FID);
                `per_class` has those of each.
            fid_infinity: `fid_infinity`, FID extrapolated to infinitely many generated images.
            fid_interval: `fid_low` and `fid_high`, between which FID lies for 95 % of choices of generated images.
            class_manifold: `class_precision`, `class_recall`, `class_density` and `class_coverage`, means over the
                classes with six images on each side; `per_class` has those of each. Requested classes are taken, or
                else predicted ones.
            class_halves: no score of all images. `per_class` has `half_images`, `half_fid` and `half_floor`: FID to
                half of a class's real images, beside that between both halves. Classes are as of class_manifold.
            memorisation: `authenticity`, and `copying` where there are real images that were not trained on.
            spectrum: `spectrum_error`, `spectrum_high`.
            cmmd: `cmmd`.

        Raises:
            ValueError: there are too few images.
        """
        features, logits, requested = self._gathered()
        self.count = len(features)
        self.conditional = bool((requested != UNKNOWN).any())
        if self.count < FEWEST:
            raise ValueError(f"scores need {FEWEST} generated images or more, not {self.count}")
        values: dict[str, float] = {}
        if "fid" in self.groups:
            values["fid"] = scores.frechet_distance(self.real.moments, features)
        if "kid" in self.groups:
            values["kid"], values["kid_std"] = scores.kernel_distance(self.real.features, features, self.seed)
        if "inception_score" in self.groups and logits.shape[1] and self.extractor.one_label:
            mean, deviation = scores.inception_score(logits, self.seed)
            values |= {"inception_score": mean, "inception_score_std": deviation}
        if "manifold" in self.groups and self.extractor.has_neighbours:
            values |= self._manifold_scores(features)
        if "classes" in self.groups:
            values |= self._class_scores(features, logits, requested)
        if "fid_infinity" in self.groups:
            values["fid_infinity"] = uncertainty.fid_infinity(self.real.moments, features, self.seed)
        if "fid_interval" in self.groups:
            low, high = uncertainty.fid_interval(self.real.moments, features, self.seed)
            values |= {"fid_low": low, "fid_high": high}
        if "class_manifold" in self.groups:
            values |= self._class_manifold(features, logits, requested)
        if "class_halves" in self.groups:
            self._class_halves(features, logits, requested)
        if "memorisation" in self.groups:
            values |= self._memorisation(features)
        if "spectrum" in self.groups and self.spectrum is not None:
            values |= self._spectrum_scores()
        if "cmmd" in self.groups:
            values["cmmd"] = scores.gaussian_discrepancy(self.real.features, features)
        return values

    @property
    def per_class(self) -> dict[str, list[float | None]]:
        """Scores within each class by name, one for each label, None where a class has too few images."""
        size = 1 + max((label for each in self._within.values() for label in each), default=-1)
        return {name: [each.get(label) for label in range(size)] for name, each in self._within.items()}

    def names(self, requested: Tensor | None = None) -> list[str]:
        """Names of the scores that `compute` gives, without those that only stand beside another.

        Args:
            requested: classes that images will be generated for, as of `update`, of all of them.
        """
        known, lacking = self.extractor, set[str]()
        if not (self.real.logits.shape[1] and known.one_label):
            lacking.add("inception_score")
        if not known.has_neighbours:
            lacking |= {*NAMES["manifold"]}

        def large(fewest: int) -> bool:
            return requested is not None and bool(class_scores.large_classes(self.real.labels, requested, fewest))

        if not large(class_scores.ENOUGH_IN_CLASS):
            lacking.add("class_fid")
        if requested is None:
            lacking |= OF_REQUESTS
        if not known.num_classes:
            lacking |= {"modes", "class_kl", "class_accuracy"}
        # Of classes that will be predicted, some are hoped to be large enough.
        if not (large(FEWEST) if requested is not None else known.num_classes):
            lacking |= {*NAMES["class_manifold"]}
        if self.training is None:
            lacking.add("copying")
        if self.spectrum is None:
            lacking |= {*NAMES["spectrum"]}
        return [name for group in self.groups for name in NAMES[group] if name not in lacking]

    def protocol(self, weights: Weights) -> Protocol:
        """Protocol of the scores last computed.

        Args:
            weights: the generator's.
        """
        return Protocol(
            extractor=self.extractor.identity,
            data=self.real.data,
            split=self.real.split,
            n_real=self.real.count,
            n_fake=self.count,
            weights=weights,
            seed=self.seed,
            labels="data" if self.conditional else None,
        )

    def _gathered(self) -> tuple[Tensor, Tensor, Tensor]:
        """Gather features (n, d), logits (n, classes) and requested classes (n,) of all processes."""
        device = self.extractor.device
        empty = (
            torch.empty(0, self.real.features.shape[1], device=device),
            torch.empty(0, self.real.logits.shape[1], device=device),
            torch.empty(0, dtype=torch.long, device=device),
        )
        features, logits, requested = (
            gather_rows(torch.cat(parts)).to(self.real.features.device)
            for parts in zip(*(self._shares or [empty]), strict=True)
        )
        return features, logits, requested

    def _manifold_scores(self, features: Tensor) -> dict[str, float]:
        size = min(len(features), len(self.real.features))
        if len(self._real_part[0]) != size:
            real = self._part(self.real.features, size)
            self._real_part = real, radii(real, K_DENSITY_COVERAGE)
        real, real_radii = self._real_part
        return manifold_scores(real, self._part(features, size), real_radii)

    def _class_manifold(self, features: Tensor, logits: Tensor, requested: Tensor) -> dict[str, float]:
        real_labels, labels = self._labels(logits, requested)
        found = class_scores.manifold_within_classes(self.real.features, real_labels, features, labels)
        names = self._keep_within(found)
        return {f"class_{name}": sum(each[name] for each in found.values()) / len(found) for name in names}

    def _class_halves(self, features: Tensor, logits: Tensor, requested: Tensor) -> None:
        real_labels, labels = self._labels(logits, requested)
        self._keep_within(
            class_scores.halves_within_classes(self.real.features, real_labels, features, labels, self.seed)
        )

    def _labels(self, logits: Tensor, requested: Tensor) -> tuple[Tensor, Tensor]:
        """Classes of the real and of the generated images; where some were asked for none, the predicted ones."""
        if (requested == UNKNOWN).any() and self.extractor.num_classes:
            return self.extractor.predicted_class(self.real.logits), self.extractor.predicted_class(logits)
        return self.real.labels, requested

    def _keep_within(self, found: dict[int, dict[str, float]]) -> Iterable[str]:
        """Keep the scores of single classes for `per_class`, and give their names."""
        names = next(iter(found.values()), {})
        self._within |= {name: {label: each[name] for label, each in found.items()} for name in names}
        return names

    def _memorisation(self, features: Tensor) -> dict[str, float]:
        if self.training is None:
            return {"authenticity": copies.authenticity(self.real.features, features)}
        training = self.training.to(features.device)
        return {
            "authenticity": copies.authenticity(training, features),
            "copying": copies.copying(training, self._unseen(len(features)), features, self.seed),
        }

    def _unseen(self, size: int) -> Tensor:
        """Features of real images that were not trained on, at most so many: more cost time and tell little."""
        return self._part(self.real.features, min(size, len(self.real.features)))

    @property
    def fake_spectrum(self) -> Tensor:
        """Mean spectrum of the images of all processes, in dB, float64 (frequencies,); the same on each."""
        assert self.spectrum is not None
        real = self.spectrum.to(self.real.features.device)
        share = torch.stack(self._spectra).sum(0) if self._spectra else torch.zeros_like(real)
        return gather_rows(share[None]).sum(0) / self.count

    def _spectrum_scores(self) -> dict[str, float]:
        assert self.spectrum is not None
        return spectra.differences(self.spectrum.to(self.real.features.device), self.fake_spectrum)

    def _part(self, features: Tensor, size: int) -> Tensor:
        """A random part of the rows, or all of them."""
        if len(features) == size:
            return features
        return features[seeding.permutation(len(features), seeding.derive(self.seed, "manifold"))[:size]]

    def _class_scores(self, features: Tensor, logits: Tensor, requested: Tensor) -> dict[str, float]:
        values, known = {}, requested != UNKNOWN
        if self.extractor.num_classes:
            predicted = self.extractor.predicted_class(logits)
            counts = class_scores.histogram(predicted, self.extractor.num_classes)
            real_counts = self.extractor.class_histogram(self.real.logits)
            self.class_counts = counts.tolist()
            values["modes"] = float(class_scores.modes(counts))
            values["class_kl"] = class_scores.divergence(counts, real_counts)
            if known.any():
                values["class_accuracy"] = float((predicted[known] == requested[known]).double().mean())
        within = class_scores.within_classes(self.real.features, self.real.labels, features, requested)
        if within:
            self._within["fid"] = within
            values |= {"class_fid": sum(within.values()) / len(within), "class_fid_classes": float(len(within))}
        return values

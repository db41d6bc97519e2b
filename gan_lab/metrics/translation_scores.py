"""Scores of models that translate images: each direction against its targets, pixels of pairs, and the way back."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from gan_lab.distributed.collectives import gather_rows, refusing_together
from gan_lab.metrics.domain_images import SIDES, DomainImages, depth_of
from gan_lab.metrics.extractors import Extractor, Plain
from gan_lab.metrics.generated_images import weights_of
from gan_lab.metrics.groups import OF_THE_WAY_BACK, OF_TRANSLATIONS, Group
from gan_lab.metrics.measure import Measure, Subject
from gan_lab.metrics.perceptual import SMALLEST, Perceptual
from gan_lab.metrics.pixel_scores import REACH, absolute_error, difference, psnr, ssim
from gan_lab.metrics.protocol import Protocol, Weights, extractor_hash
from gan_lab.metrics.real_images import looked_at, part
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import FEWEST, Scorer
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError

log = logging.getLogger(__name__)

VALUES_AT_ONCE = 1 << 20  # of the images that are translated in one batch: 445 of 28x28 in colour, 5 of 256x256
NO_EXTRACTOR: dict[str, Plain] = {"name": "pixels alone", "sha256": ""}
UNITS = "mae_units"  # of values at a depth other than 8, in their own units
Error = Callable[[Tensor, Tensor], Tensor]  # of images and targets, uint8; a value for each, float64


class Translations(Subject):
    """Models that translate between the two sides of a dataset, in one direction or in both.

    Choices while training go by the validation split where the data have one, else by training images.

    Args:
        data: a prepared data module; `paired` tells that its i-th target is what the i-th source should become.
        extractors: for each of the model's directions, the extractor for its targets; None where there is none.
        cache_folder: as of `RealImages`.
        perceptual: LPIPS; None where its weights are missing.
        seed: of random subsets.
    """

    def __init__(
        self,
        data: Any,
        extractors: Mapping[str, Extractor | None],
        cache_folder: Path,
        *,
        perceptual: Perceptual | None,
        seed: int,
    ) -> None:
        self.data = data
        self.extractors = extractors
        self.cache_folder = cache_folder
        self.perceptual = perceptual
        self.seed = seed
        data.setup("fit")
        self.split_during = "validation" if "validation" in data.splits else "train"
        self.split_at_end = data.eval_split

    @classmethod
    def of(
        cls, model: Any, data: Any, cache_folder: Path, choose: Callable[[DomainImages], Extractor | None], *, seed: int
    ) -> "Translations":
        """Prepare the scores of a model.

        Args:
            model: that translates, on its device.
            data: as of the class, in the next two, too.
            cache_folder: of what is computed once.
            choose: makes the extractor for the images of a side.
            seed: of random subsets.
        """
        extractors = {}
        for direction in model.directions:
            extractor = choose(DomainImages(data, direction[-1], cache_folder))
            extractors[direction] = extractor and extractor.to(model.device)
        data.setup("fit")  # the size without border is known from then on
        perceptual = None
        if data.paired and min(*data.image_size, *data.native_size) >= SMALLEST:
            try:
                with refusing_together():
                    perceptual = Perceptual().to(exact(model.device))
            except UserError as error:
                log.warning("There will be no LPIPS: %s", error)
        return cls(data, extractors, cache_folder, perceptual=perceptual, seed=seed)

    @property
    def is_scored(self) -> bool:
        """False where neither features, nor right answers, nor a way back are there to compare."""
        return any(self.extractors.values()) or self.data.paired or len(self.extractors) > 1

    def against(
        self, split: str, *, groups: Collection[Group], count: int, at_most: int | None = None
    ) -> "TranslationScores":
        """Make a measure of translations; arguments and errors as of `Subject.against`."""
        directions = [
            self._direction(name, extractor, split, groups, count, at_most)
            for name, extractor in self.extractors.items()
        ]
        return TranslationScores(directions, split, self.seed)

    def _direction(
        self,
        name: str,
        extractor: Extractor | None,
        split: str,
        groups: Collection[Group],
        count: int,
        at_most: int | None,
    ) -> "Direction":
        source, real = (DomainImages(self.data, side, self.cache_folder) for side in (name[0], name[-1]))
        images, labels = real.load(split, at_most)
        sources = source.codes(split)
        chosen = part(len(sources), count)
        sources = sources[chosen]
        partners = real.codes(split)[chosen] if self.data.paired else None
        scorer = None
        if extractor is not None and min(len(images), len(sources)) >= FEWEST:
            statistics = real.statistics(extractor, split, at_most)
            own = [group for group in groups if group in OF_TRANSLATIONS]
            scorer = Scorer(extractor=extractor, real=statistics, seed=self.seed, groups=own)
        errors: dict[str, Error] = {}
        if partners is not None:
            smallest = min(real.without_border(partners).shape[-2:])
            errors = {"psnr": psnr, "mae": absolute_error}
            if smallest > 2 * REACH:
                errors["ssim"] = ssim
            if self.perceptual and smallest >= SMALLEST:
                errors["lpips"] = self.perceptual
        back = name[::-1] if name[::-1] in self.extractors else None
        if scorer is None and not errors and back is None:
            raise UserError(f"it has {min(len(images), len(sources))} images")
        return Direction(
            name=name,
            data=self.data,
            real=real,
            sources=sources,
            partners=partners,
            scorer=scorer,
            errors=errors,
            back=back,
            count=len(images),
            target_hash=hashes.of_tensors(images, labels),
        )


@dataclass(frozen=True, kw_only=True)
class Direction:
    """One direction of translation against one split.

    Args:
        name: "a2b" or "b2a".
        data: the data module, which makes a network's input of pictures, and pictures of its output.
        real: the pictures of the other side.
        sources: to translate, (n, channels, height, width) at the depth of their side.
        partners: the right answer for each, (n, channels, height, width) at its depth; None where there is none.
        scorer: with the statistics of the targets; None without features.
        errors: scores of a translation and its right answer as pictures, by name.
        back: the direction that undoes this one; None where the model has none.
        count: number of targets.
        target_hash: content hash of the targets and their labels.
    """

    name: str
    data: Any
    real: DomainImages
    sources: Tensor
    partners: Tensor | None
    scorer: Scorer | None
    errors: Mapping[str, Error]
    back: str | None
    count: int
    target_hash: str

    @property
    def source_hash(self) -> str:
        """Content hash of the sources and their right answers, without borders."""
        parts = [self.sources] if self.partners is None else [self.sources, self.partners]
        return hashes.of_tensors(*map(self.real.without_border, parts))

    def score(self, model: Any, *, ema: bool, share: slice) -> dict[str, float]:
        """Scores by name, of this process's share and those of all others."""
        if self.scorer:
            self.scorer.reset()
        errors = {name: [torch.empty(0, dtype=torch.float64, device=exact(model.device))] for name in self._all_errors}
        at_once = max(1, VALUES_AT_ONCE // self.sources[0].numel())
        for chosen in torch.split(torch.arange(len(self.sources))[share], at_once):
            sources = self.sources[chosen].to(model.device)
            translated = translate(model, self.data, self.name, sources, ema=ema)
            pictures = self._pictures(translated, self.name[-1])
            if self.scorer:
                self.scorer.update(self.real.without_border(pictures))
            if self.partners is not None:
                partners = self._pictures(self.partners[chosen], self.name[-1])
                for name, error in self.errors.items():
                    errors[name].append(self._measured(error, pictures, partners))
                if self._has_units:
                    errors[UNITS].append(self._measured(difference, translated, self.partners[chosen]))
            if self.back:
                back = self._pictures(translate(model, self.data, self.back, translated, ema=ema), self.name[0])
                errors[OF_THE_WAY_BACK].append(
                    self._measured(absolute_error, back, self._pictures(sources, self.name[0]))
                )
        values = self.scorer.compute() if self.scorer else {}
        if self.scorer:
            self.scorer.reset()  # the images need memory
        return values | {name: float(gather_rows(torch.cat(parts)).mean()) for name, parts in errors.items()}

    @property
    def names(self) -> list[str]:
        """Names of the scores, without those that only stand beside another."""
        return [*(self.scorer.names() if self.scorer else ()), *self._all_errors]

    @property
    def _has_units(self) -> bool:
        return self.partners is not None and self.partners.dtype != torch.uint8

    @property
    def _all_errors(self) -> list[str]:
        return [*self.errors, *([UNITS] if self._has_units else []), *([OF_THE_WAY_BACK] if self.back else [])]

    def _pictures(self, pixels: Tensor, side: str) -> Tensor:
        return looked_at(self.data, pixels, SIDES.index(side))

    def _measured(self, error: Error, images: Tensor, targets: Tensor) -> Tensor:
        here = exact(images.device)
        return error(*(self.real.without_border(each.to(here)) for each in (images, targets)))


class TranslationScores(Measure):
    """Scores of translations against one split.

    A model of one direction has scores by their names, one of two "a2b/fid" and its kind, and besides, `fid`, the mean
    of both, and `cycle_error`.

    - `fid`, `kid`, `kid_std`, `precision` to `coverage`: of all translations against all targets, as of `Scorer`.
    - `psnr`, `ssim`, `mae`, `lpips`: means over pairs of a translation and the right answer, both as files hold them.
    - `mae_units`: the mean absolute difference of pairs in the units of the data, where `data.depth` is not 8.
    - `cycle_error`: the mean difference of pixels in [0, 1] between images and what comes back of them there and back,
      over both directions. What is in between is rounded to 8 bits: a CycleGAN hides in its translations what it needs
      for the way back (Chu et al. 2017, arXiv:1712.02950), and what a file would not hold is not its translation.

    Args:
        directions: one or two.
        split: of the images.
        seed: of random subsets.
    """

    def __init__(self, directions: Sequence[Direction], split: str, seed: int) -> None:
        self.directions = directions
        self.split = split
        self.seed = seed
        self.count = sum(len(each.sources) for each in directions)

    def names(self, model: Any) -> list[str]:
        """Names of the scores; as of `Measure.names`."""
        found = {each.name: each.names for each in self.directions}
        if len(found) == 1:
            return self.directions[0].names
        both = ["fid"] if all("fid" in own for own in found.values()) else []
        single = [f"{name}/{score}" for name, own in found.items() for score in own if score != OF_THE_WAY_BACK]
        return [*both, *single, OF_THE_WAY_BACK]

    def score(self, model: Any, *, ema: bool, rank: int = 0, world_size: int = 1) -> ScoreRecord:
        """Score translations; arguments as of `Measure.score`."""
        share = slice(rank, None, world_size)
        found = {each.name: each.score(model, ema=ema, share=share) for each in self.directions}
        values = next(iter(found.values()))
        if len(found) > 1:
            cycle = [scores.pop(OF_THE_WAY_BACK) for scores in found.values()]
            values = {f"{name}/{score}": value for name, scores in found.items() for score, value in scores.items()}
            if all("fid" in scores for scores in found.values()):
                values = {"fid": mean([scores["fid"] for scores in found.values()]), **values}
            values[OF_THE_WAY_BACK] = mean(cycle)
        return ScoreRecord(
            images_seen=model.images_seen, values=values, protocol=self.protocol(weights_of(model, ema=ema))
        )

    def protocol(self, weights: Weights) -> Protocol:
        """Protocol of the scores; counts are of the direction that has fewest."""
        return Protocol(
            extractor=self._extractor(),
            data=self._hash({each.name: each.target_hash for each in self.directions}),
            split=self.split,
            n_real=min(each.count for each in self.directions),
            n_fake=min(len(each.sources) for each in self.directions),
            weights=weights,
            seed=self.seed,
            task="unpaired" if self.directions[0].partners is None else "paired",
            directions=" ".join(each.name for each in self.directions),
            source=self._hash({each.name: each.source_hash for each in self.directions}),
        )

    def _extractor(self) -> dict[str, Plain]:
        """The identity of the extractor of all directions, or a name and a hash of theirs."""
        own = [each.scorer.extractor.identity if each.scorer else NO_EXTRACTOR for each in self.directions]
        if all(identity == own[0] for identity in own):
            return own[0]
        own_hashes = {each.name: extractor_hash(identity) for each, identity in zip(self.directions, own, strict=True)}
        return {"name": ", ".join(str(identity["name"]) for identity in own), "sha256": hashes.of_values(own_hashes)}

    def _hash(self, own: Mapping[str, str]) -> str:
        return hashes.of_values(own) if len(own) > 1 else next(iter(own.values()))


def translate(model: Any, data: Any, direction: str, pixels: Tensor, *, ema: bool) -> Tensor:
    """Images (n, channels, height, width) of one side as images of the other, at their depths, as files hold them."""
    first, second = (depth_of(data, side) for side in (direction[0], direction[-1]))
    if direction[0] == "a":
        source = data.to_source(pixels)
        codes: Tensor = second.to_codes(data.render(source, model.translate(source, direction, ema)))
    else:
        codes = second.to_codes(model.translate(first.to_float(pixels), direction, ema))
    return codes


def exact(device: torch.device) -> torch.device:
    """The device itself, or the CPU instead of Apple's GPUs, which have no float64."""
    return torch.device("cpu") if device.type == "mps" else device

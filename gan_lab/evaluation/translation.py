"""Pictures of any size, translated by a trained run one after the other."""

import itertools
import logging
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from tqdm import tqdm

from gan_lab.config.facts import options_with
from gan_lab.config.schema import build
from gan_lab.data import values
from gan_lab.data.image_files import BACKGROUND, Whole, read_whole
from gan_lab.data.sources import OWN, Axis, Source
from gan_lab.data.threads import attempts
from gan_lab.evaluation import depths
from gan_lab.evaluation.depths import trained_window
from gan_lab.models.translation import TranslationGAN
from gan_lab.runs.run import Run, Which
from gan_lab.utils import chunks, image_content, images, tiles
from gan_lab.utils.depth import shown
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import Fact

log = logging.getLogger(__name__)

AT_ONCE = 1 << 18  # pixels that a network gets at a time by default; its feature maps take a thousand bytes for each
WHOLE = 1 << 20  # pixels of the largest image that is translated as a whole by default
TILE = 384  # pixels, a tile's side by default
AHEAD = 4  # number of files that are decoded while others are translated
WAITING = 1 << 24  # pixels of decoded images that may wait for others of their size


@dataclass(frozen=True)
class Options:
    """The ways in which pictures are translated.

    Args:
        side: length to which the shorter side is resized before; None keeps every pixel.
        tile: side of the tiles that larger images are translated by; 0 never takes any, and None takes tiles where an
            image has more than `WHOLE` pixels.
        overlap: pixels that neighbouring tiles have in common; None is a quarter of a tile.
        batch_size: images of one size, or tiles, at a time; None follows from their size.
        side_by_side: put each picture to the left of its translation.
    """

    side: int | None = None
    tile: int | None = None
    overlap: int | None = None
    batch_size: int | None = None
    side_by_side: bool = False

    def at_once(self, area: int) -> int:
        """The number of images or tiles of so many pixels at a time."""
        return self.batch_size or max(1, AT_ONCE // area)


class Translation:
    """One direction of a run's model, for pictures as files hold them.

    Args:
        run: finished or not.
        which: its last or best checkpoint.
        direction: one of the model's.
        ema: use the generator's moving average where there is one.
        device: to translate on.
        options: see there.

    Raises:
        UserError: the checkpoint is missing or damaged, the model doesn't translate in this direction, or the tiles are
            too small.
    """

    def __init__(
        self,
        run: Run,
        options: Options = Options(),
        *,
        which: Which = "last",
        direction: str = "a2b",
        ema: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        model = run.load_model(which)
        if not isinstance(model, TranslationGAN):
            raise UserError(f"{run.folder}: {type(model).__name__} generates from noise; use gan-lab sample")
        if direction not in model.directions:
            raise UserError(f"--direction {direction}: {run.folder} translates {' and '.join(model.directions)} only")
        # This network alone: the model's other parts, several times its size, are free to go.
        self.network: Any = model.translator(direction, ema).to(device).eval()
        self.images_seen, self.device = model.images_seen, device
        self.multiple, self.least = getattr(self.network, "multiple", 1), getattr(self.network, "least", 1)
        config = run.config()
        self.data = build(without_training_images(config).data)
        self.background = config.data.get("background", BACKGROUND)
        self.window = partial(depths.window, run, domain=direction[0])
        self.target = trained_window(run, direction[-1])
        self.depths = tuple(depths.of_run(run, domain) for domain in (direction[0], direction[-1]))
        self.kind, self.axis = config.data.get("depth", 8), cast(Axis, config.data.get("axis", 2))
        self.options, self.told = options, False
        self.tile = options.tile or -(-TILE // self.multiple) * self.multiple
        self.overlap = self.tile // 4 if options.overlap is None else options.overlap
        if self.tile < self.multiple:
            raise UserError(f"--tile {self.tile}: this network takes no fewer than {self.multiple} pixels a side")
        if self.overlap >= self.tile:
            raise UserError(f"--overlap {self.overlap}: must be less than the side of a tile, {self.tile} pixels")

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Translate pictures (n, channels, height, width), values of their depth, to float in [-1, 1]."""
        pixels = pixels.to(self.device)
        source = self.depths[0].to_float(pixels) if self.is_deep else self.data.to_source(pixels)
        network = partial(chunks.applied, self.network)
        rendered: Tensor = self.data.render(source, tiles.fitted(network, source, self.multiple, self.least))
        return rendered.cpu()

    @property
    def is_deep(self) -> bool:
        """True where images have another depth than 8, or other channels than 1 or 3."""
        return any(values.needed(self.kind, count) for count in (self._channels, self.data.rendered_channels))

    @property
    def _channels(self) -> int:
        return int(getattr(self.data, "source_channels", self.data.channels))

    @property
    def ending(self) -> str:
        """The ending of the files that hold translations exactly."""
        if not self.is_deep or self.options.side_by_side:
            return ".png"
        return image_content.ending(self.depths[1].dtype, self.data.rendered_channels)

    def files(
        self, files: Sequence[Path], damaged: dict[int, Exception], source: Source = OWN
    ) -> Iterator[tuple[int, Tensor]]:
        """Decode and translate image files, a few at a time; a terminal shows a progress bar.

        Args:
            files: the image files.
            damaged: takes the errors of those that can't be read, by their index.
            source: that they are names of.

        Yields:
            The index of a file, not always in order, and its translation (channels, height, width): uint8, with alpha
            where the file has it, or uint16 where the pixels of file and target are grey and wide; of a run with
            another depth than 8, or with other channels than 1 or 3, values of that depth.
        """
        decoded = tqdm(
            attempts(files, self.reader(files, source), AHEAD), "Translating", len(files), unit=" images", disable=None
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # about oddities in readable files
            for batch in self._batches(decoded, damaged):
                pixels = torch.from_numpy(np.stack([whole.pixels for _, whole in batch]))
                for (index, whole), stripes in zip(batch, self._translated(pixels), strict=True):
                    yield index, self._finished(whole, stripes)

    def reader(self, files: Sequence[Path], source: Source) -> Callable[[Path], Whole]:
        """Make what decodes each of some files as the network is to get it; it raises what its decoder does."""
        form: dict[str, Any] = {
            "side": self.options.side,
            "window": self.window(files, source),
            "background": self.background,
        }

        def read(path: Path) -> Whole:
            if self.is_deep or source.holds_array(path):
                return values.read_whole(path, self._channels, source=source, **form)
            return read_whole(path, self._channels, opened=source.open, **form)

        return read

    def one(self, whole: Whole) -> Tensor:
        """The translation of one decoded image, as `files` yields it."""
        (stripes,) = self._translated(torch.from_numpy(np.stack([whole.pixels])))
        return self._finished(whole, stripes)

    def _batches(
        self, decoded: Iterable[Whole | Exception], damaged: dict[int, Exception]
    ) -> Iterator[list[tuple[int, Whole]]]:
        """Yield images of one size together, as soon as there are enough, or too much waits."""
        waiting: dict[tuple[int, ...], list[tuple[int, Whole]]] = defaultdict(list)
        pixels = 0
        for index, whole in enumerate(decoded):
            if isinstance(whole, Exception):
                damaged[index] = whole
                continue
            area, batch = whole.pixels[0].size, waiting[whole.pixels.shape]
            batch.append((index, whole))
            pixels += area
            if len(batch) >= self.options.at_once(area):
                yield waiting.pop(whole.pixels.shape)
                pixels -= area * len(batch)
            elif pixels > WAITING:
                yield from waiting.values()
                waiting.clear()
                pixels = 0
        yield from waiting.values()

    def _translated(self, pixels: Tensor) -> Iterator[Iterable[Tensor]]:
        """Yield each of some pictures' translation as stripes from top to bottom, float (1 or 3, rows, width)."""
        height, width = pixels.shape[2:]
        chosen = self.options.tile is not None
        if max(height, width) <= self.tile or not (self.options.tile if chosen else height * width > WHOLE):
            yield from ([result] for result in self(pixels))
            return
        if not chosen and not self.told:
            log.warning(
                "%sx%s pixels are translated by tiles of %s, like all images of more than %s pixels; --tile N sets "
                "their size, --tile 0 does without",
                *(width, height, self.tile, f"{WHOLE:,}"),
            )
            self.told = True
        for image in pixels:
            yield tiles.stripes(self, image, self.tile, self.overlap, self.options.at_once(self.tile**2))

    def _finished(self, whole: Whole, stripes: Iterable[Tensor]) -> Tensor:
        """An image to be written, of the stripes of a translation."""
        is_wide = whole.is_wide and self.target is not None and not self.options.side_by_side
        if self.is_deep:
            return self._deep(whole, torch.cat([*stripes], dim=1))
        result = torch.cat([self._whole_numbers(stripe, is_wide) for stripe in stripes], dim=1)
        alpha = None if whole.alpha is None else torch.tensor(whole.alpha)
        if self.options.side_by_side:
            channels = max(len(result), len(whole.pixels))
            both = (torch.tensor(whole.pixels), result)
            result = torch.cat([image.expand(channels, -1, -1) for image in both], dim=2)
            alpha = None if alpha is None else alpha.repeat(1, 1, 2)
        return result if alpha is None else torch.cat((result, alpha))

    def _deep(self, whole: Whole, result: Tensor) -> Tensor:
        """An image to be written at the depth of the run, or beside its source to be looked at."""
        if not self.options.side_by_side:
            return self.depths[1].to_codes(result)
        first = self.depths[0].to_uint8(torch.from_numpy(whole.pixels))
        both = [shown(image[None], None)[0] for image in (first, images.to_uint8(result))]
        channels = max(len(image) for image in both)
        return torch.cat([image.expand(channels, -1, -1) for image in both], dim=2)

    def _whole_numbers(self, stripe: Tensor, is_wide: bool) -> Tensor:
        """Pixels of float (channels, rows, width) in [-1, 1]: uint8, or uint16 in the target's own range."""
        if not is_wide or self.target is None or len(stripe) > 1:
            return images.to_uint8(stripe)
        low, high = self.target
        values = low + (stripe.double() + 1) / 2 * (high - low)
        return values.round().clamp(0, 2**16 - 1).to(torch.int32).to(torch.uint16)


def without_training_images(config: DictConfig) -> DictConfig:
    """A configuration whose data module can be built where the images that the run was trained on are not at hand."""
    for option in options_with(Fact.INPUT_PATH, config):
        path = OmegaConf.select(config, option)
        if option.startswith("data.") and path is not None and not Path(path).exists():
            OmegaConf.update(config, option, ".")  # a folder that is there, in which nothing is looked for
    return config


def names(files: Sequence[Path], folder: Path, ending: str = ".png") -> list[Path]:
    """The name of each image's translation, a file of one ending in the same subfolder.

    Images that differ in their extension alone keep it in the name: "a.jpg.png" and "a.bmp.png".
    """
    stems = [path.relative_to(folder).with_suffix("") for path in files]
    counts, taken, chosen = Counter(stems), set[str](), []
    for path, stem in zip(files, stems, strict=True):
        name = str(stem if counts[stem] == 1 else path.relative_to(folder))
        numbered = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        taken.add(free := next(candidate for candidate in numbered if candidate not in taken))
        chosen.append(Path(f"{free}{ending}"))
    return chosen

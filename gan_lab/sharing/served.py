"""Generators behind the local page: what it asks for as files, one after the other on one device."""

import re
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, NotRequired

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import TypedDict

from gan_lab.data import sources
from gan_lab.data.image_files import Whole
from gan_lab.data.threads import unreadable
from gan_lab.evaluation import depths
from gan_lab.evaluation.load_generator import as_generator
from gan_lab.evaluation.translation import Options, Translation
from gan_lab.models.latent import LatentGAN
from gan_lab.models.translation import TranslationGAN
from gan_lab.runs.run import Run, Which
from gan_lab.sharing.portable import seeded_latents
from gan_lab.utils import hardware, image_content, images, own_key, seeding
from gan_lab.utils.depth import EIGHT, Depth, shown
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import unfinished, write_atomically

IN_GRID = 16
MOST_OF_LATENTS, MOST_OF_STYLES = 3.0, 1.0  # truncation from which on the page leaves images as they are
ENDING = re.compile(r"(\.nii\.gz|\.[a-z0-9]{1,8})$")
PARTS = ("picture", "file", "source")
Number = Annotated[float, Field(ge=-1e3, le=1e3, allow_inf_nan=False)]
Label = Annotated[int, Field(ge=0)] | None
Truncation = Annotated[float, Field(ge=0, le=1e3, allow_inf_nan=False)] | None


class Asked(TypedDict):
    """Part of a request that says which image is wanted."""

    latent: list[Number]
    label: Label
    truncation: NotRequired[Truncation]


class AskedGrid(TypedDict):
    """Part of a request that says which grid is wanted."""

    seed: Annotated[int, Field(ge=0, lt=1 << 32)]
    label: Label
    truncation: NotRequired[Truncation]


class Drawer:
    """A generator from latents.

    Args:
        run: finished or not.
        model: of the run.
        ema: take the generator's moving average where there is one.
        device: that draws.

    Raises:
        UserError: the run's record has no window of its depth.
    """

    def __init__(self, run: Run, model: LatentGAN, *, ema: bool, device: torch.device) -> None:
        self.model: Any = model.to(device)
        self.ema = ema
        self.name = run.folder.resolve().name
        self.lock = Lock()  # one image after the other: they share the device's memory
        self.depth, self.display = depths.of_run(run), depths.display(run)
        self.categories = int(getattr(self.model, "categories", 0))  # that the model has found
        self.classes = int(getattr(self.model, "num_classes", self.categories))
        known = run.data_record().get("classes") if hasattr(self.model, "num_classes") else None
        self.class_names = [str(name) for name in known or range(self.classes)]
        self.size = self.latents(0).shape[1]
        self.channels = len(self._floats(self.latents(0), 0 if self.classes else None, None)[0])

    @property
    def ending(self) -> str:
        """The ending of a file that holds an image exactly."""
        return image_content.ending(self.depth.dtype, self.channels)

    def facts(self) -> dict[str, Any]:
        """Facts that the page is made of."""
        return {
            "name": self.name,
            "seen": self.model.images_seen,
            "latent": self.size,
            "uniform": int(getattr(self.model, "continuous", 0)) if self.categories else 0,
            "classes": self.class_names,
            "directions": [],
            "truncation": MOST_OF_STYLES if self.model.truncates_styles else MOST_OF_LATENTS,
            "ending": self.ending,
            "deep": not _is_plain(self.depth, self.channels),
        }

    def latents(self, seed: int, count: int = 1) -> Tensor:
        """Latents (count, size) of a seed, those of `gan-lab sample --seed`; InfoGAN's without categories."""
        return seeded_latents(self.model, count, seeding.derive(seed, "sample"))

    def image(self, asked: Mapping[str, Any]) -> bytes:
        """A PNG file of one image, to look at."""
        return images.png(self._looked_at(self._one(asked))[0])

    def file(self, asked: Mapping[str, Any]) -> bytes:
        """A file of one image, all values of its depth."""
        return image_content.of(self.depth.to_codes(self._one(asked)).cpu()[0], self.ending)

    def grid(self, asked: Mapping[str, Any]) -> bytes:
        """A PNG file of a seed's first images, to look at."""
        made = self._floats(self.latents(asked["seed"], IN_GRID), asked["label"], asked.get("truncation"))
        return images.png(images.tiled(self._looked_at(made), 4))

    def _one(self, asked: Mapping[str, Any]) -> Tensor:
        latents = torch.tensor([asked["latent"]], dtype=torch.float32)
        return self._floats(latents, asked["label"], asked.get("truncation"))

    def _floats(self, latents: Tensor, label: int | None, truncation: float | None) -> Tensor:
        """Images (count, channels, height, width) in [-1, 1].

        Raises:
            ValueError: there is no such class or truncation, or the latents are of another size.
        """
        if latents.shape[1:] != (getattr(self, "size", latents.shape[1]),):
            raise ValueError(f"a latent has {self.size} numbers")
        if (label is None) != (not self.classes) or (label or 0) >= max(1, self.classes):
            raise ValueError(f"there is no class {label}")
        latents = latents.to(self.model.device)
        if self.categories:
            normal = self.model.latent_dim
            nothing = latents.new_zeros(len(latents), self.categories)  # the label takes their place
            latents = torch.cat((latents[:, :normal], nothing, latents[:, normal:]), 1)
        condition = self.model.make_condition(len(latents), label)
        with self.lock:
            made: Tensor = self.model.sample(latents, *condition, ema=self.ema, truncation=truncation)
        return made

    def _looked_at(self, made: Tensor) -> Tensor:
        return images.to_uint8(shown(made, self.display)).cpu()


class Translator:
    """Generators of images from images, one for each direction.

    Args:
        run: finished or not.
        translations: by their direction.
    """

    def __init__(self, run: Run, translations: Mapping[str, Translation]) -> None:
        self.directions = translations
        self.display, self.display_of = depths.display(run), int(run.config().data.get("channels", 3))
        self.name = run.folder.resolve().name
        self.lock = Lock()
        self.latest: tuple[tuple[bytes, str, str], Tensor] | None = None  # the page asks for its picture and its file

    def facts(self) -> dict[str, Any]:
        """Facts that the page is made of."""
        first = next(iter(self.directions.values()))
        return {
            "name": self.name,
            "seen": first.images_seen,
            "latent": 0,
            "uniform": 0,
            "classes": [],
            "directions": [*self.directions],
            "truncation": 0,
            "ending": first.ending,
            "deep": first.is_deep,
        }

    def translated(self, content: bytes, direction: str, name: str, part: str) -> bytes:
        """A file of an image's translation, at the image's own size.

        Args:
            content: of a file of any format that training reads.
            direction: one of the model's.
            name: of the file, whose ending tells arrays and medical files from pictures.
            part: "picture" to look at, "file" with all values of their depth, or "source", the image itself to look at.

        Raises:
            UserError: it can't be read.
            ValueError: there is no such direction or part.
        """
        if direction not in self.directions:
            raise ValueError(f"there is no direction {direction}")
        if part not in PARTS:
            raise ValueError(f"there is no part {part}")
        translation = self.directions[direction]
        if part == "source":
            source = torch.from_numpy(self._read(content, name, translation).pixels)
            return images.png(self._looked_at(source, translation.depths[0]))
        asked = (content, direction, name)
        with self.lock:
            if self.latest is None or self.latest[0] != asked:
                self.latest = asked, translation.one(self._read(content, name, translation))
            made = self.latest[1]
        if part == "file" or not translation.is_deep:
            return image_content.of(made, translation.ending)
        return images.png(self._looked_at(made, translation.depths[1]))

    def _read(self, content: bytes, name: str, translation: Translation) -> Whole:
        ending = ENDING.search(name.lower())
        own_key.folder().mkdir(parents=True, exist_ok=True)
        with unfinished(own_key.folder()) as folder:
            file = folder / f"dropped{ending.group() if ending else ''}"
            write_atomically(file, content)
            try:
                source, place = sources.single(file, translation.axis)
                whole = translation.reader([place], source)(place)
                source.release()
                return whole
            except Exception as error:  # of any decoder
                raise UserError(unreadable([Path("the image")], {0: error})) from error

    def _looked_at(self, codes: Tensor, depth: Depth) -> Tensor:
        display = self.display if len(codes) == self.display_of else None
        return shown(depth.to_uint8(codes)[None], display)[0]


Served = Drawer | Translator


def served(run: Run, *, which: Which = "last", ema: bool = True, device: str = "auto") -> Served:
    """Make the generator of a run behind the page.

    Args:
        run: finished or not.
        which: its last or best checkpoint.
        ema: take the generator's moving average where there is one.
        device: by its name in torch; "auto" is the best there is.

    Raises:
        UserError: there is no checkpoint or no such device, or the model generates nothing.
    """
    place = hardware.device(device)
    model = run.load_model(which)
    if not isinstance(model, TranslationGAN):
        return Drawer(run, as_generator(model, run), ema=ema, device=place)
    translations = {
        direction: Translation(run, Options(), which=which, direction=direction, ema=ema, device=place)
        for direction in model.directions
    }
    return Translator(run, translations)


def _is_plain(depth: Depth, channels: int) -> bool:
    """True where a picture to look at has all values."""
    return depth == EIGHT and channels in (1, 3)

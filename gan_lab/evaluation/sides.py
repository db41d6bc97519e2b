"""Images to be scored, and where they come from: a run that generates them, a folder, or a file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gan_lab.evaluation import class_names, datasets, depths, external_images, load_generator
from gan_lab.evaluation.external_images import Found
from gan_lab.evaluation.options import COUNT, Options
from gan_lab.metrics.generated_images import Generated, generate_images, weights_of
from gan_lab.metrics.protocol import Weights
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run, Which
from gan_lab.utils.errors import UserError
from gan_lab.utils.run_layout import RunLayout

FIRST = 10  # images that are kept in any case


@dataclass(frozen=True, kw_only=True)
class Side:
    """Images that are scored, or one of two sets that are compared.

    Args:
        generated: uint8 images and their classes, in chunks.
        count: number of images.
        classes: names of the images' classes by label; None where they have none.
        weights: of the generator, or "given".
        images_seen: of the run; None for images of any origin.
        run: that generates them, if one does.
        model: of the run.
        ema: as of `evaluate.evaluate_run`.
    """

    generated: Iterable[Generated]
    count: int
    classes: Sequence[str] | None = None
    weights: Weights = "given"
    images_seen: int | None = None
    run: Run | None = None
    model: LatentGAN | None = None
    ema: bool = True


def of_run(run: Run, model: LatentGAN, options: Options, *, like: Tensor | None, seed: int, ema: bool) -> Side:
    """The images that a run generates.

    Args:
        run: finished or not.
        model: of the run.
        options: of the evaluation.
        like: labels whose frequencies a conditional model is asked for.
        seed: of the latents.
        ema: use the generator's moving average where there is one.
    """
    count = options.count or run.config().data.get("test_count", COUNT)
    return Side(
        generated=generate_images(model, count, seed=seed, ema=ema, like=like, display=depths.display(run)),
        count=count,
        classes=class_names.of_run(run.data_record(), model),
        weights=weights_of(model, ema=ema),
        images_seen=model.images_seen,
        run=run,
        model=model,
        ema=ema,
    )


def of_images(found: Found, options: Options) -> Side:
    """Images of any origin, of which the first ones are taken.

    Args:
        found: images, and their labels where they are known.
        options: of the evaluation, whose count says how many.

    Raises:
        UserError: there are fewer than are asked for.
    """
    images, labels, classes = found
    if options.count and options.count > len(images):
        asked = f"--protocol {options.preset}" if options.preset else f"--count {options.count}"
        raise UserError(f"{asked}: only {len(images):,} images are given")
    images = images[: options.count]
    labels = None if labels is None else labels[: len(images)]
    return Side(generated=[(images, labels)], count=len(images), classes=classes)


def at(source: Path, options: Options, device: torch.device, *, seed: int, which: Which, ema: bool) -> Side:
    """The images that a run generates, or those of a folder or file.

    Args:
        source: of the images.
        options: of the evaluation.
        device: for generating.
        seed: of the latents.
        which: checkpoint of a run.
        ema: as of `of_run`.

    Raises:
        UserError: the source can't be read or generated, or has fewer images than are asked for.
    """
    if not RunLayout(source).looks_like_run:
        return of_images(external_images.load_labelled(source, None), options)
    run = Run.open(source)
    model = load_generator.load(run, which).to(device)
    return of_run(run, model, options, like=training_classes(run, model, options), seed=seed, ema=ema)


def training_classes(run: Run, model: LatentGAN, options: Options) -> Tensor | None:
    """Labels of the training images of a conditional model; None for one that takes none."""
    if not model.make_condition(1):
        return None
    return datasets.dataset_of_run(run.config(), run.data_record(), options.data_root).load("train")[1]


def relabelled(generated: Iterable[Generated], labels: Tensor | None) -> Iterator[Generated]:
    """Images with other labels in place of theirs, by label (classes,); without any where those are None."""
    for images, requested in generated:
        yield images, None if labels is None or requested is None else labels.to(requested.device)[requested]


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

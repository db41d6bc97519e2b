"""Do digits survive translation, and do they get the right colours? `python -m benchmarks.colours RUN_FOLDER`.

For runs on data=mnist_colors or data=mnist_paired, on the test digits, which they have never seen. Unpaired training
never shows which grey digit belongs to which colour; that each class has a hue of its own is what there is to find out.
"""

import sys

import torch
from torch import Tensor

from gan_lab.config.command_line import readable_errors
from gan_lab.config.schema import build
from gan_lab.data.mnist_colors import hue_of, hues
from gan_lab.metrics import dataset_classifier
from gan_lab.models.translation import TranslationGAN
from gan_lab.runs.run import Run
from gan_lab.utils import images

CLASSES = 10


def accuracy(pixels: Tensor, labels: Tensor) -> float:
    """Share of RGB images (n, 3, h, w) in [-1, 1] that the digit classifier reads right by their brightest channel."""
    brightest = images.to_uint8(pixels).amax(1, keepdim=True)
    read = torch.cat([dataset_classifier.shipped().classify(chunk) for chunk in torch.split(brightest, 1000)]).argmax(1)
    return float((read == labels).double().mean())


def hue_errors(pixels: Tensor, labels: Tensor, seed: int) -> Tensor:
    """How far each image's hue lies from its class's, in degrees, in [0, 180]."""
    away = (hue_of(pixels) - hues(CLASSES, seed)[labels]).abs() % 360
    return torch.minimum(away, 360 - away)


def histogram(pixels: Tensor, seed: int) -> Tensor:
    """Shares of images whose hue is nearest to each class's."""
    away = (hue_of(pixels)[:, None] - hues(CLASSES, seed)).abs() % 360
    nearest = torch.minimum(away, 360 - away).nan_to_num(0).argmin(1)
    return nearest.bincount(minlength=CLASSES) / len(pixels)


def chroma(pixels: Tensor) -> float:
    """Mean difference between an image's brightest and darkest channel, in [0, 1]."""
    return float((pixels.amax(1) - pixels.amin(1)).mean() / 2)


def translate(model: TranslationGAN, pixels: Tensor, direction: str) -> Tensor:
    """All images, in portions."""
    return torch.cat([model.translate(chunk, direction) for chunk in torch.split(pixels, 500)])


def report(folder: str) -> list[str]:
    """The table, a Markdown line each."""
    run = Run.open(folder)
    model, data = run.load_model(), build(run.config().data)
    assert isinstance(model, TranslationGAN)
    data.prepare_data()
    data.setup("test")
    (a, a_labels), (b, b_labels) = data.splits["test"]
    grey, coloured = images.to_float(a), images.to_float(b)
    lines = [
        "| test digits | read right | hue off by (median) | hue is its class's | distance of hues from B's | chroma |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    if data.channels == 3:
        lines.append(row("coloured originals", coloured, b_labels, coloured, data.colour_seed))
        lines.append(row("grey to colour", translate(model, grey, "a2b"), a_labels, coloured, data.colour_seed))
    else:  # outlines to digits
        lines.append(row("originals", coloured, b_labels))
        lines.append(row("outlines to digits", translate(model, grey, "a2b"), a_labels))
    if "b2a" in model.directions:
        lines.append(row("grey originals", grey, a_labels))
        lines.append(row("colour to grey", translate(model, coloured, "b2a"), b_labels))
    return [*lines, "", f"After {model.images_seen:,} images, {len(a):,} + {len(b):,} test digits."]


def row(name: str, pixels: Tensor, labels: Tensor, coloured: Tensor | None = None, seed: int = 0) -> str:
    """A row of the table; hues are held against those of coloured originals, where these are given."""
    hues_of = "|  |  |  "
    if coloured is not None:
        off = hue_errors(pixels, labels, seed)
        distance = (histogram(pixels, seed) - histogram(coloured, seed)).abs().sum() / 2
        right = (off < 180 / CLASSES).double().mean()
        hues_of = f"| {off.nanmedian():.1f} degrees | {right:.1%} | {distance:.3f} "
    return f"| {name} | {accuracy(pixels, labels):.2%} {hues_of}| {chroma(pixels):.3f} |"


if __name__ == "__main__":
    with readable_errors():
        print("\n".join(report(sys.argv[1])))

"""How far are colours from those of the photos? `python -m benchmarks.colourise RUN_FOLDER`.

For runs on data=colourise, on the test images, which they have never seen. The error is the mean absolute difference of
a and b of CIE Lab, whose values lie in about +-110, of pictures as a file holds them. It stands beside that of two
guesses that see no picture: no colour, and the median a and b of the training images.
"""

import sys

import torch
from torch import Tensor

from gan_lab.config.command_line import readable_errors
from gan_lab.config.schema import build
from gan_lab.data import lab
from gan_lab.data.colourise import Colourise
from gan_lab.metrics.translation_scores import translate
from gan_lab.models.translation import TranslationGAN
from gan_lab.runs.run import Run

COLOURED = 10.0  # chroma of Lab from which on a pixel counts as coloured


def colours(pictures: Tensor) -> Tensor:
    """The a and b of each pixel, shape (pixels, 2), of uint8 RGB pictures (n, 3, height, width)."""
    scaled: Tensor = lab.from_rgb(pictures)[:, 1:] * lab.SCALE
    return scaled.permute(0, 2, 3, 1).flatten(0, 2)


def error(guess: Tensor, truth: Tensor) -> float:
    """Mean absolute difference of a and b, of (pixels, 2) and of as many or one guess (2,) for all."""
    return float((guess - truth).abs().double().mean())


def coloured(truth: Tensor) -> Tensor:
    """Pixels that have a colour, bool (pixels,)."""
    return truth.square().sum(1) >= COLOURED**2


def rows(translated: Tensor, truth: Tensor, train: Tensor) -> list[str]:
    """The table's rows, of the colours (pixels, 2) of translations, of the photos, and of the training images."""
    seen, hued = coloured(train), coloured(truth)
    guesses = {
        "no colour": (torch.zeros(2), torch.zeros(2)),
        "median of the training images": (train.median(0).values, train[seen].median(0).values),
        "translations": (translated, translated[hued]),
    }
    return [
        f"| {name} | {error(of_all, truth):.2f} | {error(of_hued, truth[hued]):.2f} |"
        for name, (of_all, of_hued) in guesses.items()
    ]


def report(folder: str) -> list[str]:
    """The table, a Markdown line each."""
    run = Run.open(folder)
    model, data = run.load_model(), build(run.config().data)
    assert isinstance(model, TranslationGAN)
    assert isinstance(data, Colourise)
    data.prepare_data()
    for stage in ("fit", "test"):
        data.setup(stage)
    (train, _), (test, _) = data.splits["train"][1], data.splits["test"][1]
    translated = torch.cat([translate(model, data, "a2b", chunk, ema=True) for chunk in torch.split(test, 100)])
    truth = colours(test)
    share = float(coloured(truth).float().mean())
    return [
        "| error of a and b | all pixels | coloured pixels |",
        "|---|---:|---:|",
        *rows(colours(translated), truth, colours(train)),
        "",
        f"After {model.images_seen:,} images, {len(test):,} test images; {share:.0%} of their pixels are coloured "
        f"(chroma of {COLOURED:.0f} or more).",
    ]


if __name__ == "__main__":
    with readable_errors():
        print("\n".join(report(sys.argv[1])))

"""Pictures of good and bad samples, for docs/which_numbers.md and docs/trouble.md.

`python -m benchmarks.pictures scores DATA OUT` changes real digits of MNIST, scores each set of them as `gan-lab
evaluate` does, writes a picture of each, and prints the table of scores.
`python -m benchmarks.pictures further DATA OUT` scores fewer of them by what `gan-lab evaluate --scores` knows beyond
that, prints the table for docs/metrics.md, and draws the sets' spectra.
`python -m benchmarks.pictures runs RUNS OUT` takes the last grids of each run in a folder.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from gan_lab.data.mnist import load_published
from gan_lab.evaluation.charts import Line, chart
from gan_lab.evaluation.evaluate import evaluate_images
from gan_lab.evaluation.external_images import Found
from gan_lab.evaluation.options import Options
from gan_lab.metrics.groups import Group
from gan_lab.metrics.titles import formatted, title
from gan_lab.utils import images

COUNT = 10_000  # digits of each set
ROWS, COLUMNS = 3, 8  # of a picture
SHOWN = ("fid", "precision", "recall", "density", "coverage", "kid", "inception_score")
FURTHER_COUNT = 1000  # digits of each set whose neighbours among all training digits are looked for
FURTHER: tuple[Group, ...] = ("fid", "fid_interval", "fid_infinity", "class_manifold", "memorisation", "spectrum")
SHOWN_FURTHER = ("fid", "fid_infinity", "class_precision", "class_recall", "authenticity", "copying", "spectrum_high")
GREYS = 16  # of a file, which is half as large as with 256
Change = Callable[[Tensor, Tensor], Tensor]


def noisy(digits: Tensor, labels: Tensor) -> Tensor:
    """Add noise with a standard deviation of 40 of 255 to each pixel."""
    noise = torch.randn(digits.shape, generator=torch.Generator().manual_seed(0))
    return (digits.float() + 40 * noise).round().clamp(0, 255).byte()


def one_of_each(digits: Tensor, labels: Tensor) -> Tensor:
    """Repeat the first digit of each class."""
    first = torch.stack([digits[labels == label][0] for label in range(10)])
    return first[torch.arange(len(digits)) % 10]


def few_classes(digits: Tensor, labels: Tensor) -> Tensor:
    """Keep the classes 0 to 4, and repeat them until there are as many digits as before."""
    kept = digits[labels < 5]
    return kept[torch.arange(len(digits)) % len(kept)]


CHANGES: dict[str, Change] = {
    "real": lambda digits, labels: digits,
    "blurred": lambda digits, labels: gaussian_blur(digits, kernel_size=[9, 9], sigma=[1.0, 1.0]),
    "noisy": noisy,
    "few_classes": few_classes,
    "one_of_each": one_of_each,
    "one": lambda digits, labels: digits[:1].expand_as(digits).contiguous(),
}


def write(picture: Image.Image, path: Path) -> None:
    """Write a grey picture as a small PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.convert("L").quantize(GREYS).save(path, optimize=True)


def score(data: Path, out: Path) -> None:
    """Print the table of scores, a row for each set, and write the sets' first digits."""
    mnist = load_published("MNIST", str(data), fallback="error")
    mnist.setup("fit")
    digits, labels = (part[:COUNT] for part in mnist.splits["train"])
    print(f"| set | {' | '.join(title(name).text for name in SHOWN)} |")
    print(f"|---|{'---:|' * len(SHOWN)}")
    for name, change in CHANGES.items():
        changed = change(digits, labels)
        values = evaluate_images(Found(changed), "mnist", Options(data_root=str(data))).record.values
        print(f"| {name} | {' | '.join(title(score).value(values[score]) for score in SHOWN)} |", flush=True)
        tiled = images.grid(images.to_float(changed[: ROWS * COLUMNS]), COLUMNS)
        write(Image.fromarray(tiled.permute(1, 2, 0).numpy()), out / f"{name}.png")


def further(data: Path, out: Path) -> None:
    """Print the table of further scores, a row for each set, and draw the spectra of all sets in one chart."""
    mnist = load_published("MNIST", str(data), fallback="error")
    mnist.setup("fit")
    digits, labels = (part[:FURTHER_COUNT] for part in mnist.splits["train"])
    print(f"| set | {' | '.join(title(name).text for name in SHOWN_FURTHER)} |")
    print(f"|---|{'---:|' * len(SHOWN_FURTHER)}")
    lines = []
    for name, change in CHANGES.items():
        changed = change(digits, labels)
        given = Found(changed, labels, [str(digit) for digit in range(10)])
        evaluation = evaluate_images(given, "mnist", Options(data_root=str(data), groups=FURTHER))
        shown = formatted(evaluation.record)
        print(f"| {name} | {' | '.join(shown[score][1] for score in SHOWN_FURTHER)} |", flush=True)
        assert evaluation.spectra is not None
        if name in ("real", "blurred", "noisy"):
            lines.append(Line(name=name, points=list(enumerate(evaluation.spectra[1].tolist()))))
    drawn = chart(lines, title="Mean power spectra", x="frequency, cycles over the side", y="power, dB")
    out.mkdir(parents=True, exist_ok=True)
    (out / "spectra.svg").write_text(drawn)


def last_grids(runs: Path, out: Path) -> None:
    """Write the last grid of each run of a folder by the run's name, and of the generator's raw weights beside it.

    Raises:
        SystemExit: there is none.
    """
    grids = {
        file.parent.parent.name + file.stem.lstrip("0123456789"): file for file in sorted(runs.glob("*/samples/*.png"))
    }
    if not grids:
        raise SystemExit(f"{runs}: holds no runs with grids in samples/")
    for name, file in grids.items():
        with Image.open(file) as grid:
            write(grid, out / f"{name}.png")


if __name__ == "__main__":
    {"scores": score, "further": further, "runs": last_grids}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))

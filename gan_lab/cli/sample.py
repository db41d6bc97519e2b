"""`gan-lab sample`: images from a trained run."""

import argparse
import math
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import add_state, add_weights, non_negative, positive
from gan_lab.cli.outputs import check_output, replacing
from gan_lab.utils.errors import UserError

SUFFIXES = {".png": "png", ".pt": "pt", ".npy": "npy", "": "png-folder"}
CHUNK = 500  # images drawn at a time


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("sample", help="draw images with a trained generator", description=__doc__)
    parser.add_argument("run_folder", help="folder of a run, finished or not")
    parser.add_argument("--count", type=positive, help="how many images (64; 10 of each class of a conditional model)")
    parser.add_argument("--class", type=non_negative, dest="label", help="of a conditional model: this class only")
    add_state(parser)
    add_weights(parser)
    parser.add_argument("--seed", type=non_negative, default=0, help="of the latents (0)")
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help="file or folder to write (samples.png)")
    parser.add_argument(
        "--format",
        choices=sorted(SUFFIXES.values()),
        help="png: one grid; pt, npy: uint8 (count, channels, height, width); png-folder: a file for each image; "
        "by default what the name of --out says",
    )
    parser.add_argument("--force", action="store_true", help="replace --out if it exists")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Draw and write.

    Raises:
        UserError: no such run, no checkpoint in it, no such class, an output that exists or has no known format.
    """
    out: Path = arguments.out
    form = arguments.format or SUFFIXES.get(out.suffix.lower())
    if form is None:
        raise UserError(f"--out {out}: {out.suffix} is no known format; add --format {'|'.join(SUFFIXES.values())}")
    check_output(out, arguments.force)

    import torch  # torch only where there is something to draw

    from gan_lab.models.latent import LatentGAN
    from gan_lab.runs.run import Run
    from gan_lab.utils import images, seeding

    run = Run.open(arguments.run_folder)
    model = run.load_model(arguments.checkpoint)
    if not isinstance(model, LatentGAN):
        raise UserError(f"{arguments.run_folder}: {type(model).__name__} translates images: use gan-lab translate")
    classes = getattr(model, "num_classes", 0) if arguments.label is None else 0
    count = arguments.count or (10 * classes or 64)
    try:
        condition = model.make_condition(count, arguments.label)
    except ValueError as error:
        raise UserError(f"--class {arguments.label}: {error}") from error
    refuse_too_many(count, run.config().data)
    latents = model.sample_latents(count, seeding.derive(arguments.seed, "sample"))
    inputs = zip(*(torch.split(part, CHUNK) for part in (latents, *condition)), strict=True)
    ema = arguments.weights == "ema"
    drawn = torch.cat([model.sample(*chunk, ema=ema) for chunk in inputs])
    columns = count // classes if classes and count % classes == 0 else math.ceil(math.sqrt(count))
    pixels = images.grid(drawn, columns) if form == "png" else images.to_uint8(drawn)
    with replacing(out) as partial:
        write(pixels, form, partial)
    print(f"{count} images after {model.images_seen:,} training images: {out}")


def refuse_too_many(count: int, data: Any) -> None:
    """Refuse to draw more images than fit into memory, as float32 and a part of them as uint8.

    Raises:
        UserError: saying how much they need.
    """
    from gan_lab.utils import memory

    size = count * data.channels * data.image_size**2 * 8
    if size > memory.available():
        raise UserError(
            f"--count {count}: so many images need {size / 1e9:,.0f} GB of memory, and there are "
            f"{memory.available() / 1e9:.0f}; draw fewer at a time, with another --seed each time"
        )


def write(pixels: Any, form: str, path: Path) -> None:
    """Write uint8 images in one of the formats."""
    import numpy as np
    import torch

    from gan_lab.utils import images

    if form == "png":
        images.save_png(pixels, path)
    elif form == "pt":
        torch.save(pixels, path)
    elif form == "npy":
        with path.open("wb") as file:
            np.save(file, pixels.numpy())
    else:
        path.mkdir()
        for index, image in enumerate(pixels):
            images.save_png(image, path / f"{index:05d}.png")

"""`gan-lab sample`: images from a trained run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_lab.cli.arguments import add_device, add_state, add_weights, non_negative, positive, share
from gan_lab.cli.outputs import check_output, replacing
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

if TYPE_CHECKING:  # torch is imported only where images are generated
    from gan_lab.evaluation.sampling import Drawing

SUFFIXES = {".png": "png", ".pt": "pt", ".npy": "npy", "": "png-folder"}
EXAMPLES = """examples:
  gan-lab sample RUN                               a grid, samples.png
  gan-lab sample RUN --count 1000 --out images     a folder of 1,000 PNG files
  gan-lab sample RUN --class 7 --out sevens.png    one class of a conditional model"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "sample",
        help="generate images with a trained run",
        description="Generate images with a trained run. The same command gives the same images.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_folder", metavar="RUN", help="a run, finished or not: its folder, its name, or latest")
    parser.add_argument(
        "--count",
        type=positive,
        metavar="N",
        help="number of images (default: 64, or 10 per class of a conditional model)",
    )
    parser.add_argument(
        "--class", dest="of_class", metavar="CLASS", help="this class only, by name or number (conditional models)"
    )
    add_state(parser)
    add_weights(parser)
    add_device(parser)
    parser.add_argument("--seed", type=non_negative, default=0, metavar="N", help="seed of the latents (default: 0)")
    parser.add_argument(
        "--truncation",
        type=share,
        metavar="SHARE",
        help="draw nearer to the mean style, from 0 (all have that) to 1: better and more alike (StyleGAN2)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("samples.png"),
        metavar="PATH",
        help="file or folder to write (default: samples.png)",
    )
    parser.add_argument(
        "--format",
        choices=sorted(SUFFIXES.values()),
        help="png: one grid; png-folder: one file per image, TIFF or .npy for what PNG doesn't hold; pt or npy: "
        "(count, channels, height, width), uint8 or the type of data.depth; by default the suffix of --out decides",
    )
    parser.add_argument("--force", action="store_true", help="replace --out if it exists")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Generate images and write them.

    Raises:
        UserError: the run can't be sampled, or the output exists or has an unknown format.
    """
    out: Path = arguments.out
    form = arguments.format or SUFFIXES.get(out.suffix.lower())
    if form is None:
        raise UserError(f"--out {out}: unknown format {out.suffix}; add --format {'|'.join(SUFFIXES.values())}")
    check_output(out, arguments.force)

    from gan_lab.evaluation.sampling import prepare
    from gan_lab.runs.run import Run

    drawing = prepare(
        Run.open(arguments.run_folder),
        which=arguments.checkpoint,
        count=arguments.count,
        of_class=arguments.of_class,
        seed=arguments.seed,
        ema=arguments.weights == "ema",
        truncation=arguments.truncation,
        device=arguments.device,
    )
    with replacing(out) as partial:
        write(drawing, form, partial)
    say(f"{drawing.title} after {drawing.model.images_seen:,} training images: {out}")


def write(drawing: "Drawing", form: str, path: Path) -> None:
    """Write images in one of the formats as they are generated; only a grid is made in memory."""
    import numpy as np
    import torch

    from gan_lab.utils import image_content, images

    if form == "png":
        images.save_png(drawing.grid(), path)
    elif form == "png-folder":
        path.mkdir()
        digits = max(5, len(str(drawing.count - 1)))
        ending = image_content.ending(drawing.depth.dtype, drawing.shape[0])
        for index, image in enumerate(image for batch in drawing.pixels() for image in batch):
            image_content.save(image, path / f"{index:0{digits}d}{ending}", ending)
    elif form == "npy":
        write_array(drawing, path)
    else:
        scratch = path.with_name("pixels.npy")
        write_array(drawing, scratch)
        torch.save(torch.from_numpy(np.load(scratch, mmap_mode="c")), path)


def write_array(drawing: "Drawing", path: Path) -> None:
    """Write a .npy file of images (count, channels, height, width), values of their depth, batch by batch."""
    import numpy as np

    form = {
        "descr": np.dtype(drawing.depth.array).str,
        "fortran_order": False,
        "shape": (drawing.count, *drawing.shape),
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, form)
        for batch in drawing.pixels():
            file.write(batch.numpy().tobytes())

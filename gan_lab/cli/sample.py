"""`gan-lab sample`: images from a trained run."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_lab.cli.arguments import (
    add_class,
    add_command,
    add_force,
    add_generator,
    add_truncation,
    non_negative,
    positive,
    seeds,
)
from gan_lab.cli.explore import space
from gan_lab.cli.outputs import check_ending, check_output, refuse_existing, replacing
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

if TYPE_CHECKING:  # torch is imported only where images are generated
    from gan_lab.evaluation.sampling import Drawing

SUFFIXES = {".png": "png", ".pt": "pt", ".npy": "npy", "": "png-folder"}
FORMATS = {form: suffix for suffix, form in SUFFIXES.items()} | {"image-folder": ""}
LABELS = (".npy", ".csv")
EXAMPLES = """examples:
  gan-lab sample RUN                               a grid, samples.png
  gan-lab sample RUN --count 1000 --out images     a folder of 1,000 PNG files
  gan-lab sample RUN --class 7 --out sevens.png    one class of a conditional model
  gan-lab sample RUN --per-class 1000 --format image-folder --out images   a dataset"""
DESCRIPTION = """Generate images with a trained run. The same command gives the same images. A
seed and an index decide an image, whatever the count or the size of batches, up to
the rounding of numbers."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "sample",
        run,
        help="generate images with a trained run",
        description=DESCRIPTION,
        examples=EXAMPLES,
    )
    add_generator(parser)
    number = parser.add_mutually_exclusive_group()
    number.add_argument(
        "--count",
        type=positive,
        metavar="N",
        help="number of images (default: 64, or 10 per class of a conditional model)",
    )
    number.add_argument(
        "--per-class", type=positive, metavar="N", help="number of images of each class of a conditional model"
    )
    add_class(parser, "this class only, by name or number (conditional models)")
    parser.add_argument("--seed", type=non_negative, metavar="N", help="seed of the latents (default: 0)")
    parser.add_argument(
        "--seeds",
        type=seeds,
        default=[],
        metavar="N,N,...",
        help="the first image of each of these seeds; of a conditional model in each class",
    )
    parser.add_argument(
        "--latent",
        type=Path,
        metavar="FILE",
        help="images of these latents: a .safetensors file of gan-lab project, or a .npy file (n, latent_dim)",
    )
    add_truncation(parser)
    parser.add_argument(
        "--out", type=Path, metavar="PATH", help="file or folder to write (default: samples, samples.png for a grid)"
    )
    parser.add_argument(
        "--format",
        choices=sorted(FORMATS),
        help="png: one grid; png-folder: one file per image, TIFF or .npy for what PNG doesn't hold; image-folder: the "
        "same in a folder for each class, which data=image_folder and torchvision read; pt or npy: (count, channels, "
        "height, width), uint8 or the type of data.depth; by default the suffix of --out decides",
    )
    parser.add_argument(
        "--grid", type=Path, metavar="FILE.png", help="also write a grid of the first images: 10 of each class, or 64"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="also write the images' labels: .npy, int64 (count,); or .csv, a line for each index with its label and "
        "the name of the class",
    )
    add_force(parser, "output files and folders that exist")


def run(arguments: argparse.Namespace) -> None:
    """Generate images and write them.

    Raises:
        UserError: the run can't be sampled, an output exists or has an unknown format, or options don't go together.
    """
    out: Path = arguments.out or Path(f"samples{FORMATS[arguments.format or 'png']}")
    form = arguments.format or SUFFIXES.get(out.suffix.lower())
    if form is None:
        raise UserError(f"--out {out}: unknown format {out.suffix}; add --format {'|'.join(FORMATS)}")
    check_output(out, arguments.force)
    refuse_existing("--grid", arguments.grid, arguments.force)
    refuse_existing("--labels", arguments.labels, arguments.force)
    check_ending("--grid", arguments.grid, [".png"], "a grid is a .png")
    check_ending("--labels", arguments.labels, LABELS, "labels are .npy or .csv")

    from gan_lab.utils import images

    drawing = prepare(arguments)
    if arguments.labels and drawing.labels is None:
        raise UserError(f"--labels {arguments.labels}: these images have no labels; those of a conditional model have")
    with ExitStack() as outputs:  # all that is asked for, or nothing
        partial = outputs.enter_context(replacing(out))
        write(drawing, form, partial)
        if arguments.grid:
            images.save_png(drawing.first.grid(), outputs.enter_context(replacing(arguments.grid, "--grid")))
        if arguments.labels:
            write_labels(drawing, outputs.enter_context(replacing(arguments.labels, "--labels")))
    say(f"{drawing.title} after {drawing.model.images_seen:,} training images: {out}")


def prepare(arguments: argparse.Namespace) -> "Drawing":
    """Get ready to generate what the options ask for.

    Raises:
        UserError: the run can't be sampled, or options don't go together.
    """
    from gan_lab.evaluation import latents, sampling
    from gan_lab.runs.run import Run

    ema = arguments.weights == "ema"
    if arguments.seeds or arguments.latent:
        given = "--seeds" if arguments.seeds else "--latent"
        for name in ("count", "per_class", "seed"):
            if getattr(arguments, name) is not None:
                option = name.replace("_", "-")
                raise UserError(f"--{option}: {given} says which images; leave one of the two out")
        return latents.draw_points(
            space(arguments), seeds=arguments.seeds, file=arguments.latent, of_class=arguments.of_class, ema=ema
        )
    return sampling.prepare(
        Run.open(arguments.run_folder),
        which=arguments.checkpoint,
        count=arguments.count,
        of_class=arguments.of_class,
        seed=arguments.seed or 0,
        ema=ema,
        truncation=arguments.truncation,
        device=arguments.device,
        per_class=arguments.per_class,
    )


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
    elif form == "image-folder":
        write_tree(drawing, path)
    elif form == "npy":
        write_array(drawing, path)
    else:
        scratch = path.with_name("pixels.npy")
        write_array(drawing, scratch)
        torch.save(torch.from_numpy(np.load(scratch, mmap_mode="c")), path)


def write_tree(drawing: "Drawing", path: Path) -> None:
    """Write a folder for each class, with the images of the class in it; images without labels are one class."""
    from gan_lab.evaluation.sampling import class_folders
    from gan_lab.utils import image_content

    labels = [0] * drawing.count if drawing.labels is None else drawing.labels.tolist()
    classes = max(int(getattr(drawing.model, name, 1)) for name in ("num_classes", "categories"))
    folders = class_folders(drawing.names, classes)
    digits = max(5, len(str(drawing.count - 1)))
    for label in sorted({*labels}):
        (path / folders[label]).mkdir(parents=True)
    ending = image_content.ending(drawing.depth.dtype, drawing.shape[0])
    written = [0] * classes
    for label, image in zip(labels, (image for batch in drawing.pixels() for image in batch), strict=True):
        (path / folders[label] / f"{written[label]:0{digits}d}{ending}").write_bytes(image_content.of(image, ending))
        written[label] += 1


def write_labels(drawing: "Drawing", path: Path) -> None:
    """Write the labels of images that have some, as an array or a table."""
    import csv
    import io

    import numpy as np

    assert drawing.labels is not None
    if path.suffix.lower() == ".npy":
        content = io.BytesIO()
        np.save(content, drawing.labels.numpy())
        path.write_bytes(content.getvalue())
        return
    table = io.StringIO(newline="")
    rows = csv.writer(table)
    rows.writerow(("index", "label", "class"))
    for index, label in enumerate(drawing.labels.tolist()):
        rows.writerow((index, label, drawing.names[label] if label < len(drawing.names) else label))
    path.write_bytes(table.getvalue().encode())


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

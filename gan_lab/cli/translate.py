"""`gan-lab translate`: images of one domain translated into the other."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import (
    add_command,
    add_device,
    add_force,
    add_run,
    add_state,
    add_weights,
    non_negative,
    positive,
)
from gan_lab.cli.outputs import ENDINGS, check_output, replacing
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

CONTAINERS = (".zip", ".tar")
EXAMPLES = """examples:
  gan-lab translate RUN --input horses --out zebras
  gan-lab translate RUN --input photo.jpg --out painting.png --side-by-side
  gan-lab translate RUN --direction b2a --checkpoint best --input zebras --out horses"""
DESCRIPTION = """Translate images of any size into another domain with a trained run.

Each image comes out at its own size, upright, with its transparency, as a PNG
file under its own name and subfolder; as TIFF or .npy where a run has values
that PNG doesn't hold (data.depth). Files that can't be read are named, the
others are translated, and the exit code is 1."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "translate",
        run,
        help="translate images with a trained run",
        description=DESCRIPTION,
        examples=EXAMPLES,
    )
    add_run(parser, "a run whose model translates")
    parser.add_argument(
        "--direction",
        default="a2b",
        metavar="a2b|b2a",
        help="from domain a to b, or from b to a where the model learns both (default: a2b)",
    )
    parser.add_argument(
        "--input",
        type=Path,
        required=True,
        metavar="PATH",
        help="an image, or a folder, searched at any depth, a zip or a tar",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="PATH",
        help="folder to write, or a file for a single image",
    )
    add_state(parser)
    add_weights(parser)
    parser.add_argument("--size", type=positive, metavar="N", help="resize the shorter side to N pixels before")
    parser.add_argument(
        "--tile",
        type=non_negative,
        metavar="N",
        help="translate larger images by overlapping tiles of N pixels, which takes little memory; 0 takes none. Most "
        "networks normalise over what they see, so contrast and colours can differ from those of the whole (default: "
        "384 for images of more than 1,048,576 pixels, none for others)",
    )
    parser.add_argument(
        "--overlap", type=non_negative, metavar="N", help="pixels over which tiles fade (default: a quarter of a tile)"
    )
    parser.add_argument(
        "--batch-size",
        type=positive,
        metavar="N",
        help="images of one size, or tiles, at a time (default: as many as have 262,144 pixels)",
    )
    add_device(parser)
    parser.add_argument("--side-by-side", action="store_true", help="put each image to the left of its translation")
    add_force(parser)


def run(arguments: argparse.Namespace) -> None:
    """Decode, translate and write the images.

    Raises:
        UserError: the run is missing or doesn't translate, an image can't be read, or the output exists.
    """
    source, out = arguments.input, arguments.out
    check_output(out, arguments.force)

    from gan_lab.data import listing, places, sources, threads
    from gan_lab.evaluation.translation import Options, Translation, names
    from gan_lab.runs.run import Run
    from gan_lab.utils import hardware, image_content

    if not source.exists():
        raise UserError(f"--input {source}: no such file or folder")
    options = Options(
        side=arguments.size,
        tile=arguments.tile,
        overlap=arguments.overlap,
        batch_size=arguments.batch_size,
        side_by_side=arguments.side_by_side,
    )
    translation = Translation(
        Run.open(arguments.run_folder),
        options,
        which=arguments.checkpoint,
        direction=arguments.direction,
        ema=arguments.weights == "ema",
        device=hardware.device(arguments.device),
    )
    is_single = not source.is_dir() and source.suffix.lower() not in CONTAINERS
    axis = translation.axis
    place = sources.Folder(source.parent, axis, source) if is_single else places.at(str(source), "--input", axis)
    files = place.find(listing.log.log)
    if out.exists() and any(place.volume(path).resolve().is_relative_to(out.resolve()) for path in files):
        raise UserError(f"--out {out}: contains the images to translate; choose another folder")
    ending = translation.ending
    is_file = len(files) == 1 and is_single and out.suffix.lower() in ENDINGS and not out.is_dir()
    if is_file and out.suffix.lower() != ending:
        raise UserError(f"--out {out}: this run's images are written as {ending} files; name it {out.stem}{ending}")
    targets = [Path()] if is_file else names(files, place.root, ending)
    damaged: dict[int, Exception] = {}
    with replacing(out) as partial:
        for index, image in translation.files(files, damaged, place):
            path = partial / targets[index]
            path.parent.mkdir(parents=True, exist_ok=True)
            image_content.save(image, path, ending)
        if len(damaged) == len(files):
            raise UserError(f"{threads.unreadable(files, damaged)}. No image is left.")
    seen = f"after {translation.images_seen:,} training images"
    say(f"{len(files) - len(damaged):,} images translated {seen}: {out}")
    if damaged:
        raise UserError(f"{threads.unreadable(files, damaged)}; the others are in {out}")

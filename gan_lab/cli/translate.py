"""`gan-lab translate`: images of one domain translated into the other."""

import argparse
import itertools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_lab.cli.arguments import add_weights, positive
from gan_lab.cli.outputs import check_output, replacing
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

if TYPE_CHECKING:  # brings the configuration, which takes time
    from gan_lab.runs.run import Run

log = logging.getLogger(__name__)

EXAMPLES = """examples:
  gan-lab translate RUN --input horses --out zebras
  gan-lab translate RUN --direction b2a --input zebras --out horses"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "translate",
        help="translate a folder of images with a trained CycleGAN",
        description="Translate a folder of images into the other domain with a trained CycleGAN.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_folder", metavar="RUN", help="folder of a run of model=cyclegan, finished or not")
    parser.add_argument(
        "--direction", choices=("a2b", "b2a"), default="a2b", help="from domain a to b, or from b to a (default: a2b)"
    )
    parser.add_argument(
        "--input", type=Path, required=True, metavar="FOLDER", help="folder of images, searched at any depth"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder for one PNG file per image")
    add_weights(parser)
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N", help="images at a time (default: 64)")
    parser.add_argument("--force", action="store_true", help="replace --out if it exists")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Decode, translate and write the images.

    Raises:
        UserError: the run is missing or no CycleGAN's, the input has no readable image, or the output exists.
    """
    out: Path = arguments.out
    check_output(out, arguments.force)

    import torch

    from gan_lab.data import image_files, listing
    from gan_lab.models.cyclegan import CycleGAN
    from gan_lab.runs.run import Run
    from gan_lab.utils import images

    folder = image_files.existing_folder(str(arguments.input), "--input")
    if folder.resolve().is_relative_to(out.resolve()):
        raise UserError(f"--out {out}: contains the images to translate; choose another folder")
    run = Run.open(arguments.run_folder)
    model = run.load_model()
    if not isinstance(model, CycleGAN):
        raise UserError(f"{arguments.run_folder}: {type(model).__name__} generates from noise; use gan-lab sample")
    data = run.config().data
    files = listing.find(folder)
    pixels = image_files.allocate(len(files), data.channels, data.image_size, of=f"--input {folder}")
    window = image_files.Window(tuple(data.window) if data.get("window") else None, files)
    window.limits = window.limits or trained_window(run, arguments.direction[0])
    outcome = image_files.decode(files, pixels, window=window, background=data.get("background", "white"))
    for warning in outcome.warnings:
        log.warning("%s: %s", folder, warning)
    damaged = set(outcome.damaged)
    names = [path.relative_to(folder).with_suffix("") for index, path in enumerate(files) if index not in damaged]
    originals = torch.from_numpy(pixels[: len(names)])
    with replacing(out) as partial:
        partial.mkdir()
        for start in range(0, len(originals), arguments.batch_size):
            stretch = slice(start, start + arguments.batch_size)
            batch = images.to_float(originals[stretch])
            translated = model.translate(batch, arguments.direction, ema=arguments.weights == "ema")
            for name, image in zip(names[stretch], images.to_uint8(translated), strict=True):
                images.save_png(image, unused(partial, "_".join(name.parts)))
    say(f"{len(names)} images translated after {model.images_seen:,} training images: {out}")


def trained_window(run: "Run", domain: str) -> tuple[float, float] | None:
    """The range of wide pixels that a run was trained on in a domain; None where it had none."""
    windows = run.data_record().get("window")
    limits = windows.get(domain) if isinstance(windows, dict) else None
    return (float(limits[0]), float(limits[1])) if limits else None


def unused(folder: Path, name: str) -> Path:
    """A free path for a PNG file of that name, numbered where two images share the name."""
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(path for path in (folder / f"{candidate}.png" for candidate in names) if not path.exists())

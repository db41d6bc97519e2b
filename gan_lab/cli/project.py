"""`gan-lab project`: the latents of images, found by optimisation."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import add_class, add_command, add_force, add_generator, non_negative, positive
from gan_lab.cli.explore import space
from gan_lab.cli.outputs import check_ending, put, refuse_existing
from gan_lab.utils.terminal import say

EXAMPLES = """examples:
  gan-lab project RUN photo.png
  gan-lab project RUN seven.png --class 7 --out seven.safetensors --picture seven_found.png
  gan-lab interpolate RUN --latent seven.safetensors --seeds 1"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "project",
        run,
        help="find the latents of images",
        description="Find the latents of which the generator makes images that are nearest to\ngiven ones. They are "
        "kept in a file that gan-lab interpolate and sample take.",
        examples=EXAMPLES,
    )
    add_generator(parser)
    parser.add_argument(
        "images",
        nargs="+",
        type=Path,
        metavar="IMAGE",
        help="image files of any size; they are brought to that of the run's images",
    )
    add_class(parser, "of the images, by name or number, where the model is conditional (default: it is searched)")
    parser.add_argument(
        "--starts", type=positive, default=16, metavar="N", help="latents that begin side by side (default: 16)"
    )
    parser.add_argument(
        "--steps", type=positive, default=500, metavar="N", help="steps of the optimisation (default: 500)"
    )
    parser.add_argument(
        "--seed", type=non_negative, default=0, metavar="N", help="seed of the first latents (default: 0)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("latent.safetensors"),
        metavar="FILE",
        help=".safetensors, or .npy, which keeps no classes (default: latent.safetensors)",
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE.png", help="write a picture of each image beside what was found"
    )
    add_force(parser, "output files that exist")


def run(arguments: argparse.Namespace) -> None:
    """Find the latents, print how near their images are, and write them.

    Raises:
        UserError: the run can't be sampled, an image can't be read, or an output can't be written.
    """
    out, picture = arguments.out, arguments.picture
    refuse_existing("--out", out, arguments.force)
    refuse_existing("--picture", picture, arguments.force)
    check_ending("--picture", picture, [".png"], "a picture is a .png")

    from gan_lab.evaluation import latents, projection
    from gan_lab.utils import images

    latents.check_name("--out", out)
    of_run = space(arguments)
    label = None if arguments.of_class is None else of_run.labels("--class", [arguments.of_class])[0]
    found = projection.project(
        of_run,
        projection.read(arguments.images, of_run),
        label=label,
        starts=arguments.starts,
        steps=arguments.steps,
        seed=arguments.seed,
    )
    put("--out", out, of_run.content(found.points, out))
    if picture is not None:
        put("--picture", picture, images.png(found.picture()))
    for index, path in enumerate(arguments.images):
        labels = found.points.labels
        of = f", class {of_run.name(int(labels[index]))}" if labels is not None else ""
        say(f"{path}: {float(found.psnr[index]):.1f} dB{of}")
    say(f"Written to {', '.join(map(str, filter(None, (out, picture))))}")

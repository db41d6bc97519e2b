"""`gan-lab walk`: directions in the latents of a run, and mixed styles."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import (
    add_class,
    add_command,
    add_force,
    add_generator,
    add_truncation,
    amount,
    non_negative,
    positive,
    seeds,
    whole_number,
)
from gan_lab.cli.explore import space
from gan_lab.cli.outputs import check_ending, check_output, replacing
from gan_lab.utils.terminal import say

EXAMPLES = """examples:
  gan-lab walk RUN
  gan-lab walk RUN --method pca --directions 5 --extent 2 --out components.png
  gan-lab walk RUN --method mix --seeds 1,2,3 --truncation 0.7 --out mixed.png   (StyleGAN2)"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "walk",
        run,
        help="find directions in the latents of a run",
        description="Find directions that change images most, without labels, and draw a sheet of\nthem: each row "
        "moves one image along a direction.",
        examples=EXAMPLES,
    )
    add_generator(parser)
    parser.add_argument(
        "--method",
        choices=("sefa", "pca", "mix"),
        default="sefa",
        help="sefa: closed-form factorisation of the first layer, or of all that read StyleGAN2's w; pca: principal "
        "components of w, or of the first layer's activations; mix: StyleGAN2's coarse styles of one seed, fine ones "
        "of another (default: sefa)",
    )
    parser.add_argument("--directions", type=positive, default=8, metavar="N", help="rows of the sheet (default: 8)")
    parser.add_argument("--steps", type=whole_number(2), default=7, metavar="N", help="pictures in a row (default: 7)")
    parser.add_argument(
        "--extent", type=amount, default=3.0, metavar="S", help="standard deviations to each side (default: 3)"
    )
    parser.add_argument(
        "--seed", type=non_negative, default=0, metavar="N", help="the latent in the middle is its first (default: 0)"
    )
    parser.add_argument(
        "--seeds", type=seeds, default=[0, 1, 2, 3, 4, 5], metavar="N,N,...", help="to mix (default: 0,1,2,3,4,5)"
    )
    parser.add_argument(
        "--layer", type=positive, metavar="N", help="the first of the fine layers of --method mix (default: the middle)"
    )
    add_class(parser, "of a conditional model, by name or number (default: 0)")
    add_truncation(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("walk.png"),
        metavar="FILE.png",
        help="picture to write (default: walk.png)",
    )
    add_force(parser)


def run(arguments: argparse.Namespace) -> None:
    """Find the directions and write the sheet.

    Raises:
        UserError: the run can't be sampled, has no styles or no first layer, or the output can't be written.
    """
    out: Path = arguments.out
    check_output(out, arguments.force)
    check_ending("--out", out, [".png"], "a sheet is a .png")

    from gan_lab.evaluation.directions import walk
    from gan_lab.utils import images

    sheet = walk(
        space(arguments),
        arguments.method,
        directions=arguments.directions,
        steps=arguments.steps,
        extent=arguments.extent,
        seed=arguments.seed,
        seeds=arguments.seeds,
        layer=arguments.layer,
        of_class=arguments.of_class,
    )
    with replacing(out) as partial:
        images.save_png(sheet.picture, partial)
    say(f"{sheet.title}: {out}")

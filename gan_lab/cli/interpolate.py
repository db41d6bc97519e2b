"""`gan-lab interpolate`: a film of a path through the latents and classes of a run."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import (
    add_command,
    add_force,
    add_generator,
    add_truncation,
    amount,
    positive,
    seeds,
    several,
    whole_number,
)
from gan_lab.cli.explore import space
from gan_lab.cli.outputs import check_output, replacing
from gan_lab.utils.terminal import say

STRIP = 10  # frames of a strip, by default
EXAMPLES = """examples:
  gan-lab interpolate RUN                                       a loop, interpolation.gif
  gan-lab interpolate RUN --seeds 1,5,9 --strip --out path.png  a path as one picture
  gan-lab interpolate RUN --classes 3,8 --out three_to_eight.mp4"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "interpolate",
        run,
        help="make a film between latents or classes",
        description="Make a film of the images between several latents, or between classes of a\nconditional model. "
        "The same command gives the same film.",
        examples=EXAMPLES,
    )
    add_generator(parser)
    parser.add_argument(
        "--seeds",
        type=seeds,
        default=[],
        metavar="N,N,...",
        help="the path leads through the first latent of each seed (default: 0,1,2,3 and back to 0)",
    )
    parser.add_argument(
        "--latent",
        type=Path,
        metavar="FILE",
        help="the path leads through these latents, after those of --seeds: a .safetensors file of gan-lab project, or "
        "a .npy file",
    )
    parser.add_argument(
        "--classes",
        type=several,
        default=[],
        metavar="C,C,...",
        help="classes by name or number: one for all, or one for each latent, with a blend of both in between "
        "(default: all, beside each other)",
    )
    parser.add_argument("--loop", action="store_true", help="lead back to the beginning")
    parser.add_argument(
        "--linear",
        action="store_true",
        help="go straight from latent to latent (default: over the sphere on which they lie; styles go straight)",
    )
    parser.add_argument(
        "--space", choices=("z", "w"), default="z", help="of latents, or of StyleGAN2's styles (default: z)"
    )
    add_truncation(parser)
    parser.add_argument(
        "--frames",
        type=whole_number(2),
        metavar="N",
        help="number of frames (default: 24 from one latent to the next; 10 of a strip)",
    )
    parser.add_argument("--fps", type=amount, default=24.0, metavar="N", help="frames a second (default: 24)")
    parser.add_argument("--strip", action="store_true", help="one picture, with all frames beside each other")
    parser.add_argument(
        "--scale", type=positive, metavar="N", help="side of a pixel in the film (default: small pictures are enlarged)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=".gif, .png (APNG, or a strip), or .mp4, which needs ffmpeg (default: interpolation.gif, or .png for a "
        "strip)",
    )
    add_force(parser)


def run(arguments: argparse.Namespace) -> None:
    """Generate the frames and write the film.

    Raises:
        UserError: the run can't be sampled, options don't go together, or the output can't be written.
    """
    out: Path = arguments.out or Path("interpolation.png" if arguments.strip else "interpolation.gif")
    check_output(out, arguments.force)

    from gan_lab.evaluation.interpolation import interpolate
    from gan_lab.utils import films

    films.check_speed("--fps", arguments.fps)
    films.check("--out", out, arguments.strip)
    given = arguments.seeds or arguments.latent or len(arguments.classes) > 1
    film = interpolate(
        space(arguments),
        seeds=arguments.seeds,
        file=arguments.latent,
        classes=arguments.classes,
        frames=arguments.frames or (STRIP if arguments.strip else None),
        loop=arguments.loop or not (given or arguments.strip),
        linear=arguments.linear,
        in_styles=arguments.space == "w",
    )
    with replacing(out) as partial:
        if arguments.strip:
            films.strip(film.frames(), partial)
        else:
            films.write(film.frames(), partial, fps=arguments.fps, scale=arguments.scale)
    say(f"{film.title}: {out}")

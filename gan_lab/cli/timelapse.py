"""`gan-lab timelapse`: the film of a training."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import add_command, add_force, add_run, add_weights, amount, positive
from gan_lab.cli.outputs import check_output, replacing
from gan_lab.utils.terminal import say

EXAMPLES = """examples:
  gan-lab timelapse RUN
  gan-lab timelapse RUN --frames 20 --fps 4 --out training.png"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "timelapse",
        run,
        help="make a film of a training",
        description="Make a film of a training from the grids in its run's folder, with the images\nseen and the "
        "latest FID under each. callbacks.samples.every_n_images says how many\ngrids a training draws.",
        examples=EXAMPLES,
    )
    add_run(parser)
    add_weights(parser, "grids of a run that has drawn both: of the moving average, or of the raw weights")
    parser.add_argument("--frames", type=positive, metavar="N", help="at most so many grids (default: all)")
    parser.add_argument("--fps", type=amount, default=6.0, metavar="N", help="frames a second (default: 6)")
    parser.add_argument(
        "--hold", type=amount, default=2.0, metavar="SECONDS", help="the last frame stays for so long (default: 2)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("timelapse.gif"),
        metavar="FILE",
        help=".gif, .png (APNG), or .mp4, which needs ffmpeg (default: timelapse.gif)",
    )
    add_force(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read the grids and write the film.

    Raises:
        UserError: there are no grids, one can't be read, or the output can't be written.
    """
    out: Path = arguments.out
    check_output(out, arguments.force)

    from gan_lab.evaluation import timelapse
    from gan_lab.runs.run import Run
    from gan_lab.utils import films

    films.check_speed("--fps", arguments.fps)
    films.check("--out", out)
    shots = timelapse.shots(Run.open(arguments.run_folder), raw=arguments.weights == "raw", most=arguments.frames)
    with replacing(out) as partial:
        films.write(timelapse.frames(shots), partial, fps=arguments.fps, hold=arguments.hold, scale=1)
    say(f"{len(shots)} grids, up to {shots[-1].caption.replace('   ', ', ')}: {out}")

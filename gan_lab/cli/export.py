"""`gan-lab export`: a run's generator as files that others can use."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import add_command, add_force, add_run, add_state, add_weights
from gan_lab.cli.outputs import put_folder
from gan_lab.utils.terminal import say

FORMATS = ("onnx", "torch", "safetensors")
EXAMPLES = """examples:
  gan-lab export RUN --format onnx                     exported/generator.onnx, and a model card
  gan-lab export RUN --format torch --licence cc-by-4.0
  gan-lab export RUN --format safetensors --out mine; gan-lab sample mine"""
DESCRIPTION = """Write a run's generator to a folder, with a picture and a model card that says how to
load it. A program in ONNX or of torch.export takes latents (and labels) or images,
gives pixels, uint8 or of the type of data.depth, in batches of any size, and needs
no gan_lab. Weights in safetensors, with a configuration in JSON, are a RUN for
all commands of gan_lab."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "export",
        run,
        help="write a run's generator as ONNX, a torch program or safetensors",
        description=DESCRIPTION,
        examples=EXAMPLES,
    )
    add_run(parser)
    parser.add_argument("--format", choices=FORMATS, required=True, help="of the file: onnx and torch are programs")
    parser.add_argument(
        "--out", type=Path, default=Path("exported"), metavar="FOLDER", help="folder to write (default: exported)"
    )
    add_state(parser)
    add_weights(parser)
    add_direction(parser)
    add_licence(parser)
    add_force(parser, "--out if an exported run lies there")


def add_direction(parser: argparse.ArgumentParser) -> None:
    """Declare the option that chooses a direction of a translator."""
    parser.add_argument(
        "--direction", metavar="a2b|b2a", help="of a run that translates, as of gan-lab translate (default: a2b)"
    )


def add_licence(parser: argparse.ArgumentParser) -> None:
    """Declare the option that states a licence."""
    parser.add_argument("--licence", metavar="NAME", help="of the weights, for the card, such as cc-by-4.0")


def run(arguments: argparse.Namespace) -> None:
    """Make the files, check them, and write the folder.

    Raises:
        UserError: the run can't be exported, a package is missing, or the output exists or can't be written.
    """
    from gan_lab.runs.run import Run
    from gan_lab.sharing.export import Wanted, exported, refuse_others

    out: Path = arguments.out
    refuse_others(out, arguments.force)
    wanted = Wanted(
        form=arguments.format,
        which=arguments.checkpoint,
        ema=arguments.weights == "ema",
        direction=arguments.direction,
        licence=arguments.licence,
    )
    files = exported(Run.open(arguments.run_folder), wanted)
    put_folder("--out", out, files)
    say(f"{', '.join(sorted(files))}: {out}")

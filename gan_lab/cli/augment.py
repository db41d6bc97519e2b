"""`gan-lab augment`: whether generated images make a classifier better."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import add_command, add_device, add_weights, non_negative, positive
from gan_lab.cli.outputs import put
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

FOLDER = Path("logs/augment")
FILTERS = ("none", "discriminator", "confidence", "neighbours")
EXAMPLES = """examples:
  gan-lab augment RUN --real 50,200,1000 --generated 0,1,5
  gan-lab augment RUN --real 200 --generated 1 --starve 8=10
  gan-lab augment RUN --real 200 --generated 1 --filters none,discriminator,confidence,neighbours

Stopped by Ctrl+C, it goes on where it stood when the same command is given again."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "augment",
        run,
        help="find out whether generated images make a classifier better",
        description="Train a classifier on real images, on classically augmented ones, on real and\n"
        "generated ones, and on generated ones alone, and measure all on the test split.\n"
        "The generators see the real images of their row and no others.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "source", metavar="RUN", help="a conditional run, whose configuration generators are trained by; or a sweep"
    )
    parser.add_argument(
        "--real",
        type=numbers(positive, "all"),
        required=True,
        metavar="N,...",
        help="real images of each class, a row of the table each; all takes what there is",
    )
    parser.add_argument(
        "--generated",
        type=numbers(non_negative),
        required=True,
        metavar="N,...",
        help="generated images for each real one; 0 is real images alone, which are there anyway",
    )
    parser.add_argument(
        "--seeds",
        type=numbers(non_negative),
        default=[1, 2, 3],
        metavar="N,...",
        help="of the choice of real images, the generators and the classifiers (default: 1,2,3)",
    )
    parser.add_argument(
        "--starve",
        type=starved,
        action="append",
        default=[],
        metavar="CLASS=N",
        help="leave only N real images of a class, by name or number; generated images are then added to it alone, and "
        "1 fills it up to the others",
    )
    parser.add_argument(
        "--filters",
        type=filters,
        default=["none"],
        metavar="NAME,...",
        help=f"of generated images, each a set of lines of its own: {', '.join(FILTERS)} (default: none)",
    )
    parser.add_argument(
        "--steps", type=positive, default=500, metavar="N", help="batches of every classifier (default: 500)"
    )
    parser.add_argument(
        "--batch-size", type=positive, default=64, metavar="N", help="images of a classifier's batch (default: 64)"
    )
    parser.add_argument(
        "--generator",
        choices=("train", "run"),
        default="train",
        help="train: one for each row and seed, with the run's configuration; run: the run's own, which is refused if "
        "it has seen other images than the row's (default: train)",
    )
    parser.add_argument(
        "--generator-steps", type=positive, metavar="N", help="batches of every generator (default: the run's)"
    )
    parser.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        help="classical augmentation mirrors images, or doesn't (default: where data.mirror is true)",
    )
    add_weights(parser)
    add_device(parser)
    parser.add_argument("--data-root", metavar="FOLDER", help="folder of the dataset (default: the run's own)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="for results and generators, which studies share, and a folder of each one's own for its table.md, "
        f"table.csv, table.json and picture.png (default: {FOLDER}/<run>)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Do the study, print its table, and write tables and a picture.

    Raises:
        UserError: the run can't be studied, or the folder can't be written to.
    """
    from gan_lab.runs.names import folder_of

    source = folder_of(arguments.source)
    out: Path = arguments.out or FOLDER / source.resolve().name
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file; name a folder")

    from gan_lab.usefulness import picture, report
    from gan_lab.usefulness.arms import Options
    from gan_lab.usefulness.study import study

    options = Options(
        real=arguments.real,
        generated=arguments.generated,
        seeds=arguments.seeds,
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        generator=arguments.generator,
        generator_steps=arguments.generator_steps,
        starve=arguments.starve,
        filters=arguments.filters,
        mirror=arguments.mirror,
        ema=arguments.weights == "ema",
        device=arguments.device,
        data_root=arguments.data_root,
    )
    try:
        outcome = study(source, options, out)
    except (SystemExit, KeyboardInterrupt):
        say("Stopped. The same command goes on from here.")
        raise
    put("--out", outcome.folder / "table.md", report.as_markdown(outcome))
    put("--out", outcome.folder / "table.csv", report.as_csv(outcome))
    put("--out", outcome.folder / "table.json", report.as_json(outcome))
    put("--out", outcome.folder / "picture.png", picture.draw(outcome))
    say(report.as_text(outcome), end="")
    say(f"Written to {outcome.folder}: table.md, table.csv, table.json, picture.png")


def numbers(kind: Any, word: str | None = None) -> Any:
    """Make the type of numbers that are separated by commas; a word stands for None."""

    def parse(text: str) -> list[int | None]:
        found = [None if part == word else kind(part) for part in text.split(",")]
        if len(set(found)) < len(found):
            raise argparse.ArgumentTypeError(f"must be different numbers, not {text}")
        return found

    return parse


def starved(text: str) -> tuple[str, int]:
    """Read a class and the number of images that are left of it."""
    name, _, count = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"must be a class and a number, such as 8=10, not {text}")
    return name, int(positive(count))


def filters(text: str) -> list[str]:
    """Read names of filters that are separated by commas."""
    found = text.split(",")
    unknown = [name for name in found if name not in FILTERS]
    if unknown or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"must be different ones of {', '.join(FILTERS)}, not {text}")
    return found

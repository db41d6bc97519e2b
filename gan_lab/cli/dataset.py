"""`gan-lab dataset`: look at images before a training, and pack them."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_lab.cli.arguments import add_force, positive
from gan_lab.cli.outputs import naming, refuse_existing, replacing
from gan_lab.utils.errors import UserError
from gan_lab.utils.shell import chosen, override
from gan_lab.utils.sizes import as_option, checked
from gan_lab.utils.terminal import say

if TYPE_CHECKING:  # torch is imported only where images are looked at
    from gan_lab.data.sorted_folder import SortedFolder
    from gan_lab.data.sources import Source

DESCRIPTION = """Look at images before they are trained on, and pack them into one file.

`check` decodes every image of a folder or archive once: counts, sizes, modes,
damaged files, copies, classes, and options that suit. `pack` resizes images
once into one file that trains without them. `show` draws the first images of
any data=... as a training would see them."""
EXAMPLES = """examples:
  gan-lab dataset check photos                            a report, and contact_sheet.png
  gan-lab dataset check scans --labels labels.csv --groups patient
  gan-lab dataset pack photos photos.npz --image-size 64  one file for 64x64 pixels
  gan-lab dataset show data=mnist data.image_size=32      training_images.png"""
OPTION = re.compile(r"data\.(labels|attributes|groups)=?")
SIZE = re.compile(r"\[?(\d+)(?:[,x](\d+))?\]?")


def add_parser(commands: Any) -> None:
    """Declare the command and its three parts."""
    parser = commands.add_parser(
        "dataset",
        help="check, pack or show images to train on",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(required=True, title="commands", metavar="COMMAND")
    add_check(parts)
    add_pack(parts)
    add_show(parts)


def add_check(parts: Any) -> None:
    """Declare `check`."""
    parser = parts.add_parser(
        "check",
        help="report what is in a folder, and what is wrong with it",
        description="Decode every image once and report. The exit code is 1 where files can't be read, or where "
        "images for testing are copies of images to train on.",
    )
    add_folder(parser)
    add_labels(parser)
    parser.add_argument(
        "--groups",
        metavar="RULE",
        help="a column of the table, folder, copies, or a regular expression, as data.groups, which keeps images of a "
        "group on one side of the splits",
    )
    add_out(parser, "contact_sheet.png", "contact sheet to write")
    parser.set_defaults(run=check)


def add_pack(parts: Any) -> None:
    """Declare `pack`."""
    parser = parts.add_parser(
        "pack",
        help="resize a folder of images once into one file",
        description="Resize the images of a folder as data=image_folder does, into one .npz file of the arrays images, "
        "labels and classes, with 8 bits or at the depth that --depth names.",
    )
    add_folder(parser)
    parser.add_argument("out", type=Path, metavar="OUT.npz", help="file to write")
    add_labels(parser)
    parser.add_argument("--image-size", type=size, required=True, metavar="N", help="pixels a side, or HEIGHT,WIDTH")
    parser.add_argument(
        "--channels",
        type=positive,
        default=3,
        metavar="N",
        help="1 for grey, 3 for RGB, or as many as files have (default: 3)",
    )
    parser.add_argument(
        "--fit", choices=("crop", "pad", "stretch"), default="crop", help="how images get the shape (default: crop)"
    )
    parser.add_argument(
        "--window", type=window, metavar="LOW,HIGH", help="pixel values that become black and white, as data.window"
    )
    parser.add_argument(
        "--depth",
        choices=("8", "16", "float"),
        default="8",
        help="bits of a value, as data.depth: 16, or floating points, keep what scans hold (default: 8)",
    )
    parser.add_argument(
        "--background", default="white", metavar="COLOUR", help="under transparent pixels (default: white)"
    )
    parser.add_argument("--split", choices=("train", "test"), help="of a folder with splits of its own: which to pack")
    parser.add_argument("--compress", action="store_true", help="make the file smaller, and slower to read")
    add_force(parser, "OUT.npz if it exists")
    parser.set_defaults(run=pack, groups=None)


def add_show(parts: Any) -> None:
    """Declare `show`."""
    parser = parts.add_parser(
        "show",
        help="draw what a training would see",
        description="Draw the first training images of the chosen data: cropped, mirrored, paired as in training.",
    )
    parser.add_argument(
        "overrides", nargs="+", metavar="NAME=VALUE", help="as for gan-lab train: data=cifar10 data.image_size=48"
    )
    parser.add_argument("--count", type=positive, default=64, metavar="N", help="images or pairs (default: 64)")
    add_out(parser, "training_images.png", "picture to write")
    parser.set_defaults(run=show)


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Declare where the images are."""
    parser.add_argument(
        "folder", metavar="FOLDER", help="a folder, or an archive, as for data.root; subfolders are classes"
    )


def add_labels(parser: argparse.ArgumentParser) -> None:
    """Declare the table of labels."""
    parser.add_argument("--labels", metavar="FILE.csv", help="a table of labels, as data.labels")
    parser.add_argument(
        "--attributes",
        type=names,
        metavar="NAME,...",
        help="columns of the table that are attributes, as data.attributes",
    )


def add_out(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    """Declare the picture that is written."""
    parser.add_argument("--out", type=Path, default=Path(name), metavar="FILE.png", help=f"{what} (default: {name})")
    add_force(parser)


def size(text: str) -> int | tuple[int, int]:
    """Read a size: 64, or 48,96 for height and width."""
    match = SIZE.fullmatch(text)
    try:
        return checked([int(length) for length in match.groups()] if match and match[2] else int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, or HEIGHT,WIDTH, not {text}") from error


def names(text: str) -> list[str]:
    """Read names with commas between them."""
    return [name.strip() for name in text.strip("[]").split(",")]


def window(text: str) -> tuple[float, float]:
    """Read two numbers, the first below the second."""
    try:
        low, high = (float(value) for value in text.strip("[]").split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be two numbers with a comma, not {text}") from error
    if not low < high:
        raise argparse.ArgumentTypeError(f"the first value must be below the second, not {text}")
    return low, high


def check(arguments: argparse.Namespace) -> None:
    """Report on a folder, and draw its contact sheet.

    Raises:
        UserError: there are no images; or, once the report is out, some are damaged or copies across the splits.
    """
    refuse_picture(arguments)

    from gan_lab.data import places, survey

    found = survey.take(sorted_folder(arguments, places.at(arguments.folder, "FOLDER")))
    say(found.report())
    if found.pictures:
        save(found.sheet(), arguments.out)
        say(f"sheet    {arguments.out}")
        say(f"\n{command(arguments, found.options + found.num_classes * bool(arguments.labels))}")
    if problems := found.problems():
        raise UserError("; ".join(problems))


def sorted_folder(arguments: argparse.Namespace, source: "Source") -> "SortedFolder":
    """The images of a source as a training with these labels and groups has them.

    Raises:
        UserError: there are no images, the table or the rule of groups doesn't fit, or a group is on both sides.
    """
    from gan_lab.data.label_table import LabelTable
    from gan_lab.data.sorted_folder import SortedFolder
    from gan_lab.data.survey import to_log

    if arguments.attributes and arguments.labels is None:
        raise UserError(f"--attributes {','.join(arguments.attributes)}: are columns of a table; name it with --labels")
    try:
        table = None if arguments.labels is None else LabelTable(arguments.labels, source.root)
        return SortedFolder(source, to_log, table=table, attributes=arguments.attributes, groups=arguments.groups)
    except UserError as error:
        raise UserError(OPTION.sub(typed_here, str(error)).replace("data.root", "FOLDER")) from error


def typed_here(option: re.Match[str]) -> str:
    """An option of a training as this command has it."""
    return f"--{option[1]}{' ' * option[0].endswith('=')}"


def command(arguments: argparse.Namespace, options: str) -> str:
    """A line that trains on a folder."""
    typed = {"root": arguments.folder} | {name: getattr(arguments, name) for name in ("labels", "attributes", "groups")}
    given = [override(f"data.{name}", value) for name, value in typed.items() if value]
    return f"    gan-lab train data=image_folder {' '.join(given)} {options} {chosen('model/network', ['resnet'])}"


def pack(arguments: argparse.Namespace) -> None:
    """Resize a folder's images into one file.

    Raises:
        UserError: an option doesn't fit, no image can be read, or the file can't be written.
    """
    out: Path = arguments.out
    if out.suffix != ".npz":
        raise UserError(f"{out}: the name of a packed dataset ends in .npz")
    refuse_existing("OUT.npz", out, arguments.force)

    from PIL import ImageColor

    from gan_lab.data import packing, places

    try:
        ImageColor.getrgb(arguments.background)
    except ValueError as error:
        raise UserError(f"--background {arguments.background}: no such colour; white, black or #ff8000, say") from error
    source = places.at(arguments.folder, "FOLDER")
    files = packing.choose(sorted_folder(arguments, source), arguments.split)
    depth: Any = int(arguments.depth) if arguments.depth.isdigit() else arguments.depth
    packed = packing.decode(
        source,
        files,
        arguments.image_size,
        arguments.channels,
        window=arguments.window,
        background=arguments.background,
        fit=arguments.fit,
        of=f"--image-size {as_option(arguments.image_size)}",
        depth=depth,
    )
    for line in packed.lines:
        say(line.replace("data.window", "--window").replace("data.background", "--background"))
    with replacing(out, "OUT.npz") as partial:
        packing.write(partial, packed.pixels, packed.labels, files.classes, compress=arguments.compress)
    classes = f", {len(files.classes)} classes" if files.classes else ""
    deep = ""
    if packed.window:
        low, high = packed.window
        deep = f"; train on it with data.depth={depth} 'data.window=[{low:.9g},{high:.9g}]'"
    say(f"{out}: {len(packed.pixels):,} images of {as_option(arguments.image_size)} pixels{classes}{deep}")


def show(arguments: argparse.Namespace) -> None:
    """Draw the first training images.

    Raises:
        UserError: the configuration has errors, or the data can't be loaded.
    """
    refuse_picture(arguments)
    data = composed(["data.batch_size=1", *arguments.overrides])  # few images are enough to look at

    from gan_lab.data.preview import preview

    data.prepare_data()
    drawn = preview(data, arguments.count, columns=8)
    save(drawn.sheet, arguments.out)
    say(f"{arguments.out}: {drawn.line}")


def composed(overrides: Sequence[str]) -> Any:
    """The data module of a command line.

    Raises:
        UserError: naming what is wrong in it.
    """
    from hydra import compose, initialize_config_dir

    from gan_lab.cli.hydra_callback import without_hydra
    from gan_lab.config import own_code, schema
    from gan_lab.config.command_line import refuse_misleading, with_quotes
    from gan_lab.config.home import conf_folder

    typed = [*overrides]
    refuse_misleading(typed, conf_folder())
    with initialize_config_dir(str(conf_folder()), job_name="train", version_base="1.3"):
        config = without_hydra(compose("train", with_quotes(typed), return_hydra_config=True))
        own_code.trust(config)  # the user has typed it
        schema.check(config)
        return schema.build(config.data)


def refuse_picture(arguments: argparse.Namespace) -> None:
    """Refuse, before any work is done, to write a picture that can't be written."""
    if arguments.out.suffix.lower() != ".png":
        raise UserError(f"--out {arguments.out}: the name of a picture ends in .png")
    refuse_existing("--out", arguments.out, arguments.force)


def save(picture: Any, out: Path) -> None:
    """Write a picture whole or not at all."""
    from gan_lab.utils import images
    from gan_lab.utils.files import write_atomically

    with naming("--out", out):
        write_atomically(out, images.png(picture))

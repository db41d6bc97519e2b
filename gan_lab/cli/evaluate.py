"""`gan-lab evaluate`: scores of a run's images, or of other images, against a dataset."""

import argparse
import json
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gan_lab.cli.arguments import add_command, add_device, add_force, add_state, add_weights, non_negative, positive
from gan_lab.cli.dataset_choice import real_images
from gan_lab.cli.evaluated import put_pictures, put_statistics, report
from gan_lab.cli.outputs import put, refuse_existing
from gan_lab.data.published import PUBLISHED
from gan_lab.metrics.groups import ALL_GROUPS
from gan_lab.runs.names import folder_of
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import refuse_ways_out
from gan_lab.utils.run_layout import RECORD, RunLayout
from gan_lab.utils.terminal import say

if TYPE_CHECKING:  # torch is imported only where images are evaluated
    from gan_lab.evaluation.evaluate import Evaluation
    from gan_lab.metrics.real_images import RealImages

EXTRACTORS = ("auto", "classifier", "inception", "inception-clean", "dinov2", "clip")
PROTOCOLS = (*("fid50k", "fid10k-test", "kid50k", "is50k", "pr10k", "pr50k", "fid50k-clean", "fd-dinov2", "cmmd30k"),)
RESIZES = ("antialiased", "tensorflow1")
EXAMPLES = """examples:
  gan-lab evaluate RUN
  gan-lab evaluate RUN --count 1000 --neighbours nearest.png
  gan-lab evaluate images.npy --data mnist --out scores.json
  gan-lab evaluate samples.zip --against photos
  gan-lab evaluate RUN --protocol fid50k"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "evaluate",
        run,
        help="score a run, a folder of images or a file of images",
        description="Compute FID and other scores of generated images against the real\nimages of a dataset, or "
        "against any other images.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="a run, finished or not: its folder, its name, or latest; or a folder or a .zip archive of images; or a "
        ".npy, .npz or .pt file of uint8 images (n, channels, height, width) or (n, height, width, channels)",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="SOURCE",
        help="the images to compare with: anything that SOURCE may be; a run stands for what it generates (default: "
        "the dataset of a run, or that of --data)",
    )
    parser.add_argument(
        "--statistics",
        type=Path,
        metavar="FILE.npz",
        help="mean and covariance (mu, sigma) of real images, as pytorch-fid and others keep them: a file that exists "
        "takes the place of the real images, for FID; else those of the real images are written to it",
    )
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        metavar="NAME",
        help="a published protocol, which sets count, split, extractor and scores: "
        f"{', '.join(PROTOCOLS)}; docs/metrics.md says who reports which",
    )
    parser.add_argument(
        "--scores",
        type=score_groups,
        metavar="NAME,...",
        help=f"groups of scores to compute: {', '.join(ALL_GROUPS)} (default: the first five)",
    )
    parser.add_argument(
        "--count",
        type=positive,
        metavar="N",
        help="number of generated images (default: 10,000 of a run, or its data.test_count; all of a folder or file)",
    )
    parser.add_argument(
        "--extractor",
        type=extractor_name,
        default="auto",
        metavar="NAME",
        help="source of the features: 'classifier' is trained on the dataset; 'inception' is the published network, "
        "'inception-clean' the same with clean-fid's resize, and its weights (91 MB) are fetched where they are "
        "missing; 'dinov2' and 'clip' are vision transformers, from a file; 'auto' takes the classifier for small "
        "grey labelled images, and where the run names it, and inception for others, and fetches nothing; "
        "package.module:Class is a torch.nn.Module of yours that is constructed without arguments (default: auto)",
    )
    parser.add_argument(
        "--weights-file", metavar="FILE", help="weights of the named extractor, if they are in an unusual place"
    )
    parser.add_argument(
        "--resize",
        choices=RESIZES,
        help="of images for inception: as TensorFlow 1 did it for the numbers of most papers, or antialiased; scores "
        "of the two can't be compared (default: tensorflow1)",
    )
    add_state(parser)
    add_weights(parser)
    add_device(parser)
    parser.add_argument(
        "--split",
        choices=("test", "validation", "train"),
        help="split of the real images (default: test, or validation if the run has a data.validation_count)",
    )
    parser.add_argument(
        "--data",
        metavar="NAME",
        help=f"dataset to compare a folder or file of images with, {', '.join(PUBLISHED)} or "
        "another of conf/data; or a run, whose dataset is meant (a run has its own)",
    )
    parser.add_argument("--data-root", metavar="FOLDER", help="folder of the dataset (default: the run's own, or data)")
    parser.add_argument(
        "--seed",
        type=non_negative,
        default=0,
        metavar="N",
        help="seed of the latents and of random subsets (default: 0)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.json",
        help="file for the scores (default: evaluations/<protocol>.json in a run's folder, <protocol>_best.json for "
        "its best checkpoint, none for other images)",
    )
    add_force(parser, "output files that exist")
    parser.add_argument(
        "--neighbours",
        type=Path,
        metavar="FILE.png",
        help="write a picture of generated images beside their nearest training images, which shows memorisation",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FILE.npz",
        help="keep the generated images that are scored, uint8 (n, height, width, channels), and their classes",
    )
    parser.add_argument(
        "--spectrum",
        type=Path,
        metavar="FILE.svg",
        help="draw the mean power spectra of real and generated images, with --scores spectrum",
    )
    parser.add_argument(
        "--gan-train-test",
        action="store_true",
        help="also compute GAN-train and GAN-test accuracy of a conditional run (trains a classifier; minutes)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Evaluate, print the scores and write them.

    Raises:
        UserError: the source can't be evaluated, or an output exists or can't be written.
    """
    for option, path in (
        ("--out", arguments.out),
        ("--neighbours", arguments.neighbours),
        ("--images", arguments.images),
        ("--spectrum", arguments.spectrum),
    ):
        refuse_existing(option, path, arguments.force)
    check_ways(arguments)
    start = perf_counter()
    for name in ("source", "against"):
        with suppress(UserError):  # it may be a file, or nothing at all
            setattr(arguments, name, getattr(arguments, name) and folder_of(getattr(arguments, name)))
    source, out = arguments.source, arguments.out
    layout = RunLayout(source)
    write_to = arguments.statistics if arguments.statistics and not arguments.statistics.exists() else None
    if arguments.against:
        evaluation = of_sets(arguments)
    elif layout.looks_like_run:
        if not out:
            refuse_ways_out(source)
        evaluation = of_run(arguments)
        best = "" if arguments.checkpoint == "last" else f"_{arguments.checkpoint}"
        out = out or layout.evaluations / f"{evaluation.record.protocol.shown}{best}.json"
    else:
        evaluation = of_images(arguments)
    say(report(evaluation, source))
    if out:
        put("--out", out, json.dumps(evaluation.record.to_dict(), indent=2) + "\n")
        say(f"Written to   {out}")
    if write_to:
        put_statistics(evaluation, write_to)
    put_pictures(evaluation, arguments)
    say(f"Took         {perf_counter() - start:.0f} s")


def check_ways(arguments: argparse.Namespace) -> None:
    """Refuse options that contradict each other, before any work is done.

    Raises:
        UserError: naming two of them.
    """
    given = arguments.statistics and arguments.statistics.exists()
    if arguments.against and arguments.data:
        raise UserError(
            f"--against {arguments.against}: there is --data {arguments.data} too; leave one of the two out"
        )
    if arguments.against and arguments.gan_train_test:
        raise UserError("--gan-train-test: learns the classes of a dataset; leave out --against")
    for option, other in (("--against", arguments.against), ("--data", arguments.data)):
        if given and other:
            raise UserError(
                f"--statistics {arguments.statistics}: exists, and takes the place of {option} {other}; leave one of "
                "the two out, or choose a new name, to which the statistics are written"
            )
    if given and (arguments.neighbours or arguments.gan_train_test):
        option = "--neighbours" if arguments.neighbours else "--gan-train-test"
        raise UserError(f"{option}: needs real images, and --statistics takes their place; leave one of the two out")
    if arguments.spectrum and "spectrum" not in (arguments.scores or ()):
        raise UserError(
            f"--spectrum {arguments.spectrum}: add --scores spectrum, or more of them: --scores fid,spectrum"
        )
    for option in ("statistics", "images"):
        path = getattr(arguments, option)
        if path and path.suffix != ".npz":
            raise UserError(f"--{option} {path}: must be a .npz file")


def of_run(arguments: argparse.Namespace) -> "Evaluation":
    """Evaluate a run; errors as of `evaluate_run`."""
    from gan_lab.evaluation.evaluate import evaluate_run
    from gan_lab.runs.run import Run

    if arguments.data:
        raise UserError(f"--data {arguments.data}: a run is compared with its own dataset; leave the option out")
    return evaluate_run(
        Run.open(arguments.source),
        options(arguments),
        which=arguments.checkpoint,
        ema=arguments.weights == "ema",
        gan_train_test=arguments.gan_train_test,
    )


def of_sets(arguments: argparse.Namespace) -> "Evaluation":
    """Compare two sets of images; errors as of `evaluate_sets`."""
    from gan_lab.evaluation.evaluate import evaluate_sets

    return evaluate_sets(
        arguments.source,
        arguments.against,
        options(arguments),
        which=arguments.checkpoint,
        ema=arguments.weights == "ema",
    )


def of_images(arguments: argparse.Namespace) -> "Evaluation":
    """Evaluate a folder or file of images; errors as of `evaluate_images`."""
    from gan_lab.evaluation import external_images
    from gan_lab.evaluation.evaluate import evaluate_images

    source = arguments.source
    given = options(arguments)
    if not source.exists():
        raise UserError(f"{source}: no such file or folder")
    if not arguments.data and not given.statistics:
        raise UserError(
            f"{source} is not a run folder (it has no {RECORD}). To evaluate images, name the dataset to compare them "
            f"with: --data {'|'.join(PUBLISHED)}, or other images: --against"
        )
    if arguments.checkpoint != "last":
        raise UserError(f"--checkpoint {arguments.checkpoint}: only a run has checkpoints, and {source} is not a run")
    if arguments.gan_train_test:
        raise UserError(f"--gan-train-test: needs the run of a conditional model, and {source} is not a run")
    if not arguments.data:
        return evaluate_images(external_images.load_labelled(source, None), None, given)
    if arguments.data in PUBLISHED:  # all of them grey; the images come first, as they are sooner found wrong
        return evaluate_images(external_images.load_labelled(source, 1), arguments.data, given)
    real = dataset_of(arguments.data, given)
    found = external_images.load_labelled(source, real.channels)
    if real.channels == 3 and found.images.shape[1] == 1:
        raise UserError(f"{source} holds grey images, but the dataset is RGB")
    return evaluate_images(found, real, given)


def dataset_of(name: str, given: Any) -> "RealImages":
    """The dataset of a name in conf/data, or that of the run that it names.

    Raises:
        UserError: there is neither, or it can't be loaded.
    """
    with suppress(UserError):
        folder = folder_of(Path(name))
        if RunLayout(folder).record_file.is_file():
            from gan_lab.evaluation import datasets
            from gan_lab.runs.run import Run

            run = Run.open(folder)
            return datasets.dataset_of_run(run.config(), run.data_record(), given.data_root)
    return real_images(name, given.data_root)


def options(arguments: argparse.Namespace) -> Any:
    """The `evaluate.Options` of the command line."""
    from gan_lab.evaluation.options import Options

    return Options(
        extractor=arguments.extractor,
        weights_file=arguments.weights_file,
        resize=arguments.resize,
        count=arguments.count,
        split=arguments.split,
        data_root=arguments.data_root,
        seed=arguments.seed,
        device=arguments.device,
        groups=arguments.scores,
        preset=arguments.protocol,
        statistics=arguments.statistics if arguments.statistics and arguments.statistics.exists() else None,
        keep=arguments.images is not None,
    )


def score_groups(text: str) -> tuple[str, ...]:
    """Names of groups of scores, separated by commas."""
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in ALL_GROUPS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(ALL_GROUPS)}")
    return names


def extractor_name(text: str) -> str:
    """One of `EXTRACTORS`, or the place of a class."""
    module, _, name = text.partition(":")
    if text not in EXTRACTORS and not (module and name):
        raise argparse.ArgumentTypeError(f"must be {', '.join(EXTRACTORS)} or package.module:Class, not {text}")
    return text

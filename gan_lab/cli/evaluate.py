"""`gan-lab evaluate`: scores of a run's images, or of other images, against a dataset."""

import argparse
import json
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gan_lab.cli.arguments import add_device, add_state, add_weights, non_negative, positive
from gan_lab.cli.outputs import put, refuse_existing
from gan_lab.data.published import PUBLISHED
from gan_lab.runs.names import folder_of
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import refuse_ways_out
from gan_lab.utils.run_layout import RECORD, RunLayout
from gan_lab.utils.terminal import say

if TYPE_CHECKING:  # torch is imported only where images are evaluated
    from gan_lab.evaluation.evaluate import Evaluation

EXTRACTORS = ("auto", "classifier", "inception")
RESIZES = ("antialiased", "tensorflow1")
EXAMPLES = """examples:
  gan-lab evaluate RUN
  gan-lab evaluate RUN --count 1000 --neighbours nearest.png
  gan-lab evaluate images.npy --data mnist --out scores.json"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "evaluate",
        help="score a run, a folder of images or a file of images",
        description="Compute FID and other scores of generated images against the real\nimages of a dataset.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="a run, finished or not: its folder, its name, or latest; or a folder of images; or a .pt or .npy file of "
        "uint8 images (n, channels, height, width)",
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
        "and its weights (91 MB) are fetched where they are missing; 'auto' takes the classifier for small grey "
        "labelled images and inception for others, and fetches nothing; package.module:Class is a torch.nn.Module of "
        "yours that is constructed without arguments (default: auto)",
    )
    parser.add_argument("--weights-file", metavar="FILE", help="Inception's weights, if they are in an unusual place")
    parser.add_argument(
        "--resize",
        choices=RESIZES,
        default="antialiased",
        help="of images for inception: antialiased, or as TensorFlow 1 did it for the numbers of most papers; scores "
        "of the two can't be compared (default: antialiased)",
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
        choices=tuple(PUBLISHED),
        help="dataset to compare a folder or file of images with (a run has its own)",
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
    parser.add_argument("--force", action="store_true", help="replace output files that exist")
    parser.add_argument(
        "--neighbours",
        type=Path,
        metavar="FILE.png",
        help="write a picture of generated images beside their nearest training images, which shows memorisation",
    )
    parser.add_argument(
        "--gan-train-test",
        action="store_true",
        help="also compute GAN-train and GAN-test accuracy of a conditional run (trains a classifier; minutes)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Evaluate, print the scores and write them.

    Raises:
        UserError: the source can't be evaluated, or an output exists or can't be written.
    """
    refuse_existing("--out", arguments.out, arguments.force)
    refuse_existing("--neighbours", arguments.neighbours, arguments.force)
    start = perf_counter()
    with suppress(UserError):  # it may be a file, or nothing at all
        arguments.source = folder_of(arguments.source)
    source, out = arguments.source, arguments.out
    layout = RunLayout(source)
    if layout.record_file.is_file() or layout.config_file.parent.is_dir():
        if not out:
            refuse_ways_out(source)
        evaluation = of_run(arguments)
        best = "" if arguments.checkpoint == "last" else f"_{arguments.checkpoint}"
        out = out or layout.evaluations / f"{evaluation.record.protocol.id}{best}.json"
    else:
        evaluation = of_images(arguments)
    say(report(evaluation, source))
    if out:
        put("--out", out, json.dumps(evaluation.record.to_dict(), indent=2) + "\n")
        say(f"Written to   {out}")
    if arguments.neighbours:
        from gan_lab.evaluation import memorisation
        from gan_lab.utils import images

        if evaluation.extractor is None:
            raise UserError("--neighbours: there is no extractor, by whose features images could be near each other")
        picture = memorisation.picture(evaluation.first, evaluation.real, evaluation.extractor)
        put("--neighbours", arguments.neighbours, images.png(picture))
        say(f"Neighbours   {arguments.neighbours}")
    say(f"Took         {perf_counter() - start:.0f} s")


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


def of_images(arguments: argparse.Namespace) -> "Evaluation":
    """Evaluate a folder or file of images; errors as of `evaluate_images`."""
    from gan_lab.evaluation import external_images
    from gan_lab.evaluation.evaluate import evaluate_images

    source = arguments.source
    if not source.exists():
        raise UserError(f"{source}: no such file or folder")
    if not arguments.data:
        raise UserError(
            f"{source} is not a run folder (it has no {RECORD}). To evaluate images, name the dataset to compare them "
            f"with: --data {'|'.join(PUBLISHED)}"
        )
    if arguments.checkpoint != "last":
        raise UserError(f"--checkpoint {arguments.checkpoint}: only a run has checkpoints, and {source} is not a run")
    if arguments.gan_train_test:
        raise UserError(f"--gan-train-test: needs the run of a conditional model, and {source} is not a run")
    images = external_images.load(source, channels=1)  # all published datasets are grey
    return evaluate_images(images, arguments.data, options(arguments))


def options(arguments: argparse.Namespace) -> Any:
    """The `evaluate.Options` of the command line."""
    from gan_lab.evaluation.evaluate import Options

    return Options(
        extractor=arguments.extractor,
        weights_file=arguments.weights_file,
        resize=arguments.resize,
        count=arguments.count,
        split=arguments.split,
        data_root=arguments.data_root,
        seed=arguments.seed,
        device=arguments.device,
    )


def extractor_name(text: str) -> str:
    """One of `EXTRACTORS`, or the place of a class."""
    module, _, name = text.partition(":")
    if text not in EXTRACTORS and not (module and name):
        raise argparse.ArgumentTypeError(f"must be {', '.join(EXTRACTORS)} or package.module:Class, not {text}")
    return text


def report(evaluation: "Evaluation", source: Path) -> str:
    """The scores and their protocol, a line each."""
    from gan_lab.evaluation.datasets import describe
    from gan_lab.metrics.titles import formatted

    record = evaluation.record
    protocol, identity = record.protocol, record.protocol.extractor
    seen = "" if record.images_seen is None else f" after {record.images_seen:,} training images"
    features = ""
    if evaluation.extractor:
        features = f", {evaluation.extractor.num_features} features, sha256 {str(identity['sha256'])[:8]}"
    task = f"; {protocol.task}, {protocol.directions}" if protocol.task else ""
    lines = [
        f"Images       {protocol.n_fake:,} of {source}{seen}, weights {protocol.weights}, seed {protocol.seed}",
        f"Real images  {describe(evaluation.real, protocol.split)}{task}",
        f"Extractor    {identity['name']}{features}",
        f"Protocol     {protocol.id}; only scores of the same protocol can be compared",
        "",
    ]
    scores = formatted(record).values()
    width = max(len(name) for name, _ in scores)
    return "\n".join([*lines, *(f"{name:{width}}  {value}" for name, value in scores), ""])

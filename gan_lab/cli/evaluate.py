"""`gan-lab evaluate`: how good are the images of a run, or anyone's?"""

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gan_lab.cli.arguments import add_state, add_weights, non_negative, positive
from gan_lab.cli.outputs import put, refuse_existing
from gan_lab.utils.errors import UserError

if TYPE_CHECKING:  # torch only where there is something to measure
    from torch import Tensor

    from gan_lab.metrics.extractors import Extractor
    from gan_lab.metrics.real_images import RealImages
    from gan_lab.metrics.score_record import ScoreRecord

COUNT = 10_000
ROWS = 10  # of the picture of neighbours
DATASETS = ("mnist", "fashion_mnist", "kmnist")
EXTRACTORS = ("auto", "classifier", "inception")


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "evaluate", help="score a run, a folder of images or a file of them", description=__doc__
    )
    parser.add_argument(
        "source",
        type=Path,
        help="folder of a run, finished or not; folder of images; or .pt or .npy file of uint8 images "
        "(n, channels, height, width)",
    )
    parser.add_argument(
        "--count",
        type=positive,
        help=f"how many images ({COUNT:,}; of stacked_mnist its data.test_count, 26,000; all that are given by hand)",
    )
    parser.add_argument(
        "--extractor",
        type=extractor_name,
        default="auto",
        metavar="|".join((*EXTRACTORS, "package.module:Class")),
        help="what the scores look through: a classifier of the dataset, the published one (auto: digits for MNIST, "
        "its like and small grey classes, inception for others), or any torch.nn.Module, which is imported and made "
        "without arguments",
    )
    parser.add_argument("--weights-file", help="inception's weights, where they are not in their usual place")
    add_state(parser)
    add_weights(parser)
    parser.add_argument(
        "--split",
        choices=("test", "validation", "train"),
        help="of the real images (test; validation where the run has such a split, by data.validation_count)",
    )
    parser.add_argument("--data", choices=DATASETS, help="the dataset that images given by hand are held against")
    parser.add_argument("--data-root", help="folder of the dataset (the run's; data)")
    parser.add_argument("--seed", type=non_negative, default=0, help="of latents and of random subsets (0)")
    parser.add_argument(
        "--out",
        type=Path,
        help="JSON file to write (evaluations/<protocol>.json, or <protocol>_best.json, in a run's folder)",
    )
    parser.add_argument("--force", action="store_true", help="replace what exists")
    parser.add_argument(
        "--neighbours", type=Path, metavar="FILE.png", help="draw samples beside the training images nearest to them"
    )
    parser.add_argument(
        "--gan-train-test",
        action="store_true",
        help="of a conditional run: teach a classifier with its images and ask one of real images about them (minutes)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write.

    Raises:
        UserError: there is nothing to measure or to hold it against, or an output that exists or can't be written.
    """
    refuse_existing("--out", arguments.out, arguments.force)
    refuse_existing("--neighbours", arguments.neighbours, arguments.force)
    from gan_lab.evaluation.datasets import described
    from gan_lab.metrics.scorer import FEWEST

    if arguments.count and arguments.count < FEWEST:
        raise UserError(f"--count {arguments.count}: scores need {FEWEST} generated images or more")

    start = perf_counter()
    folder: Path = arguments.source
    if (folder / "run.json").is_file() or (folder / ".hydra").is_dir():
        record, real, extractor, first = of_run(arguments)
        name = record.protocol.id + ("" if arguments.checkpoint == "last" else f"_{arguments.checkpoint}")
        out = arguments.out or folder / "evaluations" / f"{name}.json"
    else:
        record, real, extractor, first = of_images(arguments)
        out = arguments.out

    print(table(record, extractor, described(real, record.protocol.split), arguments.source))
    if out:
        put("--out", out, json.dumps(record.to_dict(), indent=2) + "\n")
        print(f"Written to   {out}")
    if arguments.neighbours:
        from gan_lab.evaluation import memorisation
        from gan_lab.utils import images

        picture = memorisation.picture(first, real, extractor)
        put("--neighbours", arguments.neighbours, images.png(picture))
        print(f"Neighbours   {arguments.neighbours}")
    print(f"Took         {perf_counter() - start:.0f} s")


Measured = tuple["ScoreRecord", "RealImages", "Extractor", "Tensor"]


def of_run(arguments: argparse.Namespace) -> Measured:
    """The scores of a run, what it was held against and through what, and the first images."""
    from gan_lab.evaluation import classifiers, datasets, load_generator
    from gan_lab.evaluation.evaluate import evaluate
    from gan_lab.metrics.generated_images import generate_images, weights_of
    from gan_lab.runs.run import Run

    if arguments.data:
        raise UserError(f"--data {arguments.data}: a run knows its dataset; leave it out")
    source = Run.open(arguments.source)
    model = load_generator.load(source, arguments.checkpoint).to(device())
    if arguments.gan_train_test and not model.make_condition(1):
        raise UserError(f"--gan-train-test: {type(model).__name__} is asked for no class; model=cgan is")
    config = source.config()
    reals = datasets.of_run(config, arguments.data_root)
    split = arguments.split or reals.data.eval_split
    datasets.refuse_substitute(reals, source.record(), split)
    extractor = extractor_of(arguments, reals).to(model.device)
    count = arguments.count or config.data.get("test_count", COUNT)
    ema = arguments.weights == "ema"
    record = evaluate(
        generate_images(model, count, seed=arguments.seed, ema=ema),
        reals,
        extractor,
        split=split,
        weights=weights_of(model, ema=ema),
        seed=arguments.seed,
        images_seen=model.images_seen,
    )
    if arguments.gan_train_test:
        again = generate_images(model, count, seed=arguments.seed, ema=ema)
        record.values.update(classifiers.gan_train_test(again, reals, seed=arguments.seed))
    first, _ = next(generate_images(model, ROWS, seed=arguments.seed, ema=ema))
    return record, reals, extractor, first


def of_images(arguments: argparse.Namespace) -> Measured:
    """The scores of images given by hand, what they were held against and through what, and the first of them."""
    from gan_lab.evaluation import datasets, external_images
    from gan_lab.evaluation.evaluate import evaluate

    if not arguments.source.exists():
        raise UserError(f"{arguments.source}: there is no such file or folder")
    if not arguments.data:
        raise UserError(
            f"{arguments.source} is no run folder (it has no run.json). To measure the images in it, say which dataset "
            f"to hold them against: --data {'|'.join(DATASETS)}"
        )
    if arguments.checkpoint != "last":
        raise UserError(f"--checkpoint {arguments.checkpoint}: is of a run; images given by hand have none")
    if arguments.gan_train_test:
        raise UserError("--gan-train-test: needs a conditional run, which can be asked for classes")
    images = external_images.load(arguments.source, channels=1)
    if arguments.count and arguments.count > len(images):
        raise UserError(f"--count {arguments.count}: there are only {len(images):,} images in {arguments.source}")
    images = images[: arguments.count]
    reals = datasets.named(arguments.data, arguments.data_root)
    extractor = extractor_of(arguments, reals).to(device())
    record = evaluate(
        [(images, None)],
        reals,
        extractor,
        split=arguments.split or reals.data.eval_split,
        weights="given",
        seed=arguments.seed,
        images_seen=None,
    )
    return record, reals, extractor, images[:ROWS]


def extractor_name(text: str) -> str:
    """One of `EXTRACTORS`, or the place of a class."""
    module, _, name = text.partition(":")
    if text not in EXTRACTORS and not (module and name):
        raise argparse.ArgumentTypeError(f"must be {', '.join(EXTRACTORS)} or package.module:Class, not {text}")
    return text


def extractor_of(arguments: argparse.Namespace, reals: "RealImages") -> "Extractor":
    """What the scores look through.

    Raises:
        UserError: it is not to be had.
    """
    from gan_lab.evaluation.custom_extractor import imported
    from gan_lab.metrics.select_extractor import make_extractor

    if arguments.extractor in EXTRACTORS:
        return make_extractor(arguments.extractor, reals, arguments.weights_file)
    if arguments.weights_file:
        raise UserError("--weights-file: weights are for the inception extractor; a class brings its own")
    return imported(arguments.extractor, reals)


def device() -> Any:
    """Where images are drawn and looked at."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def table(record: "ScoreRecord", extractor: "Extractor", real: str, source: Path) -> str:
    """The scores and how they came about, a line each.

    Args:
        record: what was found.
        extractor: that was looked through.
        real: which real images.
        source: of the generated ones.
    """
    from gan_lab.metrics.titles import formatted

    protocol = record.protocol
    trained = "" if record.images_seen is None else f" after {record.images_seen:,} training images"
    identity = protocol.extractor
    lines = [
        f"Images       {protocol.n_fake:,} of {source}{trained}, weights {protocol.weights}, seed {protocol.seed}",
        f"Real images  {real}",
        f"Extractor    {identity['name']}, {extractor.num_features} features, sha256 {str(identity['sha256'])[:8]}",
        f"Protocol     {protocol.id}: scores of another one can't be compared with these",
        "",
    ]
    scores = formatted(record).values()
    width = max(len(name) for name, _ in scores)
    return "\n".join([*lines, *(f"{name:{width}}  {value}" for name, value in scores), ""])

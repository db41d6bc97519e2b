"""`gan-lab train-features`: train the classifier whose features scores of small images use."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import add_force, non_negative, positive
from gan_lab.cli.outputs import refuse_existing
from gan_lab.data.published import PUBLISHED
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

EPOCHS = 4  # for the published datasets


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "train-features",
        help="train the classifier whose features the scores use",
        description="Train the classifier whose features the scores of small grey images use. You rarely need this "
        "command: the classifier for MNIST comes with the package, and others are trained on first use.",
    )
    parser.add_argument(
        "--data",
        metavar="NAME",
        help="any labelled dataset of conf/data, by its name; without --out the classifier is kept where runs and "
        "evaluations with the classifier extractor find it (data/cache/extractors)",
    )
    parser.add_argument(
        "--dataset", choices=tuple(PUBLISHED.values()), default="MNIST", help="dataset to train on (default: MNIST)"
    )
    parser.add_argument(
        "--root",
        default="data",
        metavar="FOLDER",
        help="folder of the dataset; missing files are downloaded (default: data)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: <dataset>.safetensors)")
    parser.add_argument(
        "--seed",
        type=non_negative,
        default=0,
        metavar="N",
        help="seed of the weights, the order and the shifts (default: 0)",
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        metavar="N",
        help="number of epochs (default: 4; with --data more where there are few images)",
    )
    add_force(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train and write the classifier, and print its accuracy.

    Raises:
        UserError: the dataset can't be loaded, or the output exists or can't be written.
    """
    if arguments.data:
        of_any_dataset(arguments)
        return
    out: Path = arguments.out or Path(f"{arguments.dataset.lower()}.safetensors")
    refuse_existing("--out", out, arguments.force)

    from gan_lab.data.mnist import load_published

    # The accuracy on the substitute would be meaningless.
    data = load_published(arguments.dataset, arguments.root, fallback="error")
    train(out, arguments.dataset, data, arguments.seed, arguments.epochs or EPOCHS)


def of_any_dataset(arguments: argparse.Namespace) -> None:
    """Train on a dataset of conf/data and write the classifier, to the cache where no file is named.

    Raises:
        UserError: there is no such dataset, it has no classes, or the output exists or can't be written.
    """
    refuse_existing("--out", arguments.out, arguments.force)
    if not arguments.out and (arguments.seed or arguments.epochs):
        option = "--seed" if arguments.seed else "--epochs"
        raise UserError(f"{option}: the classifier that runs find is made with its own; name a file for others: --out")
    real = labelled(arguments.data, arguments.root)

    from gan_lab.metrics import dataset_classifier

    if arguments.out:
        epochs = arguments.epochs or dataset_classifier.epochs_for(len(real.load("train")[0]))
        train(arguments.out, real.name, real, arguments.seed, epochs)
        return
    extractor = dataset_classifier.for_dataset(real.name, real, real.cache_folder / "extractors")
    accuracy = extractor.identity["accuracy"]
    told = "There are no test images" if accuracy is None else f"Accuracy {accuracy:.2%} on the test images"
    say(f"{told}: kept for --extractor classifier on {real.name}, sha256 {extractor.identity['sha256']}")


def class_folders(name: str, root: str | None) -> list[str]:
    """The override that makes the subfolders of a folder of images classes; none for other datasets."""
    if name != "image_folder" or root is None:
        return []

    from gan_lab.data import places
    from gan_lab.data.sorted_folder import SortedFolder

    classes = SortedFolder(places.at(root, "--root"), quiet).classes.names
    return [f"data.num_classes={len(classes)}"]


def quiet(level: int, line: str) -> None:
    """Take a line about a folder that is listed once more."""


def labelled(name: str, root: str) -> Any:
    """A dataset of conf/data with its classes, as scores take it.

    Raises:
        UserError: there is none of this name, it has no classes, or it holds two domains.
    """
    from gan_lab.cli.dataset_choice import real_images

    real = real_images(name, root, *class_folders(name, root))
    real.load("train")
    if real.num_classes < 2:
        raise UserError(f"--data {name}: has no classes, and a classifier learns these")
    return real


def train(out: Path, name: str, data: Any, seed: int, epochs: int) -> None:
    """Train and write a classifier, and print its accuracy; errors as of `run`."""
    import torch  # slow to import, and needed from here on only

    from gan_lab.metrics import dataset_classifier

    say(f"Training on {name} with {torch.get_num_threads()} threads; the same number gives the same bits")
    try:
        accuracy = dataset_classifier.save(out, name, data, seed, epochs)
    except OSError as error:
        raise UserError(f"--out {out}: can't be written: {error.strerror}") from error
    extractor = dataset_classifier.DatasetClassifier(file=str(out))
    told = "No test images" if accuracy is None else f"Accuracy {accuracy:.2%} on the test images"
    say(f"{told}: {out}, sha256 {extractor.identity['sha256']}")

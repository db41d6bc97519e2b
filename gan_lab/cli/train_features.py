"""`gan-lab train-features`: train the classifier whose features scores of small images use."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import non_negative, positive
from gan_lab.cli.outputs import refuse_existing
from gan_lab.data.published import PUBLISHED
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "train-features",
        help="train the classifier whose features the scores use",
        description="Train the classifier whose features the scores of small grey images use. You rarely need this "
        "command: the classifier for MNIST comes with the package, and others are trained on first use.",
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
    parser.add_argument("--epochs", type=positive, default=4, metavar="N", help="number of epochs (default: 4)")
    parser.add_argument("--force", action="store_true", help="replace --out if it exists")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train and write the classifier, and print its accuracy.

    Raises:
        UserError: the dataset can't be loaded, or the output exists or can't be written.
    """
    out: Path = arguments.out or Path(f"{arguments.dataset.lower()}.safetensors")
    refuse_existing("--out", out, arguments.force)

    import torch  # slow to import, and needed from here on only

    from gan_lab.data.mnist import load_published
    from gan_lab.metrics import dataset_classifier

    # The accuracy on the substitute would be meaningless.
    data = load_published(arguments.dataset, arguments.root, fallback="error")
    say(f"Training on {arguments.dataset} with {torch.get_num_threads()} threads; the same number gives the same bits")
    try:
        accuracy = dataset_classifier.save(out, arguments.dataset, data, arguments.seed, arguments.epochs)
    except OSError as error:
        raise UserError(f"--out {out}: can't be written: {error.strerror}") from error
    extractor = dataset_classifier.DatasetClassifier(file=str(out))
    assert accuracy is not None  # published datasets have test images
    say(f"Accuracy {accuracy:.2%} on the test images: {out}, sha256 {extractor.identity['sha256']}")

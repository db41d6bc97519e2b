"""`gan-lab train-features`: the classifier whose features the scores of small images are computed on."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import non_negative, positive
from gan_lab.cli.outputs import refuse_existing
from gan_lab.utils.errors import UserError

DATASETS = ("MNIST", "FashionMNIST", "KMNIST")


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "train-features", help="train the classifier that the scores look through", description=__doc__
    )
    parser.add_argument("--dataset", choices=DATASETS, default="MNIST", help="to train on (MNIST)")
    parser.add_argument("--root", default="data", help="where its files are looked for and downloaded to (data)")
    parser.add_argument("--out", type=Path, help="file to write (<dataset>.safetensors)")
    parser.add_argument("--seed", type=non_negative, default=0, help="of weights, order and shifts (0)")
    parser.add_argument("--epochs", type=positive, default=4, help="passes over the images (4)")
    parser.add_argument("--force", action="store_true", help="replace --out if it exists")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, write, and tell the accuracy.

    Raises:
        UserError: the dataset can't be had, or an output that exists or can't be written.
    """
    out: Path = arguments.out or Path(f"{arguments.dataset.lower()}.safetensors")
    refuse_existing("--out", out, arguments.force)

    import torch  # torch only where there is something to train

    from gan_lab.data.mnist import as_published
    from gan_lab.metrics import dataset_classifier

    # A substitute's accuracy would say nothing.
    data = as_published(arguments.dataset, arguments.root, fallback="error")
    print(
        f"Training on {arguments.dataset} with {torch.get_num_threads()} threads; the same number gives the same bits"
    )
    try:
        accuracy = dataset_classifier.save(out, arguments.dataset, data, arguments.seed, arguments.epochs)
    except OSError as error:
        raise UserError(f"--out {out}: can't be written: {error.strerror}") from error
    extractor = dataset_classifier.DatasetClassifier(file=str(out))
    print(f"{accuracy:.2%} of the test images right: {out}, sha256 {extractor.identity['sha256']}")

"""The findings of `gan-lab evaluate`: printed, and written beside the scores."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gan_lab.cli.outputs import naming, put, replacing
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

if TYPE_CHECKING:  # torch is imported only where images are evaluated
    from gan_lab.evaluation.evaluate import Evaluation


def report(evaluation: "Evaluation", source: Path) -> str:
    """The scores and their protocol, a line each."""
    from gan_lab.evaluation import datasets, image_sets
    from gan_lab.metrics.titles import formatted, per_class_lines

    record = evaluation.record
    protocol, identity = record.protocol, record.protocol.extractor
    seen = "" if record.images_seen is None else f" after {record.images_seen:,} training images"
    features = ""
    if evaluation.extractor:
        features = f", {evaluation.extractor.num_features} features, sha256 {str(identity['sha256'])[:8]}"
    task = f"; {protocol.task}, {protocol.directions}" if protocol.task else ""
    real = evaluation.real
    if isinstance(real, (image_sets.ImageSet, image_sets.FixedStatistics)):
        described = image_sets.describe(real)
    else:
        described = datasets.describe(real, protocol.split)
    lines = [
        f"Images       {protocol.n_fake:,} of {source}{seen}, weights {protocol.weights}, seed {protocol.seed}",
        f"Real images  {described}{task}",
        *([f"Classes      {evaluation.classes}"] if evaluation.classes else []),
        f"Extractor    {identity['name']}{features}",
        f"Protocol     {protocol.shown}; only scores of the same protocol can be compared",
        "",
    ]
    scores = formatted(record).values()
    width = max((len(name) for name, _ in scores), default=0)
    rows = [f"{name:{width}}  {value}" for name, value in scores]
    return "\n".join([*lines, *rows, *per_class_lines(record), ""])


def put_statistics(evaluation: "Evaluation", path: Path) -> None:
    """Write mean and covariance of the real images."""
    from gan_lab.metrics import moment_files

    if evaluation.extractor is None:
        raise UserError("--statistics: there is no extractor, of whose features they could be")
    real = evaluation.real.statistics(evaluation.extractor, evaluation.record.protocol.split)
    with naming("--statistics", path):
        moment_files.write(path, real.moments, evaluation.extractor.identity)
    say(f"Statistics   {path}, of {real.moments.count:,} real images")


def put_pictures(evaluation: "Evaluation", arguments: argparse.Namespace) -> None:
    """Write what was asked for beside the scores: neighbours, images, spectra."""
    if arguments.neighbours:
        from gan_lab.evaluation import memorisation
        from gan_lab.utils import images

        if evaluation.extractor is None:
            raise UserError("--neighbours: there is no extractor, by whose features images could be near each other")
        picture = memorisation.picture(evaluation.first, evaluation.real, evaluation.extractor)
        put("--neighbours", arguments.neighbours, images.png(picture))
        say(f"Neighbours   {arguments.neighbours}")
    if arguments.images:
        from gan_lab.data import packing
        from gan_lab.evaluation import class_names

        assert evaluation.kept is not None
        pictures, labels = evaluation.kept
        classes: list[str] = []
        if labels is not None:
            count = int(labels.max()) + 1
            names = class_names.of_dataset(evaluation.real) or []
            classes = names if len(names) >= count else [str(label) for label in range(count)]
        with replacing(arguments.images, "--images") as partial:
            packing.write(partial, pictures.numpy(), [] if labels is None else labels.tolist(), classes)
        say(f"Images       {arguments.images}")
    if arguments.spectrum:
        from gan_lab.evaluation import charts

        assert evaluation.spectra is not None
        put("--spectrum", arguments.spectrum, charts.spectrum(*evaluation.spectra))
        say(f"Spectrum     {arguments.spectrum}")

"""docs/dashboard.md explains every number and picture that a run writes, and no others."""

import csv
import re
from pathlib import Path
from typing import Any

import lightning
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_lab.callbacks.gradients import TermGradients
from gan_lab.callbacks.sample_grid import SampleGrid
from gan_lab.losses import RelativisticPairing, Wasserstein
from gan_lab.models.latent import LatentGAN
from gan_lab.penalties import R1
from gan_lab.schedules import LinearDecay, Ramp
from gan_lab.stabilisers import LeCam, TopK
from gan_lab.training.loggers import FIRST, MetricsCSV, TensorBoard
from tests.augment.test_controller import adaptive
from tests.callbacks.test_scores import scoring
from tests.callbacks.watched import health
from tests.conftest import REPOSITORY, TinyImages, fit, tiny_cgan, tiny_gan
from tests.models.test_cyclegan import TinyDomains, tiny_cyclegan
from tests.models.test_stylegan2 import tiny_stylegan2

PAGE = (REPOSITORY / "docs" / "dashboard.md").read_text()
SOURCE = "\n".join(file.read_text() for file in sorted((REPOSITORY / "gan_lab").rglob("*.py")))


def patterns() -> list[str]:
    """What the first columns of the page's tables name."""
    firsts = re.findall(r"^\| (`.*?) \|", PAGE.partition("## Every tag")[2], re.MULTILINE)
    return [name for first in firsts for name in re.findall(r"`([^`]+)`", first)]


def matches(name: str, pattern: str) -> bool:
    """Tell if a name is one that a pattern stands for: "<...>" for anything, "<player>" for one of the two."""
    expression = re.escape(pattern).replace("<player>", "(generator|discriminator)")
    return re.fullmatch(re.sub(r"<\w+>", ".+", expression), name) is not None


def everything() -> LatentGAN:
    """A game with as much as one may have: lazy penalty, augmentation, stabilisers, schedules of numbers."""
    gamma = Ramp(start=1.0, end=0.5, images=40, shape="linear", hold=0)
    return tiny_gan(
        penalty={"r1": R1(gamma=1.0, every=2)},
        augment=adaptive(),
        stabiliser={"lecam": LeCam(weight=1.0, decay=0.9), "top_k": TopK(least_share=0.5, images_to_least=40)},
        schedule={"generator": LinearDecay(start=0.0), "discriminator": LinearDecay(start=0.0), "gamma": gamma},
        ema_half_life=50,
    )


GAMES: dict[str, Any] = {
    "everything": everything,
    "wasserstein": lambda: tiny_gan(objective=Wasserstein()),
    "pairs": lambda: tiny_gan(objective=RelativisticPairing(), penalty={"r1": R1(gamma=1.0)}),
    "classes": tiny_cgan,
    "path lengths": tiny_stylegan2,
    "translation": tiny_cyclegan,
}


def written(model: Any, folder: Path) -> set[str]:
    """The names of all that a short run writes, in TensorBoard and as columns of metrics.csv."""
    grids = SampleGrid(folder=str(folder / "samples"), rows=2, columns=2, every_n_images=16, weights="both", seed=0)
    watchers: list[lightning.Callback] = [
        scoring(folder),
        grids,
        TermGradients(every_n_logs=1),
        health(collapse_diversity=99.0, patience=1),  # a collapse that begins at once, as it has tags of its own
    ]
    data = TinyDomains() if model.images_per_place == 2 else TinyImages()
    loggers = [TensorBoard(folder=str(folder)), MetricsCSV(file=str(folder / "metrics.csv"))]
    fit(model, data, max_steps=4, log_every_n_steps=2, callbacks=watchers, logger=loggers)
    events = EventAccumulator(str(folder))
    events.Reload()
    tags = events.Tags()
    with (folder / "metrics.csv").open() as file:
        columns = set(csv.DictReader(file).fieldnames or []) - {"step"}
    texts = {tag.removesuffix("/text_summary") for tag in tags["tensors"]}
    return {*tags["scalars"], *tags["images"], *texts, *columns}


@pytest.mark.parametrize("game", GAMES)
def test_what_a_run_writes_is_explained(game: str, tmp_path: Path) -> None:
    names = written(GAMES[game](), tmp_path)
    assert {"Scores/FID", "final/fid", "Snapshots/samples", "by_images_seen/loss/generator"} <= names | {
        name.replace("a2b/", "") for name in names
    }
    unexplained = [name for name in names if not any(matches(name, pattern) for pattern in patterns())]
    assert not unexplained


def test_what_is_explained_is_written() -> None:
    for pattern in patterns():
        start = pattern.partition("<")[0]
        names = {shown: name for name, shown in FIRST.items()}  # the code has the name, TensorBoard shows another
        start = names.get(start.rstrip("/"), start)
        ways = (f'"{start}', f'"{start.rstrip("/")}"')
        assert any(way in SOURCE for way in ways), pattern


def test_alarms_have_a_curve_only_where_there_are_any(tmp_path: Path) -> None:
    assert "alarm/collapse" in written(tiny_gan(), tmp_path / "bad")
    model, folder = tiny_gan(), tmp_path / "good"
    logger, calm = TensorBoard(folder=str(folder)), health(collapse_diversity=0.0, imbalance_accuracy=2.0)
    fit(model, max_steps=4, log_every_n_steps=1, callbacks=[calm], logger=logger)
    events = EventAccumulator(str(folder))
    events.Reload()
    assert not [tag for tag in [*events.Tags()["scalars"], *events.Tags()["tensors"]] if tag.startswith("alarm/")]
    assert events.Scalars("health/diversity")


def test_scores_then_pictures_come_before_all_others() -> None:
    capitals = sorted({shown.partition("/")[0] for shown in FIRST.values()})
    assert capitals == ["Scores", "Snapshots"], "capitals come before all others"
    others = {pattern.partition("/")[0] for pattern in patterns()} - set(capitals)
    assert all(name.islower() for name in others)

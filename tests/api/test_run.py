"""`gan_lab.load` and what a run offers: samples, scores, tables, pictures, each as the command line has them."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import gan_lab
from gan_lab.api.run import Run
from gan_lab.cli import main
from gan_lab.runs.run import Run as RunFolder
from gan_lab.utils.errors import UserError
from tests.api.test_training import OWN, Discriminator, Generator, digits
from tests.api.test_untouched import state
from tests.conftest import read_image


def test_samples_are_those_of_the_command(conditional_run: RunFolder) -> None:
    run = gan_lab.load(conditional_run.folder)
    gan_lab.load(conditional_run.folder).sample(1)  # libraries are imported
    before = state()
    seven = run.sample(5, label=7, seed=3)
    assert state() == before
    main(["sample", "conditional", "--count", "5", "--class", "7", "--seed", "3", "--out", "seven.pt"])
    assert torch.equal(seven, torch.load("seven.pt", weights_only=True))
    assert (seven.dtype, seven.shape) == (torch.uint8, (5, 1, 8, 8))
    assert torch.equal(run.sample(2, label="7", seed=3), seven[:2])
    assert not torch.equal(run.sample(5, seed=3), seven)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count=0: must be a whole number of at least 1"),
        ({"count": True}, "count=True: must be a whole number"),
        ({"seed": -1}, "seed=-1: must be a whole number of at least 0"),
        ({"label": 12}, "label=12: there is no class 12"),
        ({"label": "eel"}, "label=eel: no such class. The run's classes have numbers only."),
        ({"weights": "best"}, "weights='best': must be 'ema' or 'raw'"),
        ({"checkpoint": "first"}, "checkpoint='first': must be 'last' or 'best'"),
        ({"checkpoint": "best"}, "has no checkpoint"),
        ({"device": "cuda:99"}, "cuda:99"),
        ({"truncation": -0.5}, "truncation=-0.5: must be 0 or more"),
        ({"count": 1 << 60}, "count=1152921504606846976: these images need"),
    ],
)
def test_a_wrong_sample_is_one_line(options: dict[str, Any], message: str, conditional_run: RunFolder) -> None:
    with pytest.raises(UserError) as refused:
        gan_lab.load(conditional_run.folder).sample(**options)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such run folder"):
        gan_lab.load("nowhere")
    with pytest.raises(UserError, match="is not a run folder"):
        gan_lab.load(tmp_path)
    for thing in (None, 3, b"run"):
        with pytest.raises(UserError, match=f"^folder={thing!r}: must be a folder or the name of a run, as a text or"):
            gan_lab.load(thing)  # type: ignore[arg-type]


def test_scores_are_those_of_the_command_and_lie_where_it_puts_them(run: RunFolder) -> None:
    opened = gan_lab.load(run.folder)
    for options in ({"count": 1}, {"split": "validation"}):
        with pytest.raises(UserError):
            opened.evaluate(**options)
    values = opened.evaluate(20, seed=1)
    (file,) = run.evaluations.iterdir()
    assert json.loads(file.read_text())["values"] == values
    assert np.isfinite(values["fid"])
    main(["evaluate", str(run.folder), "--count", "20", "--seed", "1", "--out", "scores.json"])
    assert json.loads(Path("scores.json").read_text())["values"] == pytest.approx(values)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return gan_lab.train("model=vanilla", "model/network=mlp", *OWN, data=digits()[0], folder="run")


def test_the_table_and_the_latest_grid(
    trained: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = trained.metrics()
    assert list(table["step"]) == [2, 4]
    assert list(table["images_seen"]) == [16, 32]
    assert repr(trained) == f"Run({str(Path('run').absolute())!r}, finished, 32 images)"
    assert trained.scores == {}
    assert trained.record["batches"] == 4
    shown = trained.show()
    latest = max(Path("run/samples").iterdir())
    assert shown is not None
    assert torch.equal(torch.from_numpy(np.array(shown)).permute(2, 0, 1), read_image(latest))
    assert "Finished after 4 batches" in capsys.readouterr().out
    displayed: list[Image.Image] = []
    shell = SimpleNamespace(get_ipython=lambda: object())
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=displayed.append))
    assert trained.show() is None
    assert displayed == [shown]
    latest.parent.rename("elsewhere")
    with pytest.raises(UserError, match="run has no grid of samples"):
        trained.show()
    Path("run/metrics.csv").unlink()
    with pytest.raises(UserError, match="run has no metrics.csv"):
        trained.metrics()


def test_a_run_is_known_by_its_name_and_the_latest_by_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"data": digits()[0]}
    run = gan_lab.train("model=vanilla", "model/network=mlp", *OWN, "run=first", "notes=a, b = c", **options)
    assert run.record["notes"] == "a, b = c"
    for name in ("first", "latest", "logs/runs/first"):
        assert gan_lab.load(name).folder == run.folder
    gan_lab.train("trainer.max_steps=6", "resume_mode=continue", resume="first", **options)
    assert run.record["batches"] == 6
    with pytest.raises(UserError, match="run=first: logs/runs/first exists already"):
        gan_lab.train("model=vanilla", "model/network=mlp", *OWN, "run=first", **options)


def test_a_picture_of_fresh_samples(trained: Run) -> None:
    grid = trained.grid(9, seed=4)
    assert grid.size == (3 * 10 + 2, 3 * 10 + 2)
    first = torch.from_numpy(np.array(grid))[2:10, 2:10, 0]
    assert torch.equal(first, trained.sample(9, seed=4)[0, 0])


def test_a_run_of_objects_is_opened_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    images, labels = digits()
    pair = Generator(width=5), Discriminator()
    run = gan_lab.train("model=vanilla", *OWN, data=images, labels=labels, networks=pair, folder="run")
    samples = run.sample(4)
    alone = gan_lab.load("run")
    assert alone.metrics().equals(run.metrics())
    with pytest.raises(
        UserError, match=r"model.network.generator is an object .*: hand it over again, gan_lab.load\(F"
    ):
        alone.sample(4)
    again = gan_lab.load("run", networks=(lambda: Generator(width=5), Discriminator))
    assert torch.equal(again.sample(4), samples)
    with pytest.raises(UserError, match="data=given: the images are in a Python program"):
        again.evaluate(8)
    with pytest.raises(UserError, match="size mismatch|does not fit|shape"):
        gan_lab.load("run", networks=(Generator, Discriminator)).sample(4)
    with pytest.raises(UserError, match="model.objective: the run began with gan_lab.losses.NonSaturating, not with"):
        gan_lab.load("run", networks=pair, loss=type("Other", (gan_lab.api.objects.Objective,), {}))
    other = gan_lab.load("run", networks=pair, data=images.flip(0), labels=labels)
    with pytest.raises(UserError, match="the run was trained on other images"):
        other.evaluate(8)


class Pooled(torch.nn.Module):
    """An extractor of one's own: the means of quarters."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(images, 4).flatten(1)


def test_images_of_ones_own_are_scored_with_what_was_kept_from_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images, _ = digits(80)
    run = gan_lab.train("model=vanilla", "model/network=mlp", *OWN, data=images, folder="run")
    values = run.evaluate(20, extractor=f"{__name__}:Pooled")
    (file,) = Path("run/evaluations").iterdir()
    record = json.loads(file.read_text())
    assert record["values"] == values
    assert np.isfinite(values["fid"])
    assert record["protocol"]["split"] == "test"
    assert record["protocol"]["n_real"] == 8
    again = gan_lab.load("run", data=images).evaluate(20, extractor=f"{__name__}:Pooled")
    assert again == pytest.approx(values)


def test_a_run_of_named_data_takes_no_images(run: RunFolder) -> None:
    with pytest.raises(UserError, match="data=: the run was trained on gan_lab.data.mnist.MNIST; leave data= out"):
        gan_lab.load(run.folder, data=digits()[0])


def test_a_class_of_ones_own_module_is_found_by_its_name_in_ones_own_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = gan_lab.train("model=vanilla", *OWN, data=digits()[0], networks=(Generator, Discriminator), folder="run")
    assert torch.equal(gan_lab.load("run").sample(3), run.sample(3)), "the seal says whose it is"
    for seal in Path("run/.hydra").glob("*.seal"):
        seal.unlink()
    with pytest.raises(UserError, match=r"tests.api.test_training.Generator: not a class that a configuration may"):
        gan_lab.load("run").sample(3)
    strangers = gan_lab.load("run", networks=(Generator, Discriminator))
    assert torch.equal(strangers.sample(3), run.sample(3))

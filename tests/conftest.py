"""What tests share: a tiny dataset, a tiny GAN, a short training. No test needs a network."""

import csv
import errno
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache, partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.error import URLError

import lightning
import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from omegaconf import DictConfig
from PIL import Image
from torch import nn

from gan_lab.callbacks.checkpoints import LastCheckpoint
from gan_lab.cli import train
from gan_lab.config import own_code
from gan_lab.config.schema import build
from gan_lab.data import mnist
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.losses import NonSaturating
from gan_lab.models.cgan import CGAN
from gan_lab.models.latent import LatentGAN
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.networks import labelled, mlp
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from gan_lab.schedules import Constant
from gan_lab.utils import disk, download, parent
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.run_layout import job_number

REPOSITORY = Path(__file__).parent.parent
CONF = REPOSITORY / "conf"
SIZE = 8  # pixels a side of a tiny image
LATENT_DIM = 4


class TinyImages(InMemoryDataModule):
    """Random images; those for testing are others than those for training."""

    def __init__(
        self, count: int = 64, batch_size: int = 8, seed: int = 0, validation_count: int = 0, **options: Any
    ) -> None:
        size = {"image_size": SIZE, "channels": 1, "num_classes": 10}
        super().__init__(**size, validation_count=validation_count, batch_size=batch_size, seed=seed, **options)
        self.count = count

    def load(self, split: str) -> LabelledImages:
        generator = torch.Generator().manual_seed(len(split))
        images = torch.randint(0, 256, (self.count, 1, SIZE, SIZE), dtype=torch.uint8, generator=generator)
        return LabelledImages(images, torch.arange(self.count) % 10)

    def describe(self) -> dict[str, object]:
        return {"name": "tiny", "substitute": False}


def sgd(learning_rate: float = 0.1) -> Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]:
    return partial(torch.optim.SGD, lr=learning_rate)


def tiny_network() -> dict[str, nn.Module]:
    return {
        "generator": mlp.Generator(latent_dim=LATENT_DIM, hidden=[8], image_size=SIZE, channels=1),
        "discriminator": mlp.Discriminator(hidden=[8], norm="none", image_size=SIZE, channels=1),
    }


def tiny_gan(cls: type[LatentGAN] = VanillaGAN, init_seed: int = 0, **options: Any) -> LatentGAN:
    torch.manual_seed(init_seed)
    defaults: dict[str, Any] = {
        "network": tiny_network(),
        "objective": NonSaturating(label_smoothing=0.0),
        "penalty": {},
        "clip_grad_norm": {},
        "optimizer": {"generator": sgd(), "discriminator": sgd()},
        "schedule": {"generator": Constant(), "discriminator": Constant()},
        "ema_half_life": None,
        "latent_dim": LATENT_DIM,
        "n_critic": 1,
        "seed": 0,
    }
    return cls(**defaults | options)


def tiny_cgan(conditioning: str = "concat", **options: Any) -> LatentGAN:
    latent_and_label = LATENT_DIM + 10
    channels = 2 if conditioning == "concat" else 1
    network = {
        "generator": mlp.Generator(latent_dim=latent_and_label, hidden=[8], image_size=SIZE, channels=1),
        "discriminator": mlp.Discriminator(hidden=[8], norm="none", image_size=SIZE, channels=channels),
    }
    discriminators = {
        "concat": partial(labelled.ConcatDiscriminator, num_classes=10, image_size=SIZE),
        "projection": partial(labelled.ProjectionDiscriminator, num_classes=10, image_size=SIZE, channels=1),
    }
    wrap = {
        "generator": partial(labelled.LabelledGenerator, num_classes=10),
        "discriminator": discriminators[conditioning],
    }
    return tiny_gan(CGAN, network=network, conditioning=wrap, num_classes=10, **options)


def fit(
    model: LatentGAN, data: InMemoryDataModule | None = None, ckpt_path: Path | None = None, **options: Any
) -> lightning.Trainer:
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "log_every_n_steps": 1000,
    }
    trainer = lightning.Trainer(**defaults | options)
    trainer.fit(model, data or TinyImages(), ckpt_path=ckpt_path, weights_only=True)
    return trainer


def last_checkpoint(file: Path, every_n_images: int, **options: Any) -> LastCheckpoint:
    defaults: dict[str, Any] = {"every_n_minutes": None, "keep_every_n_images": None}
    return LastCheckpoint(file=str(file), every_n_images=every_n_images, **defaults | options)


def count_calls(module: nn.Module) -> list[int]:
    """A list that grows by one at each forward."""
    calls: list[int] = []
    module.register_forward_hook(lambda *_: calls.append(1))
    return calls


def spy_on_reads(monkeypatch: pytest.MonkeyPatch, model: LatentGAN) -> list[int]:
    """Notes the global step at which a number is read off a tensor, each time it happens."""
    reads: list[int] = []
    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__"):
        original = getattr(torch.Tensor, name)

        def spy(self: torch.Tensor, *args: Any, _original: Any = original, **kwargs: Any) -> Any:
            reads.append(model.global_step)
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(torch.Tensor, name, spy)
    return reads


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    assert left.keys() == right.keys()
    return all(torch.equal(left[name], right[name]) for name in left)


def folder_of(number: int, sweep: str | Path = "sweep") -> Path:
    """The folder of a sweep's job, whose name begins with its number."""
    (folder,) = (folder for folder in Path(sweep).iterdir() if job_number(folder.name) == str(number))
    return folder


def alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Compare uint8 images up to a grey value: batches of other sizes may meet other kernels, and round another way."""
    return one.shape == other.shape and bool((one.int() - other.int()).abs().max() <= 1)


def read_image(path: Path) -> torch.Tensor:
    """A PNG as uint8 (channels, height, width)."""
    pixels = torch.from_numpy(np.array(Image.open(path)))
    return pixels[None] if pixels.dim() == 2 else pixels.permute(2, 0, 1)


@lru_cache(maxsize=256)
def composed_once(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(overrides))


def composed(*overrides: str) -> DictConfig:
    """The configuration of a command line."""
    return composed_once(*overrides).copy()


TINY = ("model=vanilla", "data.image_size=8", "model.network.generator.hidden=[8]", "model.latent_dim=4")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A finished run's folder, made without training."""
    monkeypatch.chdir(tmp_path)  # where caches go
    run = begun(tmp_path / "run", *TINY, images_seen=640)
    run.update_record(status="finished")
    return run


def untrained(run: Run) -> LatentGAN:
    torch.manual_seed(7)
    model: LatentGAN = build(run.config().model)
    return model


def begun(folder: Path, *overrides: str, images_seen: int) -> Run:
    """A run with the weights that it began with, made without training."""
    run = Run(folder)
    run.save_config(composed(*overrides))
    checkpoint = {"state_dict": untrained(run).state_dict(), "images_seen": images_seen}
    AtomicCheckpointIO().save_checkpoint(checkpoint, run.checkpoint)
    run.update_record(status="interrupted")
    return run


STYLES = (
    "model/network=stylegan2_small",
    "model.network.generator.w_dim=6",
    "model.network.generator.channel_base=64",
    "model.network.discriminator.channel_base=64",
    "data.image_size=8",
    "model.latent_dim=4",
)
OFFLINE = ("data.download=false", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false")
QUICK = (
    *OFFLINE,
    "model=vanilla",
    "trainer.max_steps=6",
    "trainer.log_every_n_steps=2",
    "hydra.run.dir=run",
    "callbacks.scores=null",
)

Command = Callable[..., str | int | None]
MODE = re.compile(r"\+*(hydra\.mode|sweep)=")  # of Hydra: one job or several


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Calls train.py in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "PYTHONSAFEPATH"):  # which the program sets for its children
        monkeypatch.setenv(name, os.environ.get(name, ""))
    return start


def start(*arguments: str) -> str | int | None:
    """Call train.py in the working directory; returns what the program ends with: None, a message or a code."""
    with pytest.MonkeyPatch.context() as patch, as_a_program():
        patch.setattr(sys, "argv", ["train.py", *arguments])
        try:
            train.main()
        except SystemExit as ending:
            return ending.code
    return None


@contextmanager
def as_a_program() -> Iterator[None]:
    """Let Hydra at work for one command line.

    It takes the root logger over, and leaves a run's log file open for whatever else the program says. It composes
    everything twice, first to look for hydra.mode: where none is set, tests compose once.
    """
    before, get_mode = logging.getLogger().handlers[:], Hydra.get_mode

    def mode(self: Hydra, config_name: str | None, overrides: list[str]) -> Any:
        return get_mode(self, config_name, overrides) if any(map(MODE.match, overrides)) else None

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Hydra, "get_mode", mode)
            yield
    finally:
        for handler in set(logging.getLogger().handlers) - set(before):
            handler.close()
        logging.getLogger().handlers[:] = before


@pytest.fixture
def conditional_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run's folder, made without training, of a model that is asked for classes."""
    monkeypatch.chdir(tmp_path)
    return begun(tmp_path / "conditional", "model=cgan", "model/network=mlp", *TINY[1:], images_seen=320)


@pytest.fixture
def styles_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run's folder, made without training, of a generator of styles."""
    monkeypatch.chdir(tmp_path)
    return begun(tmp_path / "styles", "model=stylegan2", *STYLES, images_seen=320)


@pytest.fixture
def conditional_styles_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run's folder, made without training, of a generator of styles that is asked for classes."""
    monkeypatch.chdir(tmp_path)
    return begun(tmp_path / "conditional_styles", "model=cgan", *STYLES, images_seen=320)


@pytest.fixture
def few_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for datasets, with no network to fill it: 500 genuine digits to train on, 500 to test with."""

    def unreachable(self: mnist.MNIST, name: str) -> None:
        raise OSError("there is no network in tests")

    def few(split: str) -> LabelledImages:
        images, labels = all_digits(split)
        step = 9 if split == "train" else 1
        return LabelledImages(images[::step], labels[::step])

    monkeypatch.setattr(mnist.MNIST, "_fetch", unreachable)
    monkeypatch.setattr(mnist, "substitute", few)
    root = tmp_path / "datasets"
    root.mkdir()
    return root


all_digits = cache(mnist.substitute)


THREADS = torch.get_num_threads()  # as `tests/__init__.py` has it, and all programs that tests start


@pytest.fixture(autouse=True)
def few_threads() -> Iterator[None]:
    """Leave as many threads as there were: bits depend on them."""
    yield
    if torch.get_num_threads() != THREADS:
        torch.set_num_threads(THREADS)


def full_disk(*_: object, **__: object) -> None:
    """Stand in for what writes."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have downloads fail as they do where there is no network."""

    def urlopen(*_: Any, **__: Any) -> None:
        raise URLError("there is no network in tests")

    monkeypatch.setattr(download, "urlopen", urlopen)


def in_two_processes(work: Callable[..., None], *told: object) -> None:
    """Have two processes do work(rank, *told).

    They are forked from a server that has imported everything, which is quick; what fails there fails one test.
    """
    get_context("forkserver").set_forkserver_preload(["tests.distributed.test_strategy"])
    mp.start_processes(work, told, nprocs=2, start_method="forkserver")


def as_one_of_two(rank: int, scenario: Callable[..., Any], told: tuple[Any, ...], folder: Path, port: int) -> None:
    torch.set_num_threads(1)
    here = {"RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    os.environ |= {name: str(value) for name, value in here.items()}
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "tests"}
    torch.save(scenario(*told), folder / f"{rank}.pt")


InTwo = Callable[..., list[Any]]


@pytest.fixture
def in_two(tmp_path: Path) -> InTwo:
    """Has two processes of their own play a scenario; returns what each of them found."""

    def found(scenario: Callable[..., Any], *told: Any) -> list[Any]:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        in_two_processes(as_one_of_two, scenario, told, tmp_path, port)
        return [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]

    return found


class Answer(BytesIO):
    """What a server answers: the content, the address that it came from, and the length that it promised."""

    def __init__(self, content: bytes, url: str, length: int | None = None) -> None:
        super().__init__(content)
        self.url = url
        self.length = length


Serve = Callable[..., list[str]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Has the network answer with content, from its address or another one, or an error; notes who is asked."""

    def answer(
        content: bytes | Answer = b"", url: str = "", fails: Exception | None = None, length: int | None = None
    ) -> list[str]:
        asked: list[str] = []

        def urlopen(request: Any, timeout: float) -> Answer:
            assert timeout > 0
            asked.append(request.full_url)
            if fails:
                raise fails
            return content if isinstance(content, Answer) else Answer(content, url or request.full_url, length)

        monkeypatch.setattr(download, "urlopen", urlopen)
        return asked

    return answer


@pytest.fixture(autouse=True, scope="session")
def nothing_forced_to_the_disk() -> Iterator[None]:
    """Write files without waiting for the disk: no test has a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def key_of_these_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the key that seals runs apart from the user's, whose home may be read-only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def nothing_new_trusted() -> Iterator[None]:
    """Each test is a program of its own, which trusts what it names until it ends."""
    before = own_code.TRUSTED.copy()
    yield
    own_code.TRUSTED.clear()
    own_code.TRUSTED.update(before)


@pytest.fixture(autouse=True)
def no_disk_in_trouble() -> None:
    """Forget what another test could not write."""
    disk.forget()


def last_weights(folder: str | Path) -> dict[str, torch.Tensor]:
    loaded = torch.load(Path(folder) / "checkpoints/last.ckpt", weights_only=True)
    assert loaded["global_step"] == loaded["images_seen"] / 128
    return loaded["state_dict"]  # type: ignore[no-any-return]


def metrics_table(folder: str) -> list[dict[str, str]]:
    """metrics.csv without what depends on the clock."""
    with (Path(folder) / "metrics.csv").open() as file:
        return [
            {name: value for name, value in row.items() if name != "images_per_second"} for row in csv.DictReader(file)
        ]


def started(folder: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """train.py as a program of its own, at work in a folder; it ends with the tests, however those end."""
    program = [sys.executable, str(REPOSITORY / "train.py"), *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(
        program, cwd=folder, env=os.environ | environment, preexec_fn=parent.die_with_parent, **pipes
    )


def plant_modules(folder: Path) -> None:
    """Modules by the names of those that every worker process imports, which leave `executed` if one does."""
    (folder / "gan_lab").mkdir()
    for name in ("gan_lab/__init__", "gan_lab/agent", "socket", "selectors", "torch", "ctypes"):
        (folder / f"{name}.py").write_text(f"open({str(folder / 'executed')!r}, 'w')")


def wait_for(condition: Callable[[], object], what: str, program: "subprocess.Popen[str] | None" = None) -> Any:
    """Wait until the condition holds, while the program runs, and return what it found."""
    end = time.monotonic() + 300  # a busy machine may take long to start a program
    while time.monotonic() < end:
        if found := condition():
            return found
        assert program is None or program.poll() is None, f"it ended before {what}"
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")

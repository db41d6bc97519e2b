"""What lies in the working directory before a wrong command is typed."""

import gzip
import io
import json
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from PIL import Image

from gan_lab.config.schema import build
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from tests.conftest import TINY, composed

Given = Callable[[], None]
TINY_MODELS = {
    "run": TINY,
    "run_of_cgan": ("model=cgan", "model/network=mlp", *TINY[1:]),
    "run_of_cyclegan": (
        "model=cyclegan",
        "data.image_size=8",
        "model.network.generator.width=2",
        "model.network.generator.blocks=1",
        "model.network.discriminator.width=2",
        "model.network.discriminator.layers=1",
    ),
}


WANDB = {
    "_target_": "gan_lab.training.wandb_logger.WandB",
    "folder": "${run_dir}",
    "project": "x",
    "entity": None,
    "name": None,
}


def nothing() -> None:
    """An empty folder."""


@cache
def runs_made_once() -> Path:
    """A folder of finished runs, made without training."""
    folder = Path(mkdtemp(prefix="gan_lab_runs_"))
    for name, overrides in TINY_MODELS.items():
        run = Run(folder / name)
        run.save_config(composed(*overrides, "data.download=false"))
        model = build(run.config().model)
        checkpoint = {"state_dict": model.state_dict(), "images_seen": 640, "global_step": 5}
        AtomicCheckpointIO().save_checkpoint(checkpoint, run.checkpoint)
        run.update_record(status="interrupted", batches=5, batches_per_epoch=35, images_seen=640, seconds=1.0)
    return folder


def run_of(name: str, change: Callable[[Run], object] = lambda run: None) -> Given:
    """One of the runs above, changed."""

    def give() -> None:
        shutil.copytree(runs_made_once() / name, name)
        change(Run(name))

    return give


def run(change: Callable[[Run], object] = lambda run: None) -> Given:
    """A vanilla GAN's run, changed."""
    return run_of("run", change)


def configured(**values: object) -> Callable[[Run], None]:
    """Another value in a run's configuration; __ stands for a dot."""

    def change(run: Run) -> None:
        from omegaconf import OmegaConf

        config = OmegaConf.load(run.config_file)
        for name, value in values.items():
            OmegaConf.update(config, name.replace("__", "."), value, force_add=True)
        run.config_file.write_text(OmegaConf.to_yaml(config))

    return change


def checkpoint(**values: object) -> Callable[[Run], None]:
    """Other entries in a run's checkpoint; None leaves one out."""

    def change(run: Run) -> None:
        content = torch.load(run.checkpoint, weights_only=True) | values
        torch.save({name: value for name, value in content.items() if value is not None}, run.checkpoint)

    return change


def both(*givens: Given) -> Given:
    """One after the other."""

    def give() -> None:
        for given in givens:
            given()

    return give


def file(name: str, content: bytes | str = b"") -> Given:
    """A file in the working directory."""

    def give() -> None:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return give


def folder(name: str) -> Given:
    """An empty folder in the working directory."""
    return lambda: Path(name).mkdir(parents=True)


def zipped(name: str, members: dict[str, bytes], change: Callable[[bytearray], None] = lambda content: None) -> Given:
    """A zip archive whose bytes are then changed."""

    def give() -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        changed = bytearray(content.getvalue())
        change(changed)
        Path(name).write_bytes(changed)

    return give


def encrypted(content: bytearray) -> None:
    """The flag of the first member in the directory of a zip archive."""
    content[content.index(b"PK\1\2") + 8] |= 1


def bloated(content: bytearray) -> None:
    """Another size, unpacked, of the first member in the directory of a zip archive."""
    place = content.index(b"PK\1\2") + 24
    content[place : place + 4] = (4_000_000).to_bytes(4, "little")


def halved(content: bytearray) -> None:
    """The end is missing."""
    del content[len(content) // 2 :]


def tarred(name: str, members: dict[str, bytes], change: Callable[[bytearray], None] = lambda content: None) -> Given:
    """A tar archive whose bytes are then changed."""

    def give() -> None:
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            for member, data in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        changed = bytearray(content.getvalue())
        change(changed)
        Path(name).write_bytes(changed)

    return give


def arrays(name: str, **values: np.ndarray) -> Given:
    """An .npz file."""
    return lambda: np.savez(name, **values)


def idx(values: np.ndarray) -> bytes:
    """The file format of the MNIST family."""
    return bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape) + values.tobytes()


def fashion(root: str, images: int = 20, labels: int = 20, highest: int = 9, given: bytes | None = None) -> Given:
    """Unpacked files of Fashion-MNIST's form, of which nobody publishes checksums; `given` replaces the images'."""

    def give() -> None:
        place = Path(root)
        place.mkdir(parents=True)
        for split in ("train", "t10k"):
            contents = {
                "images-idx3-ubyte": idx(np.zeros((images, 28, 28), np.uint8)),
                "labels-idx1-ubyte": idx(np.full(labels, highest, np.uint8)),
            }
            for kind, values in contents.items():
                replaced = given is not None and kind.startswith("images")
                (place / f"{split}-{kind}").write_bytes(given if replaced else values)

    return give


def mnist(root: str, content: bytes, ending: str = "") -> Given:
    """MNIST's four files, all of one content."""

    def give() -> None:
        place = Path(root)
        place.mkdir(parents=True)
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
            (place / f"{name}-ubyte{ending}").write_bytes(content)

    return give


def pictures(name: str, count: int = 10, size: tuple[int, int] = (9, 9), mode: str = "RGB") -> Given:
    """A folder of images."""

    def give() -> None:
        Path(name).mkdir(parents=True)
        for index in range(count):
            Image.new(mode, size, 20 * index if mode == "L" else (20 * index, 0, 0)).save(Path(name) / f"{index}.png")

    return give


def labelled(table: bytes | str) -> Given:
    """Two images and a table of labels."""
    return both(pictures("photos", count=2), file("labels.csv", table))


def array(name: str, values: np.ndarray) -> Given:
    """A .npy file."""
    return lambda: np.save(name, values)


def tensor(name: str, value: object) -> Given:
    """A .pt file."""
    return lambda: torch.save(value, name)


def packed(content: bytes) -> bytes:
    """Gzipped."""
    return gzip.compress(content, mtime=0)


def plain(value: object) -> str:
    """As JSON."""
    return json.dumps(value)


class Payload:
    """Unpickled, it leaves a file named executed."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("executed"),)


def pickled(run: Run) -> None:
    """A checkpoint that would run code."""
    torch.save({"state_dict": Payload()}, run.checkpoint)


def pickle(name: str) -> Given:
    """A .pt file that would run code."""
    return lambda: torch.save(Payload(), name)


def bomb(name: str) -> Given:
    """A small PNG file whose header promises 400 million pixels."""

    def give() -> None:
        header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 9)), (b"IEND", b"")]
        content = b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
        file(name, b"\x89PNG\r\n\x1a\n" + content)()

    return give


POSTSCRIPT = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(executed) (w) file closefile\n%%EOF\n"
# Nine lines that stand for a billion values.
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

"""What the tests of sharing need: a run of each variant, made without training, whose images have contrast."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from gan_lab.config.schema import build
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from tests.conftest import TINY, composed

WIDTH = ("model.network.generator.width=2", "model.network.discriminator.width=2")
TRANSLATOR = (*WIDTH, "model.network.generator.blocks=1", "model.network.discriminator.layers=1", "data.image_size=8")
MLP = ("model/network=mlp", *TINY[1:])
VARIANTS = {
    "vanilla": TINY,
    "dcgan": ("model=dcgan", *WIDTH),
    "wgan": ("model=wgan", *WIDTH),
    "wgan_gp": ("model=wgan_gp", *WIDTH),
    "cgan": ("model=cgan", *MLP),
    "acgan": ("model=acgan", *WIDTH),
    "infogan": ("model=infogan", *MLP),
    "r3gan": ("model=r3gan", "data.image_size=16", *WIDTH),
    "stylegan2": (
        "model=stylegan2",
        "data.image_size=8",
        "model.latent_dim=4",
        "model.network.generator.channel_max=8",
        "model.network.discriminator.channel_max=8",
    ),
    "biggan": ("model=cgan", "model/network=biggan", "model/conditioning=native", "data.image_size=32", *WIDTH),
    "cyclegan": ("model=cyclegan", *TRANSLATOR),
    "pix2pix": ("model=pix2pix", *WIDTH),
    "colourise": ("model=pix2pix", "data=colourise", "data.root=.", "data.image_size=32", *WIDTH),
    "cut": ("model=cut", *TRANSLATOR),
}
FILES = ("data=image_folder", "data.root=.")
DEEP = {  # runs of other depths and channels: a variant, options, and the window in the record
    "ct": ("vanilla", (*FILES, "data.depth=16", "data.channels=1"), [0.0, 4095.0]),
    "signed": ("dcgan", (*FILES, "data.depth=16", "data.channels=1", "data.image_size=28"), [-1000.0, 3000.0]),
    "float": ("vanilla", (*FILES, "data.depth=float", "data.channels=1"), [-0.5, 2.5]),
    "channels": ("vanilla", (*FILES, "data.channels=5", "data.display=[4,3,2]"), None),
    "slices": (
        "cyclegan",
        ("data=unpaired_folders", "data.domain_a=.", "data.domain_b=.", "data.depth=16", "data.channels=1"),
        {"a": [0.0, 4095.0], "b": [1000.0, 3000.0]},
    ),
}
MakeRun = Callable[..., Run]


@pytest.fixture
def make(tmp_path: Path) -> MakeRun:
    """Makes the folder of a run of a variant."""

    def make(variant: str, *overrides: str, name: str = "run") -> Run:
        run = Run(tmp_path / name)
        run.save_config(composed(*VARIANTS[variant], *overrides))
        checkpoint = {"state_dict": contrasted(run).state_dict(), "images_seen": 640}
        AtomicCheckpointIO().save_checkpoint(checkpoint, run.checkpoint)
        data = {"name": "MNIST", "substitute": False, "source": "/home/somebody/data", "train_images": 60_000}
        run.update_record(status="finished", images_seen=640, batches=5, data=data, seconds=3.0, alarms=[], host="mine")
        return run

    return make


@pytest.fixture
def make_deep(make: MakeRun) -> MakeRun:
    """Makes the folder of a run of another depth than 8 bits, or of other channels."""

    def make_deep(kind: str, **options: str) -> Run:
        variant, overrides, window = DEEP[kind]
        run = make(variant, *overrides, **options)
        told = run.record()["data"]
        run.update_record(data=told if window is None else told | {"window": window})
        return run

    return make_deep


def contrasted(run: Run) -> AdversarialModule:
    """An untrained model whose images have many values, and whose average differs from the generator itself."""
    torch.manual_seed(7)
    model: AdversarialModule = build(run.config().model)
    for network in filter(None, (model.generator, model.generator_ema)):
        for module in network.modules():
            if type(module) in (nn.Linear, nn.Conv2d, nn.ConvTranspose2d):
                fan = module.weight[0].numel() if type(module) is not nn.ConvTranspose2d else 4 * module.weight.shape[0]
                nn.init.normal_(module.weight, 0.0, (2 / fan) ** 0.5)
            if hasattr(module, "gain") and isinstance(module.gain, nn.Parameter):
                nn.init.constant_(module.gain, 0.5)  # BigGAN's attention begins as nothing
    return model

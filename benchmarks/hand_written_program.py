"""The program to beat: what one writes to train a DCGAN with Hydra, Lightning, torchvision and TensorBoard.

`python -m benchmarks.hand_written_program root=FOLDER batches=2` trains on MNIST, in torchvision's form below the
folder, and writes into the folder of Hydra's run. `benchmarks/start.py` measures it.
"""

from dataclasses import dataclass
from typing import Any

import hydra
import lightning
import torch
import torch.nn.functional as F
from hydra.core.config_store import ConfigStore
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor
from torchvision.utils import make_grid, save_image


@dataclass
class Options:
    """Options of the program, with their defaults."""

    root: str = "data"
    batches: int = 1000
    batch_size: int = 64
    latent_dim: int = 100
    width: int = 32
    lr: float = 2e-4
    seed: int = 1


class DCGAN(lightning.LightningModule):
    """A small DCGAN with both players' steps in one batch."""

    def __init__(self, latent_dim: int, width: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.latent_dim, self.lr = latent_dim, lr
        self.generator = nn.Sequential(
            *(nn.Linear(latent_dim, 98 * width), nn.Unflatten(1, (2 * width, 7, 7))),
            *(nn.BatchNorm2d(2 * width), nn.ReLU()),
            *(nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.ConvTranspose2d(width, 1, 4, 2, 1), nn.Tanh()),
        )
        self.discriminator = nn.Sequential(
            *(nn.Conv2d(1, width, 4, 2, 1), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(width, 2 * width, 4, 2, 1), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)),
            *(nn.Flatten(), nn.Linear(98 * width, 1)),
        )
        self.register_buffer("latents", torch.randn(64, latent_dim))

    def configure_optimizers(self) -> Any:
        """Adam for each player."""
        return [
            torch.optim.Adam(player.parameters(), self.lr, (0.5, 0.999))
            for player in (self.generator, self.discriminator)
        ]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Step of the discriminator, then of the generator."""
        real = batch[0]
        optimizers: Any = self.optimizers()
        generator_steps, discriminator_steps = optimizers
        fake = self.generator(torch.randn(len(real), self.latent_dim, device=self.device))
        d_loss = F.softplus(-self.discriminator(real)).mean() + F.softplus(self.discriminator(fake.detach())).mean()
        self.descend(d_loss, discriminator_steps)
        g_loss = F.softplus(-self.discriminator(fake)).mean()
        self.descend(g_loss, generator_steps)
        self.log_dict({"d_loss": d_loss, "g_loss": g_loss}, prog_bar=True)

    def descend(self, loss: Tensor, optimizer: Any) -> None:
        """Step of one player."""
        self.toggle_optimizer(optimizer)
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        self.untoggle_optimizer(optimizer)

    def on_train_end(self) -> None:
        """Save a grid of samples, and show it in TensorBoard."""
        with torch.no_grad():
            grid = make_grid(self.generator(self.latents), normalize=True)
        save_image(grid, "grid.png")
        self.loggers[0].experiment.add_image("samples", grid, self.global_step)  # type: ignore[attr-defined]


ConfigStore.instance().store("options", Options)


@hydra.main(version_base="1.3", config_path=None, config_name="options")
def main(options: Options) -> None:
    """Train."""
    lightning.seed_everything(options.seed)
    images = MNIST(options.root, transform=Compose([ToTensor(), Normalize(0.5, 0.5)]))
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=2 * options.batches,  # Lightning counts the steps of both players
        log_every_n_steps=50,
        logger=[TensorBoardLogger("."), CSVLogger(".")],
        callbacks=[ModelCheckpoint(dirpath="checkpoints", save_last=True)],
    )
    trainer.fit(
        DCGAN(options.latent_dim, options.width, options.lr),
        DataLoader(images, options.batch_size, shuffle=True, drop_last=True),
    )


if __name__ == "__main__":
    main()

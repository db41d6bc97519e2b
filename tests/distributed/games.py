"""The games that two processes play against one, and the images for each."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.augment import Augment
from gan_lab.losses import RelativisticPairing, Wasserstein
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.cut import CUT
from gan_lab.models.cyclegan import CycleGAN
from gan_lab.models.dcgan import DCGAN
from gan_lab.models.latent import LatentGAN
from gan_lab.models.pix2pix import Pix2Pix
from gan_lab.models.player import PLAYERS
from gan_lab.models.r3gan import R3GAN
from gan_lab.models.stylegan2 import StyleGAN2
from gan_lab.models.translation import TranslationGAN
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.models.wgan import WGAN
from gan_lab.networks import dcgan_small, resnet, stylegan2, translation
from gan_lab.networks.contrastive import ContrastiveGenerator
from gan_lab.networks.patchgan import PatchGAN
from gan_lab.networks.unet import ConditionalPatchGAN, UNet
from gan_lab.penalties import R1, R2, GradientPenalty
from gan_lab.schedules import Constant, Ramp
from gan_lab.stabilisers import BalancedConsistency, LeCam
from gan_lab.utils.batches import map_tensors
from tests.conftest import LATENT_DIM, SIZE, TinyImages, sgd, tiny_cgan, tiny_gan
from tests.models.test_acgan import tiny_acgan
from tests.models.test_cut import tiny_cut
from tests.models.test_cyclegan import TinyDomains, tiny_cyclegan
from tests.models.test_infogan import tiny_infogan
from tests.models.test_pix2pix import TinyPairs, tiny_pix2pix


def tiny_dcgan() -> AdversarialModule:
    network = {
        "generator": dcgan_small.Generator(latent_dim=LATENT_DIM, width=2, image_size=SIZE, channels=1),
        "discriminator": dcgan_small.Discriminator(width=2, norm="batch", image_size=SIZE, channels=1),
    }
    return tiny_gan(network=network, ema_half_life=32)


def without_statistics(module: nn.Module) -> None:
    """Put nothing in the place of each batch norm, whose statistics two processes have of their own."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        else:
            without_statistics(child)


def dcgan_of_fields(init_seed: int = 0) -> AdversarialModule:
    """A DCGAN for images of five channels that are no squares, without batch norm."""
    torch.manual_seed(init_seed)
    sizes = {"width": 4, "image_size": (48, 96), "channels": 5}
    network = {
        "generator": dcgan_small.Generator(latent_dim=LATENT_DIM, **sizes),
        "discriminator": dcgan_small.Discriminator(norm="none", **sizes),
    }
    without_statistics(network["generator"])
    return tiny_gan(DCGAN, network=network, optimizer=dict.fromkeys(PLAYERS, sgd(1e-2)), ema_half_life=32)


OBLONG = (8, 16)  # height and width


class Oblongs(VanillaGAN):
    """The plain game with images that are no squares."""


def oblongs() -> AdversarialModule:
    sizes = {"width": 4, "max_width": 4, "blocks": 1, "group_size": 4, "image_size": OBLONG, "channels": 1}
    network = {
        "generator": resnet.Generator(latent_dim=LATENT_DIM, **sizes),
        "discriminator": resnet.Discriminator(norm="none", **sizes),
    }
    return tiny_gan(Oblongs, network=network, ema_half_life=32)


def calm_cyclegan(size: int | tuple[int, int] = 32) -> AdversarialModule:
    """At the size and rate of its other tests this game multiplies a difference of one bit tenfold at every step."""
    network = {
        "generator": translation.Translators(width=2, blocks=1, image_size=size, channels=1),
        "discriminator": translation.PatchGANs(width=2, layers=1, norm="instance", image_size=size, channels=1),
    }
    optimizer = dict.fromkeys(("generator", "discriminator"), sgd(1e-4))
    return tiny_cyclegan(network=network, optimizer=optimizer, pool_size=0, image_size=size)


def calm_pix2pix(dropout: float = 0.0) -> AdversarialModule:
    """Without dropout, which other masks than one process's would be drawn for."""
    sizes = {"image_size": 32, "source_channels": 1, "channels": 3}
    network = {
        "generator": UNet(width=2, norm="instance", dropout=dropout, **sizes),
        "discriminator": ConditionalPatchGAN(width=2, layers=1, norm="instance", **sizes),
    }
    return tiny_pix2pix(network=network, optimizer=dict.fromkeys(PLAYERS, sgd(1e-4)))


CUT_SIZE = 16  # every patch is compared with every other


def calm_cut(**options: Any) -> AdversarialModule:
    """With all patches, whose order doesn't matter, and vectors that aren't so short that SGD leaps."""
    network = {
        "generator": ContrastiveGenerator(width=2, blocks=1, features=4, image_size=CUT_SIZE, channels=1),
        "discriminator": PatchGAN(width=2, layers=1, norm="instance", image_size=CUT_SIZE, channels=1),
    }
    for layer in network["generator"].modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    optimizer = dict.fromkeys(PLAYERS, sgd(1e-3))
    return tiny_cut(network=network, optimizer=optimizer, patches=CUT_SIZE**2, temperature=1.0, **options)


class Mirror(Augment):
    """Mirrored images: a change without random numbers, which two processes would draw otherwise than one."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flip(-1)


def calm_stylegan2(cls: type[LatentGAN] = VanillaGAN, **options: Any) -> AdversarialModule:
    """Without the layers' noise, of which other maps than one process's would be drawn."""
    sizes = {"channel_base": 32, "channel_max": 2, "image_size": SIZE, "channels": 1}
    network = {
        "generator": stylegan2.Generator(latent_dim=LATENT_DIM, w_dim=4, mapping_layers=2, mixing=0.0, **sizes),
        "discriminator": stylegan2.Discriminator(stddev_group=1, norm="none", **sizes),
    }
    for layer in network["generator"].layers:
        layer.noise_strength.requires_grad_(False)
    return tiny_gan(cls, network=network, ema_half_life=32, **options)


# The lengths of every second image on every second batch.
PATH_LENGTHS = {
    "path_length_weight": 0.1,
    "path_length_every": 2,
    "path_length_decay": 0.1,
    "path_length_shrink": 2,
}


def stabilised() -> AdversarialModule:
    consistency = BalancedConsistency(real_weight=1.0, fake_weight=0.5, augment=Mirror())
    return tiny_gan(stabiliser={"bcr": consistency, "lecam": LeCam(weight=0.3, decay=0.9)}, ema_half_life=32)


GAMES: dict[str, Callable[[], AdversarialModule]] = {
    "cross-entropy": lambda: tiny_gan(ema_half_life=32),
    "Wasserstein with clipping": lambda: tiny_gan(WGAN, objective=Wasserstein(), clip=0.05, n_critic=3),
    "gradient penalty": lambda: tiny_gan(
        objective=Wasserstein(), penalty={"gradient_penalty": GradientPenalty(weight=10.0)}, n_critic=2
    ),
    "relativistic pairs": lambda: tiny_gan(
        R3GAN, objective=RelativisticPairing(), penalty={"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)}
    ),
    "schedules": lambda: tiny_gan(
        R3GAN,
        objective=RelativisticPairing(),
        penalty={"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)},
        ema_half_life=32,
        schedule={
            "generator": Ramp(start=1.0, end=0.5, images=40, shape="cosine", hold=0),
            "discriminator": Constant(),
            "gamma": Ramp(start=2.0, end=0.5, images=32, shape="cosine", hold=8),
            "ema_half_life": Ramp(start=0.0, end=32.0, images=40, shape="linear", hold=0),
        },
    ),
    "conditional": lambda: tiny_cgan("projection"),
    "AC-GAN": lambda: tiny_acgan(penalty={"r1": R1(gamma=1.0)}),
    "InfoGAN": tiny_infogan,
    "styles": calm_stylegan2,
    "stabilised": stabilised,
    "path lengths": lambda: calm_stylegan2(StyleGAN2, penalty={"r1": R1(gamma=1.0, every=3)}, **PATH_LENGTHS),
    "oblongs": oblongs,
    "CycleGAN": calm_cyclegan,
    "CycleGAN of oblongs": lambda: calm_cyclegan((32, 48)),
    "pix2pix": calm_pix2pix,
    "CUT": calm_cut,
    "FastCUT": lambda: calm_cut(identity_weight=0.0, flip_equivariance=True),
}


def data_for(model: AdversarialModule, batch_size: int) -> Any:
    if not isinstance(model, TranslationGAN):
        data = TinyImages(batch_size=batch_size)
        data.image_size = OBLONG if isinstance(model, Oblongs) else data.image_size
        return data
    data = (TinyPairs if isinstance(model, Pix2Pix) else TinyDomains)(batch_size=batch_size)
    side = CUT_SIZE if isinstance(model, CUT) else 32
    shape = tuple(model.pool_a.images.shape[-2:]) if isinstance(model, CycleGAN) else (side, side)
    data.image_size = data.load_size = shape
    return data


def in_double(data: Any) -> Any:
    """The same images, in float64."""
    original = data.on_after_batch_transfer

    def on_after_batch_transfer(batch: Any, dataloader_idx: int) -> Any:
        batch = original(batch, dataloader_idx)
        return map_tensors(lambda part: part.double() if part.is_floating_point() else part, batch)

    data.on_after_batch_transfer = on_after_batch_transfer
    return data

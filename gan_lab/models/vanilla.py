"""The first GAN (Goodfellow et al. 2014, arXiv:1406.2661): the shared step as it is."""

from gan_lab.models.latent import LatentGAN


class VanillaGAN(LatentGAN):
    """Fully connected players on the non-saturating objective, both chosen in conf/model/vanilla.yaml."""

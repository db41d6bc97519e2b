"""WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028)."""

from gan_lab.models.latent import LatentGAN


class WGANGP(LatentGAN):
    """The Wasserstein objective and a gradient penalty, both chosen in conf/model/wgan_gp.yaml."""

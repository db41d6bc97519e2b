"""Wasserstein GAN (Arjovsky et al. 2017, arXiv:1701.07875)."""

from gan_lab.models.latent import LatentGAN


class WGAN(LatentGAN):
    """A critic kept Lipschitz by clipping its weights (algorithm 1), on RMSprop: all chosen in conf/model/wgan.yaml."""

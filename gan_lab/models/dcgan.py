"""DCGAN (Radford et al. 2016, arXiv:1511.06434): a vanilla GAN whose players are convolutional."""

from gan_lab.models.latent import LatentGAN


class DCGAN(LatentGAN):
    """Convolutional players on the non-saturating objective, both chosen in conf/model/dcgan.yaml."""

"""R3GAN (Huang et al. 2024, The GAN is dead; long live the GAN!, arXiv:2501.05441)."""

from gan_lab.models.latent import LatentGAN


class R3GAN(LatentGAN):
    """Relativistic pairing, both zero-centred penalties, residual players: all chosen in conf/model/r3gan.yaml."""

"""A GAN of one's own on gan_lab."""

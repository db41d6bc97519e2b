"""Helpers that know nothing of GANs: errors, files, locks, images, seeding, types, hardware."""

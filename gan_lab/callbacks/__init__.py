"""Callbacks: grids, scores, checkpoints, health. Models do not know them."""

"""Trained models for others: exported, described, published, reported, and served on a local page."""

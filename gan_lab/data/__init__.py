"""Datasets in memory, delivered in a seeded order."""

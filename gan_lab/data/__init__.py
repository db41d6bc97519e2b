"""Datasets held in memory, and loaders that deliver their batches in a seeded order."""

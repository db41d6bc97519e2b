"""The use of generated images for a classifier: whether it gets better by them, measured against fair baselines."""

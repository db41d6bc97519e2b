"""Scores of a run or of a folder of images against a dataset, images sampled from runs, and tables of many runs."""

"""What the tests of studies share: a tiny conditional run, and results that nobody had to compute."""

from pathlib import Path
from typing import Any

import pytest

from gan_lab.runs.run import Run
from gan_lab.usefulness.arms import Options
from gan_lab.usefulness.cells import Cell, Result
from gan_lab.usefulness.study import Study
from gan_lab.usefulness.subject import Subject


def result(accuracy: float, arm: str = "real", seed: int = 1, **others: Any) -> Result:
    """A result of two classes, of which the second is recalled by 0.1 less."""
    made: Result = {
        "run": "run",
        "real": "50",
        "arm": arm,
        "generated": 0,
        "filter": "none",
        "seed": seed,
        "learned_from": 100,
        "accuracy": accuracy,
        "recall": [accuracy, accuracy - 0.1],
        "calibration_error": 0.05,
        "corrupted": {"noise": 0.5, "blur": 0.6, "shift": 0.7, "contrast": 0.8},
        "copies": None,
        "copies_unseen": None,
    }
    return made | others  # type: ignore[return-value]


def study_of(results: list[Result], starved: list[int] | None = None) -> Study:
    """A study that has come to these results."""
    facts: dict[str, Any] = {
        "dataset": "MNIST",
        "test_images": 10000,
        "corrupted_images": 2000,
        "classifier_steps": 500,
        "classifier_batch_size": 64,
        "generator_steps": {"run": 1500},
        "generator": "train",
        "seeds": sorted({one["seed"] for one in results}),
    }
    return Study(results=results, classes=["zero", "one"], starved=starved or [], folder=Path(), facts=facts)


def measured() -> Study:
    """Three seeds: generated images help real ones by 0.1 +- 0.01, and spoil augmented ones by 0.05 +- 0.01."""
    generated = {"generated": 1, "copies": 0.02, "copies_unseen": 0.01}
    found = []
    for seed, base, slip in ((1, 0.70, -0.01), (2, 0.75, 0.0), (3, 0.80, 0.01)):
        found += [
            result(base, seed=seed),
            result(base + 0.1, "classical", seed),
            result(base + 0.1 + slip, "generated", seed, learned_from=200, **generated),
            result(base + 0.05 + slip, "both", seed, learned_from=200, **generated),
            result(base + 0.1 * slip, "alone", seed, **generated),
        ]
    return study_of(found)


@pytest.fixture
def tiny(conditional_run: Run, few_digits: Path) -> Run:
    """A conditional run of 8x8 pixels that can be trained anew, with 500 digits to do so."""
    conditional_run.update_record(last_batch=3, data={"name": "MNIST"})
    return conditional_run


def options(root: Path, **others: Any) -> Options:
    quick: dict[str, Any] = {"real": [4], "generated": [0, 1], "seeds": [1], "steps": 2, "batch_size": 8}
    return Options(**quick | {"device": "cpu", "data_root": str(root)} | others)


def cell(run: Run, root: Path, tmp_path: Path, **others: Any) -> Cell:
    subject = Subject(run, options(root, **others))
    return Cell(subject, subject.rows[0], 1, tmp_path / "study")

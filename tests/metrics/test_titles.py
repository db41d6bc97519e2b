from dataclasses import replace

import pytest

from gan_lab.metrics.titles import heading, title
from tests.metrics.test_record import PROTOCOL


def test_numbers_of_images_are_said_where_they_matter() -> None:
    few, many = replace(PROTOCOL, n_real=10_000, n_fake=1000), replace(PROTOCOL, n_real=10_000, n_fake=26_000)
    assert heading("fid", few) == "FID (n=1,000, biased)"
    assert heading("fid", many) == "FID"
    assert heading("kid", few) == "KID", "unbiased"
    assert heading("modes", many) == "Modes (n=26,000)"


@pytest.mark.parametrize("name", ["inception_score", "precision", "coverage", "modes", "class_accuracy", "gan_train"])
def test_of_most_scores_more_is_better(name: str) -> None:
    assert title(name).more_is_better


@pytest.mark.parametrize("name", ["fid", "kid", "class_kl", "class_fid", "somebody's own"])
def test_of_distances_less_is_better(name: str) -> None:
    assert not title(name).more_is_better


def test_values_are_written_with_the_digits_that_count() -> None:
    assert title("fid").value(12.34567) == "12.346"
    assert title("class_accuracy").value(0.98765) == "98.77%"
    assert title("modes").value(998.0) == "998"
    assert title("other").value(1) == "1.000"

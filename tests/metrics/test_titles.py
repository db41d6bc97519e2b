from dataclasses import replace

import pytest

from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.titles import formatted, heading, summary_line, title
from tests.metrics.test_score_record import PROTOCOL


def test_numbers_of_images_are_said_where_they_matter() -> None:
    few, many = replace(PROTOCOL, n_real=10_000, n_fake=1000), replace(PROTOCOL, n_real=10_000, n_fake=26_000)
    assert heading("fid", few) == "FID (n=1,000, biased)"
    assert heading("fid", many) == "FID"
    assert heading("kid", few) == "KID", "unbiased"
    assert heading("modes", many) == "Modes (n=26,000)"


@pytest.mark.parametrize(
    "name", ["inception_score", "precision", "modes", "class_accuracy", "gan_train", "psnr", "ssim"]
)
def test_of_most_scores_more_is_better(name: str) -> None:
    assert title(name).more_is_better


@pytest.mark.parametrize("name", ["fid", "kid", "class_kl", "class_fid", "lpips", "cycle_error", "somebody's own"])
def test_of_distances_less_is_better(name: str) -> None:
    assert not title(name).more_is_better


def test_scores_of_a_direction_say_which() -> None:
    few = replace(PROTOCOL, n_real=10_000, n_fake=1000)
    assert heading("a2b/fid", few) == "FID a2b (n=1,000, biased)"
    assert title("b2a/psnr").more_is_better
    record = ScoreRecord(images_seen=1, values={"a2b/kid": 0.01, "a2b/kid_std": 0.002}, protocol=PROTOCOL)
    assert formatted(record) == {"a2b/kid": ("KID a2b", "0.01000 +- 0.00200")}


def test_values_are_written_with_the_digits_that_count() -> None:
    assert title("fid").value(12.34567) == "12.346"
    assert title("class_accuracy").value(0.98765) == "98.77%"
    assert title("modes").value(998.0) == "998"
    assert title("other").value(1) == "1.000"


def test_what_belongs_to_a_value_is_said_with_it() -> None:
    values = {"kid": 0.01, "kid_std": 0.002, "modes": 998.0, "class_fid": 2.0, "class_fid_classes": 9.0, "fid": 1.25}
    record = ScoreRecord(images_seen=1, values=values, protocol=PROTOCOL, class_counts=[1] * 1000)
    shown = formatted(record)
    assert shown["kid"] == ("KID", "0.01000 +- 0.00200")
    assert shown["modes"] == ("Modes (n=10)", "998 of 1,000")
    assert shown["class_fid"] == ("FID within classes (n=10, biased)", "2.000 (mean of 9 classes)")
    assert "kid_std" not in shown
    start = "FID (n=10, biased) 1.250, Modes (n=10) 998 of 1,000 "
    assert summary_line(record) == f"{start}(10 images, tiny, ema, protocol {PROTOCOL.id})"

from math import nan

import pytest

from gan_lab.callbacks.alarm import HELPS, Alarm, Limits
from tests.conftest import CONF

LIMITS = {
    "collapse_diversity": 0.1,
    "unlike_distance": 0.3,
    "imbalance_accuracy": 0.99,
    "vanishing_gradient": 1e-3,
    "overfitting_gap": 1.0,
}


def test_it_begins_with_enough_bad_checks_in_a_row_and_ends_with_a_good_one() -> None:
    alarm = Alarm(patience=2)
    outcomes = [True, False, True, True, True, False, False, True]
    changes = [None, None, None, "begins", None, "ends", None, None]
    assert [alarm.update(bad) for bad in outcomes] == changes


def test_a_resumed_one_goes_on_counting_and_does_not_repeat_itself() -> None:
    before, after = Alarm(patience=2), Alarm(patience=2)
    before.update(True)
    after.load_state_dict(before.state_dict())
    assert after.update(True) == "begins"
    again = Alarm(patience=2)
    again.load_state_dict(after.state_dict())
    assert again.on
    assert again.update(True) is None


@pytest.mark.parametrize(
    ("measured", "on"),
    [
        ({"accuracy/real": 1.0, "accuracy/fake": 1.0, "gradient_norm/generator": 1e-5}, "generator_lost"),
        ({"accuracy/pairs": 1.0, "gradient_norm/generator": 1e-5}, "generator_lost"),
        ({"accuracy/real": 1.0, "accuracy/fake": 1.0, "gradient_norm/generator": 1.0}, None),  # it still learns
        ({"accuracy/real": 1.0, "accuracy/fake": 0.9, "gradient_norm/generator": 1e-5}, None),
        ({"accuracy/real": 0.5, "accuracy/fake": 0.0, "gradient_norm/generator": 1.0}, "discriminator_lost"),
        ({"accuracy/pairs": 0.0, "gradient_norm/generator": 1.0}, "discriminator_lost"),
        ({"accuracy/real": 0.5, "accuracy/fake": 0.5}, None),
        ({"health/distance": 0.3}, "unlike_data"),
        ({"health/distance": 0.29}, None),
        ({"health/distance": nan}, "unlike_data"),
        ({"health/diversity": 0.09}, "collapse"),
        ({"health/diversity": 0.1}, None),
        ({"health/overfitting": 1.0}, "overfitting"),
        ({"health/overfitting": 0.99}, None),
        ({"health/overfitting": nan}, None),
        ({}, None),
    ],
)
def test_limits(measured: dict[str, float], on: str | None) -> None:
    limits = Limits(**LIMITS)
    judged = limits.judge(measured)
    assert [name for name, (bad, _) in judged.items() if bad] == ([on] if on else [])
    assert judged.keys() == HELPS.keys() - {"nan"}


def test_a_generator_whose_samples_are_unlike_data_has_lost_however_long_its_gradient_is() -> None:
    limits = Limits(**LIMITS)
    sure = {"accuracy/real": 1.0, "accuracy/fake": 1.0, "gradient_norm/generator": 60.0}
    for distance, lost in ((1.4, True), (0.01, False)):
        assert limits.judge(sure | {"health/distance": distance})["generator_lost"][0] is lost


def test_a_discriminator_that_knows_its_images_by_heart_is_told_to_see_them_changed() -> None:
    _, described = Limits(**LIMITS).judge({"health/overfitting": 2.34})["overfitting"]
    assert described == "logits of training images lie 2.3 standard deviations above those of others"
    for choice in ("model/augment=ada", "diffaugment"):
        assert choice in HELPS["overfitting"]
        assert (CONF / "model/augment" / f"{choice.removeprefix('model/augment=')}.yaml").is_file()

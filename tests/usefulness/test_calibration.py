import pytest
import torch

from gan_lab.usefulness.calibration import expected_calibration_error


def test_the_error_of_four_images_as_worked_by_hand() -> None:
    # Two bins. In (0.5, 1] lie 0.9 and 0.7: mean confidence 0.8, one of two right. In (0, 0.5] lie 0.4 and 0.5: mean
    # confidence 0.45, both right. 2/4 * |0.5 - 0.8| + 2/4 * |1 - 0.45| = 0.425.
    probabilities = torch.tensor([[0.9, 0.1, 0.0], [0.7, 0.2, 0.1], [0.4, 0.3, 0.3], [0.5, 0.25, 0.25]])
    labels = torch.tensor([0, 1, 0, 0])
    assert expected_calibration_error(probabilities, labels, bins=2) == pytest.approx(0.425, abs=1e-6)


def test_over_and_under_confidence_in_one_bin_cancel_out_and_in_two_bins_do_not() -> None:
    # In one bin: mean confidence 0.75, right 1 of 2 -> 0.25. In ten bins: |0.9 - 0| / 2 + |0.6 - 1| / 2 = 0.65.
    probabilities, labels = torch.tensor([[0.9, 0.1], [0.6, 0.4]]), torch.tensor([1, 0])
    assert expected_calibration_error(probabilities, labels, bins=1) == pytest.approx(0.25, abs=1e-6)
    assert expected_calibration_error(probabilities, labels, bins=10) == pytest.approx(0.65, abs=1e-6)


def test_who_is_always_sure_is_wrong_by_the_share_of_errors() -> None:
    probabilities = torch.eye(4)[[0, 1, 2, 3]]
    assert expected_calibration_error(probabilities, torch.tensor([0, 1, 2, 3])) == 0
    assert expected_calibration_error(probabilities, torch.tensor([0, 1, 2, 0])) == pytest.approx(0.25)

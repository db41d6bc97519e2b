"""Errors of colours are those worked out by hand."""

import torch

from benchmarks import colourise


def test_the_colours_of_a_pixel_are_those_of_lab() -> None:
    red_above_grey = torch.tensor([[255, 0, 0], [128, 128, 128]], dtype=torch.uint8).T.reshape(1, 3, 2, 1)
    found = colourise.colours(red_above_grey)
    torch.testing.assert_close(found, torch.tensor([[80.09, 67.20], [0.0, 0.0]]), atol=0.02, rtol=0)  # CIE, D65
    assert colourise.coloured(found).tolist() == [True, False]


def test_a_guess_for_all_pixels_and_one_for_each_have_the_mean_of_their_differences() -> None:
    truth = torch.tensor([[10.0, -4.0], [0.0, 2.0]])
    assert colourise.error(torch.zeros(2), truth) == (10 + 4 + 0 + 2) / 4
    assert colourise.error(torch.tensor([[9.0, -4.0], [0.0, 5.0]]), truth) == (1 + 0 + 0 + 3) / 4


def test_medians_are_of_the_training_images_and_for_coloured_pixels_of_coloured_ones() -> None:
    train = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [20.0, 30.0], [20.0, 30.0]])
    truth = torch.tensor([[24.0, 30.0], [0.0, 0.0]])
    assert colourise.rows(truth, truth, train) == [
        "| no colour | 13.50 | 27.00 |",  # 54 / 4, and 54 / 2
        "| median of the training images | 13.50 | 2.00 |",
        "| translations | 0.00 | 0.00 |",
    ]


def test_translations_are_counted_pixel_by_pixel() -> None:
    truth = torch.tensor([[24.0, 30.0], [0.0, 0.0]])
    translated = torch.tensor([[20.0, 30.0], [0.0, 8.0]])
    assert colourise.rows(translated, truth, truth)[-1] == f"| translations | {12 / 4:.2f} | {4 / 2:.2f} |"

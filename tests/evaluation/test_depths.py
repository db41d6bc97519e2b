from typing import Any

import pytest
import torch
from omegaconf import open_dict

from gan_lab.evaluation.depths import display, of_run, trained_window
from gan_lab.runs.run import Run
from gan_lab.utils.depth import EIGHT
from gan_lab.utils.errors import UserError


def deep(run: Run, window: Any, **options: Any) -> Run:
    """The run, as if it had been trained with other data."""
    config = run.config()
    with open_dict(config):
        config.data.update({"depth": 16} | options)
    run.config = lambda: config  # type: ignore[method-assign]
    run.update_record(data={"window": window})
    return run


def test_a_run_has_eight_bits_unless_it_says_otherwise(run: Run) -> None:
    assert of_run(run) is EIGHT
    assert display(run) is None
    assert trained_window(run) is None


def test_the_window_is_that_of_the_record(run: Run) -> None:
    found = of_run(deep(run, [0, 4095]))
    assert (found.dtype, found.window) == (torch.uint16, (0, 4095))
    assert of_run(deep(run, [-1000, 1000], depth="float")).dtype == torch.float32
    assert of_run(deep(run, None)).window == (0, 255)


@pytest.mark.parametrize("names", [("a", "b"), ("source", "target")])
def test_each_domain_has_its_own(names: tuple[str, str], run: Run) -> None:
    deep(run, {names[0]: [0, 100], names[1]: [-5, 5]})
    assert [of_run(run, domain).window for domain in "ab"] == [(0, 100), (-5, 5)]
    assert trained_window(run) is None, "both of them are meant by none"


def test_the_channels_to_look_at_are_those_of_the_configuration(run: Run) -> None:
    assert display(deep(run, None, display=[3, 2, 1])) == [3, 2, 1]


@pytest.mark.parametrize("window", [[0, 1e9], [1, 2, 3], "ab", ["a", "b"], 7])
def test_a_record_with_another_window_is_refused(window: Any, run: Run) -> None:
    with pytest.raises(UserError, match=r"run\.json: data\.window is none that data\.depth=16 holds"):
        of_run(deep(run, window))

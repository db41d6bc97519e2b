from typing import Any

import pytest
import torch
from omegaconf import open_dict

from gan_lab.data.sources import OWN
from gan_lab.evaluation.depths import display, of_run, trained_window, window
from gan_lab.runs.run import Run
from gan_lab.utils.depth import EIGHT
from gan_lab.utils.errors import UserError


def deep(run: Run, limits: Any, /, **options: Any) -> Run:
    """The run, as if it had been trained with other data."""
    config = run.config()
    with open_dict(config):
        config.data.update({"depth": 16} | options)
    run.config = lambda: config  # type: ignore[method-assign]
    run.update_record(data={"window": limits})
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


def test_files_are_seen_by_the_window_of_the_training_unless_an_option_says_another(run: Run) -> None:
    def limits(**options: Any) -> Any:
        return window(deep(run, [0, 4095], **options), [], OWN).limits

    assert limits() == (0, 4095)
    assert limits(depth=8) == (0, 4095)
    assert limits(depth=8, window=[5, 10]) == (5, 10)
    kept = window(deep(run, [0, 4095], depth=8, window=None), [], OWN)
    assert kept.of_values(True) is None, "8 bits keep their range"
    assert window(deep(run, None, depth=8), [], OWN).limits is None

from pathlib import Path

import pytest

from gan_lab.evaluation.options import Options
from gan_lab.metrics.groups import GROUPS
from gan_lab.utils.errors import UserError


def test_a_protocol_makes_its_choices_and_no_others() -> None:
    asked = Options(preset="fid50k", seed=3, split="train", statistics=Path("s.npz"))
    found = asked.resolved()
    assert (found.count, found.split, found.extractor) == (50_000, "train", "inception")
    assert (found.resize, found.chosen_groups) == ("tensorflow1", ("fid",))
    assert (found.seed, found.statistics) == (3, Path("s.npz"))


def test_other_choices_beside_a_protocol_are_refused() -> None:
    with pytest.raises(UserError, match="--split test: --protocol fid50k has train; leave one of the two out"):
        Options(preset="fid50k", split="test").resolved()


def test_without_a_protocol_options_stay_as_they_are() -> None:
    options = Options(count=6)
    assert options.resolved() is options
    assert options.chosen_groups == GROUPS
    with pytest.raises(UserError, match="--count 5: scores need 6 generated images or more"):
        Options(count=5).resolved()

"""Functions of YAML files: what they give, and that a saved configuration may call all of ours."""

from typing import Any

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from gan_lab.config.resolvers import RESOLVERS
from gan_lab.config.saved_config import is_pure


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${add:1,2,-4}", -1),
        ("${add:1,${list}}", 6),
        ("${product:${list}}", 6),
        ("${product:${b}}", 2),
        ("${first_given:null,${b},3}", 2),
        ("${first_given:null,null}", None),
        ("${steps_without_epochs:null,60}", 60),
        ("${steps_without_epochs:5,60}", -1),
        ("${run_path:${run_dir},metrics_file}", "/run/metrics.csv"),
    ],
)
def test_functions_of_values(text: str, value: Any) -> None:
    assert OmegaConf.create({"a": text, "b": 2, "list": [2, 3], "run_dir": "/run"}).a == value


def test_a_run_has_no_other_paths() -> None:
    config = OmegaConf.create({"a": "${run_path:/run,elsewhere}"})
    with pytest.raises(InterpolationResolutionError, match="elsewhere"):
        config.a  # noqa: B018 - reading resolves it


def test_all_of_them_look_at_nothing_but_values() -> None:
    assert all(is_pure(f"${{{resolver.__name__}:1}}") for resolver in RESOLVERS)

"""Whatever is typed, it composes to a configuration that works, or ends in one message."""

import shlex
from collections.abc import Iterator

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from gan_lab.config.command_line import readable_errors
from gan_lab.training.validate import validate
from tests.conftest import CONF, composed

GROUPS = sorted(
    str(path.relative_to(CONF)) for path in CONF.rglob("*") if path.is_dir() and path.name not in ("hydra", "sweep")
)


def options(node: DictConfig, path: str = "") -> Iterator[str]:
    for key in node:
        child = node._get_node(key)
        yield f"{path}{key}"
        if isinstance(child, DictConfig) and not child._is_interpolation():
            yield from options(child, f"{path}{key}.")


OPTIONS = sorted(
    {
        option
        for model in ("dcgan", "cgan", "cyclegan", "wgan_gp")
        for option in options(composed(f"model={model}"))
        if option.partition(".")[0] not in ("resume", "resume_mode", "init_from", "run_dir")
    }
)
CHOICES = sorted({path.stem for path in CONF.rglob("*.yaml")})

numbers = st.one_of(
    st.integers(-3, 40), st.integers(), st.floats(), st.sampled_from(["1e-4", "1e400", "0x10", "1_000"])
)
words = st.one_of(
    st.sampled_from(["null", "true", "???", "auto", "none", "${seed}", "${nowhere}", *CHOICES]), st.text(max_size=9)
)
scalars = st.one_of(numbers.map(str), words)
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=3).map(lambda items: f"[{','.join(items)}]"),
    st.dictionaries(st.sampled_from(["_target_", "a", "lr"]), scalars, max_size=2).map(
        lambda items: "{" + ",".join(f"{key}:{value}" for key, value in items.items()) + "}"
    ),
)
override = st.one_of(
    st.builds("{}{}={}".format, st.sampled_from(["", "", "", "+", "++"]), st.sampled_from(OPTIONS), values),
    st.builds("{}={}".format, st.sampled_from(GROUPS), st.one_of(st.sampled_from(CHOICES), words)),
    st.builds("~{}".format, st.sampled_from([*OPTIONS, *GROUPS])),
    st.text(max_size=12),
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(override, min_size=1, max_size=3))
def test_random_overrides_compose_or_end_in_a_message(overrides: list[str]) -> None:
    said: object = None
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            with readable_errors():
                validate(compose("train", overrides), "run")
        except SystemExit as ending:
            said = ending.code
    if said is not None:
        assert isinstance(said, str), shlex.join(overrides)
        assert said.startswith("Error: "), shlex.join(overrides)
        assert len(said) > len("Error: ") + 5
        assert "Traceback" not in said


def test_what_is_thrown_can_also_be_right() -> None:
    """Else the test above would show nothing but that wrong things are wrong."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        validate(
            compose("train", ["data.batch_size=7", "model=vanilla", "model/network=mlp", "trainer.accelerator=cpu"]),
            "run",
        )
    assert "model.optimizer.generator.lr" in OPTIONS
    assert "model/penalty" in GROUPS
    assert not OmegaConf.has_resolver("nothing")

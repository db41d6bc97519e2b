"""A configuration is checked and built once in a process, and what was built is what trains."""

from collections import Counter
from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from gan_lab.api.untouched import untouched
from gan_lab.config import allowed, schema
from gan_lab.networks import mlp
from gan_lab.runs import initial_weights
from gan_lab.training.validate import settled, validate
from gan_lab.utils.errors import UserError
from tests.conftest import OFFLINE, QUICK, Command, composed

SMALL = (*OFFLINE, "model=vanilla", "callbacks.scores=null")


def counted_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, calls: Counter[str], label: str) -> None:
    original = getattr(owner, name)

    @wraps(original)  # the schema is the signature
    def counting(*arguments: Any, **options: Any) -> Any:
        on_meta = torch.empty(0).is_meta
        calls[f"{label} on meta" if on_meta else label] += 1
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, counting)


def targets(config: DictConfig) -> Iterator[str]:
    """The classes that the top level of a configuration names."""
    nodes = [config.data, config.model, config.trainer, *config.callbacks.values(), *config.logger.values()]
    return (node._target_ for node in nodes if node is not None)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_run_is_checked_and_built_once(resumed: bool, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(*QUICK, "hydra.run.dir=old", "trainer.max_steps=2") is None
    if resumed:
        assert command(*QUICK, "trainer.max_steps=2") is None
        arguments = ["resume=run", "trainer.max_steps=4"]
    else:
        arguments = [*QUICK, "init_from=old", "trainer.max_steps=2"]
    calls: Counter[str] = Counter()
    counted_calls(monkeypatch, schema, "check", calls, "check")
    counted_calls(monkeypatch, initial_weights, "read", calls, "init_from")
    composed_here = composed(*(argument for argument in QUICK if not argument.startswith("hydra")))
    classes = {name: allowed.resolve(name, "") for name in targets(composed_here)}
    for name, kind in classes.items():
        counted_calls(monkeypatch, kind, "__init__", calls, name)
    model = composed_here.model._target_
    assert command(*arguments) is None
    expected = dict.fromkeys([*classes, f"{model} on meta", "check", *([] if resumed else ["init_from"])], 1)
    assert calls == expected


def test_the_configuration_that_was_given_stays_as_it_is(tmp_path: Path) -> None:
    config = composed(*SMALL)
    before = OmegaConf.to_yaml(config)
    parts = validate(config, tmp_path / "run")
    assert OmegaConf.to_yaml(config) == before
    assert (config.run_dir, parts.config.run_dir) == (None, str(tmp_path / "run"))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UserError, match="holds a run already. Resume it with resume="):
        validate(composed(*SMALL), tmp_path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_steps=0", "trainer.max_steps=0: must be "),
        ("trainer.devices=99", "trainer.devices=99: this machine has "),
        ("trainer.num_nodes=2", "trainer.num_nodes=2: on several machines"),
        ("model.latent_dim=1000000000000", "weights take .* GB, more than this machine has left"),
        ("init_from=nowhere", "no such run folder or file"),
    ],
)
def test_what_can_not_work_is_refused(override: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        validate(composed(*SMALL, override), tmp_path)


def test_batch_norm_needs_two_images_in_a_batch(tmp_path: Path) -> None:
    alone = (*SMALL, "data.batch_size=1")
    with pytest.raises(UserError, match=r"data.batch_size=1: batch norm .*model.network.discriminator.norm=layer"):
        validate(composed(*alone, "model.network.discriminator.norm=batch"), tmp_path)
    validate(composed(*alone), tmp_path)
    validate(composed(*alone, "model=dcgan"), tmp_path)  # over the places of its maps


def test_learning_rates_that_fall_need_an_end(tmp_path: Path) -> None:
    endless = ("trainer.max_steps=-1", "trainer.max_epochs=-1")
    with pytest.raises(UserError, match=r"model.schedule: learning rates that fall until the end need one"):
        validate(composed(*SMALL, *endless, "model/schedule=linear"), tmp_path)
    validate(composed(*SMALL, *endless), tmp_path)


def test_every_path_to_what_is_read_is_spelled_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = composed("data=unpaired_folders", "data.domain_a=horses", "data.domain_b=/zebras", "init_from=old")
    config = settled(given, Path("/run"))
    data = config.data
    assert (data.domain_a, data.domain_b, data.cache) == (f"{tmp_path}/horses", "/zebras", f"{tmp_path}/data/cache")
    assert (config.init_from, config.callbacks.scores.cache) == (f"{tmp_path}/old", f"{tmp_path}/data/cache")


class WithoutNorm(mlp.Discriminator):
    """A discriminator that knows no norms."""

    def __init__(self, *, image_size: int, channels: int) -> None:
        super().__init__(hidden=[8], norm="none", image_size=image_size, channels=channels)


@pytest.mark.parametrize("model", ["wgan", "wgan_gp", "r3gan"])
def test_a_discriminator_may_know_no_norms(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "TRUSTED", {"gan_lab", "tests"})
    target = "tests.training.test_validate.WithoutNorm"
    config = composed(*OFFLINE, f"model={model}", "model/network=mlp", "~model.network.discriminator.hidden")
    config.model.network.discriminator._target_ = target
    built = validate(config, tmp_path / "run").config.model.network.discriminator
    assert "norm" not in built
    assert config.model.network.discriminator.norm == "none", "what was given stays as it is"
    config.model.network.discriminator.norm = "layer"
    with pytest.raises(UserError, match="norm: WithoutNorm has no such option"):
        validate(config, tmp_path / "run")


@pytest.mark.parametrize("more", [(), ("trainer.compile=true",), ("trainer.precision=16-mixed", "trainer.devices=1")])
def test_a_program_that_may_only_wait_makes_no_context_on_a_cuda_device(
    more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of this process is without CUDA, so whatever asks a device for anything fails."""

    def begin_context() -> None:
        raise AssertionError("a context on a CUDA device, which takes hundreds of megabytes")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "_lazy_init", begin_context)
    with pytest.raises(AssertionError, match="a context"):
        torch.zeros(1, device="cuda")
    config = composed(*SMALL, "trainer.accelerator=cuda", "trainer.devices=2", *more)
    with untouched([]):
        assert validate(config, tmp_path / "run").trainer.num_devices == config.trainer.devices

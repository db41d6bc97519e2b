"""Ray's workers: they look for modules where the program does, and work in the folder where the sweep was typed."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from gan_lab.utils import child_pythons
from gan_lab.utils.errors import UserError

ENVIRONMENT = "hydra.launcher.ray.init.runtime_env"

_empty: "list[TemporaryDirectory[str]]" = []  # the workers' folder, at most one; it is removed when the program ends


def are_used(hydra: Any) -> bool:
    """True if jobs go to Ray, on this machine or a cluster that is there; Ray's launcher for AWS is another.

    Args:
        hydra: configuration of its own.
    """
    return bool(hydra.launcher._target_.endswith(".RayLauncher"))


def keep_from_current_folder(hydra: Any) -> None:
    """Have a Ray on this machine start its workers in an empty folder of ours, with the folders of this program.

    Ray puts the folder in which it is started first on its workers' list of folders with modules, unless it is told
    in which to work. What the user says of the workers' environment wins. Workers of a cluster (an address) stay as
    they are: what lies where on its machines isn't known here.

    Args:
        hydra: configuration of its own, whose launcher is changed.

    Raises:
        UserError: the environment that the user gives is no mapping.
    """
    init = hydra.launcher.ray.init
    address = init.get("address") or os.environ.get("RAY_ADDRESS")
    if address not in (None, "", "local"):
        return
    given = init.get("runtime_env")
    if given is not None and not isinstance(given, DictConfig):
        raise UserError(f"{ENVIRONMENT}={given}: must be a mapping, such as {{env_vars: {{NAME: VALUE}}}}")
    _empty[:] = [TemporaryDirectory(prefix="gan_lab-ray-", ignore_cleanup_errors=True)]
    ours = {"working_dir": _empty[0].name, "env_vars": child_pythons.environment()}
    with read_write(hydra), open_dict(hydra):
        init.runtime_env = OmegaConf.merge(ours, given or {})
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # under `uv run` it would copy the current folder


def go_where_it_was_typed(hydra: Any) -> None:
    """Have a worker work in the folder where the sweep was typed, where data/ and logs/ are; if it is there.

    Args:
        hydra: configuration of its own, of the worker's job.
    """
    if are_used(hydra) and not hydra.job.chdir and Path(hydra.runtime.cwd).is_dir():
        os.chdir(hydra.runtime.cwd)

"""Packages whose classes a configuration may name: gan_lab's, and those of whoever sits at the keyboard.

A configuration is the user's where the user has composed it, from what was typed and from folders that were named, or
where the seal beside it says that this user's program wrote it. What it names is then the user's own code. Anyone
else's may name only what is trusted already.
"""

import hmac
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from gan_lab.utils.errors import UserError
from gan_lab.utils.files import read_regular, write_atomically
from gan_lab.utils.own_key import own_key

GROUP = "gan_lab.packages"  # of entry points: a package that is installed declares itself by one, name = "package"
# They have rules of their own, or nothing that a configuration needs, whoever names it.
NEVER_TRUSTED_WHOLE = {"gan_lab", "torch", "lightning", *sys.stdlib_module_names}


def allowed_by(environment: Mapping[str, str]) -> set[str]:
    """The packages that GAN_LAB_ALLOW adds, separated by commas: the person at the keyboard can set it, no file can."""
    return {name.strip() for name in environment.get("GAN_LAB_ALLOW", "").split(",")} - {""}


@cache
def declared() -> tuple[EntryPoint, ...]:
    """The installed packages that declare themselves as extensions of gan_lab."""
    return tuple(entry_points(group=GROUP))


TRUSTED = {"gan_lab", *allowed_by(os.environ), *(point.value for point in declared())}


def trust(config: DictConfig) -> None:
    """Trust the packages that a configuration of the user's names, until the program ends.

    Args:
        config: composed of what the user typed and of the user's folders, or sealed by the user's program.
    """
    packages = {str(target).partition(".")[0] for target in targets(OmegaConf.to_container(config))}
    TRUSTED.update(packages - NEVER_TRUSTED_WHOLE)


def targets(node: Any) -> Iterator[object]:
    """Yield each `_target_` in plain containers."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield node["_target_"]
        for child in node.values():
            yield from targets(child)
    elif isinstance(node, list):
        for child in node:
            yield from targets(child)


def seal(file: Path) -> None:
    """Note beside a file that this user's program has written it; nothing where the user can't keep a key."""
    if key := own_key():
        write_atomically(seal_of(file), hmac.digest(key, file.read_bytes(), "sha256").hex())


def is_sealed(file: Path) -> bool:
    """Tell if a file is as this user's program has written it, on this machine or with the same home."""
    try:
        found, key = read_regular(seal_of(file), 64), own_key()
        return bool(key) and hmac.compare_digest(found, hmac.digest(key, file.read_bytes(), "sha256").hex().encode())
    except (OSError, ValueError):
        return False


def seal_of(file: Path) -> Path:
    """The place of a file's seal."""
    return file.with_name(f"{file.name}.seal")


class OwnConfigurations(SearchPathPlugin):
    """Has Hydra find the folder `conf` of each package that declares itself."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the folders behind all others.

        Raises:
            UserError: a package can't be found.
        """
        for point in declared():
            folder = _folder(point)
            if folder and (folder / "conf").is_dir():
                search_path.append(provider=point.value, path=f"file://{folder / 'conf'}")


def _folder(point: EntryPoint) -> Path | None:
    """The folder of a package that declares itself; None of a module that is a file.

    Raises:
        UserError: it is not there.
    """
    try:
        spec = find_spec(point.value)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        owner = point.dist.name if point.dist else "an installed package"
        raise UserError(
            f"{point.value}: {owner} declares this package for gan_lab, and it can't be found. Install {owner} again, "
            f"or remove it: pip uninstall {owner}"
        )
    return Path(spec.submodule_search_locations[0]) if spec.submodule_search_locations else None


def register() -> None:
    """Have Hydra look there from now on."""
    Plugins.instance().register(OwnConfigurations)

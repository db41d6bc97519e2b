"""The choice of a dataset by its name in conf/data, for commands that compare images with it."""

from typing import TYPE_CHECKING

from gan_lab.config.home import conf_folder
from gan_lab.utils.errors import UserError, nearest

if TYPE_CHECKING:  # torch is imported only where images are looked at
    from gan_lab.metrics.real_images import RealImages


def names() -> list[str]:
    """Names of the datasets in conf/data."""
    return sorted(path.stem for path in (conf_folder() / "data").glob("*.yaml"))


def real_images(name: str, root: str | None, *overrides: str) -> "RealImages":
    """The dataset of a name, with its values of conf/data.

    Args:
        name: of a file in conf/data.
        root: its folder; None is that of the file.
        overrides: of further options.

    Raises:
        UserError: there is none of this name, its images can't be had, or it holds two domains.
    """
    from gan_lab.cli.dataset import composed
    from gan_lab.config.saved_config import CACHE
    from gan_lab.data.in_memory import InMemoryDataModule
    from gan_lab.metrics.real_images import RealImages
    from gan_lab.utils.shell import override

    if name not in names():
        raise UserError(f"--data {name}: no dataset of this name. {nearest(name, names())}")
    data = composed([f"data={name}", *([] if root is None else [override("data.root", root)]), *overrides])
    if not isinstance(data, InMemoryDataModule):
        raise UserError(
            f"--data {name}: {type(data).__name__} holds images of two domains, and scores need images of one"
        )
    data.prepare_data()
    return RealImages(data, CACHE.absolute())  # where runs and their evaluations look, too

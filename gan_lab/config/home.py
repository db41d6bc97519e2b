"""Folders that come with the program: inside the package once it is installed, beside it in a checkout."""

from pathlib import Path

import gan_lab


def conf_folder() -> Path:
    """The folder with train.yaml and its groups."""
    package = Path(gan_lab.__file__).parent
    return next(folder / "conf" for folder in (package, package.parent) if (folder / "conf/train.yaml").is_file())


def example_project() -> Path:
    """The folder of a project of one's own, which `gan-lab new` copies."""
    package = Path(gan_lab.__file__).parent
    return next(
        folder for folder in (package / "example_project", package.parent / "examples/own_project") if folder.is_dir()
    )

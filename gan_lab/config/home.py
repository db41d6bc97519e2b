"""The folder of the configuration that comes with the program."""

from pathlib import Path

import gan_lab


def conf_folder() -> Path:
    """The folder with train.yaml and its groups: inside the package once installed, beside it in a checkout."""
    package = Path(gan_lab.__file__).parent
    return next(folder / "conf" for folder in (package, package.parent) if (folder / "conf/train.yaml").is_file())

"""An extractor of anyone's, by the name of its class: said by the person at the keyboard, never by a file."""

import sys
from importlib import import_module
from pathlib import Path

from torch import nn

from gan_lab.metrics.extractors import Custom, Extractor
from gan_lab.metrics.real_images import RealImages
from gan_lab.utils.errors import UserError


def imported(name: str, real: RealImages) -> Extractor:
    """Import and make an extractor. Importing runs code: the name must not come from a run folder.

    Args:
        name: "package.module:Class", installed or below the current folder. What `Class()` makes is an `Extractor`, or
            any module, which then gets float images (n, channels, size, size) in [-1, 1], of the dataset's channels and
            size, and gives features (n, ...).
        real: the dataset.

    Raises:
        UserError: it can't be imported or made, is no module, or does not take these images.
    """
    place, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # where `python` would look, but an installed command doesn't
    try:
        made = getattr(import_module(place), attribute)()
    except Exception as error:  # it is anyone's code
        raise UserError(f"--extractor {name}: {type(error).__name__}: {error}") from error
    if isinstance(made, Extractor):
        return made
    if not isinstance(made, nn.Module):
        raise UserError(f"--extractor {name}: makes {type(made).__name__}, which is no torch.nn.Module")
    real.data.setup("test" if real.data.eval_split == "test" else "fit")  # its size is known once it is loaded
    size, channels = real.data.native_size, real.data.channels
    try:
        return Custom(module=made, size=size, channels=1 if channels == 1 else 3, antialias=True)
    except Exception as error:
        raise UserError(
            f"--extractor {name}: must take float images (n, {channels}, {size}, {size}) and give features (n, ...): "
            f"{type(error).__name__}: {error}"
        ) from error

"""A feature extractor of the user's, named on the command line and never by a file, because importing runs code."""

import sys
from importlib import import_module
from pathlib import Path

from torch import nn

from gan_lab.metrics.extractors import Custom, Extractor
from gan_lab.metrics.real_images import RealImages
from gan_lab.utils.errors import UserError


def import_extractor(name: str, real: RealImages) -> Extractor:
    """Import a class and construct an extractor. Importing runs code: the name must not come from a run folder.

    Args:
        name: "package.module:Class", installed or below the current folder. `Class()` is an `Extractor`, or any module,
            which then receives float images (n, channels, height, width) in [-1, 1], with the channels and size of the
            dataset, and returns features (n, ...).
        real: the dataset.

    Raises:
        UserError: the class can't be imported or constructed, is no module, or does not accept these images.
    """
    place, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # `python` searches the current folder, an installed command doesn't
    try:
        extractor = getattr(import_module(place), attribute)()
    except Exception as error:  # the user's code may raise anything
        raise UserError(f"--extractor {name}: {type(error).__name__}: {error}") from error
    if isinstance(extractor, Extractor):
        return extractor
    if not isinstance(extractor, nn.Module):
        raise UserError(f"--extractor {name}: {type(extractor).__name__} is not a torch.nn.Module")
    real.data.setup("test" if real.data.eval_split == "test" else "fit")  # its size is known once it is loaded
    size, channels = real.data.native_size, real.data.channels
    shape = ", ".join(map(str, (channels, *size)))
    try:
        return Custom(module=extractor, size=size, channels=1 if channels == 1 else 3, antialias=True)
    except Exception as error:
        raise UserError(
            f"--extractor {name}: must take float images (n, {shape}) and return features (n, ...): "
            f"{type(error).__name__}: {error}"
        ) from error

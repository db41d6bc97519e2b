"""Grids of a run as others are shown them: the latest one, and pixels alone, whatever else a file holds."""

from contextlib import suppress
from pathlib import Path

from PIL import Image

from gan_lab.evaluation import timelapse
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import open_regular


def latest(run: Run, *, ema: bool) -> Path | None:
    """The newest grid, of the raw weights where these are meant and the run has drawn both; None where it has none."""
    for raw in (False,) if ema else (True, False):
        with suppress(UserError):
            return timelapse.shots(run, raw=raw, most=1)[0].file
    return None


def read(file: Path) -> Image.Image:
    """The pixels of a grid, RGB.

    Raises:
        UserError: it can't be read.
    """
    try:
        with open_regular(file) as opened, Image.open(opened, formats=["PNG"]) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{file} can't be read: {reason(error)}") from error

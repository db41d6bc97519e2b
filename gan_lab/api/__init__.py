"""gan_lab from Python: what `import gan_lab` offers."""

from gan_lab.api.errors import Interrupted
from gan_lab.api.run import Run, load
from gan_lab.api.training import train
from gan_lab.utils.errors import UserError

__all__ = ["Interrupted", "Run", "UserError", "load", "train"]

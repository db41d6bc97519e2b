"""An experiment framework for generative adversarial networks.

    import gan_lab

    run = gan_lab.train("model=cgan", "trainer.max_steps=500")   # what `gan-lab train model=cgan ...` trains
    run = gan_lab.train("model=dcgan", data=images)              # objects in place of what is chosen by name
    run = gan_lab.load("logs/runs/<folder>")                     # a run of before

    run.sample(64, label=7, seed=0)                              # images, uint8 (64, channels, height, width)
    run.evaluate()                                               # scores by name
    run.metrics()                                                # a DataFrame
    run.show()                                                   # the latest grid, in a notebook

docs/python.md has more. torch is imported with the first of these names, not with the package.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_lab.api import Interrupted, Run, UserError, load, train

__all__ = ["Interrupted", "Run", "UserError", "__version__", "load", "train"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """A name of the interface, imported when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gan_lab import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """The names of the interface."""
    return sorted({*globals(), *__all__})

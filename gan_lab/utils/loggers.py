"""The one way to all loggers of a run: scalars, pictures and texts, its beginning with hyperparameters, and its end.

Every Lightning logger takes scalars. What else a logger takes its methods say, and it is passed over for what it has no
method for: `log_image`, in the form of Lightning's WandbLogger, `log_message`, and `begin` with `end`.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from lightning import Trainer
from torch import Tensor

from gan_lab.utils.errors import reason

log = logging.getLogger(__name__)

Plain = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A run as loggers list it beside others.

    Args:
        name: of the run; it says what differs.
        group: runs that were started together; None for one alone.
        choices: the main choices, and what was typed, by name: few enough for columns of a table.
        options: the whole configuration, in plain containers.
    """

    name: str
    group: str | None
    choices: Mapping[str, Plain]
    options: Mapping[str, Any]


@runtime_checkable
class ImageLogger(Protocol):
    """A logger that shows pictures."""

    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        """Show pictures, uint8 (channels, height, width) each, under a name."""


@runtime_checkable
class MessageLogger(Protocol):
    """A logger that shows texts."""

    def log_message(self, key: str, text: str, step: int | None = None) -> None:
        """Show a text under a name."""


@runtime_checkable
class RunLogger(Protocol):
    """A logger that knows of runs: what they are, that they go on, how they end."""

    def begin(self, setup: Setup, run_id: str | None) -> str | None:
        """Begin a run, or go on with the one of an id.

        Returns:
            The id that a resumed run has to give; None where the logger needs none.
        """

    def end(self, status: str) -> None:
        """End the run; "finished" says that it has reached its end, any other status that it may go on.

        Nothing happens where no run has begun, or where it has been ended before.
        """


@runtime_checkable
class LoggerOverImages(Protocol):
    """A logger whose x-axis is images seen instead of batches."""

    images_seen: int


def begin_run(trainer: Trainer, setup: Setup, run_ids: Mapping[str, str]) -> dict[str, str]:
    """Tell all loggers that a run begins, or goes on.

    Args:
        trainer: whose loggers write.
        setup: of the run.
        run_ids: of the run as it was before, by the loggers' names.

    Returns:
        The ids of now; those of loggers that are not here stay.

    Raises:
        UserError: a logger can't begin; those that have begun are told the end.
    """
    begun = []
    known = dict(run_ids)
    try:
        for logger in trainer.loggers:
            if isinstance(logger, RunLogger):
                found = logger.begin(setup, run_ids.get(str(logger.name)))
                begun.append(logger)
                if found is not None:
                    known[str(logger.name)] = found
    except BaseException:
        _end(begun, "failed")
        raise
    return known


def end_run(trainer: Trainer, status: str) -> None:
    """Tell all loggers that the run ends; of one that fails at it a warning tells, and the others hear of it."""
    _end(trainer.loggers, status)


def _end(loggers: Iterable[Any], status: str) -> None:
    for logger in loggers:
        if isinstance(logger, RunLogger):
            try:
                logger.end(status)
            except Exception as error:  # of a server, say: the run has ended all the same
                log.warning("The logger %s did not take the end of this run: %s", _name(logger), reason(error))


def _name(logger: Any) -> str:
    """The name of a logger, or its class where it has none."""
    return str(getattr(logger, "name", None) or type(logger).__name__)


def log_scalars(trainer: Trainer, scalars: Mapping[str, float], step: int) -> None:
    """Send scalars to all loggers, and to `trainer.callback_metrics` for callbacks that monitor them.

    Args:
        trainer: whose loggers write.
        scalars: by name.
        step: place on the loggers' x-axis, batches trained on.
    """
    for logger in _placed(trainer):
        logger.log_metrics(dict(scalars), step)
    trainer.callback_metrics.update({name: torch.tensor(value) for name, value in scalars.items()})


def log_picture(trainer: Trainer, name: str, picture: Tensor, step: int) -> None:
    """Send a picture, uint8 (channels, height, width), to the loggers that show pictures."""
    for logger in _placed(trainer):
        if isinstance(logger, ImageLogger):
            logger.log_image(name, [picture], step)


def log_text(trainer: Trainer, name: str, text: str, step: int) -> None:
    """Send a text to the loggers that show texts."""
    for logger in _placed(trainer):
        if isinstance(logger, MessageLogger):
            logger.log_message(name, text, step)


def _placed(trainer: Trainer) -> list[Any]:
    """All loggers; those over images are told how many have been seen."""
    model: Any = getattr(trainer, "lightning_module", None)
    for logger in trainer.loggers:
        if isinstance(logger, LoggerOverImages) and hasattr(model, "images_seen"):
            logger.images_seen = int(model.images_seen)
    return trainer.loggers


def flat(options: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The values of nested mappings by their paths; a list is one value."""
    found: dict[str, Any] = {}
    for key, value in options.items():
        here = f"{path}.{key}" if path else str(key)
        found |= flat(value, here) if isinstance(value, Mapping) else {here: value}
    return found

"""A step whose batch is computed in parts: the gradients add up to those of the whole batch, in less memory.

Every random number belongs to an image (`gan_lab.utils.per_image`), so each part draws what the whole batch would
have drawn for its images. Generated images are made again for the generator's turn instead of being kept with all that
their gradient needs. What looks at a batch as a whole sees a part: batch norm's statistics, say.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import _SpectralNorm

from gan_lab.models.player import frozen
from gan_lab.models.report import Report
from gan_lab.models.turns import Condition, Turn
from gan_lab.stabilisers import TopK
from gan_lab.utils import per_image, seeding

if TYPE_CHECKING:
    from gan_lab.models.adversarial import AdversarialModule

Rows = tuple[int, int]  # the first place of a part, and the first one after it


def take_turns(
    model: "AdversarialModule",
    real: Tensor,
    condition: Condition,
    due: Sequence[Turn],
    reports: Sequence[Report | None],
) -> None:
    """Move the players on one batch, in `model.parts` parts.

    Args:
        model: whose players move.
        real: images (n places, channels, height, width), where a place may bring several.
        condition: tensors whose first dimension is n, or a multiple of it.
        due: the turns of this step.
        reports: one for each turn, or None.

    Raises:
        ValueError: the batch has fewer places than parts.
    """
    places = len(real) // model.images_per_place
    if places < model.parts:
        raise ValueError(
            f"trainer.accumulate_grad_batches={model.parts} can't split a batch of {places}: raise data.batch_size"
        )
    ends = [places * part // model.parts for part in range(model.parts + 1)]
    generator, discriminator = model.players
    step = Step(model, real, condition, list(pairwise(ends)), places)
    for number, (turn, report) in enumerate(zip(due, reports, strict=True)):
        player = generator if turn.player == "generator" else discriminator
        if turn.images == "fresh" or (turn.images == "shared" and step.noise is None):
            step.noise, step.shown = seeding.device_state(model.device), None
            if turn.player == "discriminator":
                step.generate()
        if turn.player == "discriminator" and step.shown is None:
            step.shown = model.shown_to_discriminator(real, step.fake if turn.images != "own" else real)
        player.forget()
        logits: list[dict[str, Tensor]] = []
        with frozen(discriminator.parameters if turn.player == "generator" else ()):
            for terms, share in step.terms(turn, fresh=number == 0 or turn.images == "fresh"):
                player.learn(terms, turn.every, share, is_last=len(logits) == model.parts - 1)
                logits.append(model.latest_logits)
        player.move(report, turn)
        if turn.player == "discriminator":
            if turn.name == "discriminator":
                model.latest_logits = {kind: torch.cat([part[kind] for part in logits]) for kind in logits[0]}
            model.after_discriminator_turn(turn)


class Step:
    """The images of one step, and the states of the random generator from which its parts draw."""

    def __init__(
        self, model: "AdversarialModule", real: Tensor, condition: Condition, rows: Sequence[Rows], places: int
    ) -> None:
        self.model, self.real, self.condition = model, real, condition
        self.rows, self.places = rows, places
        self.noise: tuple[Tensor, ...] | None = None  # the state from which the generated images of now were drawn
        self.fake: Tensor = real
        self.shown: tuple[Tensor, Tensor] | None = None

    def generate(self) -> None:
        """Make the generated images of the whole batch, without a way back to the generator."""
        parts = []
        for rows in self.rows:
            with self.drawing(rows, self.noise), torch.no_grad():
                parts.append(self.model.generate(self.of(self.real, rows), self.given(rows)))
        sets = self.model.images_per_place
        views = [part.reshape(sets, len(part) // sets, *part.shape[1:]) for part in parts]
        self.fake = torch.cat(views, 1).flatten(0, 1)

    def terms(self, turn: Turn, fresh: bool) -> Iterator[tuple[dict[str, Tensor], float]]:
        """A turn's terms of each part, and the part's share of the batch; each is used up before the next is made."""
        start = seeding.device_state(self.model.device)
        for rows in self.rows:
            share = (rows[1] - rows[0]) / self.places
            real, condition = self.of(self.real, rows), self.given(rows)
            if turn.player == "discriminator":
                assert self.shown is not None
                shown_real, shown_fake = self.shown
                with self.drawing(rows, start):
                    yield turn.terms(self.of(shown_real, rows), self.of(shown_fake, rows), condition), share
            else:
                with self.drawing(rows, start if turn.images == "own" else self.noise):
                    fake = real if turn.images == "own" else self.model.generate(real, condition)
                    if not fresh:  # the generator stands where the discriminator's turn has left it
                        seeding.restore_device_state(self.model.device, start)
                    yield turn.terms(real, fake, condition), share

    @contextmanager
    def drawing(self, rows: Rows, state: tuple[Tensor, ...] | None) -> Iterator[None]:
        """Draw for a part, from a state that all parts begin with."""
        assert state is not None
        seeding.restore_device_state(self.model.device, state)
        with per_image.rows(*rows, self.places):
            yield

    def of(self, images: Tensor, rows: Rows) -> Tensor:
        """A part of images of the whole batch, (m n, ...): the places of each of the m sets of n."""
        return images.reshape(-1, self.places, *images.shape[1:])[:, rows[0] : rows[1]].flatten(0, 1)

    def given(self, rows: Rows) -> Condition:
        """A part of the condition."""
        return tuple(self.of(each, rows) for each in self.condition)


def whole_batches(model: nn.Module) -> list[str]:
    """The names of what makes a step in parts another one than that of the whole batch; empty where nothing does."""
    found: dict[str, Callable[[Any], bool]] = {
        "batch norm": lambda layer: isinstance(layer, _BatchNorm),
        "spectral norm": lambda layer: isinstance(layer, _SpectralNorm),
        "the mean of w that truncation goes by": lambda layer: hasattr(layer, "running_w_mean"),
        "minibatch standard deviation": lambda layer: getattr(layer, "stddev_group", 1) > 1,
        "top-k": lambda layer: isinstance(layer, TopK),
    }
    return [name for name, is_there in found.items() if any(is_there(layer) for layer in model.modules())]

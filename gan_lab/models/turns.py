"""The moves of a step: who learns on which batch, from which terms and which images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from torch import Tensor

from gan_lab.models.player import PlayerName, Terms

# Where a turn's generated images come from: the turn before on the same batch, fresh noise, or the terms themselves.
Images = Literal["shared", "fresh", "own"]
Condition = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One optimizer step of one player, on some batches of a cycle.

    Args:
        player: whose parameters move.
        terms: from real images, generated images and their condition to the scalars whose sum the player descends. A
            turn with images of its "own" gets the real ones in place of the generated ones.
        cycle: batches after which the turns begin anew.
        at: batches of a cycle, counted from 0, on which the player may move.
        every: takes each n-th of these moves only, the first one included.
        images: "shared" are those that the turn before has generated on this batch, "fresh" are of new noise; with
            "own" none are generated for the terms.
        name: in the logs.
    """

    player: PlayerName
    terms: Callable[[Tensor, Tensor, Condition], Terms]
    cycle: int = 1
    at: tuple[int, ...] = (0,)
    every: int = 1
    images: Images = "shared"
    name: str

    def falls_on(self, step: int) -> bool:
        """True on the batches, counted from 0, on which the player moves."""
        rounds, place = divmod(step, self.cycle)
        return place in self.at and (rounds * len(self.at) + self.at.index(place)) % self.every == 0

    def is_latest(self, step: int, until: int) -> bool:
        """True where the move on batch `step` is the last one up to batch `until`."""
        return not any(self.falls_on(later) for later in range(step + 1, until + 1))


def turns_of_a_cycle(n_critic: int, batch: Literal["shared", "noise", "own"]) -> tuple[int, range, int]:
    """The batches of a cycle: their number, those on which the discriminator learns, and the one for the generator.

    With a batch of its "own", the generator's follows those of the discriminator; else it learns on the last of these.
    """
    return (n_critic + 1, range(n_critic), n_critic) if batch == "own" else (n_critic, range(n_critic), n_critic - 1)


def feeds_generator(due: Sequence[Turn]) -> bool:
    """True where the generator learns through images that are generated for the first of these turns."""
    users = (due[0], *takewhile(lambda turn: turn.images != "fresh", due[1:]))
    return any(turn.player == "generator" and turn.images != "own" for turn in users)


def share_of_main_steps(turns: Sequence[Turn]) -> float:
    """The share of a player's steps that come on all of its batches: k / (k + 1) where there is one lazy turn."""
    main = sum(turn.every == 1 for turn in turns)
    return main / sum(1 / turn.every for turn in turns)

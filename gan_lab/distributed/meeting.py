"""A meeting of the processes that torchrun or srun has started, before they train: the run's folder, and refusals.

They meet at a key-value store and not in a process group: the group that trains would find the traces of another.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from platform import node

from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from gan_lab.distributed.launcher import WorldInfo, surroundings
from gan_lab.utils.errors import UserError

PORT_OFFSET = 5000  # ports between the one where training meets under srun and the one where ranks meet before


class Meeting:
    """All processes of a run. Each of them calls the same methods in the same order.

    Args:
        world: the processes.

    Raises:
        UserError: they don't find each other.
    """

    def __init__(self, world: WorldInfo) -> None:
        around = surroundings()
        elastic = isinstance(around, TorchElasticEnvironment)  # torchrun has a store there
        self.world = world
        self.place = (around.main_address, around.main_port - (0 if elastic else PORT_OFFSET))
        self.key = f"gan_lab/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"
        with self._finding_each_other():
            self.store = TCPStore(*self.place, is_master=world.rank == 0 and not elastic, wait_for_workers=False)

    def exchange(self, topic: str, text: str) -> list[str]:
        """Tell the others a text, and hear theirs.

        Returns:
            The texts by rank.

        Raises:
            UserError: the processes don't find each other.
        """
        key = f"{self.key}/{topic}"
        with self._finding_each_other():
            self.store.set(f"{key}/{self.world.rank}", text)
            texts = [self.store.get(f"{key}/{rank}").decode() for rank in range(self.world.size)]
            if self.store.add(f"{key}/heard_by", 1) == self.world.size:
                self.store.set(f"{key}/heard", "by all")
            if self.world.rank == 0:
                self.store.get(f"{key}/heard")  # whoever keeps the store stays until all have read
            return texts

    def agree(self, topic: str, problem: str) -> None:
        """Go on if no process has a problem. Else the first one says the first problem, and all end.

        Raises:
            UserError: on the first process, naming another one that alone has the problem.
            SystemExit: on the others.
        """
        for rank, text in enumerate(self.exchange(topic, json.dumps([problem, node()]))):
            problem, machine = json.loads(text)
            if problem and self.world.rank:
                sys.exit(1)
            if problem:
                raise UserError(f"process {rank} on {machine}: {problem}" if rank else problem)

    @contextmanager
    def _finding_each_other(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"the processes don't find each other at {self.place[0]}:{self.place[1]} "
                f"({str(error).splitlines()[0]}); set MASTER_PORT to one that is free"
            ) from error

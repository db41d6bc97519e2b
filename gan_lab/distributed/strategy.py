"""Several processes, each with the whole model and its own part of every batch."""

import atexit

import torch.distributed as dist
from lightning.pytorch.strategies import DDPStrategy

from gan_lab.distributed import collectives


class UnwrappedDDPStrategy(DDPStrategy):
    """Lightning's processes and devices, without DistributedDataParallel around the model.

    That wrapper expects one forward of the whole module and a backward through all of it. An adversarial step has two
    backwards, each through one player; penalties differentiate twice, translators run several times. Here the player
    that goes backward averages its gradients itself (`gan_lab.models.player`), whatever its loss was made of.

    On CUDA the processes exchange through two ways: tensors of the device through NCCL, and what lies on the CPU
    through gloo. So what they agree on, whether to stop, say, waits for no device.
    """

    def setup_distributed(self) -> None:
        """Meet the other processes, and leave them when the program ends, as Lightning has it for NCCL alone."""
        super().setup_distributed()
        if self.root_device.type != "cpu":
            atexit.register(leave)

    def configure_ddp(self) -> None:
        """Start all processes from the first one's weights and statistics; what is each one's own stays so."""
        assert self.model is not None
        own: tuple[str, ...] = getattr(self.model, "per_rank_state", ())
        state = self.model.state_dict(keep_vars=True)
        collectives.broadcast([value for name, value in state.items() if not name.startswith(own)])

    def barrier(self, *_: object, **__: object) -> None:
        """Wait for all processes, but for no device."""
        collectives.all_reduce_max(0)

    def reduce_boolean_decision(self, decision: bool, all: bool = True) -> bool:
        """Decide alike on all processes: as all of them would, or as any of them would."""
        return bool(collectives.all_reduce_max(decision != all)) != all

    def _get_process_group_backend(self) -> str:
        """The way of the device's tensors, and gloo for those of the CPU, as which torch sends objects then, too."""
        backend: str = super()._get_process_group_backend()
        return backend if backend == "gloo" else f"cpu:gloo,{self.root_device.type}:{backend}"


def leave() -> None:
    """Leave the other processes, where that has not been done."""
    if dist.is_initialized():
        dist.destroy_process_group()

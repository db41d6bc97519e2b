"""Several processes, each with the whole model and its own part of every batch."""

from lightning.pytorch.strategies import DDPStrategy

from gan_lab.distributed import collectives


class UnwrappedDDPStrategy(DDPStrategy):
    """Lightning's processes and devices, without DistributedDataParallel around the model.

    That wrapper expects one forward of the whole module and a backward through all of it. An adversarial step has two
    backwards, each through one player; penalties differentiate twice, translators run several times. Here the player
    that has just gone backward averages its gradients itself (`gan_lab.models.player`), in one exchange, whatever its
    loss was made of.
    """

    def configure_ddp(self) -> None:
        """Start all processes from the first one's weights and statistics; what is each one's own stays so."""
        assert self.model is not None
        own: tuple[str, ...] = getattr(self.model, "per_rank_state", ())
        state = self.model.state_dict(keep_vars=True)
        collectives.broadcast([value for name, value in state.items() if not name.startswith(own)])

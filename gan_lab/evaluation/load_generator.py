"""The trained generator that is to be measured."""

from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run, Which
from gan_lab.utils.errors import UserError


def load(run: Run, which: Which) -> LatentGAN:
    """A run's model, on the CPU.

    Args:
        run: finished or not.
        which: of its checkpoints.

    Raises:
        UserError: there is no such checkpoint, or the model doesn't draw from latents.
    """
    model = run.load_model(which)
    if not isinstance(model, LatentGAN):
        raise UserError(
            f"{run.folder}: {type(model).__name__} translates images, and draws none from noise: there is nothing to "
            "hold against a dataset; look at its grids in samples/"
        )
    return model

"""The trained generator of a run, for sampling and evaluation."""

from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run, Which
from gan_lab.utils.errors import UserError


def load(run: Run, which: Which) -> LatentGAN:
    """Load a run's model on the CPU.

    Args:
        run: finished or not.
        which: its last or best checkpoint.

    Raises:
        UserError: the checkpoint is missing or damaged, or the model doesn't generate from latents.
    """
    return as_generator(run.load_model(which), run)


def as_generator(model: AdversarialModule, run: Run) -> LatentGAN:
    """The model of a run, as one that generates from latents.

    Raises:
        UserError: it is another one.
    """
    if not isinstance(model, LatentGAN):
        raise UserError(
            f"{run.folder}: {type(model).__name__} translates images and generates none from noise; use gan-lab "
            "translate, or look at the grids in samples/"
        )
    return model

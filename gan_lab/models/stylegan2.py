"""StyleGAN2 (Karras et al. 2020, Analyzing and improving the image quality of StyleGAN, arXiv:1912.04958)."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.models.player import Terms
from gan_lab.models.report import Report
from gan_lab.models.turns import Condition, Turn, turns_of_a_cycle
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.utils import per_image
from gan_lab.utils.precision import full_precision
from gan_lab.utils.types import NonNegativeFloat, PositiveInt, Probability

EPS = 1e-12  # under the root, whose slope at zero would be infinite


class StyleGAN2(VanillaGAN):
    """The plain game with path length regularisation: a step in w changes every image by about as much (section 3.2).

    With w in the space of styles, J the derivative of the image by w, and y a normal image of deviation
    1 / sqrt(pixels), the length of a path is |J^T y|, and the generator gets the further term
    weight * E[(|J^T y| - a)^2], equation 4. |J^T y|^2 is the mean over the layers, each of which has a w of its own.
    The paper's weight, ln 2 / (r^2 (ln r - ln 2)) at r pixels a side (appendix B), is for y of deviation 1 and the sum
    over the 2 log2(r) - 2 layers: a weight of 2 here.

    a is a moving average of the lengths, from 0 on. It stays through a step and moves at its end, so that a batch in
    parts, or of several processes, has one a.

    conf/model/stylegan2.yaml chooses the non-saturating objective, lazy R1 and players of styles.

    Args:
        network: a generator with `map`, from latents to a w for each layer (batch, layers, w_dim), and `synthesise`,
            from these to images.
        path_length_weight: of the term; 0 leaves it out, and takes any generator.
        path_length_every: 1 adds the term to the loss of each generator step. From 2 on it is lazy: after every n-th
            step it takes a step of its own, with n times its weight (appendix B).
        path_length_decay: share of the latest lengths in a.
        path_length_shrink: takes the lengths of so many times fewer images than a batch has.

    Raises:
        ValueError: the generator has no mapping network.
    """

    running_path_length: Tensor
    running_path_change: Tensor

    def __init__(
        self,
        *,
        network: Mapping[str, nn.Module],
        path_length_weight: NonNegativeFloat,
        path_length_every: PositiveInt,
        path_length_decay: Probability,
        path_length_shrink: PositiveInt,
        **options: Any,
    ) -> None:
        if path_length_weight and not all(hasattr(network["generator"], name) for name in ("map", "synthesise")):
            raise ValueError(
                "path lengths are those of a generator with a mapping network: choose model/network=stylegan2_small, "
                "or set model.path_length_weight=0"
            )
        super().__init__(network=network, **options)
        self.path_length_weight = path_length_weight
        self.path_length_every = path_length_every
        self.path_length_decay = path_length_decay
        self.path_length_shrink = path_length_shrink
        self.register_buffer("running_path_length", torch.zeros(()))  # a
        # Its change in this step. Processes average both, as all buffers of this name.
        self.register_buffer("running_path_change", torch.zeros(()), persistent=False)

    def turns(self) -> list[Turn]:
        """The plain game's, then, on some of the generator's batches, the path lengths'."""
        turns = super().turns()
        if self.path_length_weight and self.path_length_every > 1:
            cycle, _, generator = turns_of_a_cycle(self.n_critic, self.generator_batch)
            of_generator = partial(Turn, player="generator", cycle=cycle, at=(generator,), images="own")
            turns.append(
                of_generator(name="generator/path_length", terms=self.path_terms, every=self.path_length_every)
            )
        return turns

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """The objective's loss on generated images, and the path lengths' term where it is not lazy."""
        terms = super().generator_terms(real, fake, condition)
        if self.path_length_weight and self.path_length_every == 1:
            terms |= self.path_terms(real, fake, condition)
        return terms

    def path_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """The term of new latents, one for every n-th image of the batch; notes how a is to change."""
        images = per_image.piece(len(real))
        measured = images.every_nth(self.path_length_shrink)
        if not measured.size:  # in a small part of a batch
            return {"path_length": torch.zeros((), device=self.device, requires_grad=True)}
        with per_image.rows(*measured):
            lengths = self.path_lengths(self.sample_latents(measured.size))
        apart = lengths - self.running_path_length
        self.running_path_change += measured.share * self.path_length_decay * apart.detach().mean()
        share = measured.share / images.share  # a part's may be another among the images that are measured
        return {"path_length": self.path_length_weight * share * apart.square().mean()}

    def path_lengths(self, latents: Tensor) -> Tensor:
        """|J^T y| of each image (batch,), of latents (batch, latent_dim); in float32 or better, part of the graph."""
        with torch.enable_grad(), full_precision(latents.device):
            generator: Any = self.generator
            ws: Tensor = generator.map(latents)
            ws = ws if ws.requires_grad else ws.requires_grad_()  # of a mapping that is frozen
            images: Tensor = generator.synthesise(ws)
            noise = per_image.randn(*images.shape, like=images) / math.sqrt(images[0, 0].numel())
            (gradients,) = torch.autograd.grad((images * noise).sum(), ws, create_graph=True)
            return (gradients.square().sum(2).mean(1) + EPS).sqrt()

    def take_turns(
        self, real: Tensor, condition: Condition, due: Sequence[Turn], reports: Sequence[Report | None]
    ) -> None:
        """Move the players, then a."""
        super().take_turns(real, condition, due, reports)
        self.running_path_length += self.running_path_change
        self.running_path_change.zero_()

    def add_diagnostics(self) -> None:
        """Add a to the report."""
        super().add_diagnostics()
        if self.path_length_weight:
            self.report.add("path_length", self.running_path_length.clone())

"""Stabilisers: terms and choices that keep a discriminator from running ahead, made of logits and images.

A stabiliser may add a term to the discriminator's loss, may follow the discriminator's logits from batch to batch, and
may choose from which generated images the generator learns. None of them differentiates with respect to images, which
is what penalties do. What one of them remembers is in buffers, so checkpoints keep it.
"""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from gan_lab.augment import Augment
from gan_lab.augment.controller import Adaptive, Scheduled
from gan_lab.utils.types import NonNegativeFloat, PositiveFloat, PositiveInt, Share

Critic = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # logits of real and of generated images


class Stabiliser(nn.Module):
    """A change of the game beside the objective; here, none.

    Random numbers come from `gan_lab.utils.per_image`, and nothing waits for the device.
    """

    changes_images: ClassVar[bool] = False  # True: shows changed images, which an image as a condition wouldn't fit
    compares_images: ClassVar[bool] = False  # True: holds logits of different images against each other

    def discriminator_term(
        self, real: Tensor, fake: Tensor, real_logits: Tensor, fake_logits: Tensor, critic: Critic
    ) -> Tensor | None:
        """Scalar that is added to the discriminator's loss, a mean over images; None where there is none.

        Args:
            real: images (batch, channels, height, width) as the discriminator has seen them.
            fake: generated ones, likewise.
            real_logits: of the real images (batch, ...), part of the graph.
            fake_logits: of the generated ones.
            critic: the discriminator, for further images of the same conditions.
        """
        return None

    def observe(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Take note of the logits (batch, ...) of the whole batch, after the discriminator's step."""

    def chosen(self, fake_logits: Tensor, images_seen: int) -> Tensor | None:
        """Places int64 (k,) of the generated images that the generator learns from; None stands for all of them.

        Args:
            fake_logits: of the generated images (batch, ...).
            images_seen: real images trained on before this batch.
        """
        return None

    def has_settled(self, images_seen: int) -> bool:
        """True where every further step launches the same kernels."""
        return True

    def diagnostics(self, images_seen: int) -> dict[str, Tensor | float]:
        """Scalars by name for the logs."""
        return {}


class BalancedConsistency(Stabiliser):
    """Logits that stay when an image is changed in a way that leaves its meaning, for real and generated images.

    Balanced consistency regularisation, bCR: Zhao et al. 2020, section 3.1 and algorithm 1 (arXiv:2002.04724):
    real_weight * E[(C(x) - C(T(x)))^2] + fake_weight * E[(C(G(z)) - C(T(G(z))))^2]. It takes one more forward of both
    kinds of images. With model/augment, x and G(z) are the images as that has changed them already.

    Args:
        real_weight: of real images.
        fake_weight: of generated images.
        augment: T, at its full strength all along.

    Raises:
        ValueError: an augmentation whose strength something else has to set.
    """

    changes_images = True

    def __init__(self, *, real_weight: NonNegativeFloat, fake_weight: NonNegativeFloat, augment: Augment) -> None:
        super().__init__()
        if isinstance(augment, (Adaptive, Scheduled)):
            raise ValueError(
                "nothing sets the strength of this augmentation here, and it begins with 0: choose "
                "gan_lab.augment.diffaugment.DiffAugment"
            )
        self.real_weight = real_weight
        self.fake_weight = fake_weight
        self.augment = augment

    def discriminator_term(
        self, real: Tensor, fake: Tensor, real_logits: Tensor, fake_logits: Tensor, critic: Critic
    ) -> Tensor:
        """The weighted mean squares of what the change does to logits; gradients flow through both sides."""
        changed_real, changed_fake = self.augment(torch.cat((real, fake.to(real.dtype)))).split(len(real))
        real_changed, fake_changed = critic(changed_real, changed_fake)
        of_real = self.real_weight * (real_logits - real_changed).square().mean()
        of_fake: Tensor = self.fake_weight * (fake_logits - fake_changed).square().mean()
        return of_real + of_fake


class LeCam(Stabiliser):
    """Logits that keep to the mean of the other kind's: the discriminator can't pull the two apart without end.

    Tseng et al. 2021, equations 3 and 4 (arXiv:2104.03310): weight * (E[(C(x) - a_F)^2] + E[(C(G(z)) - a_R)^2]), with
    a_R and a_F moving averages of the mean logits of real and of generated images. A step goes by the averages of the
    steps before, and they begin with the means of the first step, which has no term. So a batch in parts takes the step
    of the whole batch, and several processes that of one.

    Args:
        weight: of the term.
        decay: share of the averages that is left after a step.
    """

    compares_images = True
    running_real: Tensor  # after each batch the model takes the mean over processes of what is named running_...
    running_fake: Tensor
    begun: Tensor

    def __init__(self, *, weight: PositiveFloat, decay: Share) -> None:
        super().__init__()
        self.weight = weight
        self.decay = decay
        self.register_buffer("running_real", torch.zeros(()))
        self.register_buffer("running_fake", torch.zeros(()))
        self.register_buffer("begun", torch.zeros(()))  # 0 until there are averages, then 1

    def discriminator_term(
        self, real: Tensor, fake: Tensor, real_logits: Tensor, fake_logits: Tensor, critic: Critic
    ) -> Tensor:
        """The weighted mean squares of each kind's logits about the other kind's average."""
        of_real = (real_logits - self.running_fake).square().mean()
        of_fake = (fake_logits - self.running_real).square().mean()
        return self.weight * self.begun * (of_real + of_fake)

    @torch.no_grad()
    def observe(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Move the averages towards the means of the batch."""
        share = 1 - self.decay * self.begun
        for average, logits in ((self.running_real, real_logits), (self.running_fake, fake_logits)):
            # A logit that isn't finite, as float16 may have while its scale is sought, says nothing.
            mean = logits.nan_to_num(0, 0, 0).mean()
            average.lerp_(mean.to(average.dtype), share)
        self.begun.fill_(1)

    def diagnostics(self, images_seen: int) -> dict[str, Tensor | float]:
        """Both averages."""
        return {"lecam/real": self.running_real.clone(), "lecam/fake": self.running_fake.clone()}


class TopK(Stabiliser):
    """The generator learns from those of its images that the discriminator finds most real.

    Sinha et al. 2020, section 3 (arXiv:2002.06224): of a batch of n images only the k with the highest logits count,
    where k falls from n to a least share of it: in the paper by a factor each epoch, here as smoothly as images are
    seen, by the same geometric law. A relativistic objective gets the real images of the same places. The choice is
    made within the images at hand: each process chooses from its own batch, and a batch in parts from each part.

    Args:
        least_share: of the batch, that k falls to.
        images_to_least: real images seen until then.
    """

    compares_images = True

    def __init__(self, *, least_share: Share, images_to_least: PositiveInt) -> None:
        super().__init__()
        if not least_share:
            raise ValueError("model.stabiliser.top_k.least_share=0 leaves the generator nothing: set it above 0")
        self.least_share = least_share
        self.images_to_least = images_to_least

    def share(self, images_seen: int) -> float:
        """The share of a batch that counts: least_share^(images_seen / images_to_least), and then least_share."""
        return float(self.least_share ** min(1.0, images_seen / self.images_to_least))

    def chosen(self, fake_logits: Tensor, images_seen: int) -> Tensor | None:
        """Places of the k images with the highest logits, each the mean of an image's patches; k is 1 at least."""
        count = len(fake_logits)
        k = max(1, int(self.share(images_seen) * count))
        return None if k == count else fake_logits.detach().reshape(count, -1).mean(1).topk(k).indices

    def has_settled(self, images_seen: int) -> bool:
        """True where k falls no further."""
        return images_seen >= self.images_to_least

    def diagnostics(self, images_seen: int) -> dict[str, Tensor | float]:
        """The share that counts."""
        return {"top_k/share": self.share(images_seen)}

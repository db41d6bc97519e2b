"""Two players and what they minimise, on images: the part of an adversarial model that a variant changes."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, cast

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_lab.augment import Augment
from gan_lab.losses import Objective
from gan_lab.models.compile import compile_in_place, eager
from gan_lab.models.ema import MovingAverage
from gan_lab.models.freezing import freeze_lowest
from gan_lab.models.player import Terms
from gan_lab.models.turns import Condition
from gan_lab.penalties import Penalty, input_gradients
from gan_lab.stabilisers import Stabiliser
from gan_lab.utils import chunks
from gan_lab.utils.batches import AnyBatch, LabelledImages, Pairs
from gan_lab.utils.precision import Precision

Extras = dict[str, Tensor]  # what a discriminator with heads says of images beside logits, each (batch, ...)
Outputs = tuple[Tensor, Extras]  # logits (batch, ...), and the extras of the same forward
Kind = Literal["real", "fake"]


class TwoPlayers(LightningModule):
    """A generator and a discriminator, and scalars of images that each of them descends.

    Arguments and errors are those of `AdversarialModule`.
    """

    def __init__(
        self,
        network: Mapping[str, nn.Module],
        objective: Objective,
        penalty: Mapping[str, Penalty],
        augment: Augment | None,
        stabiliser: Mapping[str, Stabiliser],
        freeze_discriminator: int,
        ema_half_life: int | None,
    ) -> None:
        super().__init__()
        self.generator = network["generator"]
        self.discriminator = network["discriminator"]
        self.generator_ema = MovingAverage(self.generator, ema_half_life) if ema_half_life else None
        self.objective = objective
        self.penalty = penalty
        self.penalty_precision: Precision = "32-true"  # set by the trainer
        self.augment = augment
        self.stabiliser = nn.ModuleDict(stabiliser)
        self.freeze_discriminator = freeze_discriminator
        self.images_seen = 0  # real images trained on so far, by all processes together
        self.latest_logits: dict[str, Tensor] = {}  # of the latest batch, for callbacks and logs
        if augment is not None and augment.needs_absolute_logits and objective.decision_threshold is None:
            raise ValueError(
                "model/augment=ada goes by the sign of a logit, which says nothing with this objective: choose "
                "model/augment=diffaugment or scheduled, or model/objective=non_saturating"
            )
        if penalty and any(isinstance(layer, _BatchNorm) for layer in self.discriminator.modules()):
            raise ValueError(
                f"a gradient penalty ({', '.join(penalty)}) needs logits that don't depend on other images, but the "
                "discriminator has batch norm: set model.network.discriminator.norm=layer, or model/penalty=none"
            )
        if freeze_discriminator:
            for discriminator in self.discriminators():
                freeze_lowest(discriminator, freeze_discriminator)

    # What a variant says.

    def unpack_batch(self, batch: AnyBatch) -> tuple[Tensor, Condition]:
        """Real images of a batch, and the condition that both players get: here, none.

        Raises:
            ValueError: the batch is not of labelled images, but of two domains or of pairs.
        """
        if not isinstance(batch, LabelledImages):
            kind = "pairs of images" if isinstance(batch, Pairs) else "images of two domains"
            model = "pix2pix" if isinstance(batch, Pairs) else "cyclegan"
            raise ValueError(f"the data are {kind}, which model={model} translates; choose data=mnist")
        return batch.images, ()

    @abstractmethod
    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """Generated images, one for each real image; gradients flow back into the generator."""

    @abstractmethod
    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """Images of a grid while the model learns, in [-1, 1], from the same inputs at every call, row by row.

        Args:
            rows: wanted; the model may have its reasons for another number.
            columns: wanted.
            seed: of the inputs.
            ema: True takes the generator's moving average where there is one, False the generator as it is.

        Returns:
            The images (n, channels, height, width), and how many make a row.
        """

    def discriminator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """Scalars by name whose sum the discriminator descends, given images (batch, channels, height, width).

        By default, the objective's loss on real and generated images, the penalties and stabilisers where there are
        any, and the terms of heads.
        """
        penalties = self.penalty_terms(real, fake, condition)
        (real_logits, real_extras), (fake_logits, fake_extras) = self.real_and_fake_outputs(real, fake, condition)
        return {
            "adversarial": self.objective.discriminator(real_logits, fake_logits),
            **penalties,
            **self.stabiliser_terms(real, fake, real_logits, fake_logits, condition),
            **self.head_terms("real", real_extras, condition),
            **self.head_terms("fake", fake_extras, condition),
        }

    @abstractmethod
    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """Scalars by name whose sum the generator descends; gradients flow into it through `fake`."""

    def head_terms(self, kind: Kind, extras: Extras, condition: Condition) -> Terms:
        """Scalars by name, from what the discriminator says of images beside logits: here, none.

        The discriminator descends those of "real" and of "fake" images, the generator those of the latter, all from the
        forward that its logits come from.

        Args:
            kind: of the images.
            extras: of the discriminator's forward, in float32 or better; empty where it has no heads.
            condition: of the images.
        """
        return {}

    def shown_fakes(self, fake: Tensor) -> Tensor:
        """Generated images that the discriminator learns from in place of those just generated: here, these.

        Called once for every batch of generated images, also where the step computes the batch in parts.
        """
        return fake

    def discriminators(self) -> list[nn.Module]:
        """The networks that look at images, of which the discriminator consists: here, itself."""
        return [self.discriminator]

    # What variants make their terms of.

    def outputs(self, images: Tensor, condition: Condition) -> Outputs:
        """Logits and extras in float32 or better: a half-precision loss would round away the discriminator's edge."""
        found: Tensor | Outputs = self.discriminator(images, *condition)
        logits, extras = found if isinstance(found, tuple) else (found, {})
        return not_in_half(logits), {name: not_in_half(extra) for name, extra in extras.items()}

    def logits(self, images: Tensor, condition: Condition) -> Tensor:
        """Logits alone, in float32 or better."""
        return self.outputs(images, condition)[0]

    def real_and_fake_outputs(self, real: Tensor, fake: Tensor, condition: Condition) -> tuple[Outputs, Outputs]:
        """Logits and extras of real and of generated images, in one forward where the discriminator allows it.

        That is a `batch_independent` one. Where images of a batch meet, in batch norm for example, each kind keeps a
        batch of its own. Callbacks and logs find these logits in `latest_logits`.
        """
        of_real, of_fake = self.outputs_of_both(real, fake, condition)
        self.latest_logits = {"real": of_real[0].detach(), "fake": of_fake[0].detach()}
        return of_real, of_fake

    def outputs_of_both(self, real: Tensor, fake: Tensor, condition: Condition) -> tuple[Outputs, Outputs]:
        """Logits and extras as of `real_and_fake_outputs`, which nobody else sees."""
        if not getattr(self.discriminator, "batch_independent", False):
            return self.outputs(real, condition), self.outputs(fake.to(real.dtype), condition)
        n = len(real)
        both, extras = self.outputs(torch.cat((real, fake)), tuple(torch.cat((part, part)) for part in condition))
        of_real = both[:n], {name: extra[:n] for name, extra in extras.items()}
        return of_real, (both[n:], {name: extra[n:] for name, extra in extras.items()})

    def outputs_and_gradients(self, images: Tensor, condition: Condition) -> tuple[Outputs, Tensor]:
        """Logits and extras, and each image's gradient of its logit (batch, channels, height, width), with a graph."""
        outputs: list[Outputs] = []

        def logits(leaf: Tensor) -> Tensor:
            outputs.append(self.outputs(leaf, condition))
            return outputs[0][0]

        with eager(self.discriminator):
            _, gradients = input_gradients(logits, images, self.penalty_precision)
        return outputs[0], gradients

    def penalty_terms(self, real: Tensor, fake: Tensor, condition: Condition, every: int = 1) -> Terms:
        """The penalties of one interval by name, each from gradients of its own."""
        terms: Terms = {}
        for name, penalty in self.penalty.items():
            if penalty.every == every:
                _, gradients = self.outputs_and_gradients(penalty.sample_points(real, fake), condition)
                terms[name] = penalty.penalty(gradients)
        return terms

    def stabiliser_terms(
        self, real: Tensor, fake: Tensor, real_logits: Tensor, fake_logits: Tensor, condition: Condition
    ) -> Terms:
        """The stabilisers' terms by name, from logits that are there already."""

        def critic(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
            of_real, of_fake = self.outputs_of_both(real, fake, condition)
            return of_real[0], of_fake[0]

        terms: Terms = {}
        for name, stabiliser in self.stabilisers():
            term = stabiliser.discriminator_term(real, fake, real_logits, fake_logits, critic)
            if term is not None:
                terms[name] = term
        return terms

    def generator_loss(self, real: Tensor, fake: Tensor, condition: Condition) -> Tensor:
        """The generator's loss, which looks at real images only where the objective is relativistic."""
        return self.generator_loss_and_extras(real, fake, condition)[0]

    def generator_loss_and_extras(self, real: Tensor, fake: Tensor, condition: Condition) -> Outputs:
        """The generator's loss, a scalar, and the extras of generated images."""
        relativistic = self.objective.relativistic
        real_logits = [self.logits(self.augmented(real), condition)] if relativistic else []
        fake_logits, extras = self.outputs(self.augmented(fake), condition)
        for _, stabiliser in self.stabilisers():
            places = stabiliser.chosen(fake_logits, self.images_seen)
            if places is not None:
                fake_logits, real_logits = fake_logits[places], [logits[places] for logits in real_logits]
        return self.objective.generator(fake_logits, *real_logits), extras

    def stabilisers(self) -> list[tuple[str, Stabiliser]]:
        """The stabilisers with their names."""
        return cast(list[tuple[str, Stabiliser]], list(self.stabiliser.items()))

    def augmented(self, images: Tensor) -> Tensor:
        """Images as a player's turn shows them to the discriminator; gradients flow through."""
        return images if self.augment is None else cast(Tensor, self.augment(images))

    def eval_logits(self, images: Tensor, condition: Condition) -> Tensor:
        """Logits in evaluation mode and without gradients, for callbacks; the discriminator stays as it is."""
        with evaluating(self.discriminator), torch.no_grad():
            of_all: Tensor = chunks.applied(
                self.discriminator, images, *condition, by=lambda part, *its: self.logits(part, its)
            )
        return of_all

    def compile_networks(self) -> None:
        """Compile both players for training. Penalties and callbacks call them uncompiled."""
        compile_in_place(self.generator, self.discriminator)

    def sampling_network(self, ema: bool = True) -> nn.Module:
        """The network that draws samples: the generator's moving average if there is one and it is wanted."""
        return self.generator_ema if ema and self.generator_ema is not None else self.generator


@contextmanager
def evaluating(network: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode, as it is written, and afterwards in the mode that it was in."""
    training = network.training
    try:
        with eager(network):
            yield network.eval()
    finally:
        network.train(training)


def not_in_half(values: Tensor) -> Tensor:
    """The same numbers, in float32 where they come in half precision."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values

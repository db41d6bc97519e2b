"""The loops to beat: what a careful person writes for one GAN without any framework.

In-memory uint8 data, one generator forward a step, a frozen discriminator in the generator's turn, fused Adam, a
moving average of the generator, nothing logged: everything that makes a step fast without changing what it computes.
All of it happens on the device of the images.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Step = Callable[[], None]
LATENT_DIM = 100


def latents(images: Tensor, count: int) -> Tensor:
    """Noise on the device of the images."""
    return torch.randn(count, LATENT_DIM, device=images.device)


def adam(player: nn.Module, betas: tuple[float, float] = (0.5, 0.999)) -> torch.optim.Optimizer:
    """The usual optimizer in its fastest form."""
    return torch.optim.Adam(player.parameters(), lr=2e-4, betas=betas, fused=True)


class Batches:
    """Shuffled batches of uint8 images (n, channels, height, width) as floats in [-1, 1], with their labels."""

    def __init__(
        self, images: Tensor, labels: Tensor, size: int, layout: torch.memory_format = torch.contiguous_format
    ):
        self.images, self.labels, self.size, self.layout = images, labels, size, layout
        self.order, self.place = torch.randperm(len(images), device=images.device), 0

    def next(self) -> tuple[Tensor, Tensor]:
        """The next batch."""
        if self.place + self.size > len(self.order):
            self.order, self.place = torch.randperm(len(self.images), device=self.images.device), 0
        chosen = self.order[self.place : self.place + self.size]
        self.place += self.size
        real = self.images.index_select(0, chosen).float().sub_(127.5).mul_(2 / 255)
        return real.contiguous(memory_format=self.layout), self.labels.index_select(0, chosen)


class Average:
    """A moving average of a network."""

    def __init__(self, network: nn.Module, images: int) -> None:
        self.copy = deepcopy(network).requires_grad_(False)
        self.weight = 1 - 0.5 ** (images / 10_000)
        self.own, self.now = (
            [tensor.data for tensor in (*each.parameters(), *each.buffers()) if tensor.is_floating_point()]
            for each in (self.copy, network)
        )

    def follow(self) -> None:
        """Move a little towards the network."""
        torch._foreach_lerp_(self.own, self.now, self.weight)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def gan(
    generator: nn.Module,
    discriminator: nn.Module,
    images: Tensor,
    batch_size: int,
    channels_last: bool = False,
    joined: bool = False,
) -> Step:
    """The non-saturating GAN; with `joined`, one forward of the discriminator takes both kinds of images."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    for player in (generator, discriminator):
        player.to(memory_format=layout)
    batches = Batches(images, images.new_zeros(len(images)), batch_size, layout)
    generator_optimizer, discriminator_optimizer = adam(generator), adam(discriminator)
    average = Average(generator, batch_size)

    def step() -> None:
        real, _ = batches.next()
        fake = generator(latents(images, batch_size))
        if joined:
            real_logits, fake_logits = discriminator(torch.cat((real, fake.detach()))).chunk(2)
        else:
            real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
        descend(discriminator_optimizer, F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean())
        discriminator.requires_grad_(False)
        descend(generator_optimizer, F.softplus(-discriminator(fake)).mean())
        discriminator.requires_grad_(True)
        average.follow()

    return step


def wgan(generator: nn.Module, critic: nn.Module, images: Tensor, batch_size: int, penalty: float | None) -> Step:
    """Five critic steps for each of the generator's: clipped weights and RMSprop, or a gradient penalty and Adam."""
    batches, average = Batches(images, images.new_zeros(len(images)), batch_size), Average(generator, batch_size)
    generator_optimizer, critic_optimizer = (
        adam(player, (0.0, 0.9)) if penalty else torch.optim.RMSprop(player.parameters(), lr=5e-5, foreach=True)
        for player in (generator, critic)
    )
    weights: list[Tensor] = [parameter.data for parameter in critic.parameters()]
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        real, _ = batches.next()
        with torch.set_grad_enabled(count % 5 == 0):
            fake = generator(latents(images, batch_size))
        real_logits, fake_logits = critic(torch.cat((real, fake.detach()))).chunk(2)
        loss = fake_logits.mean() - real_logits.mean()
        if penalty:
            between = torch.lerp(
                fake.detach(), real, torch.rand(batch_size, 1, 1, 1, device=images.device)
            ).requires_grad_()
            (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            norm = (gradient.flatten(1).square().sum(1) + 1e-12).sqrt()
            loss = loss + penalty * (norm - 1).square().mean()
        descend(critic_optimizer, loss)
        if not penalty:
            torch._foreach_clamp_min_(weights, -0.01)
            torch._foreach_clamp_max_(weights, 0.01)
        if count % 5 == 0:
            critic.requires_grad_(False)
            descend(generator_optimizer, -critic(fake).mean())
            critic.requires_grad_(True)
            average.follow()

    return step


def r3gan(generator: nn.Module, discriminator: nn.Module, images: Tensor, batch_size: int) -> Step:
    """Relativistic pairing with R1 and R2, from the forwards that the loss needs anyway."""
    batches, average = Batches(images, images.new_zeros(len(images)), batch_size), Average(generator, batch_size)
    generator_optimizer, discriminator_optimizer = (adam(player, (0.0, 0.99)) for player in (generator, discriminator))

    def penalised(images: Tensor) -> tuple[Tensor, Tensor]:
        leaf = images.detach().requires_grad_()
        logits = discriminator(leaf)
        (gradients,) = torch.autograd.grad(logits.sum(), leaf, create_graph=True)
        return logits, gradients.flatten(1).square().sum(1).mean() / 2

    def step() -> None:
        real, _ = batches.next()
        fake = generator(latents(images, batch_size))
        (real_logits, r1), (fake_logits, r2) = penalised(real), penalised(fake)
        descend(discriminator_optimizer, F.softplus(fake_logits - real_logits).mean() + r1 + r2)
        discriminator.requires_grad_(False)
        descend(generator_optimizer, F.softplus(discriminator(real) - discriminator(fake)).mean())
        discriminator.requires_grad_(True)
        average.follow()

    return step


def cgan(generator: nn.Module, discriminator: nn.Module, images: Tensor, labels: Tensor, batch_size: int) -> Step:
    """The non-saturating GAN with labels for both players."""
    batches, average = Batches(images, labels, batch_size), Average(generator, batch_size)
    generator_optimizer, discriminator_optimizer = adam(generator), adam(discriminator)

    def step() -> None:
        real, labels_of_batch = batches.next()
        fake = generator(latents(images, batch_size), labels_of_batch)
        real_logits = discriminator(real, labels_of_batch)
        fake_logits = discriminator(fake.detach(), labels_of_batch)
        descend(discriminator_optimizer, F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean())
        discriminator.requires_grad_(False)
        descend(generator_optimizer, F.softplus(-discriminator(fake, labels_of_batch)).mean())
        discriminator.requires_grad_(True)
        average.follow()

    return step


def cyclegan(a2b: nn.Module, b2a: nn.Module, critics: Iterable[nn.Module], domains: list[Tensor], size: int) -> Step:
    """Two translators and two patch discriminators, least squares, cycle 10, identity 5, pools of 50 images."""
    of_a, of_b = critics
    translators, discriminators = nn.ModuleList([a2b, b2a]), nn.ModuleList([of_a, of_b])
    batches = [Batches(images, images.new_zeros(len(images)), size) for images in domains]
    average = Average(translators, 2 * size)
    translator_optimizer, discriminator_optimizer = adam(translators), adam(discriminators)
    device = domains[0].device
    pools = [torch.zeros(50, *images.shape[1:], device=device) for images in domains]

    def remembered(pool: Tensor, fresh: Tensor) -> Tensor:
        places = torch.randperm(50, device=device)[:size]
        swap = torch.rand(size, 1, 1, 1, device=device) < 0.5
        kept = pool[places]
        pool[places] = torch.where(swap, fresh, kept)
        return torch.where(swap, kept, fresh)

    def step() -> None:
        a, b = (each.next()[0] for each in batches)
        from_a, from_b = a2b(a), b2a(b)
        loss: Tensor = torch.zeros((), device=device)
        for discriminator, real, fake, pool in ((of_a, a, from_b, pools[0]), (of_b, b, from_a, pools[1])):
            loss = loss + (discriminator(real) - 1).square().mean()
            loss = loss + discriminator(remembered(pool, fake.detach())).square().mean()
        descend(discriminator_optimizer, loss / 4)
        discriminators.requires_grad_(False)
        fooled = ((of_a(from_b) - 1).square().mean() + (of_b(from_a) - 1).square().mean()) / 2
        cycle = (b2a(from_a) - a).abs().mean() + (a2b(from_b) - b).abs().mean()
        identity = (b2a(a) - a).abs().mean() + (a2b(b) - b).abs().mean()
        descend(translator_optimizer, fooled + 10 * cycle / 2 + 5 * identity / 2)
        discriminators.requires_grad_(True)
        average.follow()

    return step

"""The loop to beat: what a careful person writes for one GAN without any framework.

In-memory uint8 data, one generator forward a step, a frozen discriminator in the generator's turn, fused Adam, nothing
logged: everything that makes a step fast without changing what it computes.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def make_step(
    generator: nn.Module,
    discriminator: nn.Module,
    images: Tensor,
    batch_size: int,
    channels_last: bool = False,
    joined: bool = False,
) -> Callable[[], None]:
    """A function that trains on one batch of uint8 images (n, channels, height, width).

    With `joined`, the discriminator scores both kinds of images in one forward: the same where it has no batch norm.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    generator.to(memory_format=layout)
    discriminator.to(memory_format=layout)
    generator_optimizer, discriminator_optimizer = (
        torch.optim.Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
        for player in (generator, discriminator)
    )
    order, place = torch.randperm(len(images)), 0

    def step() -> None:
        nonlocal order, place
        if place + batch_size > len(order):
            order, place = torch.randperm(len(images)), 0
        real = images.index_select(0, order[place : place + batch_size]).float().sub_(127.5).mul_(2 / 255)
        real = real.contiguous(memory_format=layout)
        place += batch_size
        fake = generator(torch.randn(batch_size, 100))

        if joined:
            real_logits, fake_logits = discriminator(torch.cat((real, fake.detach()))).chunk(2)
        else:
            real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
        loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        discriminator_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        discriminator_optimizer.step()

        discriminator.requires_grad_(False)
        loss = F.softplus(-discriminator(fake)).mean()
        generator_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        generator_optimizer.step()
        discriminator.requires_grad_(True)

    return step

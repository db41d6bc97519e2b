"""An order of training images in which every class comes up equally often."""

import torch
from torch import Tensor

from gan_lab.utils import seeding

BLOCK = 4096  # images that are ordered at a time, about


def order(classes: Tensor, seed: int, epoch: int) -> Tensor:
    """The images of an epoch, int64 (m,), as many of each class, a pure function of the arguments.

    An epoch has at least as many images as there are. A class goes through its images in random orders, one after the
    other and from epoch to epoch, so that no image has come up twice more often than another of its class.

    Args:
        classes: of the images, int64 (n,); those that no image has are left out.
        seed: of the orders.
        epoch: its number, from 0 on.
    """
    sizes = torch.bincount(classes.cpu()).tolist()
    members = torch.split(classes.cpu().argsort(stable=True), sizes)  # of each class, in their order
    present = [label for label, size in enumerate(sizes) if size]
    each = -(-len(classes) // len(present))
    drawn = [
        members[label][passes(sizes[label], seeding.derive(seed, "balanced", label), epoch * each, each)]
        for label in present
    ]
    places = seeding.permutation(each * len(present), seeding.derive(seed, "balanced order", epoch))
    return torch.cat(drawn)[places]


def passes(size: int, seed: int, first: int, count: int) -> Tensor:
    """A part, int64 (count,), of an endless row of random orders of `range(size)`, from the index `first` on."""
    orders = max(1, BLOCK // size)  # that one generator draws
    of_block = orders * size
    blocks = range(first // of_block, -(-(first + count) // of_block))
    generators = (torch.Generator().manual_seed(seeding.derive(seed, "block", block)) for block in blocks)
    # Equal keys, of which float64 has next to none, keep their order.
    keys = [torch.rand(orders, size, generator=generator, dtype=torch.float64) for generator in generators]
    return torch.cat([key.argsort(dim=1, stable=True).flatten() for key in keys])[first % of_block :][:count]

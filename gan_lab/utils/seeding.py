"""Random numbers as pure functions of what they are for.

Nothing here keeps state, so a resumed run needs no saved generator, and what one part of a run draws can't
shift what another part sees.
"""

from hashlib import blake2b

import torch
from torch import Tensor


def derive(seed: int, *key: int | str) -> int:
    """A 63-bit seed for one purpose: equal for equal arguments, on every machine, else unrelated."""
    digest = blake2b(repr((seed, *key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_device(device: torch.device, seed: int) -> None:
    """Seed the default generators that code running on `device` draws from."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def permutation(size: int, seed: int) -> Tensor:
    """A random order of `range(size)`, shape (size,), int64."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))

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


def device_state(device: torch.device) -> tuple[Tensor, ...]:
    """The states of the default generators that code running on `device` draws from."""
    states = [torch.default_generator.get_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    elif device.type == "mps":
        states.append(torch.mps.get_rng_state())
    return tuple(states)


def restore_device_state(device: torch.device, states: tuple[Tensor, ...]) -> None:
    """Go back to states that `device_state` gave."""
    torch.default_generator.set_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states[1])


def permutation(size: int, seed: int) -> Tensor:
    """A random order of `range(size)`, shape (size,), int64."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))

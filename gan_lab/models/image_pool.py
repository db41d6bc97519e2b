"""A memory of generated images, so that a discriminator does not forget what it has learned to see through."""

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Hands out the images it is given, or earlier ones in their place.

    Shrivastava et al. 2017, section 2.3 (arXiv:1612.07828), as CycleGAN does it (Zhu et al. 2017, section 4): while
    there is room, images are kept and handed on; then each has an even chance to take the place of a random kept one,
    which is handed out instead. Checkpoints keep the pool.

    Args:
        size: how many images are kept; 0 keeps none and changes nothing.
        shape: of an image.
    """

    images: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size
        self.filled = 0
        self.register_buffer("images", torch.zeros(size, *shape))

    @torch.no_grad()
    def forward(self, fresh: Tensor) -> Tensor:
        """As many images (batch, ...) as are given, drawn with the default random generator."""
        if self.size == 0:
            return fresh
        room = min(len(fresh), self.size - self.filled)
        self.images[self.filled : self.filled + room] = fresh[:room]
        self.filled += room
        handed = [fresh[:room]]
        # At most as many at a time as there are places, so that no two want the same one.
        for chunk in torch.split(fresh[room:], self.size):
            places = torch.randperm(self.size, device=fresh.device)[: len(chunk)]
            swap = torch.rand(len(chunk), device=fresh.device).lt(0.5).view(-1, *[1] * (fresh.dim() - 1))
            kept = self.images[places].to(fresh.dtype)
            self.images[places] = torch.where(swap, chunk, kept).to(self.images.dtype)
            handed.append(torch.where(swap, kept, chunk))
        return torch.cat(handed)

    def get_extra_state(self) -> Tensor:
        """The number of kept images, for the checkpoint."""
        return torch.tensor(self.filled)

    def set_extra_state(self, state: Tensor) -> None:
        """Go on with the checkpoint's number of kept images.

        Raises:
            ValueError: the pool has no room for so many.
        """
        if not 0 <= int(state) <= self.size:
            raise ValueError(f"a pool of {self.size} images keeps {int(state)}")
        self.filled = int(state)

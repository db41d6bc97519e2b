"""Perceptual path length: jumps of the images along short ways through latent space."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.perceptual import SMALLEST, Perceptual
from gan_lab.utils import seeding
from gan_lab.utils.errors import UserError
from gan_lab.utils.memory import at_once

STEP = 1e-4  # the paper's epsilon
TRIMMED = 0.01  # share of the longest and of the shortest steps that don't count, as in the authors' code
AT_ONCE = 64
Distance = Callable[[Tensor, Tensor], Tensor]  # of two batches of images in [-1, 1]: (n,)
OPTION = "the group path_length"


def distance_for(extractor: Extractor, size: int) -> tuple[str, Distance]:
    """The distance of images that there is, and the name of the score: LPIPS where its weights are, else features.

    - `ppl`: LPIPS with AlexNet. The paper and StyleGAN's code take VGG, whose numbers are others.
    - `path_length`: the squared distance of a classifier's features. It suits digits, which LPIPS has never seen.

    Args:
        extractor: of the features.
        size: shorter side of the images, in pixels.

    Raises:
        UserError: there is neither.
    """
    if isinstance(extractor, DatasetClassifier):
        return "path_length", lambda a, b: (_features(extractor, a) - _features(extractor, b)).square().sum(1)
    if size < SMALLEST:
        raise UserError(f"{OPTION}: LPIPS needs images of {SMALLEST} pixels a side; these have {size}")
    try:
        network = Perceptual().to(extractor.device)
    except UserError as error:
        raise UserError(f"{OPTION}: {error}; or take the classifier extractor") from error
    return "ppl", network.of_floats


def _features(extractor: DatasetClassifier, images: Tensor) -> Tensor:
    return extractor.of_pixels((images.float() + 1) * 127.5)[0].double()


def path_length(model: Any, count: int, distance: Distance, *, seed: int, ema: bool) -> float:
    """Path length in z (Karras et al. 2019, arXiv:1812.04948, section 4.1): the mean of d(G(a), G(b)) / eps^2.

    a and b lie 1e-4 apart on the great circle between two random latents, at a random place of the way. The hundredth
    of the longest and of the shortest steps are left out. Both images have the same class, and the same codes where a
    latent has any behind its normal values.

    Args:
        model: that generates from standard normal latents, on its device.
        count: number of steps.
        distance: of two batches of images.
        seed: of the latents.
        ema: as of `LatentGAN.sample`.
    """
    start, end = (model.seeded_latents(count, seeding.derive(seed, "path", each)) for each in ("start", "end"))
    places = torch.rand(count, generator=torch.Generator().manual_seed(seeding.derive(seed, "path", "places")))
    places = places.to(start)[:, None]
    normal = model.latent_dim
    first, second = (
        torch.cat((slerp(start[:, :normal], end[:, :normal], each), start[:, normal:]), dim=1)
        for each in (places, places + STEP)
    )
    condition = model.make_condition(count)
    size = model.sample(first[:1], *(part[:1] for part in condition), ema=ema).numel()
    found = []
    for chosen in torch.split(torch.arange(count), at_once(size, AT_ONCE)):
        shown = [part[chosen.to(part.device)] for part in condition]
        images = [model.sample(part[chosen.to(part.device)], *shown, ema=ema) for part in (first, second)]
        found.append(distance(*images).double().cpu())
    lengths = (torch.cat(found) / STEP**2).sort().values
    cut = int(TRIMMED * count)
    return float(lengths[cut : count - cut].mean())


def slerp(start: Tensor, end: Tensor, place: Tensor) -> Tensor:
    """Points on the great circle between the directions of latents (n, d), at places (n, 1) from 0 to 1.

    Their length is sqrt(d), that of typical latents: in many dimensions all are nearly of this length.
    """
    dtype = start.dtype
    a, b = (each.double() / each.double().norm(dim=1, keepdim=True) for each in (start, end))
    angle = (a * b).sum(1, keepdim=True).clamp(-1, 1).arccos()
    way = b - (a * b).sum(1, keepdim=True) * a
    way = way / way.norm(dim=1, keepdim=True)
    turned = place.double() * angle
    points: Tensor = (a * turned.cos() + way * turned.sin()) * start.shape[1] ** 0.5
    return points.to(dtype)

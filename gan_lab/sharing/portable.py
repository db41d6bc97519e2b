"""Generators as modules that need nothing around them: plain tensors in, pixels out."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gan_lab.data.values import needed
from gan_lab.evaluation import depths
from gan_lab.evaluation.load_generator import as_generator
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.ema import MovingAverage
from gan_lab.models.latent import LatentGAN
from gan_lab.models.translation import TranslationGAN
from gan_lab.runs.run import Run
from gan_lab.utils.depth import Depth
from gan_lab.utils.errors import UserError

FROM_NOISE, TO_IMAGES = "latent", "image"  # names of the first input


class FromLatents(nn.Module):
    """Latents (batch, latent_dim) to pixels (batch, channels, height, width), values of a depth.

    Args:
        network: images in [-1, 1] of latents.
        depth: of the pixels.
    """

    def __init__(self, network: nn.Module, depth: Depth) -> None:
        super().__init__()
        self.network = network
        self.depth = depth

    def floats(self, *inputs: Tensor) -> Tensor:
        """Images float32 (batch, channels, height, width) in about [-1, 1], before they are rounded."""
        made: Tensor = self.network(*inputs)
        return made

    def forward(self, latent: Tensor) -> Tensor:
        """Pixels of latents (batch, latent_dim)."""
        return self.depth.to_codes(self.floats(latent))


class FromLabels(FromLatents):
    """Latents (batch, latent_dim) and labels int64 (batch,) to pixels (batch, channels, height, width)."""

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]
        """Pixels of latents and labels."""
        return self.depth.to_codes(self.floats(latent, label))


class FromCodes(FromLabels):
    """InfoGAN's noise and continuous codes in one latent, and its categories int64 (batch,), to pixels.

    Args:
        network: images of noise, one-hot categories and continuous codes, in this order.
        depth: of the pixels.
        noise: how many of the latent's numbers are noise; the others are codes.
        categories: how many there are.
    """

    def __init__(self, network: nn.Module, depth: Depth, *, noise: int, categories: int) -> None:
        super().__init__(network, depth)
        self.noise = noise
        self.categories = categories

    def floats(self, *inputs: Tensor) -> Tensor:
        """Images float32 in about [-1, 1] of latents (batch, noise + continuous) and categories (batch,)."""
        latent, label = inputs
        category = F.one_hot(label, self.categories).to(latent.dtype)
        return super().floats(torch.cat((latent[:, : self.noise], category, latent[:, self.noise :]), 1))


class FromImages(nn.Module):
    """Pixels (batch, channels, height, width) to pixels of the same size in the other domain, values of depths.

    Args:
        network: images in [-1, 1] of images of the source's channels, whose sides are multiples of its own.
        depth: of the pixels that come out.
        to_source: what the network gets, of pixels; as of a data module, or of the source's depth.
        render: pictures in [-1, 1] of what the network got and of what it made.
    """

    def __init__(
        self,
        network: nn.Module,
        depth: Depth,
        to_source: Callable[[Tensor], Tensor],
        render: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.network = network
        self.depth = depth
        self._to_source, self._render = to_source, render

    def floats(self, *inputs: Tensor) -> Tensor:
        """Images float32 (batch, channels, height, width) in [-1, 1], before they are rounded."""
        source = self._to_source(*inputs)
        return self._render(source, self.network(source))

    def forward(self, image: Tensor) -> Tensor:
        """Pixels of the translation."""
        return self.depth.to_codes(self.floats(image))


@dataclass(frozen=True, kw_only=True)
class Portable:
    """A generator that can be taken elsewhere, and facts about what goes in and comes out.

    Args:
        module: on the CPU, in evaluation mode, without gradients; tensors in, values of `depth` out.
        inputs: names of what goes in, in order.
        examples: of the inputs, a batch of two.
        latent_dim: numbers of a latent; 0 of a translator.
        uniform: how many of them, the last ones, are uniform in [-1, 1]; the others are standard normal.
        classes: labels there are; 0 where the generator takes none.
        class_names: of the labels, where they have names.
        output: of one image, (channels, height, width): of a translator at the size of the example.
        depth: of the images that come out.
        source_depth: of a translator's images that go in; `depth` of others.
        multiple: of a translator, what height and width must be multiples of; 0 of others.
        least: the smallest height and width.
        direction: of a translator, "a2b" or "b2a".
        images_seen: real images that the generator was trained on.
        weights: "ema" or "raw"; "raw" also where there is no average.
    """

    module: FromLatents | FromImages
    inputs: Sequence[str]
    examples: Sequence[Tensor]
    latent_dim: int
    uniform: int
    classes: int
    class_names: Sequence[str]
    output: tuple[int, ...]
    depth: Depth
    source_depth: Depth
    multiple: int
    least: int
    direction: str | None
    images_seen: int
    weights: str

    @property
    def translates(self) -> bool:
        """True where images go in."""
        return self.direction is not None


def portable(run: Run, model: AdversarialModule, *, ema: bool = True, direction: str | None = None) -> Portable:
    """Make a portable generator of a run's model.

    Args:
        run: that the model is of.
        model: on the CPU.
        ema: take the generator's moving average where there is one.
        direction: of a translator, by default a2b; None for others.

    Raises:
        UserError: the model generates nothing, from noise or from images, or not in this direction.
    """
    weights = "ema" if ema and model.generator_ema is not None else "raw"
    if isinstance(model, TranslationGAN):
        return _translator(run, model, ema, direction or "a2b", weights)
    if direction is not None:
        raise UserError(f"--direction {direction}: {type(model).__name__} generates from noise, and has no direction")
    latent = as_generator(model, run)
    depth = depths.of_run(run)
    network = _settled(latent.sampling_network(ema))
    inputs, examples, uniform, classes = [FROM_NOISE], [seeded_latents(latent, 2, 0)], 0, 0
    module: FromLatents = FromLatents(network, depth)
    if categories := getattr(latent, "categories", 0):
        noise, uniform, classes = latent.latent_dim, int(getattr(latent, "continuous", 0)), int(categories)
        module = FromCodes(network, depth, noise=noise, categories=classes)
    elif classes := int(getattr(latent, "num_classes", 0)):
        module = FromLabels(network, depth)
    if classes:
        inputs.append("label")
        examples.append(torch.tensor([0, classes - 1]))
    names = run.data_record().get("classes") if hasattr(latent, "num_classes") else None
    return _described(
        module,
        inputs,
        examples,
        uniform=uniform,
        classes=classes,
        class_names=[str(name) for name in names or []],
        images_seen=model.images_seen,
        weights=weights,
    )


def seeded_latents(model: LatentGAN, count: int, seed: int) -> Tensor:
    """Latents (count, latent_dim) of a seed as a portable generator takes them: InfoGAN's without categories."""
    drawn = model.seeded_latents(count, seed)
    if categories := int(getattr(model, "categories", 0)):
        return torch.cat((drawn[:, : model.latent_dim], drawn[:, model.latent_dim + categories :]), 1)
    return drawn


def _translator(run: Run, model: TranslationGAN, ema: bool, direction: str, weights: str) -> Portable:
    from gan_lab.config.schema import build
    from gan_lab.evaluation.translation import without_training_images

    if direction not in model.directions:
        raise UserError(f"--direction {direction}: {run.folder} translates {' and '.join(model.directions)} only")
    network = _settled(model.translator(direction, ema))
    data = build(without_training_images(run.config()).data)
    channels = int(getattr(data, "source_channels", data.channels))
    depth, source_depth = (depths.of_run(run, domain) for domain in (direction[-1], direction[0]))
    is_deep = any(needed(run.config().data.get("depth", 8), count) for count in (channels, data.rendered_channels))
    to_source = source_depth.to_float if is_deep else data.to_source
    multiple, least = int(getattr(network, "multiple", 1)), int(getattr(network, "least", 1))
    sides = data.image_size if isinstance(data.image_size, (list, tuple)) else (data.image_size, data.image_size)
    shape = (2, channels, *(_next(side, multiple, least) for side in sides))
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    return _described(
        FromImages(network, depth, to_source, data.render),
        [TO_IMAGES],
        [source_depth.to_codes(2 * noise - 1)],
        source_depth=source_depth,
        multiple=multiple,
        least=_next(1, multiple, least),
        direction=direction,
        images_seen=model.images_seen,
        weights=weights,
    )


def _described(module: FromLatents | FromImages, inputs: list[str], examples: list[Tensor], **facts: Any) -> Portable:
    with torch.no_grad():
        made = module.eval()(*examples)
    nothing: dict[str, Any] = {
        "source_depth": module.depth,
        "uniform": 0,
        "classes": 0,
        "class_names": [],
        "multiple": 0,
        "least": 0,
        "direction": None,
    }
    latent_dim = examples[0].shape[1] if inputs[0] == FROM_NOISE else 0
    return Portable(
        module=module,
        inputs=inputs,
        examples=examples,
        latent_dim=latent_dim,
        output=tuple(made.shape[1:]),
        depth=module.depth,
        **nothing | facts,
    )


def _settled(network: nn.Module) -> nn.Module:
    """A copy of a network without gradients, and without what computes weights anew at each call (spectral norm)."""
    copy = deepcopy(network.network if isinstance(network, MovingAverage) else network)
    copy = copy.eval().requires_grad_(False)
    for module in list(copy.modules()):
        if parametrize.is_parametrized(module):
            weights = {str(name): getattr(module, str(name)).detach().clone() for name in module.parametrizations}  # type: ignore[union-attr]
            # torch's own function would change the class, which the original shares.
            module.__class__ = type(module).__bases__[0]
            del module.parametrizations
            for name, weight in weights.items():
                module.register_parameter(name, nn.Parameter(weight, requires_grad=False))
    return copy


def _next(side: int, multiple: int, least: int) -> int:
    """The least multiple that is no smaller than a side."""
    return -(-max(side, least) // multiple) * multiple

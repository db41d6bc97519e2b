"""The style-based players of StyleGAN2 (Karras et al. 2020, arXiv:1912.04958), for any power of two from 8 pixels.

A mapping network turns a latent into w, and w scales the inputs of each convolution of a generator that starts from a
learned constant (Karras et al. 2019, section 2, arXiv:1812.04948). The generator sums an image of each size, the
discriminator is residual (section 4.1). Weights are drawn from N(0, 1) and scaled where they are used, so that Adam
moves all of them at one relative rate (Karras et al. 2018, section 4.1, arXiv:1710.10196).

Cost at channel_base 32768, channel_max 512 and latents of 512: GFLOP of a forward for each image (a multiplication and
its addition are two), million weights, and MiB that the generator's turn keeps for each image in float32, both players
together, beside some 230 MiB whatever the batch. Weights with gradients and Adam's state are another 0.9 GiB.

| pixels | generator | discriminator | weights | MiB |
|---|---|---|---|---|
| 32 | 8.0 | 8.2 | 21.5, 21.5 | 39 |
| 64 | 32.3 | 33.0 | 27.0, 26.5 | 156 |
| 128 | 61.4 | 63.3 | 29.3, 28.4 | 392 |
| 256 | 90.7 | 93.7 | 30.0, 28.9 | 866 |
| 256, channel_base 16384 | 30.1 | 31.1 | 24.8, 24.0 | 454 |
| 512 | 120.4 | 124.5 | 30.3, 29.0 | 1816 |
| 1024 | 150.7 | 156.0 | 30.4, 29.0 | 3724 |
"""

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.networks import grouped
from gan_lab.networks.sizes import doublings, halved
from gan_lab.utils import per_image
from gan_lab.utils.precision import full_precision
from gan_lab.utils.types import ImageSize, PositiveInt, Probability

SLOPE = 0.2
MAPPING_RATE = 0.01  # learning rate of the mapping network as a share of the others' (Karras et al. 2019, appendix C)
W_MEAN_SHARE = 0.005  # of the latest batch in the tracked mean of w
EPS = 1e-8


def activate(features: Tensor) -> Tensor:
    """Leaky ReLU, times sqrt(2) so that the variance stays."""
    return F.leaky_relu(features, SLOPE) * math.sqrt(2)


class Linear(nn.Linear):
    """A fully connected layer with an equalised learning rate, (batch, inputs) to (batch, outputs).

    Args:
        bias: its first value.
        rate: factor of the learning rate.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        self.rate = rate
        super().__init__(inputs, outputs)
        nn.init.constant_(self.bias, bias / rate)

    def reset_parameters(self) -> None:
        """Draw the weights from N(0, 1 / rate^2)."""
        nn.init.normal_(self.weight, 0.0, 1 / self.rate)

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, outputs) of features (batch, inputs)."""
        return F.linear(features, self.weight * (self.rate / math.sqrt(self.in_features)), self.bias * self.rate)


class Convolution(nn.Conv2d):
    """A convolution with an equalised learning rate, (batch, inputs, height, width) to (batch, outputs, ...)."""

    def reset_parameters(self) -> None:
        """Draw the weights from N(0, 1); biases zero."""
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def scaled_weight(self) -> Tensor:
        """Weights that keep the variance: divided by the root of the number of inputs of an output."""
        return self.weight / math.sqrt(self.weight[0].numel())

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, outputs, ...) of maps (batch, inputs, height, width)."""
        return F.conv2d(maps, self.scaled_weight(), self.bias, self.stride, self.padding)


class Filter(nn.Module):
    """The low-pass filter [1, 3, 3, 1] along both sides of each map, zero outside.

    Args:
        total: sum of the filter: 1, or 4 over maps of which three quarters are zeros between the pixels.
    """

    taps: Tensor

    def __init__(self, total: float = 1.0) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("taps", total * torch.outer(taps, taps)[None, None], persistent=False)

    def forward(self, maps: Tensor, *, padding: int, stride: int = 1) -> Tensor:
        """Smooth maps (batch, channels, height, width), of which a stride of 2 keeps every second row and column."""
        channels = maps.shape[1]
        return grouped.conv2d(
            maps, self.taps.expand(channels, -1, -1, -1), stride=stride, padding=padding, groups=channels
        )


class Upsample(Filter):
    """Zeros between the pixels, then the filter: (batch, channels, height, width) to twice the sides."""

    def __init__(self) -> None:
        super().__init__(total=4.0)

    def forward(self, maps: Tensor) -> Tensor:  # type: ignore[override]
        """Maps of twice the height and the width."""
        channels = maps.shape[1]
        return F.conv_transpose2d(maps, self.taps.expand(channels, -1, -1, -1), None, 2, 1, groups=channels)


class ModulatedConvolution(Convolution):
    """A convolution whose weights w scales for each image (section 2.2, equations 1 and 3).

    Scaling an image's input maps is the same as scaling the weights that meet them, and scaling its output maps the
    same as demodulating the weights. So all images share one convolution, which has second derivatives as any other.

    Args:
        inputs: feature maps in.
        outputs: feature maps out.
        side: of the convolution; 3, or 1.
        w_dim: size of w.
        demodulated: each output map gets the variance of the input's, were that white noise.
        up: twice the height and width: zeros between the pixels, the convolution, then the filter.
    """

    def __init__(self, inputs: int, outputs: int, side: int, *, w_dim: int, demodulated: bool, up: bool) -> None:
        super().__init__(inputs, outputs, side, padding=side // 2, bias=False)
        self.style = Linear(w_dim, inputs, bias=1.0)
        self.demodulated = demodulated
        self.filter = Filter(total=4.0) if up else None

    def forward(self, maps: Tensor, w: Tensor) -> Tensor:  # type: ignore[override]
        """Maps (batch, outputs, ...) of maps (batch, inputs, height, width) and w (batch, w_dim)."""
        weight = self.scaled_weight()
        with full_precision(maps.device):  # half precision would round the scales, and float16 overflow at the squares
            styles: Tensor = self.style(w.to(weight.dtype))
            variances = styles.square() @ weight.square().sum((2, 3)).T if self.demodulated else None
        maps = maps * styles[:, :, None, None]
        if self.filter is None:
            maps = F.conv2d(maps, weight, padding=self.padding)
        else:
            maps = self.filter(F.conv_transpose2d(maps, weight.transpose(0, 1), stride=2), padding=1)
        return maps if variances is None else maps * (variances + EPS).rsqrt()[:, :, None, None]


class SynthesisLayer(nn.Module):
    """A modulated 3x3 convolution, noise, a bias and a leaky ReLU (figure 2).

    The noise is one drawing for each place and image while training, from torch's default generator; in evaluation mode
    it is a constant, so that an image is a function of its latent.

    Args:
        inputs: feature maps in.
        outputs: feature maps out.
        sides: height and width of the maps that come out.
        w_dim: size of w.
        up: the maps that come in have half the sides.
    """

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, *, sides: Sequence[int], w_dim: int, up: bool) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(inputs, outputs, 3, w_dim=w_dim, demodulated=True, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise", torch.randn(*sides))

    def forward(self, maps: Tensor, w: Tensor) -> Tensor:
        """Maps (batch, outputs, height, width) of maps (batch, inputs, ...) and w (batch, w_dim)."""
        maps = self.convolution(maps, w)
        noise = per_image.randn(len(maps), 1, *maps.shape[2:], like=maps) if self.training else self.noise
        return activate(maps + noise * self.noise_strength + self.bias[:, None, None])


class ToImage(nn.Module):
    """A modulated 1x1 convolution without demodulation, and a bias: maps (batch, inputs, ...) to images."""

    def __init__(self, inputs: int, channels: int, *, w_dim: int) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(inputs, channels, 1, w_dim=w_dim, demodulated=False, up=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, w: Tensor) -> Tensor:
        """Images (batch, channels, height, width) of maps (batch, inputs, height, width) and w (batch, w_dim)."""
        images: Tensor = self.convolution(maps, w)
        return images + self.bias[:, None, None]


class Mapping(nn.Module):
    """Latents (batch, latent_dim), scaled to length sqrt(latent_dim), to w (batch, w_dim)."""

    def __init__(self, *, latent_dim: int, w_dim: int, layers: int) -> None:
        super().__init__()
        widths = itertools.pairwise([latent_dim] + [w_dim] * layers)
        self.layers = nn.ModuleList(Linear(inputs, outputs, rate=MAPPING_RATE) for inputs, outputs in widths)

    def forward(self, latents: Tensor) -> Tensor:
        """A w (batch, w_dim) for each latent (batch, latent_dim)."""
        w = latents * (latents.square().mean(1, keepdim=True) + EPS).rsqrt()
        for layer in self.layers:
            w = activate(layer(w))
        return w


def stage_widths(channel_base: int, channel_max: int, image_size: ImageSize) -> list[int]:
    """Feature maps at 4, 8, ... pixels up to the image: channel_base / pixels, at most channel_max.

    An oblong image has those of the square with as many doublings: its smallest map has those of 4 pixels.

    Raises:
        ValueError: the image is a square of another size than a power of two from 8, or doubles no small map.
    """
    return [max(1, min(channel_base // (4 * 2**stage), channel_max)) for stage in range(doublings(image_size) + 1)]


class Generator(nn.Module):
    """Latents (batch, latent_dim) to images (batch, channels, height, width); data lie in [-1, 1].

    As in the paper nothing bounds the output: what leaves [-1, 1] is clipped where pixels are made. Path length
    regularisation is a term of the generator's loss: it differentiates `synthesise` with respect to what `map` gives.

    Args:
        latent_dim: size of the latent; 512 in the paper.
        w_dim: size of w; 512 in the paper.
        mapping_layers: from the latent to w; 8 in the paper.
        channel_base: feature maps times pixels of a side; 32768 in configuration F, half of it in A to E.
        channel_max: the most feature maps of a layer.
        mixing: share of images, while training, that get the w of a second latent from a random layer on (Karras et
            al. 2019, section 3.1); drawn from torch's default generator.
    """

    running_w_mean: Tensor

    def __init__(
        self,
        *,
        latent_dim: PositiveInt,
        w_dim: PositiveInt,
        mapping_layers: PositiveInt,
        channel_base: PositiveInt,
        channel_max: PositiveInt,
        mixing: Probability,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        widths = stage_widths(channel_base, channel_max, image_size)
        self.mixing = mixing
        self.mapping = Mapping(latent_dim=latent_dim, w_dim=w_dim, layers=mapping_layers)
        self.register_buffer("running_w_mean", torch.zeros(w_dim))
        sides = [halved(image_size, stage) for stage in reversed(range(len(widths)))]
        self.constant = nn.Parameter(torch.randn(widths[0], *sides[0]))
        layers = [SynthesisLayer(widths[0], widths[0], sides=sides[0], w_dim=w_dim, up=False)]
        for stage, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
            layers.append(SynthesisLayer(inputs, outputs, sides=sides[stage], w_dim=w_dim, up=True))
            layers.append(SynthesisLayer(outputs, outputs, sides=sides[stage], w_dim=w_dim, up=False))
        self.layers = nn.ModuleList(layers)
        self.to_images = nn.ModuleList(ToImage(width, channels, w_dim=w_dim) for width in widths)
        self.upsample = Upsample()

    def forward(self, latents: Tensor, truncation: float = 1.0) -> Tensor:
        """Images (batch, channels, height, width), one for each latent (batch, latent_dim)."""
        return self.synthesise(self.map(latents, truncation))

    def map(self, latents: Tensor, truncation: float = 1.0) -> Tensor:
        """A w for each layer, and one for the last image: (batch, layers + 1, w_dim) of latents (batch, latent_dim).

        While training, this mixes styles and follows the mean of w.

        Args:
            latents: (batch, latent_dim).
            truncation: distance from the mean of w as a share of what it was: 0 the mean, 1 no truncation (Karras et
                al. 2019, appendix B).
        """
        w = self.mapping(latents)
        count = len(self.layers) + 1
        ws: Tensor = w[:, None].expand(-1, count, -1)
        if self.training:
            mean = w.detach().mean(0).to(self.running_w_mean.dtype)
            self.running_w_mean.lerp_(mean, W_MEAN_SHARE)
            if self.mixing:
                ws = self._mix(ws, latents)
        return ws if truncation == 1 else torch.lerp(self.running_w_mean.to(ws.dtype), ws, truncation)

    def _mix(self, ws: Tensor, latents: Tensor) -> Tensor:
        """Replace a share of the images' w by that of new latents, from a random layer on but the first."""
        batch, count, _ = ws.shape
        begin = 1 + per_image.randint(count - 1, batch, 1, like=ws)
        mixed = per_image.rand(batch, 1, like=ws) < self.mixing
        replaced = mixed & (torch.arange(count, device=ws.device) >= begin)
        return torch.where(
            replaced[:, :, None], self.mapping(per_image.randn(*latents.shape, like=latents))[:, None], ws
        )

    def synthesise(self, ws: Tensor) -> Tensor:
        """Images (batch, channels, height, width) of a w for each layer (batch, layers + 1, w_dim).

        The image of a size takes the w of the layer that follows it, and the last one a w of its own.
        """
        maps = self.layers[0](self.constant.repeat(ws.shape[0], 1, 1, 1), ws[:, 0])
        images: Tensor = self.to_images[0](maps, ws[:, 1])
        for stage, to_image in enumerate(self.to_images[1:], 1):
            for layer in (2 * stage - 1, 2 * stage):
                maps = self.layers[layer](maps, ws[:, layer])
            images = self.upsample(images) + to_image(maps, ws[:, 2 * stage + 1])
        return images


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a 1x1 convolution around them: to half the sides (batch, outputs, ...)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.filter = Filter()
        self.first = Convolution(inputs, inputs, 3, padding=1)
        self.second = Convolution(inputs, outputs, 3, stride=2)
        self.skip = Convolution(inputs, outputs, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, outputs, height / 2, width / 2) of maps (batch, inputs, height, width)."""
        added = activate(self.second(self.filter(activate(self.first(maps)), padding=2)))
        skipped: Tensor = self.skip(self.filter(maps, padding=1, stride=2))
        return (added + skipped) / math.sqrt(2)


def append_stddev(maps: Tensor, group: int) -> Tensor:
    """One more map, the minibatch standard deviation (Karras et al. 2018, section 3): (batch, channels + 1, ...).

    It is the deviation of a feature at a place over a group of images, averaged over features and places.

    Args:
        maps: (batch, channels, height, width).
        group: images; fewer where the batch does not divide.
    """
    batch, _, height, width = maps.shape
    size = next(size for size in range(min(group, batch), 0, -1) if batch % size == 0)
    groups = maps.view(size, -1, *maps.shape[1:])  # image i is in group i mod (batch / size)
    deviations = (groups.var(0, correction=0) + EPS).sqrt().mean((1, 2, 3))
    statistic = deviations.repeat(size)[:, None, None, None].expand(-1, 1, height, width)
    return torch.cat((maps, statistic.to(maps.dtype)), dim=1)


class Discriminator(nn.Module):
    """Images (batch, channels, height, width) to logits (batch, 1).

    The minibatch standard deviation lets a logit depend a little on the other images of its group. The paper has R1 all
    the same: the gradient with respect to an image is then that of all logits of its group.

    Args:
        channel_base: feature maps times pixels of a side; 32768 in configuration F, half of it in A to E.
        channel_max: the most feature maps of a layer.
        stddev_group: images over which the standard deviation is taken, 4 in the paper; 1 makes logits independent.
        norm: of activations: none.
    """

    equalised = True  # weights are scaled where they are used

    def __init__(
        self,
        *,
        channel_base: PositiveInt,
        channel_max: PositiveInt,
        stddev_group: PositiveInt,
        norm: Literal["none"],
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        widths = stage_widths(channel_base, channel_max, image_size)
        self.batch_independent = stddev_group == 1
        self.stddev_group = stddev_group
        self.from_image = Convolution(channels, widths[-1], 1)
        self.blocks = nn.Sequential(*(ResidualBlock(*pair) for pair in itertools.pairwise(reversed(widths))))
        self.last = Convolution(widths[0] + 1, widths[0], 3, padding=1)
        self.dense = Linear(math.prod(halved(image_size, len(widths) - 1)) * widths[0], widths[0])
        self.output = Linear(widths[0], 1)

    def features(self, images: Tensor) -> Tensor:
        """Features (batch, n) of images (batch, channels, height, width)."""
        maps = self.blocks(activate(self.from_image(images)))
        maps = activate(self.last(append_stddev(maps, self.stddev_group)))
        return activate(self.dense(maps.flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width)."""
        logits: Tensor = self.output(self.features(images))
        return logits

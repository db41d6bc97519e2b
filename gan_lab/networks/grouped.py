"""Grouped 2-D convolutions of which every derivative is again a few grouped convolutions.

torch differentiates a grouped convolution once as a whole, but a second time group by group: R1 through a layer of 96
groups takes 97 convolutions, and through a filter of each of 768 feature maps 769. A convolution y of x with w is
linear in x and in w. With the gradient g of y there are three maps, linear in both of their tensors, and the
derivatives of each are the other two:

    Forward(x, w)   of the shape of y
    ToInput(g, w)   of the shape of x
    ToWeight(x, g)  of the shape of w
"""

from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

Sides = tuple[int, int]
Gradients = tuple[Tensor | None, ...]


class Geometry(NamedTuple):
    """A convolution but for its tensors, in the order of torch's own arguments."""

    stride: Sides
    padding: Sides
    dilation: Sides
    transposed: bool
    output_padding: Sides
    groups: int


def conv2d(
    maps: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int | Sides = 1,
    padding: int | Sides = 0,
    groups: int,
) -> Tensor:
    """`F.conv2d` for networks that a penalty looks at: maps (batch, outputs, ...) of maps (batch, inputs, ...)."""
    if groups == 1 or not stays_grouped(maps):
        return F.conv2d(maps, weight, bias, stride, padding, groups=groups)
    if weight.shape == (groups, 1, *maps.shape[2:]) and bias is None and padding in (0, (0, 0)):
        return (maps * weight[:, 0]).sum((2, 3), keepdim=True)  # a weight for each place: a product and its sum
    device = maps.device.type
    if torch.is_autocast_enabled(device):  # which knows torch's own functions only
        maps, weight = (each.to(torch.get_autocast_dtype(device)) for each in (maps, weight))
    convolved = Forward.apply(maps, weight, Geometry(pair(stride), pair(padding), (1, 1), False, (0, 0), groups))
    return cast(Tensor, convolved if bias is None else convolved + bias.to(convolved.dtype)[:, None, None])


def stays_grouped(maps: Tensor) -> bool:
    """True on CUDA, where each of the many convolutions is a launch; not in code that torch compiles or exports.

    On one thread of a CPU the few took as long as the many (docs/performance.md), so there runs keep their bits.
    """
    return maps.device.type == "cuda" and not torch.compiler.is_compiling()


class GroupedConv2d(nn.Conv2d):
    """A convolution in groups, with zeros around the maps."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, outputs, ...) of maps (batch, inputs, height, width)."""
        stride, padding = cast(Sides, self.stride), cast(Sides, self.padding)
        return conv2d(maps, self.weight, self.bias, stride=stride, padding=padding, groups=self.groups)


def pair(value: int | Sides) -> Sides:
    """One number for both sides, or one for each."""
    return (value, value) if isinstance(value, int) else value


class Forward(Function):
    """y of x and w."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Compute y."""
        y: Tensor = torch.ops.aten.convolution(x, w, None, *geometry)
        return y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep what the derivatives need."""
        x, w, ctx.geometry = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Gradients:
        """Derivatives by x and w."""
        (x, w), (by_x, by_w, _) = ctx.saved_tensors, ctx.needs_input_grad
        of_x = ToInput.apply(g, w, x.shape, ctx.geometry) if by_x else None
        return of_x, ToWeight.apply(x, g, w.shape, ctx.geometry) if by_w else None, None


class ToInput(Function):
    """The gradient by x, of g and w."""

    @staticmethod
    def forward(g: Tensor, w: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
        """Compute it; of x itself torch takes the shape only, and the layout, into which it would copy g."""
        channels_last = g.is_contiguous(memory_format=torch.channels_last) and not g.is_contiguous()
        layout = torch.channels_last if channels_last else torch.contiguous_format
        empty = torch.empty(shape, dtype=g.dtype, device=g.device, memory_format=layout)
        wanted = [True, False, False]
        x: Tensor = torch.ops.aten.convolution_backward(g, empty, w, None, *geometry, wanted)[0]
        return x

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep what the derivatives need."""
        g, w, _, ctx.geometry = inputs
        ctx.save_for_backward(g, w)

    @staticmethod
    def backward(ctx: Any, x: Tensor) -> Gradients:
        """Derivatives by g and w, where `x` is the gradient of what was computed, of the shape of x."""
        (g, w), (by_g, by_w, *_) = ctx.saved_tensors, ctx.needs_input_grad
        of_g = Forward.apply(x, w, ctx.geometry) if by_g else None
        return of_g, ToWeight.apply(x, g, w.shape, ctx.geometry) if by_w else None, None, None


class ToWeight(Function):
    """The gradient by w, of x and g."""

    @staticmethod
    def forward(x: Tensor, g: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
        """Compute it; of w itself torch takes the shape only."""
        empty, wanted = g.new_empty(shape), [False, True, False]
        w: Tensor = torch.ops.aten.convolution_backward(g, x, empty, None, *geometry, wanted)[1]
        return w

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep what the derivatives need."""
        x, g, _, ctx.geometry = inputs
        ctx.save_for_backward(x, g)

    @staticmethod
    def backward(ctx: Any, w: Tensor) -> Gradients:
        """Derivatives by x and g, where `w` is the gradient of what was computed, of the shape of w."""
        (x, g), (by_x, by_g, *_) = ctx.saved_tensors, ctx.needs_input_grad
        of_x = ToInput.apply(g, w, x.shape, ctx.geometry) if by_x else None
        return of_x, Forward.apply(x, w, ctx.geometry) if by_g else None, None, None

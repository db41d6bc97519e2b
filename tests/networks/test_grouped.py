"""Grouped convolutions against torch's own, their derivatives by finite differences, and the work that they take.

On a CPU `conv2d` is torch's own; here it takes the way that it takes on CUDA.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from gan_lab.config.schema import build
from gan_lab.networks import grouped, stylegan2
from gan_lab.networks.grouped import Forward, Geometry, ToInput, ToWeight, conv2d
from tests.conftest import composed

# inputs, outputs, groups, side, stride, padding
SHAPES = [
    (4, 4, 2, 3, 1, 1),
    (4, 6, 2, 3, 2, 0),
    (6, 3, 3, 2, 1, (1, 0)),
    (3, 3, 3, 4, 2, 1),
    (3, 3, 3, (5, 4), 1, 0),  # a weight for each place
    (2, 4, 2, (5, 4), 1, 0),
]


@pytest.fixture(autouse=True)
def as_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped, "stays_grouped", lambda maps: True)


def layer(shape: tuple[Any, ...], dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, dict[str, Any]]:
    inputs, outputs, groups, side, stride, padding = shape
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, inputs, 5, 4, generator=generator, dtype=dtype)
    weight = torch.randn(outputs, inputs // groups, *grouped.pair(side), generator=generator, dtype=dtype)
    bias = torch.randn(outputs, generator=generator, dtype=dtype)
    return maps, weight, bias, {"stride": stride, "padding": padding, "groups": groups}


def leaves(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.clone().requires_grad_() for tensor in tensors)


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_derivatives_are_those_of_finite_differences(shape: tuple[Any, ...], with_bias: bool) -> None:
    maps, weight, bias, options = layer(shape)
    given = leaves(maps, weight, *[bias] * with_bias)
    assert gradcheck(lambda *tensors: conv2d(*tensors, **options), given)
    assert gradgradcheck(lambda *tensors: conv2d(*tensors, **options), given)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_map_has_second_derivatives_of_its_own(shape: tuple[Any, ...]) -> None:
    maps, weight, _, options = layer(shape)
    sides = (grouped.pair(options[name]) for name in ("stride", "padding"))
    geometry = Geometry(*sides, (1, 1), False, (0, 0), options["groups"])
    gradient = torch.randn_like(F.conv2d(maps, weight, **options))
    to_input, to_weight = leaves(gradient, weight), leaves(maps, gradient)
    for check in (gradcheck, gradgradcheck):
        assert check(lambda x, w: Forward.apply(x, w, geometry), leaves(maps, weight))
        assert check(lambda g, w: ToInput.apply(g, w, maps.shape, geometry), to_input)
        assert check(lambda x, g: ToWeight.apply(x, g, weight.shape, geometry), to_weight)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_gradient_stays_in_its_layout(layout: torch.memory_format) -> None:
    asked: list[list[Tensor]] = []

    class Asked(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.convolution_backward.default and args[10][0]:
                asked.append(args[:2])
            return func(*args, **(kwargs or {}))

    maps, weight, _, options = layer(SHAPES[0])
    maps, weight = leaves(*(each.contiguous(memory_format=layout) for each in (maps, weight)))
    with Asked():
        conv2d(maps, weight, **options).square().sum().backward()
    assert asked
    for both in asked:
        assert all(each.is_contiguous(memory_format=layout) for each in both)


def penalised(convolve: Callable[..., Tensor], shape: tuple[Any, ...], dtype: torch.dtype) -> list[Tensor]:
    """What R1 asks for, of a convolution whose logit is curved: value, gradient, and the penalty's own gradients."""
    maps, weight, bias, options = layer(shape, dtype)
    x, w, b = leaves(maps, weight, bias)
    value = convolve(x, w, b, **options)
    (gradient,) = torch.autograd.grad(value.sigmoid().sum(), x, create_graph=True)
    return [value, gradient, *torch.autograd.grad(gradient.square().sum(), (x, w, b))]


@pytest.mark.parametrize("shape", SHAPES)
def test_all_of_a_penalty_is_as_torchs_own(shape: tuple[Any, ...]) -> None:
    for own, torchs in zip(*(penalised(each, shape, torch.float64) for each in (conv2d, F.conv2d)), strict=True):
        torch.testing.assert_close(own, torchs, rtol=1e-12, atol=1e-13)


def test_autocast_lowers_as_it_does_torchs_own() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = [penalised(each, SHAPES[0], torch.float32) for each in (conv2d, F.conv2d)]
    for own, torchs in zip(*found, strict=True):
        assert own.dtype == torchs.dtype
        torch.testing.assert_close(own, torchs, rtol=0.02, atol=0.05 * torchs.abs().max().item())


def test_what_torch_differentiates_by_itself_works_too() -> None:
    maps, weight, _, options = layer(SHAPES[1])

    def norm(convolve: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda w: torch.func.grad(lambda x: convolve(x, w, **options).sigmoid().sum())(maps).square().sum()

    torch.testing.assert_close(torch.func.grad(norm(conv2d))(weight), torch.func.grad(norm(F.conv2d))(weight))


def test_on_a_processor_and_where_torch_compiles_it_is_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    maps, weight, bias, options = layer(SHAPES[0], torch.float32)
    assert not grouped.stays_grouped(maps)
    assert torch.equal(conv2d(maps, weight, bias, **options), F.conv2d(maps, weight, bias, **options))
    on_cuda = type("OnCuda", (), {"device": torch.device("cuda")})()
    assert grouped.stays_grouped(on_cuda)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not grouped.stays_grouped(on_cuda)


class Operations(TorchDispatchMode):
    """Counts what torch computes, derivatives included."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counted[str(function)] += 1
        return function(*args, **(kwargs or {}))


def operations(*overrides: str, size: int = 16) -> Counter[str]:
    """Of a discriminator's turn, R1 and R2 included."""
    model = build(composed("model=r3gan", "data.channels=1", *overrides, f"data.image_size={size}").model)
    real, fake = torch.randn(2, 2, 1, size, size)
    with Operations() as seen:
        sum(model.discriminator_terms(real, fake, ()).values()).backward()
    return seen.counted


@pytest.mark.parametrize("more", [(), ("resampling=filtered", "shortcut=where_widths_differ")])
def test_a_turn_with_penalties_takes_as_many_operations_whatever_the_groups(
    more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(width: int) -> Counter[str]:
        chosen = (f"width={width}", f"max_width={width}", "group_size=4", *more)
        return operations(*(f"model.network.discriminator.{each}" for each in chosen))

    few, many = of(8), of(32)  # 4 and 16 groups, and a filter for each of 8 or 32 feature maps
    assert few == many
    monkeypatch.undo()
    assert of(32)["aten.convolution.default"] > 3 * many["aten.convolution.default"], "torch's own go group by group"


def test_the_papers_network_takes_a_twentieth() -> None:
    """By torch's own it takes 24,124 (docs/performance.md). Here it is narrower, with as many operations."""
    narrow = (f"model.network.discriminator.{each}=64" for each in ("width", "max_width"))
    assert operations("model/network=r3gan_cifar10", *narrow, size=32).total() < 1400


def test_stylegan2s_filters_are_differentiated_twice_in_one_piece() -> None:
    block = stylegan2.ResidualBlock(8, 8)
    maps = torch.randn(2, 8, 8, 8, requires_grad=True)
    with Operations() as seen:
        (gradient,) = torch.autograd.grad(block(maps).square().sum(), maps, create_graph=True)
        gradient.square().sum().backward()
    assert seen.counted["aten.convolution.default"] < 30

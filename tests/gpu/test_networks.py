"""Grouped convolutions, doubled maps and penalties of 16 bits on a CUDA device, and programs that leave it alone.

python -m pytest -m gpu
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.networks import grouped, resnet
from gan_lab.networks.grouped import conv2d
from gan_lab.networks.upsampling import double
from gan_lab.penalties import R1, input_gradients
from tests.conftest import QUICK, REPOSITORY

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device: these tests are about one"),
]
# inputs, outputs, groups, side, stride, padding, the size of the maps
SHAPES = [(32, 32, 8, 3, 1, 1, 16), (32, 64, 4, 3, 2, 1, 16), (48, 48, 48, 4, 2, 1, 16), (48, 48, 48, 4, 1, 0, 4)]
PRECISIONS = ("32-true", "bf16-mixed")


@pytest.fixture(autouse=True)
def full_float32() -> Iterator[None]:
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield
    torch.cuda.set_sync_debug_mode("default")


def penalised(convolve: Callable[..., Tensor], shape: tuple[int, ...], dtype: torch.dtype) -> list[Tensor]:
    """Value, gradient and a penalty's own gradients of a grouped convolution."""
    inputs, outputs, groups, side, stride, padding, size = shape
    generator = torch.Generator().manual_seed(0)

    def leaf(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator, dtype=torch.float64).to("cuda", dtype).requires_grad_()

    x, w = leaf(4, inputs, size, size), leaf(outputs, inputs // groups, side, side)
    value = convolve(x, w, stride=stride, padding=padding, groups=groups)
    (gradient,) = torch.autograd.grad(value.sigmoid().sum(), x, create_graph=True)
    return [value, gradient, *torch.autograd.grad(gradient.square().sum(), (x, w))]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_penalty_through_groups_is_that_of_float64(shape: tuple[int, ...]) -> None:
    reference = penalised(F.conv2d, shape, torch.float64)
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-4)):
        for own, exact in zip(penalised(conv2d, shape, dtype), reference, strict=True):
            torch.testing.assert_close(own.double(), exact, rtol=0, atol=tolerance * exact.abs().max().item())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_penalty_through_groups_is_torchs_own_in_bfloat16(shape: tuple[int, ...]) -> None:
    with torch.autocast("cuda", torch.bfloat16):
        found = [penalised(each, shape, torch.float32) for each in (conv2d, F.conv2d)]
    for own, torchs in zip(*found, strict=True):
        assert F.cosine_similarity(own.double().flatten(), torchs.double().flatten(), 0) > 0.999


def critic() -> nn.Module:
    torch.manual_seed(0)
    options: dict[str, Any] = {"resampling": "filtered", "shortcut": "where_widths_differ"}
    made = resnet.Discriminator(
        width=64, max_width=128, blocks=1, group_size=16, norm="none", image_size=32, channels=3, **options
    )
    for layer in made.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.reset_parameters()  # a fresh block's last layer is zero
    return made.cuda()


def turn(network: nn.Module, images: Tensor, precision: Any) -> list[Tensor]:
    logits, gradients = input_gradients(network, images, precision)
    loss = F.softplus(-logits.float()).mean() + R1(gamma=1.0).penalty(gradients)
    return list(torch.autograd.grad(loss, [*network.parameters()]))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_penalised_turn_neither_waits_nor_stays_out_of_a_graph(precision: str) -> None:
    network, images = critic(), torch.randn(8, 3, 32, 32, device="cuda")
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            eager = turn(network, images, precision)
        torch.cuda.set_sync_debug_mode("error")
        turn(network, images, precision)
        torch.cuda.set_sync_debug_mode("default")
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = turn(network, images, precision)
    graph.replay()
    for once, again in zip(eager, captured, strict=True):  # cuDNN may add in another order each time
        assert F.cosine_similarity(once.flatten(), again.flatten(), 0) > 0.999


def test_groups_launch_no_kernels_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = critic(), torch.randn(8, 3, 32, 32, device="cuda")

    def launched() -> int:
        turn(network, images, "32-true")
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            turn(network, images, "32-true")
            torch.cuda.synchronize()
        return sum(event.count for event in profile.key_averages())

    own = launched()
    monkeypatch.setattr(grouped, "stays_grouped", lambda maps: False)
    assert own < launched() / 2


def test_penalties_in_bfloat16_lead_in_the_direction_of_float32() -> None:
    network, images = critic(), torch.randn(8, 3, 32, 32, device="cuda")
    led: list[Tensor] = []
    for precision in PRECISIONS:
        _, gradients = input_gradients(network, images, precision)  # type: ignore[arg-type]
        paid = R1(gamma=1.0).penalty(gradients)
        found = torch.autograd.grad(paid, [*network.parameters()], materialize_grads=True)
        led.append(torch.cat([each.flatten() for each in found]))
    assert F.cosine_similarity(*led, dim=0) > 0.999
    assert not torch.equal(*led)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_doubled_maps_keep_16_bits(mode: Any) -> None:
    maps = torch.randn(2, 8, 4, 4, device="cuda", dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cuda", torch.bfloat16):
        assert F.interpolate(maps, scale_factor=2, mode=mode).dtype == torch.float32, "autocast's own choice"
        doubled = double(maps, mode)
    assert doubled.dtype == torch.bfloat16
    exact = F.interpolate(maps.float(), scale_factor=2, mode=mode)
    torch.testing.assert_close(doubled.float(), exact, rtol=2**-7, atol=2**-7)
    (own,), (wanted,) = (torch.autograd.grad(each.float().square().sum(), maps) for each in (doubled, exact))
    torch.testing.assert_close(own.float(), wanted.float(), rtol=0.05, atol=0.05)


WAITING = """
import sys, torch
from hydra import compose, initialize_config_dir
from gan_lab.api.untouched import untouched
from gan_lab.training.validate import validate
with initialize_config_dir(sys.argv[1], version_base="1.3"):
    config = compose("train", sys.argv[2:])
with untouched([]):
    validate(config, "run")
assert not torch.cuda.is_initialized()
"""


def test_a_program_that_only_checks_makes_no_context(tmp_path: Any) -> None:
    chosen = [each for each in QUICK if not each.startswith(("trainer.accelerator", "hydra"))]
    chosen += ["trainer.accelerator=cuda", "trainer.compile=true"]
    program = [sys.executable, "-c", WAITING, str(REPOSITORY / "conf"), *chosen]
    subprocess.run(program, cwd=tmp_path, check=True)

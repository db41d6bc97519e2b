"""StyleGAN2's players against computations of their own, in float64 and place by place."""

import itertools
import math
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from gan_lab.networks import stylegan2
from gan_lab.penalties import R1, input_gradients
from tests.networks.players import make_stylegan2

TAPS = (1, 3, 3, 1)


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def correlate(maps: Tensor, weight: Tensor, before: int, after: int, stride: int = 1) -> Tensor:
    """One image (inputs, height, width), zeros around it, met by weight (outputs, inputs, k, k) at every place."""
    padded = F.pad(maps, (before, after, before, after))
    side = weight.shape[-1]
    rows, columns = (range(0, length - side + 1, stride) for length in padded.shape[1:])
    places = [[(weight * padded[:, r : r + side, c : c + side]).sum((1, 2, 3)) for c in columns] for r in rows]
    return torch.stack([torch.stack(row, 1) for row in places], 1)


def filtered(maps: Tensor, total: float, before: int, after: int, stride: int = 1) -> Tensor:
    taps = torch.tensor([[total * a * b / 64 for a in TAPS] for b in TAPS], dtype=torch.float64)
    return torch.cat([correlate(each[None], taps[None, None], before, after, stride) for each in maps])


def spread(maps: Tensor) -> Tensor:
    """Zeros right of and below every pixel."""
    channels, height, width = maps.shape
    wide = maps.new_zeros(channels, 2 * height, 2 * width)
    wide[:, ::2, ::2] = maps
    return wide


def lrelu(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, 0.2 * values) * 2**0.5


def modulated(maps: Tensor, w: Tensor, state: dict[str, Tensor], name: str, *, demodulated: bool, up: bool) -> Tensor:
    """One image's maps, by weights of its own (equations 1 and 3); upsampled before the convolution."""
    raw, style = state[f"{name}.weight"], state[f"{name}.style.weight"]
    outputs, inputs, side, _ = raw.shape
    scales = style @ w / len(w) ** 0.5 + state[f"{name}.style.bias"]
    weight = raw / (inputs * side**2) ** 0.5 * scales[None, :, None, None]
    if demodulated:
        for output in range(outputs):
            weight[output] /= (weight[output].square().sum() + 1e-8).sqrt()
    if not up:
        return correlate(maps, weight, side // 2, side // 2)
    # The transposed convolution flips its weights, and meets nothing but zeros left of and above the first pixel.
    return filtered(correlate(spread(maps), weight.flip(2, 3), 2, 1), 4.0, 1, 1)


def doubled(module: nn.Module) -> dict[str, Tensor]:
    """Give a module random weights in float64, biases and noise strengths too, and list them by name."""
    module.double()
    for number, parameter in enumerate(module.parameters()):
        parameter.data = rand(*parameter.shape, seed=number)
    return {name: value.detach() for name, value in module.state_dict().items()}


@pytest.mark.parametrize(("demodulated", "up", "side"), [(True, False, 3), (True, True, 3), (False, False, 1)])
def test_the_modulated_convolution_image_by_image(demodulated: bool, up: bool, side: int) -> None:
    layer = stylegan2.ModulatedConvolution(3, 2, side, w_dim=4, demodulated=demodulated, up=up)
    state = {f"x.{name}": value for name, value in doubled(layer).items()}
    maps, w = rand(3, 3, 4, 4, seed=10), rand(3, 4, seed=11)
    expected = [modulated(*pair, state, "x", demodulated=demodulated, up=up) for pair in zip(maps, w, strict=True)]
    torch.testing.assert_close(layer(maps, w), torch.stack(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize("up", [False, True])
def test_the_modulated_convolution_has_first_and_second_derivatives(up: bool) -> None:
    layer = stylegan2.ModulatedConvolution(2, 2, 3, w_dim=2, demodulated=True, up=up)
    doubled(layer)
    names, values = zip(*layer.named_parameters(), strict=True)

    def function(maps: Tensor, w: Tensor, *parameters: Tensor) -> Any:
        return functional_call(layer, dict(zip(names, parameters, strict=True)), (maps, w))

    inputs = [rand(1, 2, 2, 2, seed=20), rand(1, 2, seed=21), *(value.detach() for value in values)]
    inputs = [value.requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


def test_upsampling_is_a_filter_over_zeros_between_the_pixels() -> None:
    maps = rand(2, 3, 4, 4)
    expected = torch.stack([filtered(spread(image), 4.0, 2, 1) for image in maps])
    torch.testing.assert_close(stylegan2.Upsample().double()(maps), expected, rtol=0, atol=1e-12)
    row = stylegan2.Upsample()(torch.full((1, 1, 4, 4), 64.0))[0, 0, 3]
    assert row.tolist() == [48, 64, 64, 64, 64, 64, 64, 48], "constant inside, and zero outside of the image"


def test_the_generator_layer_by_layer() -> None:
    """The mapping network, then the synthesis network with another w for each of its layers."""
    generator = stylegan2.Generator(
        latent_dim=3, w_dim=4, mapping_layers=2, channel_base=24, channel_max=3, mixing=0.9, image_size=16, channels=2
    ).eval()
    state = doubled(generator)
    latents, ws = rand(2, 3, seed=30), rand(2, 6, 4, seed=31)
    mapped, drawn = [], []
    for latent, w_of_layer in zip(latents, ws, strict=True):
        w = latent / (latent.square().mean() + 1e-8).sqrt()
        for name in ("mapping.layers.0", "mapping.layers.1"):
            weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
            w = lrelu(0.01 * (weight @ w / len(w) ** 0.5 + bias))
        mapped.append(w.expand(6, -1))
        maps, image = state["constant"], torch.zeros(2, 2, 2, dtype=torch.float64)
        for layer, stage in enumerate((0, 1, 1, 2, 2)):
            name = f"layers.{layer}"
            maps = modulated(
                maps, w_of_layer[layer], state, f"{name}.convolution", demodulated=True, up=layer in (1, 3)
            )
            noise = state[f"{name}.noise_strength"] * state[f"{name}.noise"]
            maps = lrelu(maps + noise + state[f"{name}.bias"][:, None, None])
            if layer % 2 == 0:
                name = f"to_images.{stage}"
                of_size = modulated(
                    maps, w_of_layer[layer + 1], state, f"{name}.convolution", demodulated=False, up=False
                )
                image = filtered(spread(image), 4.0, 2, 1) + of_size + state[f"{name}.bias"][:, None, None]
        drawn.append(image)
    torch.testing.assert_close(generator.map(latents), torch.stack(mapped), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(generator.synthesise(ws), torch.stack(drawn), rtol=1e-12, atol=1e-12)
    assert torch.equal(generator(latents), generator.synthesise(generator.map(latents)))


def test_the_discriminator_layer_by_layer() -> None:
    discriminator = stylegan2.Discriminator(
        channel_base=24, channel_max=3, stddev_group=2, norm="none", image_size=16, channels=2
    )
    state = doubled(discriminator)

    def convolved(maps: Tensor, name: str, before: int = 0, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        bias = state.get(f"{name}.bias", torch.zeros(len(weight), dtype=torch.float64))
        return correlate(maps, weight / weight[0].numel() ** 0.5, before, before, stride) + bias[:, None, None]

    def dense(features: Tensor, name: str) -> Tensor:
        return state[f"{name}.weight"] @ features / features.numel() ** 0.5 + state[f"{name}.bias"]

    images = rand(4, 2, 16, 16, seed=40)
    small = []
    for image in images:
        maps = lrelu(convolved(image, "from_image"))
        for block in ("blocks.0", "blocks.1"):
            wide = lrelu(convolved(maps, f"{block}.first", before=1))
            wide = lrelu(convolved(filtered(wide, 1.0, 2, 2), f"{block}.second", stride=2))
            maps = (wide + convolved(filtered(maps, 1.0, 1, 1, stride=2), f"{block}.skip")) / 2**0.5
        small.append(maps)
    logits = []
    for number, maps in enumerate(small):
        pair = torch.stack((maps, small[(number + 2) % 4]))  # 0 with 2, and 1 with 3
        statistic = ((pair - pair.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
        both = torch.cat((maps, statistic.expand(1, 4, 4)))
        features = lrelu(dense(lrelu(convolved(both, "last", before=1)).flatten(), "dense"))
        logits.append(dense(features, "output"))
    torch.testing.assert_close(discriminator(images), torch.stack(logits), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("batch", "size"), [(8, 4), (6, 3), (10, 2), (7, 1), (3, 3), (1, 1)])
def test_minibatch_standard_deviation_by_hand(batch: int, size: int) -> None:
    """The largest group of up to four that the batch divides into: images that lie batch / size apart."""
    maps = rand(batch, 2, 3, 3)
    found = stylegan2.append_stddev(maps, 4)
    assert torch.equal(found[:, :2], maps)
    for image in range(batch):
        group = maps[image % (batch // size) :: batch // size]
        assert len(group) == size
        expected = (group.var(0, correction=0) + 1e-8).sqrt().mean().item()
        assert found[image, 2].flatten().tolist() == pytest.approx([expected] * 9)


def test_r1_goes_through_the_minibatch_standard_deviation() -> None:
    """The penalty's derivative along a random direction of the weights, against differences."""
    _, discriminator = make_stylegan2(size=8)
    doubled(discriminator)
    images = rand(4, 1, 8, 8, seed=50)

    def penalty() -> Tensor:
        return R1(gamma=1.0).penalty(input_gradients(discriminator, images)[1])

    parameters = list(discriminator.parameters())
    directions = [rand(*parameter.shape, seed=60 + number) for number, parameter in enumerate(parameters)]
    slopes = torch.autograd.grad(penalty(), parameters, materialize_grads=True)
    expected = sum((slope * direction).sum().item() for slope, direction in zip(slopes, directions, strict=True))
    sides = []
    for step in (1e-6, -2e-6):
        with torch.no_grad():
            torch._foreach_add_(parameters, directions, alpha=step)
        sides.append(penalty().item())
    assert (sides[0] - sides[1]) / 2e-6 == pytest.approx(expected, rel=1e-6)
    # The gradient of an image holds what it does to the logits of its group.
    _, alone = make_stylegan2(size=8)
    alone.load_state_dict(discriminator.state_dict())
    alone.double().stddev_group = 1
    assert not torch.allclose(input_gradients(alone, images)[1], input_gradients(discriminator, images)[1])


@pytest.mark.parametrize("group", [1, 4])
def test_joint_forwards_are_for_logits_without_a_group(group: int) -> None:
    _, discriminator = make_stylegan2(stddev_group=group)
    assert discriminator.batch_independent is (group == 1)


def test_equalised_weights_are_normal_and_scaled_where_they_are_used() -> None:
    torch.manual_seed(0)
    dense = stylegan2.Linear(400, 300, bias=1.0, rate=0.01)
    assert dense.weight.std().item() == pytest.approx(100, rel=0.02)
    outputs = dense(torch.randn(500, 400))
    assert outputs.mean().item() == pytest.approx(1, abs=0.05)
    assert outputs.std().item() == pytest.approx(1, rel=0.05)
    with torch.no_grad():
        dense.weight.add_(1.0)  # a step of Adam moves every weight alike
    assert (dense(torch.ones(1, 400)) - 1).mean().item() == pytest.approx(0.01 * 20, abs=0.2)
    convolution = stylegan2.Convolution(64, 64, 3, padding=1)
    assert convolution.weight.std().item() == pytest.approx(1, rel=0.02)
    assert convolution(torch.randn(2, 64, 16, 16))[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (32, 3), (64, 1)])
def test_styled_players_fit_each_other_and_the_images(size: int, channels: int) -> None:
    torch.manual_seed(0)
    generator, discriminator = make_stylegan2(size, channels)
    ws = generator.map(torch.randn(4, 100))
    assert ws.shape == (4, 2 * int(math.log2(size)) - 2, 8), "18 at 1024 pixels, in the paper"
    images = generator.synthesise(ws)
    assert images.shape == (4, channels, size, size)
    assert 0.1 < images.std() < 3
    assert discriminator(images).shape == (4, 1)


def test_the_mean_of_w_is_followed_while_training_and_truncates() -> None:
    generator, _ = make_stylegan2(mixing=1.0)
    latents = torch.randn(16, 100)
    w = generator.mapping(latents)
    generator.map(latents)
    torch.testing.assert_close(generator.running_w_mean, 0.005 * w.mean(0))
    assert not generator.running_w_mean.requires_grad
    mean = generator.running_w_mean.clone()
    generator.eval()
    ws = generator.map(latents)
    assert torch.equal(generator.running_w_mean, mean), "of training alone"
    torch.testing.assert_close(ws, w[:, None].expand(-1, 8, -1))
    torch.testing.assert_close(generator.map(latents, 0.0), mean.expand(16, 8, -1))
    torch.testing.assert_close(generator.map(latents, 0.7), mean + 0.7 * (ws - mean))
    torch.testing.assert_close(generator(latents, 0.7), generator.synthesise(mean + 0.7 * (ws - mean)))


def test_styles_are_mixed_for_a_share_of_the_images_from_a_random_layer_on() -> None:
    generator, _ = make_stylegan2(mixing=0.7)
    latents = torch.randn(3000, 100)
    torch.manual_seed(0)
    ws = generator.map(latents)
    own = (ws == generator.mapping(latents)[:, None]).all(2)
    begins = own.sum(1)
    assert own[:, 0].all()
    assert all(own[image, :begin].all() for image, begin in enumerate(begins)), "one change"
    seconds = torch.where(own[:, 1:, None], ws[:, -1:], ws[:, 1:])
    assert torch.equal(seconds, ws[:, -1:].expand_as(seconds)), "to one other w"
    counts = torch.bincount(begins, minlength=9)[1:] / 3000
    assert counts.tolist() == pytest.approx([0.1] * 7 + [0.3], abs=0.02)
    torch.manual_seed(0)
    assert torch.equal(generator.map(latents), ws), "by torch's default generator alone"


def test_noise_is_fresh_while_training_and_constant_otherwise() -> None:
    generator, _ = make_stylegan2()
    latent = torch.randn(1, 100)
    latents = latent.expand(2, -1)
    for layer in generator.layers:
        nn.init.ones_(layer.noise_strength)
    torch.manual_seed(0)
    first, second = generator(latents)
    assert not torch.allclose(first, second)
    torch.manual_seed(0)
    assert torch.equal(generator(latents)[0], first)
    generator.eval()
    alone = generator(latent)
    torch.testing.assert_close(generator(latents), alone.expand(2, -1, -1, -1))
    another, _ = make_stylegan2()
    another.load_state_dict(generator.state_dict())
    assert torch.equal(another.eval()(latent), alone), "the constants are saved"


def test_half_precision_draws_nearly_the_same() -> None:
    torch.manual_seed(0)
    generator, discriminator = make_stylegan2()
    latents = torch.randn(4, 100)
    images = generator.eval()(latents)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = generator(latents)
        logits = discriminator(rounded)
    assert (rounded - images).std() < 0.02 * images.std()
    assert (logits - discriminator(images)).abs().max() < 0.2


def test_demodulation_overflows_in_no_precision() -> None:
    layer = stylegan2.ModulatedConvolution(64, 4, 3, w_dim=4, demodulated=True, up=False)
    maps, w = torch.randn(2, 64, 8, 8), torch.randn(2, 4)
    nn.init.constant_(layer.style.bias, 600.0)
    with torch.autocast("cpu", torch.float16):
        rounded = layer(maps, w)
    torch.testing.assert_close(rounded.float(), layer(maps, w), rtol=0, atol=0.01)


def configuration_f(size: int, channel_base: int = 32768) -> tuple[stylegan2.Generator, stylegan2.Discriminator]:
    sizes = {"channel_base": channel_base, "channel_max": 512, "image_size": size, "channels": 3}
    return (
        stylegan2.Generator(latent_dim=512, w_dim=512, mapping_layers=8, mixing=0.0, **sizes),
        stylegan2.Discriminator(stddev_group=4, norm="none", **sizes),
    )


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_as_many_weights_as_in_the_papers_code() -> None:
    """Worked out layer by layer; the code prints 2,101,248 + 28,268,812, and 29,012,513 for the discriminator."""
    widths = [min(512, 32768 // 2**power) for power in range(2, 11)]

    def styled(inputs: int, outputs: int) -> int:  # a style, 3x3 weights, a bias and the strength of the noise
        return 513 * inputs + 9 * inputs * outputs + outputs + 1

    mapping = 8 * 513 * 512
    synthesis = 16 * 512 + styled(512, 512) + sum((513 + 3) * width + 3 for width in widths)
    discriminator = 4 * widths[-1] + 9 * 513 * 512 + 512 + (16 * 512 + 1) * 512 + 513
    for small, large in itertools.pairwise(widths):
        synthesis += styled(small, large) + styled(large, large)
        discriminator += 9 * large * large + large + 9 * large * small + small + large * small
    with torch.device("meta"):
        generator, critic = configuration_f(1024)
    assert (mapping, synthesis, discriminator) == (2_101_248, 28_268_812, 29_012_513)
    assert count(generator) == mapping + synthesis
    assert count(generator.mapping) == mapping
    assert count(critic) == discriminator


def kept(generator: nn.Module, discriminator: nn.Module, batch: int) -> float:
    """MiB that both players' forwards keep for a backward pass, beside their weights."""
    weights = {id(parameter) for player in (generator, discriminator) for parameter in player.parameters()}
    saved: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if id(tensor) not in weights:
            saved[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        logits = discriminator(generator(torch.randn(batch, 512)))
    assert logits.shape == (batch, 1)
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values()) / 2**20


ROWS = re.findall(r"^\| (\d+)(?:, channel_base (\d+))? \|(.*)\|$", str(stylegan2.__doc__), re.MULTILINE)


def test_the_table_of_costs_has_all_sizes() -> None:
    assert [int(size) for size, _, _ in ROWS] == [32, 64, 128, 256, 256, 512, 1024]


@pytest.mark.parametrize(("size", "base", "said"), ROWS)
def test_each_size_costs_what_the_table_says(size: str, base: str, said: str) -> None:
    with torch.device("meta"):
        generator, discriminator = configuration_f(int(size), int(base or 32768))
        with FlopCounterMode(display=False) as generating, torch.no_grad():
            images = generator(torch.randn(4, 512))
        with FlopCounterMode(display=False) as judging, torch.no_grad():
            discriminator(images)
        memory = (kept(generator, discriminator, 8) - kept(generator, discriminator, 4)) / 4
    flops = [f"{counter.get_total_flops() / 4e9:.1f}" for counter in (generating, judging)]
    weights = ", ".join(f"{count(player) / 1e6:.1f}" for player in (generator, discriminator))
    assert [cell.strip() for cell in said.split("|")] == [*flops, weights, f"{memory:.0f}"]
